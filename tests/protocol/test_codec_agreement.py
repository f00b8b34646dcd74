"""The one-pass decoder and the close one agree on every request that the first accepts."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gameserver.domain.money import is_absent
from gameserver.protocol import codec
from gameserver.protocol.codec import Undecodable, decode_request
from gameserver.protocol.declare import Request
from gameserver.protocol.registry import OPERATIONS
from tests.support.decoding import UUID

NAMES = sorted({name for it in OPERATIONS.values() for name in it.request.__struct_fields__ if name != "header"})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.sampled_from([10**9 - 1, 10**9, 10**10 - 1, 10**10, str(10**9)]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([UUID, "", "None", "1", "1.5", "0.25", "DON", "http://a/b", "a:b, c", "x" * 300, "ann", "0" * 64]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
values = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text("ab", max_size=2), scalars, max_size=2)
)
headers = st.dictionaries(st.sampled_from(["t", "id", "key", "session_key", "api_version", "x"]), values, max_size=3)
messages = st.builds(
    lambda op, header, parameters: {**header, "op": op, **parameters},
    st.sampled_from([*OPERATIONS, 7, "1"]),
    st.one_of(st.just({}), headers.map(lambda header: {"header": header}), st.just({"header": None})),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=5),
)
GOOD: dict[str, Any] = {
    "source_id": UUID,
    "game_id": UUID,
    "username": "ann",
    "source_name": "House",
    "game_name": "A - B",
    "type": "football",
}


def fields(request: Request) -> dict[str, Any]:
    """What the request asks for; an absent number is absent however it was written."""
    found: dict[str, Any] = {"": type(request)}
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if isinstance(value, msgspec.Raw):
            value = None if is_absent(value) else bytes(value)
        found[name] = value
    header = request.header
    found["header"] = (header.id, header.key, header.session_key or None, header.api_version)
    return found


def outcome_close(text: str) -> object:
    try:
        return fields(codec._decode_leniently(text, logged_in=True))
    except Undecodable as undecodable:
        return undecodable.rejected.code, undecodable.rejected.field


def outcome(text: str) -> object:
    try:
        return fields(decode_request(text, logged_in=True))
    except Undecodable as undecodable:
        return undecodable.rejected.code, undecodable.rejected.field


@given(messages)
def test_both_ways_give_the_same_of_any_message(message: dict[str, Any]) -> None:
    text = json.dumps(message)
    assert outcome(text) == outcome_close(text)


@given(st.sampled_from(sorted(OPERATIONS)), headers, st.dictionaries(st.sampled_from(NAMES), values, max_size=2))
def test_both_ways_give_the_same_of_a_request_with_a_few_odd_values(
    op: int, header: dict[str, Any], odd: dict[str, Any]
) -> None:
    known = OPERATIONS[op].request.__struct_fields__
    parameters = {name: value for name, value in {**GOOD, **odd}.items() if name in known}
    text = json.dumps({"header": header, "op": op, **parameters})
    assert outcome(text) == outcome_close(text)


@given(st.sampled_from(sorted(OPERATIONS)), st.data())
def test_both_ways_give_the_same_of_a_damaged_text(op: int, data: st.DataObject) -> None:
    known = OPERATIONS[op].request.__struct_fields__
    text = json.dumps({"header": {"id": 1}, "op": op, **{name: GOOD[name] for name in GOOD if name in known}})
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    damaged = text[:start] + data.draw(st.text('{}[]",:01ex\\', max_size=3)) + text[end:]
    assert outcome(damaged) == outcome_close(damaged)


def test_a_number_too_great_for_a_float_is_the_same_to_both_ways() -> None:
    for text in ('{"op": 1, "header": {"x": 1e400}}', '{"op": 365, "source_name": "a", "takeout": 1e400}'):
        assert outcome(text) == outcome_close(text)
