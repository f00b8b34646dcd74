import json
from typing import Any

import pytest

from gameserver.domain.money import is_absent
from gameserver.protocol.codec import decode_request
from gameserver.protocol.games import CreateAndOpenGame, CreateGame, UpdateGameDetails
from gameserver.protocol.general import Logon
from gameserver.protocol.registry import OPERATIONS
from gameserver.protocol.sources import ListGameSourcesIAmAdminOf, OpenGameSource
from gameserver.protocol.subscriptions import JoinGame
from tests.support.decoding import UUID, code_and_field, decode, fault_of, request_text

GAME = {"source_id": UUID, "game_name": "A - B", "type": "football"}
A_TIME = 1_417_104_170_000


def new_game(**parameters: Any) -> Any:
    request = decode(370, **{**GAME, **parameters})
    assert isinstance(request, CreateAndOpenGame)
    return request


@pytest.mark.parametrize("missing", ["source_id", "game_name", "type"])
def test_a_missing_parameter_is_named(missing: str) -> None:
    text = request_text(370, **{name: value for name, value in GAME.items() if name != missing})
    assert code_and_field(text) == ("missing_parameter", missing)


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["source_id", "game_name", "type"])
def test_a_required_string_that_is_null_or_empty_is_missing(name: str, value: str | None) -> None:
    assert code_and_field(request_text(370, **{**GAME, name: value})) == ("missing_parameter", name)


def test_points_of_an_action_that_are_null_empty_or_none_are_absent() -> None:
    scores = {"Goal": 1, "Card": None, "Corner": "", "Offside": "None", "Own goal": "-1"}
    assert new_game(scores=scores).scores == {"Goal": 1, "Own goal": -1}


def test_a_name_of_an_action_that_is_null_or_empty_is_absent() -> None:
    labels = {"Goal": "Tor", "Card": None, "Corner": "", "Offside": "None"}
    assert new_game(action_labels=labels).action_labels == {"Goal": "Tor", "Offside": "None"}


@pytest.mark.parametrize("name", ["create_at", "open_at", "close_at", "live_start_at", "live_finish_at"])
@pytest.mark.parametrize("value", [None, "", "None"])
def test_a_time_that_is_null_empty_or_none_is_absent(name: str, value: str | None) -> None:
    assert new_game(**{name: value}) == new_game()


