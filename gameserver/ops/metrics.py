"""Counters and histograms of a server, as plain numbers; `gameserver.ops.prometheus` exports them."""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from gameserver.protocol.registry import OPERATIONS

OK = "ok"
NO_CLOSE_FRAME = 1006  # the code of RFC 6455 for a connection that ended without a close frame

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RECENT_BATCHES = 1_000
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Histogram:
    """Counts values by upper bound: one count for each bound, one for values above the last; ``total`` is their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """The counters and histograms of one server. No label holds a value that a client can choose.

    ``requests`` counts by operation, None for an unknown one, and by outcome: ``ok`` or the error's code. Times are in
    seconds.
    """

    __slots__ = (
        "batch_seconds",
        "batch_sizes",
        "closed",
        "opened",
        "recent_batches",
        "refused",
        "request_seconds",
        "requests",
    )

    def __init__(self) -> None:
        self.opened = 0
        self.closed: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.requests: Counter[tuple[int | None, str]] = Counter()
        self.request_seconds = Histogram(_SECONDS)
        self.batch_sizes = Histogram(_BATCH_SIZES)
        self.batch_seconds = Histogram(_SECONDS)
        self.recent_batches: deque[float] = deque(maxlen=_RECENT_BATCHES)

    def count_answer(self, op: int | None, outcome: str, seconds: float) -> None:
        """Count a request that was answered ``seconds`` after it was received."""
        self.requests[op if op in OPERATIONS else None, outcome] += 1
        self.request_seconds.add(seconds)

    def count_batch(self, size: int, seconds: float) -> None:
        """Count a transaction of the writer."""
        self.batch_sizes.add(size)
        self.batch_seconds.add(seconds)
        self.recent_batches.append(seconds)

    @property
    def batch_p99_s(self) -> float | None:
        """What 99 of 100 of the last transactions stayed below, in seconds; None before the first."""
        ordered = sorted(self.recent_batches)
        return ordered[(len(ordered) * 99 - 1) // 100] if ordered else None


class ServerSnapshot(NamedTuple):
    """The state of a server at one moment, beside its counters.

    ``engine`` names the database engine, of version ``engine_version``; ``users`` counts users with a
    connection, ``hubs`` games with subscribers or watchers, ``hub_backlog`` broadcasts that are on disk and not yet
    pushed, ``deliveries`` broadcasts pushed times their receivers, ``writes_waiting`` requests queued for the writer;
    ``log_bytes`` is the size of the write-ahead log.
    """

    engine: str
    engine_version: str
    clock_ahead_s: float
    connections: int
    users: int
    hubs: int
    hub_backlog: int
    deliveries: int
    writes_waiting: int
    database_bytes: int
    log_bytes: int
