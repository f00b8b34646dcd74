"""Progress reports of long copies, on standard error."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

MEGABYTE = 1_000_000


class Progress:
    """Reports the copied megabytes on standard error once a second, starting after the first second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock() + 1
        self._told = False

    def __call__(self, copied_bytes: int, total_bytes: int) -> None:
        """Report ``copied_bytes`` of ``total_bytes``, if a report is due."""
        done = copied_bytes == total_bytes
        if self._clock() < self._next_s and not (done and self._told):
            return
        self._next_s, self._told = self._clock() + 1, True
        rest = ", proving it sound" if done else ""
        copied, total = copied_bytes // MEGABYTE, total_bytes // MEGABYTE
        with suppress(OSError):  # standard error may be closed
            print(f"copied {copied:,} of {total:,} MB{rest}", file=sys.stderr, flush=True)