@pytest.mark.parametrize("name", ["currency", "hashtag", "image_url", "actions", "targets"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_string_or_list_that_is_null_or_empty_is_absent(name: str, value: str | None) -> None:
    assert new_game(**{name: value}) == new_game()


def test_none_is_a_word_like_others_in_a_string_or_list() -> None:
    request = new_game(hashtag="None", targets="None", actions=["None"], game_name="None")
    assert (request.hashtag, request.targets, request.actions, request.game_name) == ("None", "None", ["None"], "None")


def test_an_absent_currency_is_don() -> None:
    assert new_game(currency=None).currency == "DON"


@pytest.mark.parametrize("raw", ["null", '""', '"None"'])
def test_an_absent_amount_is_absent(raw: str) -> None:
    request = decode_request('{"op": 365, "source_name": "a", "takeout": %s}' % raw, logged_in=True)  # noqa: UP031
    assert isinstance(request, OpenGameSource)
    assert is_absent(request.takeout)


@pytest.mark.parametrize("value", [A_TIME, str(A_TIME)])
def test_a_time_may_be_a_string(value: int | str) -> None:
    assert new_game(close_at=value).close_at == A_TIME


def test_numbers_may_be_strings() -> None:
    assert decode(611, limit="10") == ListGameSourcesIAmAdminOf(limit=10)
    assert decode(363, game_id=UUID, after_seq="0") == JoinGame(game_id=UUID, after_seq=0)
    assert decode(100, id="7", n="x", h="0" * 64) == Logon(id=7, n="x", h="0" * 64)


@pytest.mark.parametrize(
    "value",
    [
        *[-1, "-1", 1.5, "1.5", "soon", True, False, "true", [], {}, " 1", "1 ", "1_0", "+1", "\uff11", "0x1"],
        *[253_402_300_800_000, 2**63, 2**64, 10**30, str(2**63), str(10**30)],
    ],
)
def test_a_time_that_is_no_integer_within_bounds_is_refused(value: Any) -> None:
    assert code_and_field(request_text(370, **GAME, open_at=value)) == ("invalid_parameter", "open_at")


@pytest.mark.parametrize("value", [0, 1001, -1, 2**63, "1001", "x"])
def test_a_limit_out_of_bounds_is_refused(value: int | str) -> None:
    assert code_and_field(request_text(611, limit=value)) == ("invalid_parameter", "limit")


@pytest.mark.parametrize("value", [-1, 2**53, 2**63, 10**30])
def test_a_seq_out_of_bounds_is_refused(value: int) -> None:
    assert code_and_field(request_text(363, game_id=UUID, after_seq=value)) == ("invalid_parameter", "after_seq")


@pytest.mark.parametrize(
    "value",
    [UUID.upper(), UUID[:-1], UUID + "0", UUID.replace("-", ""), "{" + UUID + "}", UUID + "\n", "x", 1, True, [UUID]],
)
def test_an_id_of_another_shape_is_refused(value: Any) -> None:
    assert code_and_field(request_text(375, game_id=value)) == ("invalid_parameter", "game_id")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("game_name", "x" * 257),
        ("game_name", "  \u00a0"),
        ("game_name", 5),
        ("type", "x" * 65),
        ("type", " "),
        ("hashtag", "x" * 129),
        ("currency", "don"),
        ("currency", "EU"),
        ("currency", "1AB"),
        ("currency", "ABCDEFGHIJK"),
        ("image_url", "ftp://host/x"),
        ("image_url", "javascript:alert(1)"),
        ("image_url", "http://"),
        ("image_url", "https://host/a b"),
        ("image_url", "http://h/" + "x" * 2048),
        ("actions", 5),
        ("actions", {"a": 1}),
        ("actions", ["a", 1]),
        ("targets", [["a"]]),
        ("targets", [None]),
        ("targets", True),
    ],
)
def test_a_value_that_is_not_accepted_is_refused_by_name(name: str, value: Any) -> None:
    fault = fault_of(request_text(370, **{**GAME, name: value}))
    assert (fault.rejected.code.value, fault.rejected.field) == ("invalid_parameter", name)
    assert fault.rejected.text.startswith(f"{name} must be ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("game_name", "x" * 256),
        ("type", "x" * 64),
        ("hashtag", "#" + "x" * 127),
        ("currency", "JPY"),
        ("currency", "ABCDEFGHIJ"),
        ("image_url", "HTTP://host"),
        ("image_url", "https://host/path?q=1#f"),
        ("open_at", 0),
        ("open_at", 253_402_300_799_999),
        ("actions", "a, b"),
        ("actions", ["a", "b"]),
        ("targets", []),
    ],
)
def test_a_value_at_its_limit_is_accepted_as_sent(name: str, value: Any) -> None:
    assert getattr(new_game(**{name: value}), name) == value


def test_create_at_is_a_known_parameter_of_both_ways_to_create() -> None:
    assert new_game(create_at=1).create_at == 1
    upcoming = decode(3701, **GAME, create_at="1")
    assert isinstance(upcoming, CreateGame)
    assert upcoming.create_at == 1


