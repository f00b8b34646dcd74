import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from gameserver.errors import ErrorCode
from gameserver.handlers.table import CONNECTION, READS, WRITES
from gameserver.protocol import registry
from gameserver.protocol.declare import (
    ERROR_RES,
    Kind,
    Message,
    Operation,
    Request,
    RequestHeader,
    Role,
    declared,
    error_reply,
    snake_case,
    tag_of,
)
from gameserver.protocol.general import Ping
from gameserver.protocol.registry import MESSAGES, OPCODES, OPERATIONS, RESPONSE_CODES

# Written out by hand, so that a changed declaration is noticed: op, name, who, kind, replies, broadcasts.
# 616 is open to any user, because one without the role gets 645 instead of not_authorized.
CONTRACT: list[tuple[int, str, Role, Kind, set[int], set[int]]] = [
    (1, "ping", Role.ANYONE, Kind.CONNECTION, {1}, set()),
    (2, "get_opcodes", Role.ANYONE, Kind.CONNECTION, {2}, set()),
    (100, "logon", Role.ANYONE, Kind.CONNECTION, {100, 110, 112}, set()),
    (101, "create_view_key", Role.USER, Kind.CONNECTION, {101}, set()),
    (102, "list_my_sessions", Role.USER, Kind.CONNECTION, {102}, set()),
    (103, "end_session", Role.USER, Kind.CONNECTION, {103}, set()),
    (365, "open_game_source", Role.PROVIDER, Kind.WRITE, {335}, set()),
    (366, "close_game_source", Role.SOURCE_ADMIN, Kind.WRITE, {336}, {341, 362, 368, 815}),
    (611, "list_game_sources_i_am_admin_of", Role.USER, Kind.READ, {621}, set()),
    (367, "add_source_admin", Role.SOURCE_ADMIN, Kind.WRITE, {337}, set()),
    (368, "remove_source_admin", Role.SOURCE_ADMIN, Kind.WRITE, {338}, set()),
    (369, "update_game_source", Role.SOURCE_ADMIN, Kind.WRITE, {339}, set()),
    (370, "create_and_open_game", Role.SOURCE_ADMIN, Kind.WRITE, {340}, {340}),
    (3701, "create_game", Role.SOURCE_ADMIN, Kind.WRITE, {3401}, {3401}),
    (3702, "open_game", Role.SOURCE_ADMIN, Kind.WRITE, {3402}, {3402}),
    (616, "become_an_admin_for_game", Role.USER, Kind.WRITE, {640, 645}, set()),
    (617, "appoint_admin_for_game_by_username", Role.SOURCE_ADMIN, Kind.WRITE, {617}, set()),
    (618, "remove_game_admin", Role.SOURCE_ADMIN, Kind.WRITE, {618}, set()),
    (610, "list_games_i_am_admin_of", Role.USER, Kind.READ, {620}, set()),
    (372, "get_game_details", Role.USER, Kind.READ, {342}, set()),
    (373, "update_game_details", Role.GAME_OR_SOURCE_ADMIN, Kind.WRITE, {343}, {342, 3422}),
    (374, "set_match_clock", Role.GAME_ADMIN, Kind.WRITE, {3420}, {3421}),
    (363, "join_game", Role.USER, Kind.CONNECTION, {333}, {470, 471}),
    (364, "leave_game", Role.USER, Kind.CONNECTION, {334}, {480, 471}),
    (378, "reopen_game", Role.SOURCE_ADMIN, Kind.WRITE, {378}, {378, 352, 368, 361, 815}),
    (3751, "preview_close_game", Role.GAME_OR_SOURCE_ADMIN, Kind.READ, {3411}, set()),
    (376, "cancel_game", Role.GAME_OR_SOURCE_ADMIN, Kind.WRITE, {376}, {3662, 341, 815}),
    (375, "close_game", Role.GAME_OR_SOURCE_ADMIN, Kind.WRITE, {341}, {341, 362, 368, 815}),
    (380, "list_games_for_source", Role.USER, Kind.READ, {345}, set()),
    (3811, "list_upcoming_games_for_source", Role.USER, Kind.READ, {3461}, set()),
    (382, "list_game_sources", Role.USER, Kind.READ, {346}, set()),
    (383, "get_source_report", Role.SOURCE_ADMIN, Kind.READ, {383}, set()),
    (385, "create_and_open_betting_pool", Role.GAME_ADMIN, Kind.WRITE, {350}, {352}),
    (387, "list_all_betting_pools_for_game", Role.USER, Kind.READ, {3535}, set()),
    (388, "list_my_open_betting_pools_for_game", Role.USER, Kind.READ, {353}, set()),
    (389, "list_my_running_pools_for_game", Role.USER, Kind.READ, {354}, set()),
    (390, "list_my_resolved_pools_for_game", Role.USER, Kind.READ, {355}, set()),
    (3870, "list_resolved_betting_pools_for_game", Role.USER, Kind.READ, {3536}, set()),
    (3852, "update_betting_pool", Role.GAME_ADMIN, Kind.WRITE, {3852}, {352}),
    (392, "place_bet_in_betting_pool", Role.USER, Kind.WRITE, {356}, {361, 4611, 815}),
    (3921, "cancel_bet", Role.USER, Kind.WRITE, {3561}, {361, 815}),
    (393, "get_betting_pool_bets_distribution", Role.USER, Kind.READ, {360}, set()),
    (395, "register_game_event", Role.GAME_ADMIN, Kind.WRITE, {366}, {366, 362, 352, 815}),
    (396, "suggest_hot_betting_pool", Role.GAME_ADMIN, Kind.WRITE, {367}, {367}),
    (3961, "suggest_hot_betting_pool_for_action_and_target", Role.GAME_ADMIN, Kind.WRITE, {367}, {367}),
    (397, "block_betting_in_betting_pool", Role.GAME_ADMIN, Kind.WRITE, {368}, {368}),
    (398, "allow_betting_in_betting_pool", Role.GAME_ADMIN, Kind.WRITE, {369}, {369}),
    (3975, "block_betting_for_game_and_action", Role.GAME_ADMIN, Kind.WRITE, {370}, {370, 368}),
    (3985, "allow_betting_for_game_and_action", Role.GAME_ADMIN, Kind.WRITE, {371}, {371, 369}),
    (3976, "hold_betting_for_game", Role.GAME_ADMIN, Kind.WRITE, {3681}, {3681, 368}),
    (3986, "release_betting_for_game", Role.GAME_ADMIN, Kind.WRITE, {3691}, {3691, 369}),
    (394, "get_betting_pool_history", Role.USER, Kind.READ, {3600}, set()),
    (3950, "preview_game_event", Role.GAME_ADMIN, Kind.READ, {3660}, set()),
    (3955, "resolve_betting_pool", Role.GAME_ADMIN, Kind.WRITE, {3665}, {362, 352, 815}),
    (3954, "amend_game_event", Role.GAME_ADMIN, Kind.WRITE, {3664}, {3664, 362, 352, 368, 369, 361, 815}),
    (3953, "preview_void_game_event", Role.GAME_ADMIN, Kind.READ, {3663}, set()),
    (3951, "void_game_event", Role.GAME_ADMIN, Kind.WRITE, {3661}, {3661, 352, 368, 369, 361, 815}),
    (3952, "void_betting_pool", Role.GAME_ADMIN, Kind.WRITE, {3662}, {3662, 815}),
    (391, "get_bet_receipt", Role.USER, Kind.READ, {3560}, set()),
    (800, "get_my_current_balance", Role.USER, Kind.READ, {800}, set()),
    (810, "get_my_available_balance", Role.USER, Kind.READ, {810}, set()),
    (840, "get_my_exposure", Role.USER, Kind.READ, {840}, set()),
    (1000, "list_users", Role.SERVER_ADMIN, Kind.READ, {1000}, set()),
    (1001, "update_user", Role.SERVER_ADMIN, Kind.WRITE, {1001}, {361, 815}),
    (1002, "credit_user", Role.SERVER_ADMIN, Kind.WRITE, {1002}, {815}),
    (1003, "get_server_status", Role.SERVER_ADMIN, Kind.READ, {1003}, set()),
    (1004, "get_audit_log", Role.SERVER_ADMIN, Kind.READ, {1004}, set()),
    (820, "get_my_history", Role.USER, Kind.READ, {820}, set()),
    (830, "get_user_statistics", Role.USER, Kind.READ, {830}, set()),
    (831, "get_my_points_history", Role.USER, Kind.READ, {831}, set()),
    (3890, "list_my_running_bets", Role.USER, Kind.READ, {3537}, set()),
    (450, "get_leaderboard", Role.USER, Kind.READ, {450}, set()),
    (451, "get_leaderboard_for_game", Role.USER, Kind.READ, {451}, set()),
    (4516, "get_leaderboard_for_game_source", Role.USER, Kind.READ, {4516}, set()),
    (4505, "get_user_tailored_leaderboard", Role.USER, Kind.READ, {4505, 4515}, set()),
    (4517, "get_user_tailored_leaderboard_for_game_source", Role.USER, Kind.READ, {4517}, set()),
    (452, "get_friends_leaderboard", Role.USER, Kind.READ, {452}, set()),
    (453, "get_friends_leaderboard_for_game", Role.USER, Kind.READ, {453}, set()),
    (454, "get_friends_leaderboard_for_game_source", Role.USER, Kind.READ, {454}, set()),
    (460, "get_my_friends_predictions_for_pool", Role.USER, Kind.READ, {460}, set()),
    (461, "get_my_friends_predictions_for_game", Role.USER, Kind.READ, {461}, set()),
    (462, "add_friend", Role.USER, Kind.WRITE, {462, 465}, {466}),
    (463, "remove_friend", Role.USER, Kind.WRITE, {463}, {466}),
    (464, "list_friends", Role.USER, Kind.READ, {464}, set()),
    (465, "accept_friend", Role.USER, Kind.WRITE, {465}, {466}),
    (467, "block_user", Role.USER, Kind.WRITE, {467}, {466}),
    (468, "unblock_user", Role.USER, Kind.WRITE, {468}, {466}),
    (469, "list_blocked", Role.USER, Kind.READ, {469}, set()),
    (900, "text_message", Role.USER, Kind.WRITE, {900}, {901}),
    (902, "get_chat_history", Role.USER, Kind.READ, {902}, set()),
    (903, "remove_text_message", Role.GAME_OR_SOURCE_ADMIN, Kind.WRITE, {903}, {9031}),
    (904, "mute_user", Role.GAME_OR_SOURCE_ADMIN, Kind.WRITE, {904}, {9041}),
]

