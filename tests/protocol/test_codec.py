from typing import Any

import msgspec
import pytest

from gameserver.protocol.codec import ResponseHeader, decode_request, encode_body, with_header
from gameserver.protocol.declare import RequestHeader
from gameserver.protocol.games import CloseGame, GameClosed
from gameserver.protocol.general import GetOpcodes, Logon, Ping
from tests.support.decoding import UUID, code_and_field, decode, fault_of, request_text

DEEP = "[" * 20_000 + "]" * 20_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "hello",
        "{'op': 1}",
        '{"op": 1,}',
        '{"op": 1} {"op": 1}',
        '{"op": 01}',
        '{"op": NaN}',
        '{"op": 1, "header": {"id": Infinity}}',
        '{"op": 611, "limit": NaN}',
        '{"op": 365, "source_name": "a", "takeout": NaN}',
        '{"op": 365, "source_name": "\\ud800"}',
        '{"op": 365, "source_name": "a", "x": "\\udc00"}',
        '{"op": 1, "\\ud800": 1}',
        '{"op": 1, "header": {"x": "\\ud800"}}',
        '{"op": 365, "source_name": "a\nb"}',
        '\ufeff{"op": 1}',
    ],
)
def test_what_is_not_json_is_bad_json(text: str) -> None:
    assert code_and_field(text) == ("bad_json", None)


@pytest.mark.parametrize("text", ["[1,", '"abc', "[" * 20_000, DEEP, "tru", "1 2", "[] []"])
def test_what_is_neither_an_object_nor_json_is_bad_json(text: str) -> None:
    assert code_and_field(text) == ("bad_json", None)


@pytest.mark.parametrize(
    "text",
    [
        '{"op": %s}',
        '{"op": 1, "header": %s}',
        '{"op": 1, "header": {"x": %s}}',
        '{"op": 611, "limit": %s}',
        '{"op": 365, "source_name": "a", "takeout": %s}',
        '{"op": 370, "targets": %s}',
        '{"op": 1, "unknown": %s}',
    ],
)
def test_nesting_too_deep_is_bad_json_wherever_it_is(text: str) -> None:
    assert code_and_field(text % DEEP) == ("bad_json", None)


@pytest.mark.parametrize("text", ["[]", "1", '"op"', "null", "true", "[[1]]"])
def test_json_that_is_no_object_is_a_bad_request(text: str) -> None:
    fault = fault_of(text)
    assert (fault.rejected.code.value, fault.op, fault.id) == ("bad_request", None, None)


@pytest.mark.parametrize("op", [None, "1", 1.0, 1.5, True, [], {}, ""])
def test_an_op_that_is_no_integer_is_a_bad_request(op: object) -> None:
    fault = fault_of(request_text(op, {"id": "q"}))
    assert (fault.rejected.code.value, fault.op, fault.id) == ("bad_request", None, "q")


def test_a_request_without_op_is_a_bad_request() -> None:
    assert code_and_field('{"header": {}}') == ("bad_request", "op")
    assert code_and_field("{}") == ("bad_request", "op")


@pytest.mark.parametrize("header", [[], 1, "x", "", True])
def test_a_header_that_is_no_object_is_a_bad_request(header: object) -> None:
    fault = fault_of(request_text(1, header))
    assert (fault.rejected.code.value, fault.rejected.field, fault.op) == ("bad_request", "header", 1)


@pytest.mark.parametrize("op", [0, 3, -1, 999_999, 2**63, 10**30])
def test_an_op_that_does_not_exist_is_unknown(op: int) -> None:
    fault = fault_of(request_text(op, {"id": 4}))
    assert (fault.rejected.code.value, fault.op, fault.id) == ("unknown_op", op, 4)


@pytest.mark.parametrize("version", [1, 1.0, "1", "1.0", "1.7", None, "", "None"])
def test_this_major_version_is_spoken(version: Any) -> None:
    assert decode(1, {"api_version": version, "id": "q"}) == Ping(header=RequestHeader(id="q"))


@pytest.mark.parametrize(
    "version", [2, "2", 2.0, "2.0", 0, "0.9", "10", "one", True, False, [1], {}, " 1", "1.", "\uff11", 1e300]
)
def test_another_major_version_is_not(version: Any) -> None:
    fault = fault_of(request_text(1, {"api_version": version, "id": "q"}))
    assert (fault.rejected.code.value, fault.op, fault.id) == ("unsupported_version", 1, "q")
    assert fault.rejected.field == "header.api_version"


@pytest.mark.parametrize("header", [None, {}, {"t": 1}, {"t": "x", "unknown": [{}]}, {"id": None, "key": None}])
def test_a_header_may_be_absent_empty_or_hold_what_is_not_known(header: object) -> None:
    assert decode(2, header) == GetOpcodes()


def test_a_header_may_be_null() -> None:
    assert decode_request('{"header": null, "op": 2}', logged_in=True) == GetOpcodes()


@pytest.mark.parametrize("request_id", ["q", "x" * 64, "", 0, -5, 2**53])
def test_an_id_of_a_header_is_read(request_id: str | int) -> None:
    assert decode(1, {"id": request_id}).header.id == request_id


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ({"id": "x" * 65}, "header.id"),
        ({"id": 1.5}, "header.id"),
        ({"id": True}, "header.id"),
        ({"id": [1]}, "header.id"),
        ({"id": 2**63}, "header.id"),
        ({"id": 10**30}, "header.id"),
        ({"key": "x" * 65}, "header.key"),
        ({"key": 1}, "header.key"),
        ({"session_key": 1}, "header.session_key"),
    ],
)
def test_a_wrong_field_of_a_header_is_refused_by_name(header: object, field: str) -> None:
    assert code_and_field(request_text(1, header)) == ("invalid_parameter", field)


