"""An acceptable request of every operation: the tests that are generated from the declarations begin with it.

A new operation needs an entry in `PARAMETERS`, or in `MADE` if its parameters come of requests of its own, and one in
`PREPARATIONS` if it depends on something done before.
Those that mention the `Stage` get one: a pool, a bet of ``world.user`` in it, an event that ends no pool.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from gameserver.protocol.declare import Kind, Role
from gameserver.protocol.fields import Username, Uuid
from gameserver.protocol.registry import OPERATIONS
from tests.support.harness import START_MS, Client
from tests.support.world import UNKNOWN_ID, World

PROVIDER_ID = 1  # of the first user of the world

NEW_GAME = {"game_name": "A - B", "type": "football"}


class Stage(NamedTuple):
    """What betting operations act on."""

    pool: str
    bet: str
    event: str


POOL: dict[str, Any] = {"description": "Who scores next?", "action_id": "goal", "targets": "Argentina, Brazil"}
EVENT: dict[str, Any] = {"action_id": "goal", "target_id": "argentina:1"}

PARAMETERS: dict[int, Callable[[World], dict[str, Any]]] = {
    1: lambda world: {},
    2: lambda world: {},
    100: lambda world: {},
    101: lambda world: {},
    102: lambda world: {},
    363: lambda world: {"game_id": world.game},
    364: lambda world: {"game_id": world.game},
    365: lambda world: {"source_name": "Cup"},
    366: lambda world: {"source_id": world.source},
    367: lambda world: {"source_id": world.source, "username": "user"},
    368: lambda world: {"source_id": world.source, "username": "source_admin"},
    369: lambda world: {"source_id": world.source, "source_name": "World Cup"},
    370: lambda world: {"source_id": world.source, **NEW_GAME},
    372: lambda world: {"game_id": world.game},
    373: lambda world: {"game_id": world.game, "actions": "Save"},
    374: lambda world: {"game_id": world.game, "period": "1H", "elapsed_ms": 60_000, "is_running": True},
    375: lambda world: {"game_id": world.game},
    380: lambda world: {"source_id": world.source},
    382: lambda world: {},
    383: lambda world: {"source_id": world.source},
    385: lambda world: {"game_id": world.game, **POOL},
    387: lambda world: {"game_id": world.game},
    388: lambda world: {"game_id": world.game},
    389: lambda world: {"game_id": world.game},
    390: lambda world: {"game_id": world.game},
    395: lambda world: {"game_id": world.game, **EVENT},
    610: lambda world: {},
    611: lambda world: {},
    616: lambda world: {"game_id": world.game},
    617: lambda world: {"game_id": world.game, "username": "user"},
    618: lambda world: {"game_id": world.game, "username": "game_admin"},
    376: lambda world: {"game_id": world.game},
    3751: lambda world: {"game_id": world.game},
    3701: lambda world: {"source_id": world.source, **NEW_GAME},
    3702: lambda world: {"game_id": world.upcoming},
    3870: lambda world: {"game_id": world.game},
    3811: lambda world: {"source_id": world.source},
    3950: lambda world: {"game_id": world.game, **EVENT},
    3961: lambda world: {"game_id": world.game, "action_id": "goal", "target_id": "brazil"},
    3975: lambda world: {"game_id": world.game, "action_id": "goal"},
    3976: lambda world: {"game_id": world.game},
    3985: lambda world: {"game_id": world.game, "action_id": "goal"},
    3986: lambda world: {"game_id": world.game},
    800: lambda world: {},
    1000: lambda world: {},
    1001: lambda world: {"user_id": 1, "is_provider": True},
    1002: lambda world: {"user_id": 1, "amount": 5},
    1003: lambda world: {},
    1004: lambda world: {},
    810: lambda world: {},
    840: lambda world: {},
    820: lambda world: {},
    830: lambda world: {},
    831: lambda world: {},
    3890: lambda world: {},
    450: lambda world: {},
    451: lambda world: {"game_id": world.game},
    452: lambda world: {},
    453: lambda world: {"game_id": world.game},
    454: lambda world: {"source_id": world.source},
    4505: lambda world: {"game_id": world.game},
    4516: lambda world: {"source_id": world.source},
    4517: lambda world: {"source_id": world.source},
    461: lambda world: {"game_id": world.game},
    462: lambda world: {"username": "provider"},
    464: lambda world: {},
    467: lambda world: {"user_id": PROVIDER_ID},
    469: lambda world: {},
    900: lambda world: {"text": "Come on!", "targets": world.game},
    902: lambda world: {"channel": world.game},
    904: lambda world: {"game_id": world.game, "user_id": PROVIDER_ID, "duration_s": 60},
}

STAGED_PARAMETERS: dict[int, Callable[[World, Stage], dict[str, Any]]] = {
    391: lambda world, stage: {"bet_id": stage.bet},
    392: lambda world, stage: {"pool_id": stage.pool, "target": "Brazil", "amount": 1},
    393: lambda world, stage: {"pool_id": stage.pool},
    460: lambda world, stage: {"pool_id": stage.pool},
    394: lambda world, stage: {"pool_id": stage.pool},
    396: lambda world, stage: {"pool_id": stage.pool},
    397: lambda world, stage: {"pool_id": stage.pool},
    398: lambda world, stage: {"pool_id": stage.pool},
    3852: lambda world, stage: {"pool_id": stage.pool, "description": "Who is next?"},
    3955: lambda world, stage: {"pool_id": stage.pool, "winners": ["brazil"]},
    3953: lambda world, stage: {"event_id": stage.event},
    3954: lambda world, stage: {"event_id": stage.event, "description": "Header"},
    3951: lambda world, stage: {"game_id": world.game, "event_id": stage.event},
    3952: lambda world, stage: {"pool_id": stage.pool},
}

PREPARATIONS: dict[int, Callable[[World, Client], Awaitable[dict[str, Any]]]] = {
    364: lambda world, client: client.call(363, game_id=world.game),
    900: lambda world, client: client.call(363, game_id=world.game),
}


async def set_stage(world: World) -> Stage:
    """A pool in the game, a bet in it, and an event."""
    pool = (await world.game_admin.call(385, game_id=world.game, **POOL))["pool_id"]
    bet = (await world.user.call(392, pool_id=pool, target="brazil", amount=1))["bet_id"]
    event = await world.game_admin.call(395, game_id=world.game, action_id="offside", target_id="brazil:7")
    return Stage(pool, bet, event["event_id"])


async def cancellable_bet(world: World) -> dict[str, Any]:
    """A bet before the match, in a pool whose bets can be cancelled."""
    game = await world.server.open_game(world.provider, world.source, live_start_at=START_MS + 3_600_000)
    await world.provider.call(617, game_id=game, username="game_admin")
    pool = (await world.game_admin.call(385, game_id=game, is_cancellable=True, **POOL))["pool_id"]
    return {"bet_id": (await world.user.call(392, pool_id=pool, target="brazil", amount=1))["bet_id"]}


async def session_to_end(world: World) -> dict[str, Any]:
    """A session of ``world.user``'s on which no connection depends."""
    return {"session_id": (await world.user.call(101))["session_key"].partition(".")[0]}