# Served to view keys, as far as they exist: what concerns the connection, and reads that answer everybody alike.
FOR_VIEWS = {1, 2, 363, 364, 372, 380, 382, 3811, 387, 3870, 393, 394, 450, 451, 4516, 902}

RESPONSES = {
    "pong": 1,
    "opcodes": 2,
    "logon_success": 100,
    "logon_fail": 110,
    "logon_fail_already_logged_in": 112,
    "view_key_created": 101,
    "my_sessions_list": 102,
    "session_ended": 103,
    "game_source_opened": 335,
    "game_source_closed": 336,
    "game_sources_i_am_admin_of_list": 621,
    "source_admin_added": 337,
    "source_admin_removed": 338,
    "game_source_updated": 339,
    "game_created_and_opened": 340,
    "game_created": 3401,
    "game_opened": 3402,
    "become_an_admin_for_game_success": 640,
    "become_an_admin_for_game_fail": 645,
    "game_admin_appointed": 617,
    "game_admin_removed": 618,
    "games_i_am_admin_of_list": 620,
    "game_details": 342,
    "game_details_updated": 343,
    "labels_changed": 3422,
    "match_clock_set": 3420,
    "match_clock": 3421,
    "game_joined": 333,
    "user_joined_game": 470,
    "presence_update": 471,
    "game_left": 334,
    "user_left_game": 480,
    "game_closed": 341,
    "game_cancelled": 376,
    "game_reopened": 378,
    "close_game_preview": 3411,
    "games_list_for_source": 345,
    "upcoming_games_list_for_source": 3461,
    "game_sources_list": 346,
    "source_report": 383,
    "betting_pool_created": 350,
    "new_betting_pool": 352,
    "all_betting_pools_for_game": 3535,
    "you_open_pools_list_for_game": 353,
    "your_running_pools_for_game": 354,
    "your_resolved_pools_for_game": 355,
    "resolved_betting_pools_for_game": 3536,
    "betting_pool_updated": 3852,
    "bet_placed_in_betting_pool": 356,
    "bet_cancelled": 3561,
    "betting_pool_bets_distribution_update": 361,
    "new_betting_pool_bets_distribution": 360,
    "new_game_event": 366,
    "bet_pool_resolved": 362,
    "bet_pool_expired": 363,
    "hot_betting_pool_suggested": 367,
    "betting_in_pool_blocked": 368,
    "betting_in_pool_allowed": 369,
    "betting_for_game_and_action_blocked": 370,
    "betting_for_game_and_action_allowed": 371,
    "betting_for_game_held": 3681,
    "betting_for_game_released": 3691,
    "betting_pool_history": 3600,
    "game_event_preview": 3660,
    "game_event_voided": 3661,
    "betting_pool_voided": 3662,
    "void_game_event_preview": 3663,
    "betting_pool_resolved": 3665,
    "game_event_amended": 3664,
    "bet_receipt": 3560,
    "your_current_balance": 800,
    "your_available_balance": 810,
    "your_exposure": 840,
    "my_friends_predictions_for_pool": 460,
    "my_friends_predictions_for_game": 461,
    "friend_bet": 4611,
    "friend_requested": 462,
    "friend_removed": 463,
    "friends_list": 464,
    "friend_accepted": 465,
    "friends_changed": 466,
    "user_blocked": 467,
    "user_unblocked": 468,
    "blocked_list": 469,
    "text_message_sent": 900,
    "new_text_message": 901,
    "chat_history": 902,
    "text_message_removal_done": 903,
    "text_message_removed": 9031,
    "user_muted": 904,
    "you_were_muted": 9041,
    "balance_update": 815,
    "users_list": 1000,
    "user_updated": 1001,
    "user_credited": 1002,
    "server_status": 1003,
    "audit_log": 1004,
    "my_history": 820,
    "user_statistics": 830,
    "my_points_history": 831,
    "my_running_bets": 3537,
    "leaderboard": 450,
    "leaderboard_update": 455,
    "leaderboard_for_game": 451,
    "leaderboard_for_game_source": 4516,
    "leaderboard_tailored": 4505,
    "leaderboard_for_game_tailored": 4515,
    "leaderboard_for_game_source_tailored": 4517,
    "leaderboard_friends": 452,
    "leaderboard_friends_for_game": 453,
    "leaderboard_friends_for_game_source": 454,
    "error": 666,
}

