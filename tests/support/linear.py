"""Proof that time grows with the input and no faster, without comparing times."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_CPU_S = 10.0


class TooMuchWork(AssertionError):
    """What was to take a fraction of a second of the processor has taken all that it was given."""


@contextmanager
def bounded_work(cpu_s: float = _CPU_S) -> Iterator[None]:
    """Fails after so many seconds of this process's processor time, however busy the machine is.

    The input must be so large that linear work takes a tenth of that, and quadratic work many minutes.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooMuchWork

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