async def closed_game(world: World) -> dict[str, Any]:
    """A game that is closed."""
    game = await world.server.open_game(world.provider, world.source)
    await world.provider.call(375, game_id=game)
    return {"game_id": game}


async def requested_friend(world: World) -> dict[str, Any]:
    """A user whom ``world.user`` has asked to be a friend."""
    await world.user.call(462, username="provider")
    return {"user_id": PROVIDER_ID}


async def requesting_friend(world: World) -> dict[str, Any]:
    """A user who has asked ``world.user`` to be a friend."""
    await world.provider.call(462, username="user")
    return {"user_id": PROVIDER_ID}


async def blocked_user(world: World) -> dict[str, Any]:
    """A user whom ``world.user`` has blocked."""
    await world.user.call(467, user_id=PROVIDER_ID)
    return {"user_id": PROVIDER_ID}


async def written_message(world: World) -> dict[str, Any]:
    """A message of ``world.user``'s in the game."""
    await world.user.call(363, game_id=world.game)
    while "message_ids" not in (written := await world.user.call(900, text="Come on!")):
        world.server.clock.time_ms += written["retry_after_ms"]  # where this is asked for again and again
    return {"message_id": written["message_ids"][0]}


MADE: dict[int, Callable[[World], Awaitable[dict[str, Any]]]] = {
    103: session_to_end,
    378: closed_game,
    463: requested_friend,
    465: requesting_friend,
    468: blocked_user,
    903: written_message,
    3921: cancellable_bet,
}