# Sent when a moment comes, whoever asked for it before.
CAUSED_BY_TIME = {363, 455}

every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
of_contract = pytest.mark.parametrize(
    ("op", "name", "by", "kind", "replies", "broadcasts"), CONTRACT, ids=[name for _, name, *_ in CONTRACT]
)


@of_contract
def test_an_operation_is_declared_as_the_contract_says(
    op: int, name: str, by: Role, kind: Kind, replies: set[int], broadcasts: set[int]
) -> None:
    operation = OPERATIONS[op]
    assert (operation.op, operation.name, operation.by, operation.kind) == (op, name, by, kind)
    assert set(map(tag_of, operation.replies)) == replies
    assert set(map(tag_of, operation.broadcasts)) == broadcasts


def test_view_keys_are_served_what_the_contract_says() -> None:
    assert {op for op, operation in OPERATIONS.items() if operation.for_views} == FOR_VIEWS & OPERATIONS.keys()


def test_every_operation_is_in_the_contract() -> None:
    missing = {op: name for name, op in OPCODES.items() if op not in {row[0] for row in CONTRACT}}
    assert not missing, f"add a row of CONTRACT for each of these: {missing}"


def test_the_registry_imports_every_module_that_declares_something() -> None:
    modules = Path(registry.__file__).parent.glob("*.py")
    declaring = {module.stem for module in modules if re.search("^@(operation|message)", module.read_text(), re.M)}
    assert declaring == {name for name in registry.__all__ if name.islower()}


