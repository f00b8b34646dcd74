from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.harness import START_MS, Client, FakeClock, Server, run_inline, running_server
from tests.support.world import NEVER_S, RunningClock, World, assert_broadcast, assert_refused, assert_reply, bearer


@pytest.mark.parametrize("admin", ["game_admin", "source_admin", "provider"])
async def test_an_admin_of_the_game_or_its_source_closes_it_and_who_joined_is_told(world: World, admin: str) -> None:
    await world.user.call(363, game_id=world.game)
    assert_reply(await getattr(world, admin).call(375, game_id=world.game), 341, game_id=world.game)
    assert_broadcast(await world.user.expect(341), 341, 2, game_id=world.game)
    assert (await world.user.call(372, game_id=world.game))["status"] == "game_closed"


async def test_who_closes_a_joined_game_gets_reply_and_broadcast(world: World) -> None:
    await world.provider.call(363, game_id=world.game)
    assert_reply(await world.provider.call(375, game_id=world.game), 341, game_id=world.game)
    (message,) = await world.provider.heard()
    assert_broadcast(message, 341, 2, game_id=world.game)


async def test_closing_ends_the_subscriptions_without_a_word_of_who_leaves(world: World) -> None:
    for client in (world.user, world.outsider):
        await client.call(363, game_id=world.game)
    await world.user.heard()
    await world.provider.call(375, game_id=world.game)
    assert [message["res"] for message in await world.user.heard()] == [341]
    assert_refused(await world.user.call(364, game_id=world.game), 364, "conflict")
    assert await world.outsider.heard() != []
    await world.outsider.socket.aclose()
    assert await world.user.heard() == []


async def test_a_closed_game_cannot_be_closed_again(world: World) -> None:
    for game in (world.game, world.upcoming):
        assert (await world.provider.call(375, game_id=game))["res"] == 341
        assert_refused(await world.provider.call(375, game_id=game), 375, "game_closed")


async def test_an_upcoming_game_can_be_closed(world: World) -> None:
    await world.user.call(363, game_id=world.upcoming)
    assert_reply(await world.provider.call(375, game_id=world.upcoming), 341, game_id=world.upcoming)
    assert_broadcast(await world.user.expect(341), 341, 2, game_id=world.upcoming)


async def test_a_closed_game_leaves_the_lists(world: World) -> None:
    for game in (world.game, world.upcoming):
        await world.provider.call(375, game_id=game)
    assert (await world.user.call(380, source_id=world.source))["games"] == {}
    assert (await world.user.call(3811, source_id=world.source))["games"] == {}


async def create(server: Server, op: int, close_at: int) -> tuple[Client, str]:
    """A provider's connection and a game that will close by itself."""
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    game = await provider.call(op, source_id=source, game_name="G", type="t", close_at=close_at)
    return provider, game["game_id"]


@pytest.mark.parametrize("op", [370, 3701])
async def test_at_close_at_the_server_closes_the_game_itself(
    database: Path, autojump_clock: MockClock, op: int
) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    async with running_server(database, RunningClock(), **settings) as server:
        began_s = trio.current_time()
        client, game = await create(server, op, START_MS + 90_000)
        await client.call(363, game_id=game)
        assert_broadcast(await client.expect(341), 341, 2, game_id=game)
        assert trio.current_time() - began_s == pytest.approx(90, abs=0.1)


@pytest.mark.parametrize("op", [370, 3701])
async def test_from_close_at_on_every_request_finds_the_game_closed(server: Server, clock: FakeClock, op: int) -> None:
    client, game = await create(server, op, START_MS + 500)
    clock.time_ms = START_MS + 499
    assert (await client.call(373, game_id=game, actions="A"))["res"] == 343
    clock.time_ms = START_MS + 500
    assert_refused(await client.call(373, game_id=game, actions="B"), 373, "game_closed")
    assert_refused(await client.call(375, game_id=game), 375, "game_closed")
    assert_refused(await client.call(363, game_id=game), 363, "game_closed")


@pytest.mark.parametrize("first", [363, 372])
async def test_a_read_at_close_at_finds_the_game_closed_too(server: Server, clock: FakeClock, first: int) -> None:
    client, game = await create(server, 370, START_MS + 500)
    clock.time_ms = START_MS + 500
    reply = await client.call(first, game_id=game)
    assert reply.get("code", reply.get("status")) == "game_closed"


@pytest.mark.parametrize("op", [370, 3701])
async def test_a_game_whose_close_at_passed_while_the_server_was_down_is_closed_at_start(
    database: Path, op: int
) -> None:
    async with running_server(database) as server:
        _, game = await create(server, op, START_MS + 500)
        key = await server.key_of("provider")
    clock = FakeClock()
    clock.time_ms = START_MS + 60_000
    async with running_server(database, clock) as server:
        client = await server.connect(headers=bearer(key))
        reply = await client.call(363, game_id=game, after_seq=1)
        assert_reply(
            reply,
            333,
            game_id=game,
            seq=2,
            recovered=True,
            roles=["source_admin"],
            subscribers=reply["subscribers"],
            epoch=reply["epoch"],
        )
        closed = await client.expect(341)
        assert_broadcast(closed, 341, 2, game_id=game)
        assert closed["response_header"]["t"] == START_MS + 60_000
        assert (await client.call(372, game_id=game))["status"] == "game_closed"


async def test_a_game_whose_close_at_has_not_come_outlives_a_restart_and_closes_then(database: Path) -> None:
    async with running_server(database) as server:
        _, game = await create(server, 370, START_MS + 500)
        key = await server.key_of("provider")
    clock = FakeClock()
    async with running_server(database, clock) as server:
        client = await server.connect(headers=bearer(key))
        assert (await client.call(363, game_id=game))["res"] == 333
        clock.time_ms = START_MS + 500
        assert (await client.call(372, game_id=game))["status"] == "game_closed"
        assert_broadcast(await client.expect(341), 341, 2, game_id=game)


async def test_a_game_closed_by_hand_does_not_close_again_at_close_at(server: Server, clock: FakeClock) -> None:
    client, game = await create(server, 370, START_MS + 500)
    await client.call(375, game_id=game)
    clock.time_ms += 1_000
    assert (await client.call(363, game_id=game, after_seq=0))["seq"] == 2
    assert [message["res"] for message in await client.heard()] == [340, 341]


async def test_games_due_at_once_close_each(server: Server, clock: FakeClock) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    games = [
        await server.open_game(provider, source, close_at=START_MS + moment) for moment in (300, 100, 100, 200, 10_000)
    ]
    for game in games:
        await provider.call(363, game_id=game)
    clock.time_ms += 300
    assert list((await provider.call(380, source_id=source))["games"]) == games[4:]
    closed = [message["game_id"] for message in await provider.heard()]
    assert sorted(closed) == sorted(games[:4])
