from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from gameserver.errors import ErrorCode
from gameserver.protocol.fields import SignedNumber
from gameserver.protocol.registry import OPERATIONS
from tests.operations.examples import (
    POOL,
    PROVIDER_ID,
    entitled,
    example,
    fields_of,
    id_fields_of,
    names_in,
    operations,
    required_fields_of,
    set_stage,
)
from tests.support.harness import START_MS, Server
from tests.support.world import UNKNOWN_ID, World, assert_refused

Reply = dict[str, Any]


@operations(having=required_fields_of)
async def test_each_required_parameter_that_is_absent_is_named(world: World, op: int) -> None:
    client = entitled(op, world)
    for name in required_fields_of(op):
        parameters = await example(op, world)
        del parameters[name]
        for absent in ({}, {name: None}, {name: ""}):
            reply = await client.call(op, **parameters, **absent)
            assert_refused(reply, op, "missing_parameter", name)


@operations(having=fields_of)
async def test_each_parameter_of_a_wrong_type_is_named(world: World, op: int) -> None:
    client = entitled(op, world)
    for field in fields_of(op):
        for wrong in ({"a": 1}, [[1]], "-x" if field.type is SignedNumber else -1.5):
            reply = await client.call(op, **{**await example(op, world), field.name: wrong})
            assert_refused(reply, op, "invalid_parameter", field.name)


@operations()
async def test_a_parameter_that_the_operation_does_not_know_is_named(world: World, op: int) -> None:
    client = entitled(op, world)
    for value in (None, "", 5):
        reply = await client.call(op, **await example(op, world), no_such_thing=value)
        assert_refused(reply, op, "invalid_parameter", "no_such_thing")


@operations(having=id_fields_of)
async def test_each_id_that_is_no_lower_case_uuid_is_named(world: World, op: int) -> None:
    client = entitled(op, world)
    for name in id_fields_of(op):
        for value in ("5", "a" * 36, UNKNOWN_ID.replace("-", ""), "ABCDEF00" + UNKNOWN_ID[8:], f"{{{UNKNOWN_ID}}}", 5):
            reply = await client.call(op, **{**await example(op, world), name: value})
            assert_refused(reply, op, "invalid_parameter", name)


@operations(having=names_in)
async def test_each_id_or_user_that_is_unknown_is_not_found(world: World, op: int) -> None:
    client = entitled(op, world)
    for name, value in names_in(op).items():
        reply = await client.call(op, **{**await example(op, world), name: value})
        assert_refused(reply, op, "not_found", name)


async def after_close_of_source(world: World, op: int) -> Reply:
    await world.provider.call(366, source_id=world.source)
    return await world.provider.call(op, **await example(op, world))


async def after_close_of_game(world: World, op: int) -> Reply:
    for game in (world.game, world.upcoming):
        await world.provider.call(375, game_id=game)
    return await world.provider.call(op, **await example(op, world))


async def twice(world: World, op: int) -> Reply:
    await world.provider.call(op, **await example(op, world))
    return await world.provider.call(op, **await example(op, world))


async def while_too_much_waits_to_be_written(world: World, op: int) -> Reply:
    request = await example(op, world)
    world.server.context.store.writer._max_waiting = 0
    return await world.user.call(op, **request)


async def not_joined(world: World, op: int) -> Reply:
    return await world.user.call(op, **await example(op, world))


async def of_the_opener(world: World, op: int) -> Reply:
    return await world.source_admin.call(op, **{**await example(op, world), "username": "provider"})


async def of_the_last_admin(world: World, op: int) -> Reply:
    listed = (await world.admin.call(1000, search="admin"))["users"]
    return await world.admin.call(op, user_id=listed[0]["user_id"], is_admin=False)


async def of_who_has_bet(world: World, op: int) -> Reply:
    request = {**await example(op, world), "username": "user"}
    await set_stage(world)
    return await world.provider.call(op, **request)


