"""Wire ids: UUIDs ordered by time, so that an index of them grows at its end."""

from os import urandom


def new_uuid(now_ms: int) -> str:
    """A version 7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits."""
    random = int.from_bytes(urandom(10)) >> 6
    high = (now_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62) << 64
    digits = f"{high | 0b10 << 62 | random & (1 << 62) - 1:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
