"""The ``gameserver`` command. Where it cannot run it says so, instead of failing at what is missing there."""

from __future__ import annotations

import sys

SYSTEMS = {"linux": "Linux", "darwin": "macOS"}
OLDEST_PYTHON = (3, 11)


def unsupported(platform: str, version: tuple[int, ...]) -> str | None:
    """Why the server does not run on such a system, with such a Python; None if it does."""
    if platform not in SYSTEMS:
        return "it runs on {} only; on Windows, in WSL or a container".format(" and ".join(SYSTEMS.values()))
    if version[:2] < OLDEST_PYTHON:
        return "it needs Python {}.{} or newer; this is {}.{}".format(*OLDEST_PYTHON, *version)
    return None


def main() -> int:
    """Run the command; returns the process's exit code."""
    reason = unsupported(sys.platform, sys.version_info[:3])
    if reason is not None:
        print(f"gameserver: {reason}", file=sys.stderr)
        return 1
    # What follows is Python 3.11, and needs modules that other systems do not have.
    from gameserver.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