async def by_an_admin(world: World, op: int) -> Reply:
    return await world.game_admin.call(op, **await example(op, world))


async def with_ten_game_admins(world: World, op: int) -> Reply:
    for number in range(9):
        await world.server.add_user(f"u{number}")
        await world.provider.call(617, game_id=world.game, username=f"u{number}")
    return await world.provider.call(op, **await example(op, world))


async def as_game_admin(world: World, op: int, **parameters: Any) -> Reply:
    return await world.game_admin.call(op, **{**await example(op, world), **parameters})


async def of_a_voided_event(world: World, op: int) -> Reply:
    request = await example(op, world)
    await world.game_admin.call(3951, game_id=world.game, **request)
    return await world.game_admin.call(op, **request)


async def twice_by_game_admin(world: World, op: int) -> Reply:
    request = await example(op, world)
    await world.game_admin.call(op, **request)
    return await world.game_admin.call(op, **request)


async def closed_to_game_admin(world: World, op: int) -> Reply:
    await world.game_admin.call(375, game_id=world.game)
    return await as_game_admin(world, op)


async def binary_pool(world: World) -> str:
    pool: str = (await world.game_admin.call(385, game_id=world.game, description="Penalty?", type=3))["pool_id"]
    return pool


async def while_closing(world: World, op: int) -> Reply:
    await binary_pool(world)
    await world.game_admin.call(375, game_id=world.game)
    return await as_game_admin(world, op)


async def at_another_time_while_closing(world: World, op: int) -> Reply:
    await binary_pool(world)
    await world.game_admin.call(375, game_id=world.game)
    return await as_game_admin(world, op, close_at=START_MS + 5)


async def on_binary_pool_while_closing(world: World, op: int) -> Reply:
    pool = await binary_pool(world)
    await world.game_admin.call(375, game_id=world.game)
    return await world.game_admin.call(op, pool_id=pool)


async def before_open_at(world: World, op: int) -> Reply:
    game = await world.server.open_game(world.provider, world.source, open_at=START_MS + 1)
    await world.provider.call(617, game_id=game, username="game_admin")
    return await as_game_admin(world, op, game_id=game)


async def on_resolved_pool(world: World, op: int) -> Reply:
    request = await example(op, world)
    world.server.clock.time_ms += 1
    await world.game_admin.call(395, game_id=world.game, action_id="goal", target_id="brazil:7")
    return await (world.user if op == 392 else world.game_admin).call(op, **request)


async def on_binary_pool_resolved(world: World, op: int) -> Reply:
    pool = await binary_pool(world)
    await world.game_admin.call(395, pool_id=pool, target_id="yes")
    return await world.game_admin.call(op, pool_id=pool, target_id="yes")


async def on_blocked_pool(world: World, op: int) -> Reply:
    request = await example(op, world)
    await world.game_admin.call(397, pool_id=request["pool_id"])
    return await world.user.call(op, **request)


def bet_on_pool_with(after_ms: int, **options: Any) -> Callable[[World, int], Awaitable[Reply]]:
    async def bet(world: World, op: int) -> Reply:
        pool = (await world.game_admin.call(385, game_id=world.game, **POOL, **options))["pool_id"]
        world.server.clock.time_ms += after_ms
        return await world.user.call(op, pool_id=pool, target="brazil", amount=1)

    return bet


def steer_pool_with(after_ms: int, **options: Any) -> Callable[[World, int], Awaitable[Reply]]:
    async def steer(world: World, op: int) -> Reply:
        pool = (await world.game_admin.call(385, game_id=world.game, **POOL, **options))["pool_id"]
        world.server.clock.time_ms += after_ms
        return await world.game_admin.call(op, pool_id=pool)

    return steer


