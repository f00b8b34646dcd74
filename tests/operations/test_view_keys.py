"""View keys: sessions that only join and read (protocol, "Sessions")."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gameserver.admin.commands import ReplaceKeys
from gameserver.handlers.table import READS
from gameserver.protocol.declare import Kind, Request
from gameserver.protocol.game_lists import ListGamesForSource
from gameserver.protocol.registry import OPERATIONS
from tests.operations.examples import POOL, entitled, example, operations, prepare
from tests.operations.test_logon import proof, query
from tests.support.harness import START_MS, Client, FakeClock, Server, run_inline, running_server
from tests.support.world import (
    DAY_MS,
    NEVER_S,
    World,
    assert_broadcast,
    assert_refused,
    assert_reply,
    bearer,
    handshake_status,
    is_closed,
    within,
)

DISTRIBUTION = 361  # comes to all who have joined a game, when it is time for it


def for_views(op: int) -> bool:
    return OPERATIONS[op].for_views


async def view_key(client: Client) -> str:
    """A new view key of a client's user."""
    key: str = (await client.call(101))["session_key"]
    return key


async def view_of(server: Server, client: Client, path: str = "/") -> Client:
    """A connection by a new view key of a client's user."""
    return await server.connect(path=path, headers=bearer(await view_key(client)))


async def test_a_view_key_is_a_session_key_that_lasts_30_days(server: Server, clock: FakeClock) -> None:
    reply = await (await server.connect("ann")).call(101)
    assert_reply(reply, 101, session_key=reply["session_key"], expires_at=START_MS + 30 * DAY_MS)
    for age_ms, status in ((30 * DAY_MS - 1, 101), (30 * DAY_MS, 401)):
        clock.time_ms = START_MS + age_ms
        assert await handshake_status(server, Authorization=f"Bearer {reply['session_key']}") == status


async def test_the_days_of_a_view_key_are_a_setting(database: Path) -> None:
    async with running_server(database, view_key_days=2) as server:
        assert (await (await server.connect("ann")).call(101))["expires_at"] == START_MS + 2 * DAY_MS


async def test_a_view_key_logs_on_in_each_way(server: Server) -> None:
    ann = await server.add_user("ann")
    key = await view_key(await server.connect("ann"))
    view = {"id": ann["id"], "session_key": key}
    anonymous = [await server.connect() for _ in range(2)]
    replies = [
        await anonymous[0].call(100, header={"session_key": key}),
        await anonymous[1].call(100, **proof(view, "n1")),
    ]
    for reply in replies:
        assert_reply(reply, 100, session_key=key, user_id=ann["id"], username="ann", limits=reply["limits"])
    by_query = await server.connect(path=query(**proof(view, "n2")))
    by_header = await server.connect(headers=bearer(key))
    for client in (*anonymous, by_query, by_header):
        assert_refused(await client.call(800), 800, "not_authorized")
    assert await handshake_status(server, query(**proof(view, "n2"))) == 401


@operations(having=lambda op: not for_views(op))
async def test_a_view_key_is_refused_what_is_not_for_views_before_anything_else_is_looked_at(
    world: World, op: int
) -> None:
    client, parameters, header = entitled(op, world), await example(op, world), {"key": "k1"}
    await prepare(op, world, client)
    view = await view_of(world.server, client)
    assert_refused(await view.call(op, **parameters), op, "not_authorized")
    assert_refused(await view.call(op, no_such_thing=1), op, "not_authorized")
    # Neither what its user may do nor what is stored for its user is the view key's.
    if OPERATIONS[op].kind is Kind.WRITE:
        assert (await client.call(op, header=header, **parameters))["res"] != 666
        assert_refused(await view.call(op, header=header, **parameters), op, "not_authorized")


@operations(having=for_views)
async def test_a_view_key_is_answered_what_everybody_is(world: World, op: int) -> None:
    parameters = await example(op, world)
    await world.provider.call(616, game_id=world.game)
    users = [world.user, world.provider, world.game_admin]
    views = [await view_of(world.server, user) for user in users]
    replies = []
    for client in (*views, await world.server.connect("stranger")):
        await prepare(op, world, client)
        reply = await client.call(op, **parameters)
        assert reply["res"] != 666
        # They join one after the other, and are counted.
        replies.append({name: reply[name] for name in reply if name not in ("response_header", "subscribers")})
    assert replies == [replies[0]] * 4


