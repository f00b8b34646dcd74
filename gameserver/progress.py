"""Progress reports of long copies, on standard error."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

MEGABYTE = 1_000_000


class Progress:
    """Reports what is copied, megabytes or rows, on standard error once a second, starting after the first second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, of_rows: bool = False) -> None:
        self._clock = clock
        self._unit, self._name = (1, "rows") if of_rows else (MEGABYTE, "MB")
        self._next_s = clock() + 1
        self._told = False

    def __call__(self, copied: int, total: int) -> None:
        """Report how many bytes, or rows, are copied of all there are, if a report is due."""
        done = copied == total
        if self._clock() < self._next_s and not (done and self._told):
            return
        self._next_s, self._told = self._clock() + 1, True
        rest = ", proving it sound" if done else ""
        told = f"copied {copied // self._unit:,} of {total // self._unit:,} {self._name}{rest}"
        with suppress(OSError):  # standard error may be closed
            print(told, file=sys.stderr, flush=True)
