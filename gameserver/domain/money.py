"""Exact decimals: reading amounts and rates, and converting them to minor units (protocol, "Amounts")."""

import re
from decimal import Decimal

import msgspec

from gameserver.errors import ErrorCode, Rejected, invalid

CURRENCY_PATTERN = r"\A[A-Z][A-Z0-9]{2,9}\Z"
DEFAULT_CURRENCY = "DON"

MAX_TAKEOUT = Decimal("0.5")

# Amounts of one request, in whole units; sums and balances stay exact in every JSON number.
MAX_AMOUNT_UNITS = 10**12
MAX_SUM_MINOR = 2**53 - 1
_MAX_WHOLE_DIGITS = len(str(MAX_AMOUNT_UNITS)) - 1  # all such numbers are below the limit
_ZERO = ord("0")

DEFAULT_PLACES = 2
# The currencies of ISO 4217 (list one, 2024) whose minor unit has other than two decimal places.
_PLACES = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}

_PLAIN_TEXT = re.compile(r"\A[0-9]{1,40}(\.[0-9]{1,40})?\Z")
_NUMBER = re.compile(r"\A[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?\Z")


_ABSENT = frozenset({b"", b"null", b'""', b'"None"'})


def is_absent(raw: msgspec.Raw) -> bool:
    """Whether the JSON text of a number parameter means that the parameter is absent."""
    return bytes(raw) in _ABSENT


def read_decimal(raw: msgspec.Raw, field: str) -> Decimal:
    """The exact value of a JSON number, or of a string of plain digits.

    Raises `Rejected` (``invalid_parameter``) for signs, exponents in strings, infinities, booleans, blanks,
    underscores and digits that are not ASCII.
    """
    text = bytes(raw).decode()
    if text.startswith('"'):
        text = msgspec.json.decode(text, type=str)
        accepted = _PLAIN_TEXT.match(text)
    else:
        accepted = _NUMBER.match(text)
    if not accepted:
        raise invalid(field, f'{field} must be a decimal number without a sign, such as 1, 2.5 or "2.50"')
    return Decimal(text)


def scale(value: Decimal | int, places: int, field: str) -> int:
    """A value in units of ``10**-places``. Raises `Rejected` if it has more decimal places."""
    if isinstance(value, int):
        return value * int(10**places)
    _, digits, exponent = value.as_tuple()
    unscaled = int("".join(map(str, digits)))
    shift = int(exponent) + places
    if shift >= 0:
        return unscaled * int(10**shift)
    scaled, rest = divmod(unscaled, int(10**-shift))
    if rest:
        raise invalid(field, f"{field} may have at most {places} decimal places")
    return scaled


def currency_places(currency: str) -> int:
    """How many decimal places the minor unit of a currency has."""
    return _PLACES.get(currency, DEFAULT_PLACES)


def read_amount(raw: msgspec.Raw, field: str) -> Decimal | int:
    """A positive amount in units of a currency that is not known yet; a whole number, as most are, without a Decimal.

    Raises `Rejected` (``missing_parameter``, ``invalid_parameter``).
    """
    text = bytes(raw)
    if text.isdigit() and text[0] != _ZERO and len(text) <= _MAX_WHOLE_DIGITS:
        return int(text)
    if is_absent(raw):
        raise Rejected(ErrorCode.MISSING_PARAMETER, f"{field} is required: a decimal number", field)
    amount = read_decimal(raw, field)
    if not 0 < amount <= MAX_AMOUNT_UNITS:
        raise invalid(field, f"{field} must be more than 0 and at most {MAX_AMOUNT_UNITS}")
    return amount


def read_signed_amount(raw: msgspec.Raw, field: str) -> Decimal | int:
    """An amount as `read_amount` reads it, or one below zero. Raises as that does."""
    text = bytes(raw)
    is_negative = text.startswith((b"-", b'"-')) and text != b'"-"'
    try:
        amount = read_amount(msgspec.Raw(text.replace(b"-", b"", 1) if is_negative else text), field)
    except Rejected as rejected:
        accepted = f"a decimal number other than 0, such as 2.5 or -2.5, of at most {MAX_AMOUNT_UNITS}"
        verb = "is required:" if rejected.code is ErrorCode.MISSING_PARAMETER else "must be"
        raise Rejected(rejected.code, f"{field} {verb} {accepted}", field) from None
    return -amount if is_negative else amount


def to_minor(amount: Decimal | int, currency: str, field: str) -> int:
    """An amount in minor units. Raises `Rejected` for more decimal places than the currency has."""
    return scale(amount, currency_places(currency), field)


def to_units(amount_minor: int, currency: str) -> Decimal:
    """An amount in units, as messages show it, with all the decimal places of the currency."""
    return Decimal(amount_minor).scaleb(-currency_places(currency))