async def test_reads_by_a_view_key_know_nothing_of_its_user(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    request_type: type[Request] = ListGamesForSource
    readers, listing = [], READS[request_type]

    def noting(reading: Any, request: Any) -> Any:
        readers.append((reading.user.id, reading.user.is_provider))
        return listing(reading, request)

    monkeypatch.setitem(READS, request_type, noting)
    for client in (world.provider, await view_of(world.server, world.provider)):
        await client.call(380, source_id=world.source)
    provider = (await world.provider.call(100))["user_id"]
    assert readers == [(provider, True), (0, False)]


async def test_an_unknown_operation_is_refused_to_a_view_key_like_any_other(world: World) -> None:
    view = await view_of(world.server, world.user)
    assert_refused(await view.call(999), 999, "not_authorized")
    assert (await view.call(999, header={"api_version": 2}))["code"] == "unsupported_version"
    await view.send("[]")
    assert (await view.receive())["code"] == "bad_request"


@operations()
async def test_a_view_key_hears_what_any_subscriber_does_and_nothing_that_is_meant_for_its_user(
    world: World, op: int
) -> None:
    users = [world.provider, world.source_admin, world.game_admin, world.user]
    stranger = await world.server.connect("stranger")
    listeners = [stranger, *[await view_of(world.server, user) for user in users]]
    for listener in listeners:
        for game in (world.game, world.upcoming):
            assert (await listener.call(363, game_id=game))["res"] == 333
    parameters = await example(op, world)
    client = entitled(op, world)
    await prepare(op, world, client)
    assert (await client.call(op, **parameters))["res"] != 666 or op == 100
    heard = [
        [message for message in await listener.heard() if message["res"] != DISTRIBUTION] for listener in listeners
    ]
    assert heard == [heard[0]] * len(listeners)


async def test_what_is_meant_for_a_user_reaches_the_users_other_connections_alone(world: World) -> None:
    pool = (await world.game_admin.call(385, game_id=world.game, **POOL))["pool_id"]
    users = [world.user, world.outsider]
    views = [await view_of(world.server, user) for user in users]
    assert (await world.user.call(392, pool_id=pool, target="brazil", amount=1))["res"] == 356
    assert (await world.provider.call(617, game_id=world.game, username="provider_outside"))["res"] == 617
    assert [[message["res"] for message in await user.heard()] for user in users] == [[815], [640]]
    assert [await view.heard() for view in views] == [[], []]


async def test_a_view_key_recovers_and_watches_what_everybody_may(world: World) -> None:
    view = await view_of(world.server, world.user, f"/?source={world.source}")
    reply = await view.call(363, game_id=world.game, after_seq=0)
    assert_reply(
        reply,
        333,
        game_id=world.game,
        seq=reply["seq"],
        recovered=True,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    assert [message["res"] for message in await view.heard()] == [340]
    await world.provider.call(3702, game_id=world.upcoming)
    assert [message["res"] for message in await view.heard()] == [3402]


async def test_a_view_key_is_not_present_in_a_game(world: World) -> None:
    view = await view_of(world.server, world.user)
    assert (await world.provider.call(363, game_id=world.game))["res"] == 333
    for after_seq in (None, 0, None):
        assert (await view.call(363, game_id=world.game, after_seq=after_seq))["res"] == 333
    await view.call(364, game_id=world.game)
    await view.call(363, game_id=world.game)
    await view.socket.aclose()
    assert await world.provider.heard() == []


async def test_a_user_comes_and_goes_whatever_its_view_keys_do(world: World) -> None:
    view = await view_of(world.server, world.user)
    assert (await world.provider.call(363, game_id=world.game))["res"] == 333
    user_id = (await world.user.call(100))["user_id"]
    who = {"game_id": world.game, "user_id": user_id, "user_name": "user"}
    await view.call(363, game_id=world.game)
    await world.user.call(363, game_id=world.game)
    assert_broadcast(await world.provider.expect(470), 470, None, **who)
    await world.user.call(364, game_id=world.game)
    assert_broadcast(await world.provider.expect(480), 480, None, **who)
    assert [message["res"] for message in await view.heard()] == [470, 480]


async def test_in_a_large_game_a_view_key_counts_as_subscriber_and_not_as_coming_or_going(
    database: Path, autojump_clock: MockClock
) -> None:
    settings: dict[str, Any] = {"presence_detail_limit": 2, "ping_interval_s": NEVER_S}
    async with running_server(database, run_sync=run_inline, **settings) as server:
        provider = await server.connect("provider")
        game = await server.open_game(provider, await server.open_source(provider))
        ann, bob, cat = [await server.connect(name) for name in ("ann", "bob", "cat")]
        view = await view_of(server, cat)
        for client in (ann, bob, view):
            await client.call(363, game_id=game)
        await trio.sleep(5)
        assert [message["res"] for message in await ann.heard()] == [470]
        await cat.call(363, game_id=game)
        await trio.sleep(5)
        assert_broadcast(await ann.expect(471), 471, None, game_id=game, subscribers=4, joined=1, left=0)
        await view.call(364, game_id=game)
        await bob.call(364, game_id=game)
        await trio.sleep(5)
        assert [message["res"] for message in await ann.heard()] == [480]


async def test_the_eleventh_view_key_ends_the_oldest_and_no_session(server: Server, clock: FakeClock) -> None:
    ann = await server.connect("ann")
    for _ in range(9):
        await server.new_key("ann")
    oldest, *others = [await view_key(ann) for _ in range(10)]
    first = await server.connect(headers=bearer(oldest))
    second = await server.connect(headers=bearer(others[0]))
    await view_key(ann)
    async with within():
        assert await first.close_code() == 4002
    assert await handshake_status(server, Authorization=f"Bearer {oldest}") == 401
    assert_reply(await second.call(1), 1)
    assert_reply(await ann.call(1), 1)
    await server.new_key("ann")
    async with within():
        assert await ann.close_code() == 4002
    assert_reply(await second.call(1), 1)


async def test_a_new_key_of_the_command_line_ends_view_keys_too(server: Server) -> None:
    ann = await server.connect("ann")
    key = await view_key(ann)
    view = await server.connect(headers=bearer(key))
    await server.command(ReplaceKeys("ann"))
    async with within():
        assert await view.close_code() == 4002
    assert await handshake_status(server, Authorization=f"Bearer {key}") == 401


async def test_a_view_key_outlives_the_session_that_made_it(server: Server) -> None:
    ann = await server.connect("ann")
    view = await view_of(server, ann)
    current = (await server.key_of("ann")).partition(".")[0]
    assert_reply(await ann.call(103, session_id=current), 103, session_id=current)
    assert_reply(await view.call(1), 1)


async def test_a_view_key_is_still_one_after_a_restart(database: Path) -> None:
    async with running_server(database) as server:
        key = await view_key(await server.connect("ann"))
    async with running_server(database) as server:
        view = await server.connect(headers=bearer(key))
        assert_refused(await view.call(800), 800, "not_authorized")
        assert_reply(await view.call(1), 1)


async def test_connections_by_view_keys_count_among_the_users_connections(database: Path) -> None:
    async with running_server(database, max_connections_per_user=2) as server:
        key = await view_key(await server.connect("ann"))
        view = await server.connect(headers=bearer(key))
        assert await handshake_status(server, Authorization=f"Bearer {key}") == 503
        assert not await is_closed(view)


async def test_requests_by_view_keys_count_among_the_users_requests(database: Path) -> None:
    async with running_server(database, max_requests_per_s=5) as server:
        ann = await server.connect("ann")
        view = await view_of(server, ann)
        codes = [(await view.call(1)).get("code") for _ in range(10)]
        assert codes[-1] == "rate_limited"
        assert (await ann.call(1)).get("code") == "rate_limited"


async def test_each_view_key_is_another_one_though_the_requests_have_one_key(server: Server) -> None:
    ann = await server.connect("ann")
    made = [(await ann.call(101, header={"key": "k1"}))["session_key"] for _ in range(2)]
    assert made[0] != made[1]
