"""Limits on the number of connections: in all, by address, and by address before log-on (protocol, "Limits")."""

from collections import Counter
from ipaddress import IPv6Address, IPv6Network, ip_address


def limit_key(address: str) -> str:
    """The key under which an address is limited: itself, or the /64 of an IPv6 address, which one subscriber holds."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Network((int(found) >> 64 << 64, 64)))
    return str(getattr(found, "ipv4_mapped", None) or found)


class ConnectionLimiter:
    """Counts connections in all and by address, and those of an address that have not logged on.

    Addresses are keys made by `limit_key`.
    """

    def __init__(self, max_total: int, max_per_address: int, max_anonymous_per_address: int) -> None:
        self._max_total = max_total
        self._max_per_address = max_per_address
        self._max_anonymous_per_address = max_anonymous_per_address
        self._total = 0
        self._by_address: Counter[str] = Counter()
        self._anonymous: Counter[str] = Counter()

    def acquire(self, address: str | None) -> bool:
        """Count a connection and return True, or return False if a limit is reached.

        The address is None if it is not known yet; `assign_address` supplies it.
        """
        if self._total >= self._max_total or not self.assign_address(address):
            return False
        self._total += 1
        return True

    def assign_address(self, address: str | None) -> bool:
        """Count a connection, acquired without an address, at its address; return False if a limit is reached there."""
        if address is None:
            return True
        if self._exhausted_limit_at(address) is not None:
            return False
        self._by_address[address] += 1
        self._anonymous[address] += 1
        return True

    def exhausted_limit(self, address: str) -> str | None:
        """The setting that refuses a further connection from an address, None if there is room."""
        return "max_connections" if self.available < 1 else self._exhausted_limit_at(address)

    def _exhausted_limit_at(self, address: str) -> str | None:
        if self._by_address[address] >= self._max_per_address:
            return "max_connections_per_address"
        if self._anonymous[address] >= self._max_anonymous_per_address:
            return "max_anonymous_connections_per_address"
        return None

    def mark_logged_on(self, address: str) -> None:
        """Stop counting a connection as anonymous."""
        _decrement(self._anonymous, address)

    @property
    def available(self) -> int:
        """How many more connections ``max_total`` allows."""
        return self._max_total - self._total

    def release(self, address: str | None, *, is_anonymous: bool = True) -> None:
        """Stop counting a connection."""
        self._total -= 1
        self.release_address(address, is_anonymous=is_anonymous)

    def release_address(self, address: str | None, *, is_anonymous: bool = True) -> None:
        """Stop counting a connection at its address, None if it has none; it stays counted in all."""
        if address is None:
            return
        _decrement(self._by_address, address)
        if is_anonymous:
            _decrement(self._anonymous, address)


def _decrement(counts: Counter[str], address: str) -> None:
    """Subtract one, and drop the entry of an address that has none left."""
    count = counts.pop(address) - 1
    if count:
        counts[address] = count
