"""Of a user strangers learn the name, who is present, rank and points, what is said in chat, and net results alone.

That somebody has bet they learn too, not who. The tests are generated from the declarations: a new message that names
users fails them until it stands here.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
import pytest

from gameserver.admin.commands import CreditUser
from gameserver.protocol.declare import Kind, Message, tag_of
from gameserver.protocol.registry import MESSAGES, OPERATIONS
from gameserver.storage.connection import Connection
from tests.operations.examples import POOL, entitled, example, fields_of, operations, prepare
from tests.support.harness import Client, FakeClock, run_inline, running_server
from tests.support.people import People
from tests.support.settling import accepted, of_kind
from tests.support.world import World, build_world

NAME, ID = "victim", 7_770_001  # which nothing else in a message looks like
STAKES = ("137.31", "0.07")
CREDIT = "234.56"
BALANCES = (1097.18, 1234.56)

# Where a message names users, and what strangers may read of it.
NET_RESULTS = {"winners.*", "losers.*", "invalidated_bettors", "usernames.*"}
RANKED = {"leaderboard.user_id", "leaderboard.username"}
PUBLIC: dict[int, set[str]] = {
    362: NET_RESULTS,  # a pool's
    363: NET_RESULTS,
    470: {"user_id", "user_name"},  # presence
    480: {"user_id", "user_name"},
    901: {"sender", "sender_id"},  # chat
    902: {"messages.sender", "messages.sender_id"},
    **dict.fromkeys((450, 451, 4505, 4515, 4516, 4517), RANKED),
    455: {"top.user_id", "top.username"},
}
# Where the one who asked has named the user before.
NAMED_BEFORE: dict[int, set[str]] = {
    462: {"user_id", "username"},
    463: {"user_id", "username"},
    465: {"user_id", "username"},
    466: {"user_id", "username"},
    467: {"user_id", "username"},
    468: {"user_id", "username"},
    464: {"outgoing.user_id", "outgoing.username"},
    469: {"users.user_id", "users.username"},
    666: {"text"},
}
# What only who has a right to it is sent: admins, friends, the user himself.
NOT_FOR_STRANGERS: dict[int, set[str]] = {
    100: {"user_id", "username"},
    112: {"user_id", "username"},
    337: {"username"},
    338: {"username"},
    361: {"new_bets.user_id", "new_bets.username"},
    360: {"distribution.bets.user_id", "distribution.bets.username"},
    376: {"overdrawn.*"},
    378: {"overdrawn.*"},
    460: {"predictions.user_id", "predictions.username"},
    461: {
        "predictions.running.user_id",
        "predictions.running.username",
        "predictions.resolved.user_id",
        "predictions.resolved.username",
    },
    4611: {"user_id", "username"},
    **dict.fromkeys((452, 453, 454), RANKED),
    464: {"friends.user_id", "friends.username", "incoming.user_id", "incoming.username"},
    617: {"username"},
    618: {"username"},
    3660: {"pools.winners.*", "pools.losers.*"},
    3661: {"overdrawn.*"},
    3662: {"overdrawn.*"},
    3663: {"overdrawn.*"},
    3664: {"overdrawn.*"},
    904: {"user_id", "username"},
    1000: {"users.user_id", "users.username"},
    1001: {"user_id", "username"},
    1002: {"user_id"},
    1004: {"entries.user_id", "entries.username"},
    830: {"user_id", "username"},
}


def users_named_in(struct: Any, path: str = "", within: tuple[Any, ...] = ()) -> Iterator[str]:
    """The fields of a message, and of what is in it, that name a user or are keyed by users."""
    naming = {"user_id", "username", "user_name", "usernames", "sender", "sender_id"}
    keyed = {"winners", "losers", "overdrawn", "usernames"}
    for name, hint in get_type_hints(struct).items():
        if name in struct.__struct_fields__:
            at = f"{path}{name}"
            if name in keyed and "dict" in str(hint):
                yield f"{at}.*"
            elif name in naming or name == "invalidated_bettors":
                yield at
            for inner in structs_in(hint):
                if inner not in within:
                    yield from users_named_in(inner, f"{at}.", (*within, inner))


def structs_in(hint: Any) -> Iterator[Any]:
    if inspect.isclass(hint) and issubclass(hint, msgspec.Struct):
        yield hint
    for argument in get_args(hint):
        yield from structs_in(argument)


@pytest.mark.parametrize("struct", MESSAGES.values(), ids=lambda struct: struct.__name__)
def test_who_may_read_what_a_message_says_of_users_is_decided(struct: type[Message]) -> None:
    tables = (PUBLIC, NAMED_BEFORE, NOT_FOR_STRANGERS)
    decided = {path for table in tables for path in table.get(tag_of(struct), ())}
    assert set(users_named_in(struct)) == decided


PERSONAL = {466, 815, 4611, 9041}  # which a stranger is never sent about others


class Scene(NamedTuple):
    """A world in which the victim has bet, chatted, made a friend and asked another, watched by a stranger."""

    world: World
    people: People
    victim: Client
    stranger: Client
    pool: str
    bet: str
    message: str


@pytest.fixture
async def scene(database: Path, clock: FakeClock) -> AsyncIterator[Scene]:
    async with running_server(database, clock, run_inline, distribution_interval_ms=1) as server:
        yield await set_scene(await build_world(server))


async def set_scene(world: World) -> Scene:
    def number_users(connection: Connection) -> None:
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'users'", (ID - 1,))

    people, server = People(world.server), world.server
    mate = await people.client("mate")
    await server.context.store.write(number_users, server.clock.now_ms())
    victim = await people.client(NAME)
    assert people.ids[NAME] == ID
    await server.command(CreditUser(NAME, CREDIT, "DON"))
    await people.befriend(NAME, "mate")
    await people.ask(NAME, "another")
    await people.act(NAME, 467, "nuisance")
    people.clients["stranger"] = stranger = await server.connect("stranger", f"/?source={world.source}")
    for client in (stranger, mate, victim):
        await accepted(client, 363, game_id=world.game)
    pool = (await accepted(world.game_admin, 385, game_id=world.game, **POOL))["pool_id"]
    await accepted(mate, 392, pool_id=pool, target="argentina", amount=11)
    bets = [await accepted(victim, 392, pool_id=pool, target="brazil", amount=stake) for stake in STAKES]
    (message,) = (await accepted(victim, 900, text="Hello"))["message_ids"]
    server.clock.time_ms += 1_000
    for client in (stranger, mate):
        while not client.messages or client.messages[-1].get("bet_count") != 3:
            client.messages.append(await client.receive())
    return Scene(world, people, victim, stranger, pool, bets[0]["bet_id"], message)


def told_of_victim(message: Any, path: str = "") -> Iterator[str]:
    """Where a message names the victim, or has one of the victim's balances."""
    if isinstance(message, dict):
        for key, value in message.items():
            if key in (str(ID), NAME):
                yield f"{path}*"
            # What is keyed by ids has one path, whatever the ids.
            is_id = key == str(ID) or "-" in key or path.endswith("distribution.")
            yield from told_of_victim(value, f"{path}*." if key == str(ID) else path if is_id else f"{path}{key}.")
    elif isinstance(message, list):
        for item in message:
            yield from told_of_victim(item, path)
    elif message == ID or (isinstance(message, str) and (NAME in message or message == str(ID))):
        yield path[:-1]
    elif not isinstance(message, bool) and message in BALANCES:
        yield f"{path}balance"