def test_every_message_has_the_name_and_number_of_the_contract() -> None:
    assert RESPONSE_CODES == RESPONSES, "RESPONSES has every message by its name"


def test_opcodes_list_every_operation() -> None:
    assert {op: name for name, op in OPCODES.items()} == {op: it.name for op, it in OPERATIONS.items()}


def test_response_codes_list_every_message_and_the_error() -> None:
    expected = {name: tag_of(struct) for name, struct in MESSAGES.items()} | {"error": ERROR_RES}
    assert expected == RESPONSE_CODES


def test_names_and_numbers_are_unique() -> None:
    assert len(OPCODES) == len(OPERATIONS)
    assert [res for res, count in Counter(RESPONSE_CODES.values()).items() if count > 1] == []


@every_operation
def test_an_operation_has_exactly_one_handler_of_its_kind(operation: Operation) -> None:
    tables: dict[Kind, dict[type[Request], object]] = {
        Kind.READ: dict(READS),
        Kind.WRITE: dict(WRITES),
        Kind.CONNECTION: dict(CONNECTION),
    }
    assert [kind for kind, table in tables.items() if operation.request in table] == [operation.kind]


def test_nothing_is_handled_that_is_not_declared() -> None:
    requests = {operation.request for operation in OPERATIONS.values()}
    assert set(READS) | set(WRITES) | set(CONNECTION) == requests


