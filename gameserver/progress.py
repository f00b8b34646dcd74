"""Telling how far a copy is, to whoever waits for it."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

MEGABYTE = 1_000_000


class Progress:
    """Writes to standard error how much has been copied, once a second, and nothing in the first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock() + 1
        self._told = False

    def __call__(self, copied_bytes: int, total_bytes: int) -> None:
        """So much has been copied."""
        done = copied_bytes == total_bytes
        if self._clock() < self._next_s and not (done and self._told):
            return
        self._next_s, self._told = self._clock() + 1, True
        rest = ", proving it sound" if done else ""
        copied, total = copied_bytes // MEGABYTE, total_bytes // MEGABYTE
        with suppress(OSError):  # nobody need read it
            print(f"copied {copied:,} of {total:,} MB{rest}", file=sys.stderr, flush=True)
