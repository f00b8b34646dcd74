"""Rate limits by user and by address: token buckets, bytes of unanswered requests, and flood detection."""

import math
from collections import OrderedDict
from collections.abc import Hashable

import trio

MAX_BUCKETS = 100_000
_RESET_AFTER_S = 0.4


class RateLimiter:
    """Token buckets that refill at ``per_s`` tokens a second and hold twice that.

    A bucket may go into debt by as much as it holds: a full bucket grants a request that costs more than it holds,
    and some costs are known only afterwards.

    The table holds ``max_buckets``: the least recently used bucket is dropped first, as if it were full again.
    """

    def __init__(self, per_s: int, max_buckets: int = MAX_BUCKETS) -> None:
        self._per_s = per_s
        self._burst = 2.0 * per_s
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, who: Hashable, now_s: float, cost: int = 1) -> int | None:
        """Take ``cost`` tokens and return None; if there are too few, take none and return the wait in milliseconds."""
        tokens = self._tokens(who, now_s)
        if tokens >= cost or tokens >= self._burst:
            self._keep(who, now_s, tokens - cost)
            return None
        self._keep(who, now_s, tokens)
        return math.ceil((min(cost, self._burst) - tokens) / self._per_s * 1000)

    def charge(self, who: Hashable, now_s: float, cost: int) -> None:
        """Take ``cost`` tokens for work that is already done, whether the bucket has them or not."""
        self._keep(who, now_s, self._tokens(who, now_s) - cost)

    def _tokens(self, who: Hashable, now_s: float) -> float:
        bucket = self._buckets.get(who)
        if bucket is None:
            return self._burst
        tokens = bucket[0] + (now_s - bucket[1]) * self._per_s
        return tokens if tokens < self._burst else self._burst

    def _keep(self, who: Hashable, now_s: float, tokens: float) -> None:
        self._buckets[who] = (tokens if tokens > -self._burst else -self._burst, now_s)
        self._buckets.move_to_end(who)
        if len(self._buckets) > self._max_buckets:
            self._buckets.popitem(last=False)


class UnansweredBytes:
    """Bounds the bytes of unanswered requests of each user, over all connections, at ``max_bytes``."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: dict[int, int] = {}
        self._waiting: dict[int, trio.lowlevel.ParkingLot] = {}

    async def acquire(self, user_id: int, size_bytes: int) -> None:
        """Count a request, after waiting until it fits; a single request always fits."""
        while (held := self._held.get(user_id, 0)) and held + size_bytes > self._max_bytes:
            await self._waiting.setdefault(user_id, trio.lowlevel.ParkingLot()).park()
        self._held[user_id] = held + size_bytes

    def release(self, user_id: int, size_bytes: int) -> None:
        """Stop counting a request."""
        held = self._held.pop(user_id) - size_bytes
        if held:
            self._held[user_id] = held
        if self._waiting and (waiting := self._waiting.pop(user_id, None)):
            waiting.unpark_all()


class FloodDetector:
    """Detects a connection that sends nothing but rate-limited requests for ``max_limited_s`` seconds.

    A refused request that came before the previous refusal's retry time is a sign of flooding. A request that
    happens to be granted within ``_RESET_AFTER_S`` of such a sign does not restart the count.
    """

    __slots__ = ("_flooded_at", "_limited_since", "_max_limited_s", "_retry_at")

    def __init__(self, max_limited_s: float) -> None:
        self._max_limited_s = max_limited_s
        self._limited_since: float | None = None
        self._retry_at = -math.inf
        self._flooded_at = -math.inf

    def granted(self, now_s: float) -> None:
        """Note that a request was granted."""
        if now_s - self._flooded_at >= _RESET_AFTER_S:
            self._limited_since = None

    def refused(self, wait_ms: int, now_s: float) -> bool:
        """Note that a request was refused for ``wait_ms``; return whether the connection is to be closed."""
        if now_s < self._retry_at:
            self._flooded_at = now_s
        self._retry_at = now_s + wait_ms / 1000
        if self._limited_since is None:
            self._limited_since = now_s
        return now_s - self._limited_since >= self._max_limited_s
