"""How much one user or address may ask for, and how long one connection may ask for more."""

import math
from collections import Counter, OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address, IPv6Network, ip_address

import trio

MAX_BUCKETS = 100_000
_CALM_S = 0.4


class RateLimiter:
    """Buckets that refill at ``per_s`` tokens a second and hold twice that.

    A bucket may come to owe as much as it holds: what costs more than that is granted to a full bucket, and what
    something has cost may be known only afterwards.

    The table is bounded: the bucket used longest ago is forgotten first, as if it were full again.
    """

    def __init__(self, per_s: int, max_buckets: int = MAX_BUCKETS) -> None:
        self._per_s = per_s
        self._burst = 2.0 * per_s
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, who: Hashable, now_s: float, cost: int = 1) -> int | None:
        """Take so many tokens; if there are not as many, the milliseconds until there are."""
        tokens = self._tokens(who, now_s)
        needed = min(cost, self._burst)
        granted = tokens >= needed
        self._keep(who, now_s, tokens - cost if granted else tokens)
        return None if granted else math.ceil((needed - tokens) / self._per_s * 1000)

    def charge(self, who: Hashable, now_s: float, cost: int) -> None:
        """Take so many tokens for what has been done already."""
        self._keep(who, now_s, self._tokens(who, now_s) - cost)

    def _tokens(self, who: Hashable, now_s: float) -> float:
        tokens, filled_at = self._buckets.get(who, (self._burst, now_s))
        return min(self._burst, tokens + (now_s - filled_at) * self._per_s)

    def _keep(self, who: Hashable, now_s: float, tokens: float) -> None:
        self._buckets[who] = (max(-self._burst, tokens), now_s)
        self._buckets.move_to_end(who)
        if len(self._buckets) > self._max_buckets:
            self._buckets.popitem(last=False)


class UnansweredBytes:
    """How many bytes of requests each user has in hand, over all connections. For more than ``most``, one waits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[int, int] = {}
        self._waiting: dict[int, trio.lowlevel.ParkingLot] = {}

    async def enter(self, user_id: int, size_bytes: int) -> None:
        """Count a request, once there is room for it; one alone is always let in."""
        while (held := self._held.get(user_id, 0)) and held + size_bytes > self._most:
            await self._waiting.setdefault(user_id, trio.lowlevel.ParkingLot()).park()
        self._held[user_id] = held + size_bytes

    def leave(self, user_id: int, size_bytes: int) -> None:
        """A request counted is no longer held."""
        held = self._held.pop(user_id) - size_bytes
        if held:
            self._held[user_id] = held
        if self._waiting and (waiting := self._waiting.pop(user_id, None)):
            waiting.unpark_all()


class Patience:
    """With a connection that is over its rate: for ``patience_s`` of nothing but rate-limited requests.

    A request that is refused and came sooner than the refusal before it had told is a sign of flooding. What
    such a client is granted within ``_CALM_S`` is only what it hit upon while it went on, and counts for nothing.
    """

    __slots__ = ("_flooded_at", "_limited_since", "_patience_s", "_told_until")

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._limited_since: float | None = None
        self._told_until = -math.inf
        self._flooded_at = -math.inf

    def granted(self, now_s: float) -> None:
        """A request is served."""
        if now_s - self._flooded_at >= _CALM_S:
            self._limited_since = None

    def refused(self, wait_ms: int, now_s: float) -> bool:
        """A request is refused, and told to wait; whether patience is at its end."""
        if now_s < self._told_until:
            self._flooded_at = now_s
        self._told_until = now_s + wait_ms / 1000
        if self._limited_since is None:
            self._limited_since = now_s
        return now_s - self._limited_since >= self._patience_s


def limited_as_one(address: str) -> str:
    """What the limits of an address are for: it, or of an IPv6 address the /64, all of which one subscriber has."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Network((int(found) >> 64 << 64, 64)))
    return str(getattr(found, "ipv4_mapped", None) or found)


class ConnectionLimiter:
    """Counts connections in all and by address, and of an address those that have not logged on."""

    def __init__(self, max_in_all: int, max_per_address: int, max_anonymous_per_address: int) -> None:
        self._max_in_all = max_in_all
        self._max_per_address = max_per_address
        self._max_anonymous_per_address = max_anonymous_per_address
        self._in_all = 0
        self._by_address: Counter[str] = Counter()
        self._anonymous: Counter[str] = Counter()

    def enter(self, address: str | None) -> bool:
        """Count a connection, unless it is one too many; None if its address is still to be told."""
        if self._in_all >= self._max_in_all or not self.locate(address):
            return False
        self._in_all += 1
        return True

    def locate(self, address: str | None) -> bool:
        """The address of a connection that was counted without one is known, unless it is one too many there."""
        if address is None:
            return True
        if self._full_at(address) is not None:
            return False
        self._by_address[address] += 1
        self._anonymous[address] += 1
        return True

    def full_for(self, address: str) -> str | None:
        """The setting that lets no more connections in from an address."""
        return "max_connections" if self.left < 1 else self._full_at(address)

    def _full_at(self, address: str) -> str | None:
        if self._by_address[address] >= self._max_per_address:
            return "max_connections_per_address"
        if self._anonymous[address] >= self._max_anonymous_per_address:
            return "max_anonymous_connections_per_address"
        return None

    def admit(self, address: str) -> None:
        """A connection counted has logged on."""
        _uncount(self._anonymous, address)

    @property
    def left(self) -> int:
        """How many more there may be in all."""
        return self._max_in_all - self._in_all

    def leave(self, address: str | None, *, is_anonymous: bool = True) -> None:
        """A connection counted has ended."""
        self._in_all -= 1
        if address is None:
            return
        _uncount(self._by_address, address)
        if is_anonymous:
            _uncount(self._anonymous, address)


def _uncount(counts: Counter[str], address: str) -> None:
    """Take one off, and keep nothing of an address that has none left."""
    count = counts.pop(address) - 1
    if count:
        counts[address] = count
