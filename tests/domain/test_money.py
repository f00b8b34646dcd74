import json
import re
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import Raw

from gameserver.domain.money import (
    CURRENCY_PATTERN,
    currency_places,
    is_absent,
    read_amount,
    read_decimal,
    scale,
    to_minor,
    to_units,
)
from gameserver.errors import ErrorCode
from tests.support.refusals import refused, refused_parameter


def parse_scaled(raw: Raw, places: int, field: str) -> int:
    """The exact value as an integer of so many decimal places."""
    return scale(read_decimal(raw, field), places, field)


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [
        ("0", 2, 0),
        ("1", 2, 100),
        ("2.5", 2, 250),
        ("0.01", 2, 1),
        ("1.1", 2, 110),
        ("1e3", 2, 100_000),
        ("1E+3", 0, 1_000),
        ("25e-1", 2, 250),
        ('"1"', 2, 100),
        ('"2.50"', 2, 250),
        ('"007"', 0, 7),
        ('"\\u0032"', 0, 2),
        ("0.1", 6, 100_000),
        ("0.000001", 6, 1),
        ("1000000000000", 2, 10**14),
        ("9007199254740993", 0, 2**53 + 1),
        ("0.3333333333333333333333333", 25, 3_333_333_333_333_333_333_333_333),
    ],
)
def test_a_decimal_number_is_read_exactly(text: str, places: int, expected: int) -> None:
    assert parse_scaled(Raw(text.encode()), places, "amount") == expected


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "-0",
        "true",
        "[1]",
        "{}",
        "null",
        "1e999999999",
        '"1e2"',
        '"-1"',
        '"+1"',
        '" 1"',
        '"1 "',
        '"1_0"',
        '"1."',
        '".5"',
        '"\u0661"',
        '"\uff11"',
        '"NaN"',
        '"Infinity"',
        '"inf"',
        '"0x1"',
        '"1,5"',
        '"1\\n"',
        '""',
        '"' + "9" * 41 + '"',
        "9" * 41,
    ],
)
def test_what_is_no_plain_decimal_number_is_refused(text: str) -> None:
    with refused_parameter("amount"):
        parse_scaled(Raw(text.encode()), 2, "amount")


@pytest.mark.parametrize(("text", "places"), [("0.001", 2), ('"1.005"', 2), ("0.5", 0), ("1e-3", 2), ("0.0000001", 6)])
def test_more_places_than_are_kept_are_refused(text: str, places: int) -> None:
    with refused_parameter("takeout"):
        parse_scaled(Raw(text.encode()), places, "takeout")


@given(st.integers(0, 10**15), st.integers(0, 6), st.booleans())
def test_every_amount_comes_back_as_it_was_written(minor: int, places: int, as_text: bool) -> None:
    written = str(Decimal(minor).scaleb(-places).quantize(Decimal(1).scaleb(-places)))
    raw = Raw(json.dumps(written).encode() if as_text else written.encode())
    assert parse_scaled(raw, places, "amount") == minor


@given(st.decimals(0, 10**12, places=2))
def test_a_reading_agrees_with_decimal(amount: Decimal) -> None:
    assert parse_scaled(Raw(str(amount).encode()), 2, "amount") == amount * 100


@given(st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,2}0{0,3})?", fullmatch=True))
def test_a_string_of_digits_is_exactly_that_number(text: str) -> None:
    assert parse_scaled(Raw(json.dumps(text).encode()), 2, "amount") == Decimal(text) * 100


@given(st.text(max_size=6) | st.text("0123456789.,-+eE_ ٣", max_size=6))
def test_any_other_string_is_refused_as_the_parameter(text: str) -> None:
    assume(not re.fullmatch(r"[0-9]+(\.[0-9]{1,2}0*)?", text))
    with refused_parameter("amount"):
        parse_scaled(Raw(json.dumps(text).encode()), 2, "amount")


@pytest.mark.parametrize(
    ("text", "absent"),
    [("", True), ("null", True), ('""', True), ('"None"', True), ("0", False), ('"0"', False), ('"none"', False)],
)
def test_null_and_an_empty_string_and_none_stand_for_no_number(text: str, absent: bool) -> None:
    assert is_absent(Raw(text.encode())) is absent


@pytest.mark.parametrize("currency", ["DON", "EUR", "A1B2C3D4E5", "X99"])
def test_a_currency_is_accepted(currency: str) -> None:
    assert re.search(CURRENCY_PATTERN, currency)


@pytest.mark.parametrize("currency", ["", "EU", "eur", "1AB", "A1B2C3D4E5F", "EUR\n", "EU R", "ÉUR"])
def test_what_is_no_currency_is_not(currency: str) -> None:
    assert not re.search(CURRENCY_PATTERN, currency)


@pytest.mark.parametrize(
    ("currencies", "places"),
    [
        ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0),
        ("DON EUR USD XYZ", 2),
        ("BHD IQD JOD KWD LYD OMR TND", 3),
        ("CLF UYW", 4),
    ],
)
def test_a_currency_has_the_places_of_iso_4217_and_others_two(currencies: str, places: int) -> None:
    assert {currency: currency_places(currency) for currency in currencies.split()} == dict.fromkeys(
        currencies.split(), places
    )


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1", "DON", 100),
        ('"1.50"', "DON", 150),
        ("1.5", "DON", 150),
        ("1.500", "DON", 150),
        ("7", "JPY", 7),
        ("7.0", "JPY", 7),
        ("0.001", "BHD", 1),
        ("1000000000000", "DON", 10**14),
    ],
)
def test_an_amount_is_read_in_minor_units_of_its_currency(text: str, currency: str, minor: int) -> None:
    assert to_minor(read_amount(Raw(text.encode()), "amount"), currency, "amount") == minor


@pytest.mark.parametrize(("text", "currency"), [("1.005", "DON"), ("0.5", "JPY"), ("0.0001", "BHD")])
def test_an_amount_of_more_places_than_its_currency_has_is_refused(text: str, currency: str) -> None:
    amount = read_amount(Raw(text.encode()), "amount")
    with refused_parameter("amount"):
        to_minor(amount, currency, "amount")


@pytest.mark.parametrize(
    "text", ["0", "0.00", '"0"', "-1", "1000000000000.01", "1e13", "1e23", "9223372036854775808", "true", "1e99"]
)
def test_an_amount_is_positive_and_at_most_a_million_million(text: str) -> None:
    with refused_parameter("amount"):
        read_amount(Raw(text.encode()), "amount")


@pytest.mark.parametrize("text", ["", "null", '""', '"None"'])
def test_an_amount_that_is_absent_is_missing(text: str) -> None:
    with refused(ErrorCode.MISSING_PARAMETER, "amount"):
        read_amount(Raw(text.encode()), "amount")


@given(st.integers(0, 2**53 - 1), st.sampled_from(["DON", "JPY", "BHD", "CLF"]))
def test_minor_units_are_shown_exactly_and_read_back(minor: int, currency: str) -> None:
    shown = to_units(minor, currency)
    assert re.fullmatch(r"\d+(\.\d+)?", str(shown))
    assert to_minor(shown, currency, "amount") == minor