def cancelling_with(after_ms: int = 0, **options: Any) -> Callable[[World, int], Awaitable[Reply]]:
    """Cancel a bet some time after it was placed in a pool that is opened with options."""

    async def cancel(world: World, op: int) -> Reply:
        game = await world.server.open_game(world.provider, world.source, live_start_at=START_MS + 1_000)
        await world.provider.call(617, game_id=game, username="game_admin")
        options_of_all = {**POOL, "is_cancellable": True, **options}
        pool = (await world.game_admin.call(385, game_id=game, **options_of_all))["pool_id"]
        bet = await world.user.call(392, pool_id=pool, target="brazil", amount=1)
        world.server.clock.time_ms += after_ms
        return await world.user.call(op, bet_id=bet["bet_id"])

    return cancel


async def cancelling_in_a_blocked_pool(world: World, op: int) -> Reply:
    request = await example(op, world)
    (pool,) = (await world.user.call(389, game_id=await latest_game(world)))["pools_list"]
    await world.game_admin.call(397, pool_id=pool)
    return await world.user.call(op, **request)


async def cancelling_in_a_closed_game(world: World, op: int) -> Reply:
    request = await example(op, world)
    await world.game_admin.call(375, game_id=await latest_game(world))
    return await world.user.call(op, **request)


async def latest_game(world: World) -> str:
    """The game that was opened last."""
    game: str = next(iter((await world.user.call(380, source_id=world.source))["games"]))
    return game


async def finish_moved_too_late(world: World, op: int) -> Reply:
    times: dict[str, Any] = {"type": 2, "finish_at": START_MS + 10, "settle_delay_ms": 10}
    pool = (await world.game_admin.call(385, game_id=world.game, **POOL, **times))["pool_id"]
    world.server.clock.time_ms += 10
    return await world.game_admin.call(op, pool_id=pool, finish_at=START_MS + 100)


async def start_moved_too_late(world: World, op: int) -> Reply:
    return await world.game_admin.call(op, **await example(op, world), start_at=START_MS + 1)


async def reopened_before(world: World, op: int) -> Reply:
    request = await example(op, world)
    await world.provider.call(op, **request)
    return await world.provider.call(op, **request)


async def reopened_in_a_closed_source(world: World, op: int) -> Reply:
    request = await example(op, world)
    await world.provider.call(366, source_id=world.source)
    return await world.provider.call(op, **request)


async def below_min_stake(world: World, op: int) -> Reply:
    pool = (await world.game_admin.call(385, game_id=world.game, min_stake=2, **POOL))["pool_id"]
    return await world.user.call(op, pool_id=pool, target="brazil", amount="1.99")


async def beyond_means(world: World, op: int) -> Reply:
    return await world.user.call(op, **{**await example(op, world), "amount": "1000.00"})


async def who_is_blocked(world: World, op: int) -> Reply:
    await world.user.call(467, user_id=PROVIDER_ID)
    return await world.user.call(op, **await example(op, world))


async def twice_by_user(world: World, op: int) -> Reply:
    request = await example(op, world)
    await world.user.call(op, **request)
    return await world.user.call(op, **request)


async def of_a_stranger(world: World, op: int) -> Reply:
    return await world.user.call(op, user_id=PROVIDER_ID)


async def beyond_the_last_block(world: World, op: int) -> Reply:
    request = await example(op, world)
    limited = msgspec.structs.replace(world.server.context.settings, max_blocked_users=1)
    world.server.context.settings = limited
    await world.user.call(op, **request)
    return await world.user.call(op, user_id=PROVIDER_ID + 1)


async def while_muted(world: World, op: int) -> Reply:
    await world.user.call(363, game_id=world.game)
    user_id = (await world.user.call(100))["user_id"]
    await world.game_admin.call(904, game_id=world.game, user_id=user_id, duration_s=60)
    return await world.user.call(op, **await example(op, world))


