"""How many requests a second are answered, and how busy the load generator is with them."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

_WARM_UP_S = 0.3


class Repeats(Protocol):
    """A client, of whichever protocol."""

    async def repeat(self, request: bytes, expected: bytes, until: float) -> list[float]:
        """How long each took, sending the next when the last is answered."""


class Busyness:
    """How busy this process was: its ``share`` of one core in those ``seconds``, once the block is left."""

    share = 0.0
    seconds = 0.0


@contextmanager
def busyness() -> Iterator[Busyness]:
    """Measure the time a block takes and the share of a core that this process uses."""
    measured = Busyness()
    began, cpu = time.perf_counter(), time.process_time()
    yield measured
    measured.seconds = time.perf_counter() - began
    measured.share = (time.process_time() - cpu) / measured.seconds


@dataclass(frozen=True)
class Load:
    """Answers a second, how long each took, and how busy the generator was."""

    rate: float
    times_s: list[float]
    client_share: float


async def full_rate(clients: Sequence[tuple[Repeats, bytes]], expected: bytes, seconds: float) -> Load:
    """All clients at once, each with its own request, as fast as they are answered; after a short warm-up."""
    await _all(clients, expected, _WARM_UP_S)
    with busyness() as busy:
        times = await _all(clients, expected, seconds)
    return Load(len(times) / busy.seconds, times, busy.share)


async def _all(clients: Sequence[tuple[Repeats, bytes]], expected: bytes, seconds: float) -> list[float]:
    until = time.perf_counter() + seconds
    times = await asyncio.gather(*(client.repeat(request, expected, until) for client, request in clients))
    return [time_s for each in times for time_s in each]