@pytest.mark.parametrize(
    ("op", "given", "meant"),
    [
        (370, "game-name", "game_name"),
        (370, "closes_at", "close_at"),
        (370, "target", "targets"),
        (370, "Actions", "actions"),
        (363, "afterSeq", "after_seq"),
        (375, "gameid", "game_id"),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_nearest_known_name(op: int, given: str, meant: str) -> None:
    rejected = fault_of(request_text(op, **{given: 1})).rejected
    assert (rejected.code.value, rejected.field) == ("invalid_parameter", given)
    assert f"did you mean {meant!r}" in rejected.text


def test_an_unknown_parameter_that_resembles_none_gets_the_list_of_those_known() -> None:
    assert "accepted: limit, after" in fault_of(request_text(611, zzzzzz=1)).rejected.text
    assert "accepted: none" in fault_of(request_text(1, zzzzzz=1)).rejected.text


@pytest.mark.parametrize("value", [None, "", "None"])
def test_an_unknown_parameter_is_refused_even_if_it_is_absent(value: str | None) -> None:
    assert code_and_field(request_text(1, x=value)) == ("invalid_parameter", "x")


def test_an_unknown_parameter_comes_before_one_that_is_missing() -> None:
    assert code_and_field(request_text(375, gameid=UUID)) == ("invalid_parameter", "gameid")


def test_a_long_unknown_name_is_cut() -> None:
    assert code_and_field(json.dumps({"op": 1, "x" * 500: 1})) == ("invalid_parameter", "x" * 64)


def test_the_last_of_two_values_of_a_parameter_counts() -> None:
    assert decode_request('{"op": 611, "limit": 9999, "limit": 5}', logged_in=True) == ListGameSourcesIAmAdminOf(
        limit=5
    )
    assert decode_request('{"op": 611, "limit": 5, "limit": null}', logged_in=True) == ListGameSourcesIAmAdminOf()


def test_an_update_may_name_nothing_but_the_game() -> None:
    assert decode(373, game_id=UUID) == UpdateGameDetails(game_id=UUID)


# Of all times that an operation takes, those that only tell of a game.
TOLD = {(op, name) for op in (370, 373, 3701) for name in ("open_at", "live_start_at", "live_finish_at")}
TOLD |= {(370, "create_at"), (3701, "create_at")}
TIMES = [
    (op, name)
    for op, operation in OPERATIONS.items()
    for name in operation.request.__struct_fields__
    if name.endswith("_at") or name == "at"
]
IDS = {"game_id": UUID, "pool_id": UUID, "source_id": UUID, "event_id": UUID}
NAMED = {"action_id": "goal", "target_id": "brazil", "description": "Who?", "game_name": "A - B"}
CLOCK = {"period": "1H", "elapsed_ms": 0, "is_running": True}


def with_time(op: int, name: str, value: int | str) -> str:
    """A request of this operation that has this time, and otherwise what it needs."""
    known = OPERATIONS[op].request.__struct_fields__
    needed = {key: text for key, text in {**IDS, **NAMED, **CLOCK}.items() if key in known}
    needed |= {"type": "football"} if op in (370, 3701) else {}
    needed |= {"winners": "brazil"} if op == 3955 else {}
    return request_text(op, **needed, **{name: value})


def test_the_generated_times_are_all_there_are() -> None:
    assert {(395, "happened_at"), (398, "allow_at"), (385, "stop_accepting_bets_at"), (370, "close_at")} < set(TIMES)


@pytest.mark.parametrize(("op", "name"), sorted(set(TIMES) - TOLD))
def test_a_time_that_can_only_be_meant_as_seconds_is_refused_with_a_text_that_says_so(op: int, name: str) -> None:
    for value in (10**9, str(10**9), 1_800_000_000, 10**10 - 1):
        rejected = fault_of(with_time(op, name, value)).rejected
        assert (rejected.code.value, rejected.field) == ("invalid_parameter", name)
        assert rejected.text == f"{name} must be in epoch milliseconds; {value} looks like seconds"
    for value in (0, 10**9 - 1, 10**10, 1_800_000_000_000):
        assert getattr(decode_request(with_time(op, name, value), logged_in=True), name) == value


@pytest.mark.parametrize(("op", "name"), sorted(TOLD))
def test_a_time_that_only_tells_of_a_game_is_taken_as_given(op: int, name: str) -> None:
    for value in (10**9, str(10**9), 1_800_000_000, 10**10 - 1):
        assert getattr(decode_request(with_time(op, name, value), logged_in=True), name) == int(value)
