# PYTHON_ARGCOMPLETE_OK
"""The ``gameserver`` command. On an unsupported system it says so before importing what is missing there."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SYSTEMS = {"linux": "Linux", "darwin": "macOS"}
OLDEST_PYTHON = (3, 11)


def unsupported(platform: str, version: tuple[int, ...]) -> str | None:
    """Why the server does not run on this platform or Python version; None if it does."""
    if platform not in SYSTEMS:
        return "it runs on {} only; on Windows, in WSL or a container".format(" and ".join(SYSTEMS.values()))
    if version[:2] < OLDEST_PYTHON:
        return "it needs Python {}.{} or newer; this is {}.{}".format(*OLDEST_PYTHON, *version)
    return None


@contextmanager
def ended_by_interrupts() -> Iterator[None]:
    """Let Ctrl-C end the process without a traceback, since nothing has begun yet; unless it is ignored."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, handler)


def main() -> int:
    """Run the command and return the process's exit code."""
    reason = unsupported(sys.platform, sys.version_info[:3])
    if reason is not None:
        print(f"gameserver: {reason}", file=sys.stderr)
        return 1
    with ended_by_interrupts():
        # The import needs Python 3.11 and modules that unsupported systems lack.
        from gameserver.cli import main as run
    return run()


if __name__ == "__main__":
    sys.exit(main())