def assert_tells_nothing(messages: list[dict[str, Any]]) -> None:
    """Nothing of the victim is told but what strangers may know, or have named themselves."""
    for message in messages:
        allowed = PUBLIC.get(message["res"], set()) | NAMED_BEFORE.get(message["res"], set())
        assert set(told_of_victim(message)) <= allowed, message


def about_victim(op: int, request: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The request about what the victim has done, where it may be."""
    names = {"pool_id": scene.pool, "bet_id": scene.bet, "message_id": scene.message, "user_id": ID, "username": NAME}
    known = {field.name for field in fields_of(op)}
    return {**request, **{name: value for name, value in names.items() if name in known and op != 395}}


@operations()
async def test_no_operation_whoever_calls_it_tells_a_stranger_more_of_a_user_than_strangers_may_know(
    scene: Scene, op: int
) -> None:
    world, stranger = scene.world, scene.stranger
    request = await example(op, world)
    replies = [await stranger.call(op, **it) for it in (request, about_victim(op, request, scene))]
    replies.append(await stranger.call(363, game_id=world.game))  # which it may have left
    client = entitled(op, world)
    await prepare(op, world, client)
    await client.call(op, **request)
    await scene.victim.call(op, **request)
    await client.call(op, **about_victim(op, request, scene))
    heard = await stranger.heard()
    assert_tells_nothing([*replies, *heard])
    broadcasts = set(map(tag_of, OPERATIONS[op].broadcasts)) - PERSONAL
    assert not broadcasts or broadcasts & {message["res"] for message in heard}


@operations(Kind.READ)
async def test_whoever_was_a_friend_or_is_blocked_or_has_asked_reads_as_a_stranger_does(scene: Scene, op: int) -> None:
    people = scene.people
    await people.befriend("former", NAME)
    await people.act(NAME, 463, "former")
    await people.befriend("blocked", NAME)
    await people.act(NAME, 467, "blocked")
    await people.ask("requester", NAME)
    request = about_victim(op, await example(op, scene.world), scene)
    for name in ("former", "blocked", "requester", "another"):
        client = await people.client(name)
        await accepted(client, 363, game_id=scene.world.game)
        await client.heard()
        reply = await client.call(op, **request)
        if op == 464 and name == "another":
            assert [user["username"] for user in reply["incoming"]] == [NAME]
            reply["incoming"] = []
        heard = await hear_of_bet(scene, client)
        assert_tells_nothing([reply, *heard])
        assert of_kind(heard, 4611) == []


async def hear_of_bet(scene: Scene, client: Client) -> list[dict[str, Any]]:
    """Let the victim bet; what a client hears until it has been told of it."""
    await accepted(scene.victim, 392, pool_id=scene.pool, target="brazil", amount=1)
    while not client.messages or client.messages[-1]["res"] != 361:
        client.messages.append(await client.receive())
    return await client.heard()


async def test_a_friend_reads_and_hears_what_strangers_do_not(scene: Scene) -> None:
    mate = scene.people.clients["mate"]
    await mate.heard()
    (told,) = of_kind(await hear_of_bet(scene, mate), 4611)
    assert (told["user_id"], told["username"]) == (ID, NAME)
    bets = (await accepted(mate, 461, game_id=scene.world.game))["predictions"]["running"]
    assert {(bet["user_id"], bet["username"]) for bet in bets} == {(ID, NAME)}
    (friend,) = (await accepted(mate, 464))["friends"]
    assert (friend["username"], friend["games"]) == (NAME, [scene.world.game])


def test_the_search_finds_what_it_looks_for_wherever_it_stands() -> None:
    message = {
        "res": 362,
        "winners": {str(ID): 1},
        "usernames": {str(ID): NAME},
        "deep": [{"a": [ID]}, {"text": f"of {NAME}"}],
        "amount": BALANCES[0],
        "id": str(ID),
    }
    found = {"winners.*", "usernames.*", "deep.a", "deep.text", "amount.balance", "id"}
    assert set(told_of_victim(message)) == found
