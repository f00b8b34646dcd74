"""Wire ids: UUIDs ordered by time, so that an index of them grows at its end."""

from os import urandom

_VARIANT = "89ab"  # the first two of its four bits are 10


def new_uuid(now_ms: int) -> str:
    """A version 7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits."""
    time, random = f"{now_ms & (1 << 48) - 1:012x}", urandom(10).hex()
    variant = _VARIANT[int(random[3], 16) & 3]
    return f"{time[:8]}-{time[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"