SCENARIOS: dict[tuple[int, ErrorCode], Callable[[World, int], Awaitable[Reply]]] = {
    (101, ErrorCode.BUSY): while_too_much_waits_to_be_written,
    (103, ErrorCode.BUSY): while_too_much_waits_to_be_written,
    (363, ErrorCode.GAME_CLOSED): after_close_of_game,
    (364, ErrorCode.CONFLICT): not_joined,
    (366, ErrorCode.SOURCE_CLOSED): after_close_of_source,
    (367, ErrorCode.SOURCE_CLOSED): after_close_of_source,
    (367, ErrorCode.CONFLICT): of_who_has_bet,
    (368, ErrorCode.CONFLICT): of_the_opener,
    (369, ErrorCode.SOURCE_CLOSED): after_close_of_source,
    (370, ErrorCode.SOURCE_CLOSED): after_close_of_source,
    (373, ErrorCode.CONFLICT): at_another_time_while_closing,
    (373, ErrorCode.GAME_CLOSED): after_close_of_game,
    (374, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (375, ErrorCode.GAME_CLOSED): after_close_of_game,
    (376, ErrorCode.CONFLICT): after_close_of_game,
    (378, ErrorCode.CONFLICT): reopened_before,
    (378, ErrorCode.SOURCE_CLOSED): reopened_in_a_closed_source,
    (3751, ErrorCode.GAME_CLOSED): after_close_of_game,
    (385, ErrorCode.CONFLICT): while_closing,
    (385, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (385, ErrorCode.GAME_NOT_OPEN): before_open_at,
    (392, ErrorCode.BETTING_BLOCKED): on_blocked_pool,
    (392, ErrorCode.BETTING_ENDED): bet_on_pool_with(5, stop_accepting_bets_at=START_MS + 5),
    (392, ErrorCode.BETTING_NOT_STARTED): bet_on_pool_with(4, start_at=START_MS + 5),
    (392, ErrorCode.INSUFFICIENT_FUNDS): beyond_means,
    (392, ErrorCode.NOT_AUTHORIZED): by_an_admin,
    (392, ErrorCode.POOL_RESOLVED): on_resolved_pool,
    (392, ErrorCode.STAKE_LIMIT): below_min_stake,
    (3852, ErrorCode.BETTING_ENDED): finish_moved_too_late,
    (3852, ErrorCode.CONFLICT): start_moved_too_late,
    (3852, ErrorCode.POOL_RESOLVED): on_resolved_pool,
    (3921, ErrorCode.BETTING_BLOCKED): cancelling_in_a_blocked_pool,
    (3921, ErrorCode.BETTING_ENDED): cancelling_with(5, stop_accepting_bets_at=START_MS + 5),
    (3921, ErrorCode.CONFLICT): cancelling_with(is_cancellable=False),
    (3921, ErrorCode.POOL_RESOLVED): cancelling_in_a_closed_game,
    (395, ErrorCode.CONFLICT): while_closing,
    (395, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (395, ErrorCode.GAME_NOT_OPEN): before_open_at,
    (395, ErrorCode.POOL_RESOLVED): on_binary_pool_resolved,
    (396, ErrorCode.POOL_RESOLVED): on_resolved_pool,
    (397, ErrorCode.POOL_RESOLVED): on_resolved_pool,
    (398, ErrorCode.BETTING_ENDED): steer_pool_with(5, stop_accepting_bets_at=START_MS + 5),
    (398, ErrorCode.CONFLICT): on_binary_pool_while_closing,
    (398, ErrorCode.POOL_RESOLVED): on_resolved_pool,
    (1001, ErrorCode.CONFLICT): of_the_last_admin,
    (462, ErrorCode.CONFLICT): who_is_blocked,
    (463, ErrorCode.CONFLICT): twice_by_user,
    (465, ErrorCode.CONFLICT): twice_by_user,
    (467, ErrorCode.CONFLICT): beyond_the_last_block,
    (468, ErrorCode.CONFLICT): twice_by_user,
    (830, ErrorCode.NOT_AUTHORIZED): of_a_stranger,
    (900, ErrorCode.CONFLICT): not_joined,
    (900, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (900, ErrorCode.NOT_AUTHORIZED): while_muted,
    (903, ErrorCode.CONFLICT): twice_by_game_admin,
    (617, ErrorCode.CONFLICT): with_ten_game_admins,
    (618, ErrorCode.CONFLICT): of_the_opener,
    (3701, ErrorCode.SOURCE_CLOSED): after_close_of_source,
    (3702, ErrorCode.CONFLICT): twice,
    (3702, ErrorCode.GAME_CLOSED): after_close_of_game,
    (3950, ErrorCode.CONFLICT): while_closing,
    (3950, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (3950, ErrorCode.GAME_NOT_OPEN): before_open_at,
    (3950, ErrorCode.POOL_RESOLVED): on_binary_pool_resolved,
    (3955, ErrorCode.POOL_RESOLVED): on_resolved_pool,
    (3953, ErrorCode.CONFLICT): of_a_voided_event,
    (3954, ErrorCode.CONFLICT): twice_by_game_admin,
    (3951, ErrorCode.CONFLICT): twice_by_game_admin,
    (3952, ErrorCode.CONFLICT): twice_by_game_admin,
    (3961, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (3975, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (3976, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (3985, ErrorCode.CONFLICT): while_closing,
    (3985, ErrorCode.GAME_CLOSED): closed_to_game_admin,
    (3986, ErrorCode.GAME_CLOSED): closed_to_game_admin,
}

# Two follow from the parameters and have tests of their own; the other has effects, told in test_closing_pools.
ELSEWHERE = {ErrorCode.MISSING_PARAMETER, ErrorCode.NOT_FOUND, ErrorCode.MANUAL_POOLS_REMAIN}


def test_each_error_that_is_declared_occurs() -> None:
    declared = {(op, code) for op, operation in OPERATIONS.items() for code in operation.errors}
    missing = {(op, code) for op, code in declared if code not in ELSEWHERE} - set(SCENARIOS)
    assert not missing, f"add scenarios for these to {__name__}.SCENARIOS"


@pytest.mark.parametrize(("op", "code"), SCENARIOS, ids=str)
async def test_a_state_that_forbids_an_operation_is_refused_as_declared(world: World, op: int, code: ErrorCode) -> None:
    field = "amount" if code in (ErrorCode.INSUFFICIENT_FUNDS, ErrorCode.STAKE_LIMIT) else None
    assert_refused(await SCENARIOS[op, code](world, op), op, code, field)
    assert code in OPERATIONS[op].errors


@pytest.mark.parametrize("text", ["", "x", "{", '{"op":1', "{'op':1}", '{"op":1}}', "[" * 100_000])
async def test_what_is_no_json_is_told_so_and_the_connection_lives(server: Server, text: str) -> None:
    client = await server.connect("ann")
    await client.send(text)
    reply = await client.receive()
    assert set(reply) == {"response_header", "res", "op", "code", "text", "retryable"}
    assert (reply["res"], reply["op"], reply["code"], reply["retryable"]) == (666, None, "bad_json", False)
    assert (await client.call(1))["res"] == 1


@pytest.mark.parametrize(
    "text", ["[]", "5", "null", '"op"', "{}", '{"op":"1"}', '{"op":1.5}', '{"op":true}', '{"op":null}']
)
async def test_what_is_no_object_with_an_integer_op_is_a_bad_request(server: Server, text: str) -> None:
    client = await server.connect("ann")
    await client.send(text)
    reply = await client.receive()
    assert (reply["res"], reply["op"], reply["code"]) == (666, None, "bad_request")


@pytest.mark.parametrize("header", [[], 5, "x", True])
async def test_a_header_that_is_no_object_is_a_bad_request(server: Server, header: object) -> None:
    client = await server.connect("ann")
    await client.send({"header": header, "op": 1})
    assert (await client.receive())["code"] == "bad_request"


@pytest.mark.parametrize(
    ("name", "value"), [("id", "x" * 65), ("id", 1.5), ("id", True), ("id", []), ("key", "x" * 65), ("key", 5)]
)
async def test_a_header_field_that_cannot_be_is_named(server: Server, name: str, value: object) -> None:
    client = await server.connect("ann")
    await client.send({"header": {name: value}, "op": 1})
    reply = await client.receive()
    assert (reply["code"], reply["field"].removeprefix("header.")) == ("invalid_parameter", name)


async def test_the_envelope_is_checked_before_logon(server: Server) -> None:
    client = await server.connect()
    assert (await client.call(611, header={"api_version": 2}))["code"] == "unsupported_version"
    assert (await client.call(611, header={"key": "x" * 65}))["code"] == "invalid_parameter"
    await client.send({"header": 5, "op": 611})
    assert (await client.receive())["code"] == "bad_request"


async def test_logon_is_checked_before_the_op_and_its_parameters(server: Server) -> None:
    client = await server.connect()
    assert_refused(await client.call(999), 999, "not_logged_in")
    assert_refused(await client.call(372, nonsense=5), 372, "not_logged_in")


async def test_the_envelope_is_checked_before_the_op(server: Server) -> None:
    client = await server.connect("ann")
    assert (await client.call(999, header={"api_version": 2}))["code"] == "unsupported_version"


@pytest.mark.parametrize(
    ("op", "parameters", "field"),
    [
        (370, {"close_at": 5}, "close_at"),
        (370, {"live_start_at": 5, "live_finish_at": 4}, "live_finish_at"),
        (370, {"actions": "a:b"}, "actions"),
        (370, {"targets": "a::b"}, "targets"),
        (370, {"targets": [str(number) for number in range(20_001)]}, "targets"),
        (370, {"actions": [str(number) for number in range(1_001)]}, "actions"),
        (3701, {"close_at": 5}, "close_at"),
    ],
    ids=["close_at", "live_finish_at", "actions", "targets", "too many targets", "too many actions", "3701 close_at"],
)
async def test_parameters_are_checked_before_existence_and_role(
    world: World, op: int, parameters: dict[str, Any], field: str
) -> None:
    for source in (UNKNOWN_ID, world.source):
        reply = await world.user.call(op, source_id=source, game_name="G", type="t", **parameters)
        assert_refused(reply, op, "invalid_parameter", field)


async def test_parameters_of_updating_and_opening_are_checked_before_existence_role_and_state(world: World) -> None:
    await world.provider.call(375, game_id=world.game)
    for op in (373, 3702):
        for game in (UNKNOWN_ID, world.game):
            assert_refused(await world.user.call(op, game_id=game, actions=":"), op, "invalid_parameter", "actions")


async def test_the_takeout_is_checked_before_the_role(world: World) -> None:
    reply = await world.user.call(365, source_name="S", takeout=0.9)
    assert_refused(reply, 365, "invalid_parameter", "takeout")


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"takeout": 0.9}, "takeout"), ({"takeout": "x"}, "takeout"), ({"source_name": 5}, "source_name")],
)
async def test_parameters_are_checked_before_the_key(world: World, parameters: dict[str, Any], field: str) -> None:
    header = {"key": "k"}
    assert (await world.provider.call(365, header=header, source_name="S"))["res"] == 335
    reply = await world.provider.call(365, header=header, **{"source_name": "S", **parameters})
    assert_refused(reply, 365, "invalid_parameter", field)


@pytest.mark.parametrize(("field", "value"), [("actions", "a:b"), ("targets", "a::b"), ("targets", "none:1")])
async def test_names_of_actions_and_targets_are_checked_before_the_key(world: World, field: str, value: str) -> None:
    header = {"key": "k"}
    assert (await world.provider.call(373, header=header, game_id=world.game))["res"] == 343
    parameters: dict[str, Any] = {field: value}
    reply = await world.provider.call(373, header=header, game_id=world.game, **parameters)
    assert_refused(reply, 373, "invalid_parameter", field)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"targets": "a::b"}, "invalid_parameter", "targets"),
        ({"targets": "none"}, "invalid_parameter", "targets"),
        ({"action_id": "a:b"}, "invalid_parameter", "action_id"),
        ({"type": 3, "targets": "a, a:b"}, "invalid_parameter", "targets"),
        ({"type": 2}, "missing_parameter", "finish_at"),
        ({"finish_at": START_MS + 5}, "invalid_parameter", "finish_at"),
    ],
    ids=["nested", "only none", "action", "labels", "no finish_at", "finish_at"],
)
async def test_parameters_of_a_pool_are_checked_before_the_key_and_existence(
    world: World, changes: dict[str, Any], code: str, field: str
) -> None:
    header, request = {"key": "k"}, {"game_id": world.game, **POOL}
    assert (await world.game_admin.call(385, header=header, **request))["res"] == 350
    for game in (world.game, UNKNOWN_ID):
        reply = await world.game_admin.call(385, header=header, **{**request, **changes, "game_id": game})
        assert_refused(reply, 385, code, field)


