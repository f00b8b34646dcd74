"""How much the server does, over the last seconds."""

from collections import deque
from typing import NamedTuple

WINDOW_S = 10


class Sample(NamedTuple):
    """What had been counted at a moment; ``delay_s`` is by how much the event loop was late to take it."""

    at_s: float
    requests: int
    bets: int
    deliveries: int
    delay_s: float


class Activity:
    """The samples of the last `WINDOW_S` seconds, one a second, and the rates that follow."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=WINDOW_S + 1)

    def add(self, sample: Sample) -> None:
        """Add a sample."""
        self._samples.append(sample)

    def rates(self) -> tuple[float, float, float]:
        """Requests, bets and deliveries per second; zero until there are two samples."""
        if len(self._samples) < 2:
            return 0.0, 0.0, 0.0
        first, last = self._samples[0], self._samples[-1]
        duration_s = last.at_s - first.at_s
        requests, bets, deliveries = (
            (now - before) / duration_s for before, now in zip(first[1:4], last[1:4], strict=True)
        )
        return requests, bets, deliveries

    @property
    def delay_s(self) -> float:
        """The greatest delay of the event loop, in seconds."""
        return max((sample.delay_s for sample in self._samples), default=0.0)
