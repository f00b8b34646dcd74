from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.harness import Client, Server, run_inline, running_server
from tests.support.world import NEVER_S, World, assert_broadcast


async def user_id(client: Client) -> int:
    number: int = (await client.call(100))["user_id"]
    return number


async def join(world: World, *clients: Client) -> None:
    for client in clients:
        assert (await client.call(363, game_id=world.game))["res"] == 333


async def test_the_others_are_told_when_a_user_joins_and_leaves(world: World) -> None:
    await join(world, world.outsider, world.user)
    who = {"game_id": world.game, "user_id": await user_id(world.user), "user_name": "user"}
    assert_broadcast(await world.outsider.expect(470), 470, None, **who)
    assert await world.user.heard() == []
    await world.user.call(364, game_id=world.game)
    assert_broadcast(await world.outsider.expect(480), 480, None, **who)
    assert await world.user.heard() == []


async def test_only_who_has_joined_that_game_is_told(world: World) -> None:
    await world.outsider.call(363, game_id=world.upcoming)
    await join(world, world.user)
    assert await world.outsider.heard() == []
    assert await world.provider.heard() == []


async def test_a_dropped_connection_leaves_its_games(world: World) -> None:
    await join(world, world.outsider, world.user)
    await world.outsider.expect(470)
    await world.user.socket.aclose()
    assert (await world.outsider.expect(480))["user_name"] == "user"


async def test_of_a_user_s_connections_the_first_comes_and_the_last_goes(world: World) -> None:
    second = await world.server.connect("user")
    await join(world, world.outsider, world.user, second)
    assert [message["res"] for message in await world.outsider.heard()] == [470]
    assert await world.user.heard() == []
    await world.user.call(364, game_id=world.game)
    assert await world.outsider.heard() == []
    await second.call(364, game_id=world.game)
    assert [message["res"] for message in await world.outsider.heard()] == [480]


async def test_joining_again_is_no_coming(world: World) -> None:
    await join(world, world.outsider, world.user, world.user)
    await world.user.call(363, game_id=world.game, after_seq=0)
    assert [message["res"] for message in await world.outsider.heard()] == [470]


async def test_who_comes_back_is_told_again(world: World) -> None:
    await join(world, world.outsider, world.user)
    await world.user.call(364, game_id=world.game)
    await join(world, world.user)
    assert [message["res"] for message in await world.outsider.heard()] == [470, 480, 470]


async def test_presence_is_not_recovered(world: World) -> None:
    await join(world, world.outsider, world.user)
    await world.provider.call(363, game_id=world.game, after_seq=0)
    assert [message["res"] for message in await world.provider.heard()] == [340]


@pytest.fixture
async def crowded(database: Path) -> AsyncIterator[Server]:
    """A server on which a game with more than two subscribers is large."""
    settings: dict[str, Any] = {"presence_detail_limit": 2, "ping_interval_s": NEVER_S}
    async with running_server(database, run_sync=run_inline, **settings) as server:
        yield server


async def game_with(server: Server, names: str) -> tuple[str, list[Client]]:
    """A game, and connections of these users that have joined it one after the other."""
    provider = await server.connect("provider")
    game = await server.open_game(provider, await server.open_source(provider))
    clients = [await server.connect(name) for name in names]
    for client in clients:
        await client.call(363, game_id=game)
    return game, clients


async def test_up_to_the_limit_each_coming_and_going_is_told(crowded: Server, autojump_clock: MockClock) -> None:
    game, (ann, bob) = await game_with(crowded, "ab")
    await bob.call(364, game_id=game)
    await trio.sleep(5)
    assert [message["res"] for message in await ann.heard()] == [470, 480]


async def test_above_the_limit_comings_are_counted_instead(crowded: Server, autojump_clock: MockClock) -> None:
    game, (ann, bob, _) = await game_with(crowded, "abc")
    await trio.sleep(5)
    assert (await ann.expect(470))["user_name"] == "b"
    for client in (ann, bob):
        assert_broadcast(await client.expect(471), 471, None, game_id=game, subscribers=3, joined=1, left=0)
        assert await client.heard() == []


async def test_in_a_large_game_one_update_a_second_tells_what_happened_since_the_last(
    crowded: Server, autojump_clock: MockClock
) -> None:
    game, clients = await game_with(crowded, "abc")
    ann, told_at = clients[0], []
    await ann.expect(470)
    await ann.expect(471)
    told_at.append(trio.current_time())
    for name in "defg":
        clients.append(await crowded.connect(name))
        await clients[-1].call(363, game_id=game)
    await clients[3].call(364, game_id=game)
    await clients[4].socket.aclose()
    assert_broadcast(await ann.expect(471), 471, None, game_id=game, subscribers=5, joined=4, left=2)
    told_at.append(trio.current_time())
    assert told_at[1] - told_at[0] == pytest.approx(1, abs=0.01)
    await trio.sleep(10)
    assert await ann.heard() == []


async def test_a_second_connection_counts_as_subscriber_and_not_as_coming(
    crowded: Server, autojump_clock: MockClock
) -> None:
    game, (ann, *_) = await game_with(crowded, "abc")
    await trio.sleep(5)
    await ann.heard()
    again = await crowded.connect("c")
    await again.call(363, game_id=game)
    await trio.sleep(5)
    assert await ann.heard() == []
    fourth = await crowded.connect("d")
    await fourth.call(363, game_id=game)
    await trio.sleep(5)
    assert_broadcast(await ann.expect(471), 471, None, game_id=game, subscribers=5, joined=1, left=0)


async def test_nothing_is_told_of_a_large_game_that_has_closed_meanwhile(
    crowded: Server, autojump_clock: MockClock
) -> None:
    game, (ann, *_) = await game_with(crowded, "abc")
    await trio.sleep(5)
    await ann.heard()
    await (await crowded.connect("d")).call(363, game_id=game)
    provider = await crowded.connect("provider")
    await provider.call(375, game_id=game)
    await trio.sleep(5)
    heard = [message["res"] for message in await ann.heard()]
    assert heard.index(341) == len(heard) - 1
