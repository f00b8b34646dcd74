"""Progress reports of what takes longer than a second, on standard error."""

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

MEGABYTE = 1_000_000
Wait = Callable[[float], bool]


class Progress:
    """A context that tells on standard error what is being done once it has taken a second, and how far it has come.

    A terminal's line is written anew each second, and gone at the end; elsewhere the pauses between lines double.
    ``wait`` waits so many seconds, and returns True if all is done sooner.
    """

    def __init__(self, doing: str, unit: str = "", unit_size: int = 1, wait: Wait | None = None) -> None:
        self._doing = doing
        self._unit, self._unit_size = unit, unit_size
        self._over = threading.Event()
        self._wait = wait or self._over.wait
        self._measured = ""
        self._teller = threading.Thread(target=self.tell, daemon=True)

    def __call__(self, done: int, total: int) -> None:
        """Note that so much is done of all there is."""
        shown = f"{done // self._unit_size:,} of {total // self._unit_size:,} {self._unit}"
        self._measured = f", {shown.rstrip()}"

    def __enter__(self) -> Self:
        self._teller.start()
        return self

    def __exit__(self, *raised: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._teller.join()

    def tell(self) -> None:
        """Tell of it until all is done."""
        stream = sys.stderr
        if stream is None:
            return
        begun, ended = ("\r", "\x1b[K") if stream.isatty() else ("", "\n")
        after_s = pause_s = 1
        with suppress(OSError):  # nobody reads it
            while not self._wait(pause_s):
                print(f"{begun}{self._doing} … {after_s} s{self._measured}", end=ended, file=stream, flush=True)
                pause_s = 1 if stream.isatty() else after_s
                after_s += pause_s
            if stream.isatty() and after_s > 1:
                print(begun, end=ended, file=stream, flush=True)
