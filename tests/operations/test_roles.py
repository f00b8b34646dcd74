from typing import Any

import msgspec
import pytest

from gameserver.protocol.declare import Role, tag_of
from gameserver.protocol.registry import OPERATIONS
from tests.operations.examples import (
    PARAMETERS,
    STAGED_PARAMETERS,
    entitled,
    example,
    not_entitled,
    operations,
    prepare,
    special_role,
)
from tests.support.world import World, assert_refused, assert_reply


def test_every_operation_has_example_parameters() -> None:
    missing = {op: operation.name for op, operation in OPERATIONS.items() if op not in PARAMETERS | STAGED_PARAMETERS}
    assert not missing, f"add these operations to tests/operations/examples.py: {missing}"


@operations()
async def test_before_logon_nothing_but_ping_opcodes_and_logon_is_served(world: World, op: int) -> None:
    client = await world.server.connect()
    reply = await client.call(op, **await example(op, world))
    if op in (1, 2):
        assert reply["res"] == op
    elif op == 100:
        assert_refused(reply, 100, "missing_parameter", "header.session_key")
    else:
        assert_refused(reply, op, "not_logged_in")


@operations(having=special_role)
async def test_who_lacks_the_role_is_not_authorized_and_told_which_it_takes(world: World, op: int) -> None:
    for client in not_entitled(op, world):
        reply = await client.call(op, **await example(op, world))
        assert_refused(reply, op, "not_authorized")
        assert "provider" in reply["text"] or "admin" in reply["text"]


@operations(having=lambda op: special_role(op) not in (None, Role.PROVIDER))
async def test_an_admin_of_everything_else_is_not_authorized_whatever_of_its_own_it_names_along(
    world: World, op: int
) -> None:
    rival, theirs = world.outsider, await example(op, world)
    source = await world.server.open_source(rival)
    game = await world.server.open_game(rival, source)
    assert_reply(await rival.call(616, game_id=game), 640, game_id=game)
    assert_refused(await rival.call(op, **theirs), op, "not_authorized")
    own = {"source_id": source, "game_id": game}
    foreign = set(theirs) & {"pool_id", "event_id", "bet_id"}
    if foreign and own.keys() & theirs.keys():
        mixed = {name: own.get(name, value) for name, value in theirs.items()}
        assert (await rival.call(op, **mixed))["code"] in ("not_found", "invalid_parameter", "not_authorized")


@pytest.mark.parametrize("op", [395, 3950])
async def test_a_binary_pool_is_resolved_by_an_admin_of_its_own_game_alone(world: World, op: int) -> None:
    rival = world.outsider
    game = await world.server.open_game(rival, await world.server.open_source(rival))
    assert_reply(await rival.call(616, game_id=game), 640, game_id=game)
    pool = (await world.game_admin.call(385, game_id=world.game, description="Rain?", type=3))["pool_id"]
    assert_refused(await rival.call(op, pool_id=pool, target_id="yes"), op, "not_authorized")
    refusal = await rival.call(op, pool_id=pool, target_id="yes", game_id=game)
    assert refusal["code"] in ("not_authorized", "invalid_parameter"), refusal
    assert (await world.game_admin.call(op, pool_id=pool, target_id="yes"))["res"] in (366, 3660)


async def test_taking_game_admin_without_being_source_admin_is_answered_645(world: World) -> None:
    for client in (world.user, world.game_admin, world.outsider):
        reply = await client.call(616, **await example(616, world))
        assert_reply(reply, 645, game_id=world.game, reason=reply["reason"])


@operations()
async def test_who_has_the_role_gets_a_reply_that_is_declared(world: World, op: int) -> None:
    client = entitled(op, world)
    await prepare(op, world, client)
    reply: dict[str, Any] = await client.call(op, **await example(op, world))
    declared = {tag_of(message): message for message in OPERATIONS[op].replies}
    assert reply["res"] in declared
    fields = msgspec.structs.fields(declared[reply["res"]])
    members = set(reply) - {"response_header", "res"}
    assert members <= {field.name for field in fields}
    assert members >= {field.name for field in fields if field.required}