def test_the_refusal_of_a_long_id_says_how_long_it_may_be() -> None:
    assert "64 bits" in fault_of(request_text(1, {"id": 2**63})).rejected.text


def test_an_empty_key_is_none() -> None:
    assert decode(375, {"key": ""}, game_id=UUID) == CloseGame(game_id=UUID)


def test_a_key_of_64_characters_is_read() -> None:
    assert decode(375, {"key": "k" * 64}, game_id=UUID).header.key == "k" * 64


@pytest.mark.parametrize(
    "text",
    [
        request_text(375, {"id": "q"}),
        request_text(375, {"id": "q"}, game_id=1),
        request_text(375, {"id": "q"}, gameid=UUID),
        request_text(375, {"id": "q", "key": 1}, game_id=UUID),
        request_text(375, {"id": "q", "api_version": 2}, game_id=UUID),
        request_text(375.5, {"id": "q"}, game_id=UUID),
        request_text(377, {"id": "q"}, game_id=UUID),
    ],
)
def test_the_id_is_known_of_a_request_that_is_refused(text: str) -> None:
    assert fault_of(text).id == "q"


def test_the_id_is_known_of_a_request_before_logon() -> None:
    assert fault_of(request_text(375, {"id": 3}, game_id=UUID), logged_in=False).id == 3
    assert fault_of(request_text(375, {"id": 3}), logged_in=False).id == 3


@pytest.mark.parametrize("header", [{"id": "x" * 65}, {"id": None}, {}, []])
def test_an_id_that_is_wrong_or_missing_is_not_echoed(header: object) -> None:
    assert fault_of(request_text(None, header)).id is None


@pytest.mark.parametrize("op", [1, 2, 100])
def test_the_operations_of_the_connection_are_served_before_logon(op: int) -> None:
    assert isinstance(decode_request(request_text(op), logged_in=False), Ping | GetOpcodes | Logon)


@pytest.mark.parametrize("op", [365, 363, 372, 12345])
def test_anything_else_is_not(op: int) -> None:
    fault = fault_of(request_text(op, game_id=UUID), logged_in=False)
    assert (fault.rejected.code.value, fault.op) == ("not_logged_in", op)


# Each text has the faults of all that follow it, and only the first is answered.
IN_ORDER = [
    ('{"header": {"api_version": 2, "key": 1}, "op": 9999, "x": 1', "bad_json"),
    ('{"header": {"api_version": 2, "key": 1}, "op": "9999", "x": 1}', "bad_request"),
    ('{"header": {"api_version": 2, "key": 1}, "op": 9999, "x": 1}', "unsupported_version"),
    ('{"header": {"key": 1}, "op": 9999, "x": 1}', "invalid_parameter"),
    ('{"header": {}, "op": 9999, "x": 1}', "not_logged_in"),
    ('{"header": {}, "op": 375, "x": 1}', "not_logged_in"),
]


@pytest.mark.parametrize(("text", "code"), IN_ORDER)
def test_the_envelope_is_checked_before_the_login_and_that_before_the_rest(text: str, code: str) -> None:
    assert code_and_field(text, logged_in=False)[0] == code


def test_an_unknown_op_comes_before_its_parameters() -> None:
    assert code_and_field('{"op": 9999, "x": 1}')[0] == "unknown_op"


def test_the_last_of_two_members_of_one_name_counts() -> None:
    assert decode_request('{"op": 2, "op": 1}', logged_in=True) == Ping()
    assert code_and_field('{"op": 1, "op": "1"}') == ("bad_request", "op")
    header = '{"header": {"id": 1}, "header": {"id": 2}, "op": 1}'
    assert decode_request(header, logged_in=True).header.id == 2


def test_an_op_declared_twice_cannot_pass_the_login() -> None:
    text = '{"op": 1, "op": 375, "game_id": "%s"}' % UUID  # noqa: UP031 - braces
    assert code_and_field(text, logged_in=False)[0] == "not_logged_in"


def test_a_reply_is_compact_with_its_header_first() -> None:
    body = encode_body(GameClosed(game_id=UUID))
    text = with_header(ResponseHeader(t=5, id="q"), body)
    assert text == b'{"response_header":{"t":5,"id":"q"},"res":341,"game_id":"%b"}' % UUID.encode()


@pytest.mark.parametrize(
    ("header", "encoded"),
    [
        (ResponseHeader(t=5), {"t": 5}),
        (ResponseHeader(t=5, id=0), {"t": 5, "id": 0}),
        (ResponseHeader(t=5, id=""), {"t": 5, "id": ""}),
        (ResponseHeader(t=5, seq=9), {"t": 5, "seq": 9}),
        (ResponseHeader(t=5, id="a", repeated=True), {"t": 5, "id": "a", "repeated": True}),
    ],
)
def test_a_response_header_holds_what_there_is(header: ResponseHeader, encoded: dict[str, Any]) -> None:
    message = msgspec.json.decode(with_header(header, encode_body(GameClosed(game_id=UUID))))
    assert message["response_header"] == encoded