async def example(op: int, world: World) -> dict[str, Any]:
    """The parameters of an acceptable request."""
    if op in MADE:
        return await MADE[op](world)
    if op in STAGED_PARAMETERS:
        return STAGED_PARAMETERS[op](world, await set_stage(world))
    if op not in PARAMETERS:
        name = OPERATIONS[op].name
        pytest.fail(f"operation {op} ({name}) has no example parameters: add them to {__name__}.PARAMETERS")
    return PARAMETERS[op](world)


async def prepare(op: int, world: World, client: Client) -> None:
    """Do what must have been done before the example is accepted."""
    if op in PREPARATIONS:
        await PREPARATIONS[op](world, client)


def entitled(op: int, world: World) -> Client:
    """A connection whose user has the role that the operation asks for, and no greater one if possible."""
    if op == 616:
        return world.source_admin
    return {
        Role.ANYONE: world.user,
        Role.USER: world.user,
        Role.PROVIDER: world.outsider,
        Role.SERVER_ADMIN: world.admin,
        Role.SOURCE_ADMIN: world.source_admin,
        Role.GAME_ADMIN: world.game_admin,
        Role.GAME_OR_SOURCE_ADMIN: world.game_admin,
    }[OPERATIONS[op].by]


def special_role(op: int) -> Role | None:
    """The role that an operation asks for, if not every user has it."""
    return OPERATIONS[op].by if OPERATIONS[op].by not in (Role.ANYONE, Role.USER) else None


def not_entitled(op: int, world: World) -> list[Client]:
    """Connections whose users have other roles than the special one that the operation asks for."""
    return {
        Role.PROVIDER: [world.user, world.source_admin, world.game_admin, world.admin],
        Role.SERVER_ADMIN: [world.user, world.source_admin, world.game_admin, world.outsider],
        Role.SOURCE_ADMIN: [world.user, world.game_admin, world.outsider, world.admin],
        Role.GAME_ADMIN: [world.user, world.source_admin, world.outsider, world.admin],
        Role.GAME_OR_SOURCE_ADMIN: [world.user, world.outsider, world.admin],
    }[OPERATIONS[op].by]


def fields_of(op: int) -> list[msgspec.structs.FieldInfo]:
    """The parameters of an operation."""
    return [field for field in msgspec.structs.fields(OPERATIONS[op].request) if field.name != "header"]


def required_fields_of(op: int) -> list[str]:
    """The parameters that must be there."""
    return [field.name for field in fields_of(op) if field.required]


def _is_of(field: msgspec.structs.FieldInfo, kind: object) -> bool:
    return kind in (field.type, *getattr(field.type, "__args__", ()))


def id_fields_of(op: int) -> list[str]:
    """The parameters that name something by its id."""
    return [field.name for field in fields_of(op) if _is_of(field, Uuid)]


def username_fields_of(op: int) -> list[str]:
    """The parameters that name a user."""
    return [field.name for field in fields_of(op) if _is_of(field, Username)]


def names_in(op: int) -> dict[str, str | int]:
    """The parameters that name something, each with a name that nothing has."""
    users = {field.name: 2**53 - 1 for field in fields_of(op) if field.name == "user_id"}
    return {
        **dict.fromkeys(id_fields_of(op), UNKNOWN_ID),
        **dict.fromkeys(username_fields_of(op), "nobody"),
        **users,
    }


def operations(*kinds: Kind, having: Callable[[int], object] = lambda op: True) -> pytest.MarkDecorator:
    """One test for every operation, or every one of these kinds, that has what is asked for."""
    ops = [op for op, operation in sorted(OPERATIONS.items()) if (not kinds or operation.kind in kinds) and having(op)]
    return pytest.mark.parametrize("op", ops, ids=[f"{op}-{OPERATIONS[op].name}" for op in ops])
