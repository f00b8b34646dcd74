"""What a server counts of itself: plain numbers, made into metrics only when somebody asks for them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gameserver.protocol.registry import OPERATIONS

OK = "ok"
NO_CLOSE_FRAME = 1006  # what RFC 6455 calls a connection that ended without one

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Histogram:
    """How many values there were up to each bound, beyond the last one, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """The counts of one server. Whatever a client may choose is counted under names of ours only.

    ``requests`` counts by operation, None for one that does not exist, and by outcome: ``ok`` or the error's
    code. Times are in seconds.
    """

    __slots__ = ("batch_seconds", "batch_sizes", "closed", "opened", "refused", "request_seconds", "requests")

    def __init__(self) -> None:
        self.opened = 0
        self.closed: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.requests: Counter[tuple[int | None, str]] = Counter()
        self.request_seconds = Histogram(_SECONDS)
        self.batch_sizes = Histogram(_BATCH_SIZES)
        self.batch_seconds = Histogram(_SECONDS)

    def count_answer(self, op: int | None, outcome: str, seconds: float) -> None:
        """A request was answered, so long after it was received."""
        self.requests[op if op in OPERATIONS else None, outcome] += 1
        self.request_seconds.add(seconds)


class Observed(NamedTuple):
    """How a server is at a moment, besides what it counts.

    ``engine_version`` is the database engine's; ``users`` have connections; ``hub_backlog`` broadcasts are on disk and
    wait to be pushed; ``deliveries`` is the number of broadcasts pushed, times their receivers; ``log_bytes`` is the
    size of the write-ahead log.
    """

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
