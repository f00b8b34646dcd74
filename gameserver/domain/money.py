"""Exact decimals: amounts and rates as they come over the wire (contract, section 3)."""

import re
from decimal import Decimal

import msgspec

from gameserver.errors import invalid

CURRENCY_PATTERN = r"\A[A-Z][A-Z0-9]{2,9}\Z"
DEFAULT_CURRENCY = "DON"

# Rates are kept as whole millionths, so that a takeout is computed in integers.
RATE_SCALE_PLACES = 6
MAX_TAKEOUT_MILLIONTHS = 500_000

_PLAIN_TEXT = re.compile(r"\A[0-9]{1,40}(\.[0-9]{1,40})?\Z")
_NUMBER = re.compile(r"\A[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?\Z")


_ABSENT = frozenset({b"", b"null", b'""', b'"None"'})


def is_absent(raw: msgspec.Raw) -> bool:
    """Whether the JSON text of a number stands for none."""
    return bytes(raw) in _ABSENT


def parse_scaled(raw: msgspec.Raw, places: int, field: str) -> int:
    """A JSON number, or a string of plain digits, as an integer of ``10**-places``.

    Exact: raises `Rejected` (``invalid_parameter``) for more places, and for signs, exponents in strings,
    infinities, booleans, blanks, underscores and digits that are not ASCII.
    """
    text = bytes(raw).decode()
    if text.startswith('"'):
        text = msgspec.json.decode(text, type=str)
        accepted = _PLAIN_TEXT.match(text)
    else:
        accepted = _NUMBER.match(text)
    if not accepted:
        raise invalid(field, f'{field} must be a decimal number without a sign, such as 1, 2.5 or "2.50"')
    _, digits, exponent = Decimal(text).as_tuple()
    unscaled = int("".join(map(str, digits)))
    shift = int(exponent) + places
    if shift >= 0:
        return unscaled * int(10**shift)
    scaled, rest = divmod(unscaled, int(10**-shift))
    if rest:
        raise invalid(field, f"{field} may have at most {places} decimal places")
    return scaled