@pytest.mark.parametrize(
    ("op", "changes", "field"),
    [
        (392, {"target": "a::b"}, "target"),
        (392, {"amount": 0}, "amount"),
        (395, {"action_id": "a:b"}, "action_id"),
        (395, {"target_id": ":"}, "target_id"),
        (3961, {"action_id": "a:b"}, "action_id"),
        (3961, {"target_id": ":"}, "target_id"),
        (3975, {"action_id": "a:b"}, "action_id"),
        (3985, {"action_id": "a:b"}, "action_id"),
    ],
)
async def test_parameters_of_betting_are_checked_before_the_key(
    world: World, op: int, changes: dict[str, Any], field: str
) -> None:
    client, request = entitled(op, world), await example(op, world)
    assert (await client.call(op, header={"key": "k"}, **request))["res"] != 666
    reply = await client.call(op, header={"key": "k"}, **{**request, **changes})
    assert_refused(reply, op, "invalid_parameter", field)


async def test_the_key_is_checked_before_existence(world: World) -> None:
    header = {"key": "k"}
    assert (await world.provider.call(375, header=header, game_id=world.game))["res"] == 341
    assert (await world.provider.call(375, header=header, game_id=UNKNOWN_ID))["code"] == "key_reused"


@operations(having=names_in)
async def test_existence_is_checked_before_the_role(world: World, op: int) -> None:
    for name, value in names_in(op).items():
        reply = await world.user.call(op, **{**await example(op, world), name: value})
        assert_refused(reply, op, "not_found", name)


@pytest.mark.parametrize(
    "op", [366, 367, 370, 3701, 3702, 373, 374, 375, 617, 385, 395, 396, 397, 398, 3961, 3975, 3976, 3985, 3986]
)
async def test_the_role_is_checked_before_the_state(world: World, op: int) -> None:
    request = await example(op, world)
    await world.provider.call(366, source_id=world.source)
    assert_refused(await world.user.call(op, **request), op, "not_authorized")


@pytest.mark.parametrize("op", [370, 3701, 3702, 373])
@pytest.mark.parametrize(("field", "value"), [("labels", {"zz": {"symbol": "Z"}}), ("action_labels", {"zz": "Z"})])
async def test_an_unknown_action_or_target_is_told_before_the_state(
    world: World, op: int, field: str, value: dict[str, Any]
) -> None:
    request = await example(op, world)
    if "game_id" in request:
        assert (await world.provider.call(375, game_id=request["game_id"]))["res"] == 341
    await world.provider.call(366, source_id=world.source)
    assert (await world.provider.call(op, **request))["code"] in ("game_closed", "source_closed")
    assert_refused(await world.provider.call(op, **request, **{field: value}), op, "invalid_parameter", field)
