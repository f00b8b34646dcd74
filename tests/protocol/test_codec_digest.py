import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.errors import Rejected
from gameserver.protocol.codec import Undecodable, decode_request, request_digest
from tests.support.decoding import UUID

REQUEST = {"op": 370, "source_id": UUID, "game_name": "Ä - B", "targets": ["a", "b"], "takeout": 0.5}

json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("abc"), inner, max_size=3)),
    max_leaves=8,
)


def digest(message: dict[str, Any], **spelling: Any) -> bytes:
    return request_digest(json.dumps(message, **spelling))


def test_a_digest_has_32_bytes() -> None:
    assert len(digest(REQUEST)) == 32


@pytest.mark.parametrize("spelling", [{"indent": 3}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_blanks_and_escapes_do_not_change_a_digest(spelling: dict[str, Any]) -> None:
    assert digest(REQUEST, **spelling) == digest(REQUEST)


@pytest.mark.parametrize("header", [{}, None, {"id": 4, "key": "k", "t": 1}, []])
def test_the_header_does_not_change_a_digest(header: object) -> None:
    assert digest({"header": header, **REQUEST}) == digest(REQUEST)


@given(st.dictionaries(st.text("abcd", min_size=1), json_values, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_change_a_digest(message: dict[str, Any], random: Any) -> None:
    shuffled = list(message.items())
    random.shuffle(shuffled)
    assert digest(dict(shuffled)) == digest(message)


@pytest.mark.parametrize(
    "change",
    [
        {"op": 3701},
        {"game_name": "Ä - C"},
        {"game_name": "A\u0308 - B"},
        {"targets": ["b", "a"]},
        {"targets": "a,b"},
        {"takeout": "0.5"},
        {"takeout": 0.25},
        {"close_at": None},
        {"type": ""},
    ],
)
def test_another_parameter_makes_another_digest(change: dict[str, Any]) -> None:
    assert digest({**REQUEST, **change}) != digest(REQUEST)


def test_great_integers_are_told_apart() -> None:
    assert digest({"op": 1, "x": 10**30}) != digest({"op": 1, "x": 10**30 + 1})


@pytest.mark.parametrize(
    "text",
    [
        '{"op": 365, "header": {"key": "k"}, "source_name": "a", "takeout": 1e400}',
        '{"op": 365, "header": {"key": "k", "t": 1e400}, "source_name": "a"}',
        '{"op": 365, "header": {"key": "k"}, "source_name": "a", "takeout": %s}' % ("9" * 5_000),
    ],
)
def test_a_request_that_is_decoded_has_a_digest_or_is_refused(text: str) -> None:
    with suppress(Undecodable, Rejected):
        assert decode_request(text, logged_in=True).header.key == "k"
        assert len(request_digest(text)) == 32