@every_operation
def test_every_parameter_of_an_operation_says_what_is_accepted(operation: Operation) -> None:
    described = inspect.type_info(operation.request)
    assert isinstance(described, inspect.StructType)
    undescribed = [
        field.name for field in described.fields if field.name != "header" and "description" not in str(field.type)
    ]
    assert undescribed == []


@every_operation
def test_an_operation_is_documented_and_has_a_reply(operation: Operation) -> None:
    assert (operation.request.__doc__ or "").strip().endswith(".")
    assert operation.replies


@every_operation
def test_what_an_operation_answers_and_broadcasts_is_declared(operation: Operation) -> None:
    assert {*operation.replies, *operation.broadcasts} <= set(MESSAGES.values())


@pytest.mark.parametrize("struct", MESSAGES.values(), ids=lambda struct: struct.__name__)
def test_a_message_is_documented_and_some_operation_or_time_gives_it(struct: type[Message]) -> None:
    assert (struct.__doc__ or "").strip().endswith(".")
    given = any(struct in (*operation.replies, *operation.broadcasts) for operation in OPERATIONS.values())
    assert given != (tag_of(struct) in CAUSED_BY_TIME)


def test_sources_watchers_get_what_the_contract_names() -> None:
    assert {tag_of(struct) for struct in MESSAGES.values() if struct.for_watchers} == {340, 3401, 3402, 341, 378}


def test_a_close_alone_ends_subscriptions() -> None:
    assert {tag_of(struct) for struct in MESSAGES.values() if struct.ends_subscriptions} == {341}


def test_a_request_knows_its_declaration() -> None:
    assert declared(Ping()).op == 1


@pytest.mark.parametrize(
    ("camel", "snake"), [("Ping", "ping"), ("ListGameSourcesIAmAdminOf", "list_game_sources_i_am_admin_of")]
)
def test_a_class_name_becomes_a_name_of_the_wire(camel: str, snake: str) -> None:
    assert snake_case(camel) == snake


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_says_whether_to_try_again(code: ErrorCode) -> None:
    retryable = code.value in {"rate_limited", "busy", "storage_unavailable"}
    encoded = msgspec.json.decode(msgspec.json.encode(error_reply(None, code, "Text.")))
    assert encoded == {"res": 666, "op": None, "code": code.value, "text": "Text.", "retryable": retryable}


def test_an_error_carries_its_field_and_details() -> None:
    reply = error_reply(365, ErrorCode.RATE_LIMITED, "Text.", "name", retry_after_ms=5)
    assert (reply.op, reply.field, reply.retry_after_ms) == (365, "name", 5)


def test_the_fields_of_a_request_header_are_optional() -> None:
    assert RequestHeader() == msgspec.json.decode(b"{}", type=RequestHeader)
