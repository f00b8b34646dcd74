# PYTHON_ARGCOMPLETE_OK
"""The ``gameserver`` command. On an unsupported system it says so before importing what is missing there."""

from __future__ import annotations

import sys

SYSTEMS = {"linux": "Linux", "darwin": "macOS"}
OLDEST_PYTHON = (3, 11)


def unsupported(platform: str, version: tuple[int, ...]) -> str | None:
    """Why the server does not run on this platform or Python version; None if it does."""
    if platform not in SYSTEMS:
        return "it runs on {} only; on Windows, in WSL or a container".format(" and ".join(SYSTEMS.values()))
    if version[:2] < OLDEST_PYTHON:
        return "it needs Python {}.{} or newer; this is {}.{}".format(*OLDEST_PYTHON, *version)
    return None


def main() -> int:
    """Run the command and return the process's exit code."""
    reason = unsupported(sys.platform, sys.version_info[:3])
    if reason is not None:
        print(f"gameserver: {reason}", file=sys.stderr)
        return 1
    # The import needs Python 3.11 and modules that unsupported systems lack.
    from gameserver.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
