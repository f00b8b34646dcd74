from typing import Any

import pytest

from tests.support.harness import Server
from tests.support.world import UNKNOWN_ID, World, as_broadcast, assert_broadcast, assert_refused, handshake_status

NEW_GAME: dict[str, Any] = {"game_name": "G", "type": "t"}


async def other_source(world: World) -> str:
    source: str = (await world.outsider.call(611))["sources"][0]["id"]
    return source


async def test_a_watcher_gets_the_births_and_ends_of_a_source_s_games_without_joining(world: World) -> None:
    watcher = await world.server.connect("watcher", f"/?source={world.source}")
    opened = await world.provider.call(370, source_id=world.source, **NEW_GAME)
    created = await world.provider.call(3701, source_id=world.source, **NEW_GAME)
    later = await world.provider.call(3702, game_id=created["game_id"], actions="A")
    await world.provider.call(373, game_id=opened["game_id"], actions="B")
    await world.provider.call(375, game_id=opened["game_id"])
    first, second, third, fourth = await watcher.heard()
    assert [first, second, third] == [as_broadcast(opened, 1), as_broadcast(created, 1), as_broadcast(later, 2)]
    assert_broadcast(fourth, 341, 3, game_id=opened["game_id"])


async def test_a_watcher_hears_of_nothing_else_though_subscribers_do(world: World) -> None:
    watcher = await world.server.connect("watcher", f"/?source={world.source}")
    await world.user.call(363, game_id=world.game)
    await world.provider.call(373, game_id=world.game, actions="B")
    assert [message["res"] for message in await world.user.heard()] == [342]
    assert await watcher.heard() == []


async def test_a_watcher_is_told_of_games_closed_with_their_source(world: World) -> None:
    watcher = await world.server.connect("watcher", f"/?source={world.source}")
    await world.provider.call(366, source_id=world.source)
    closed = await watcher.heard()
    assert {message["game_id"] for message in closed} == {world.game, world.upcoming}
    assert {message["res"] for message in closed} == {341}


async def test_a_source_not_watched_is_not_heard_of(world: World) -> None:
    watcher = await world.server.connect("watcher", f"/?source={await other_source(world)}")
    await world.provider.call(370, source_id=world.source, **NEW_GAME)
    assert await watcher.heard() == []


async def test_several_sources_can_be_watched_and_one_twice_is_once(world: World) -> None:
    source = await other_source(world)
    watcher = await world.server.connect("watcher", f"/ws?source={world.source}&source={source}&source={source}")
    await world.provider.call(370, source_id=world.source, **NEW_GAME)
    await world.outsider.call(370, source_id=source, **NEW_GAME)
    assert [message["source_id"] for message in await watcher.heard()] == [world.source, source]


async def test_who_watches_and_has_joined_hears_once(world: World) -> None:
    watcher = await world.server.connect("watcher", f"/?source={world.source}")
    for game in (world.game, world.upcoming):
        await watcher.call(363, game_id=game)
    await world.provider.call(3702, game_id=world.upcoming)
    await world.provider.call(373, game_id=world.game, actions="A")
    await world.provider.call(375, game_id=world.game)
    assert [message["res"] for message in await watcher.heard()] == [3402, 342, 341]


async def test_who_watches_and_recovers_a_game_hears_once_of_what_comes(world: World) -> None:
    watcher = await world.server.connect("watcher", f"/?source={world.source}")
    await watcher.call(363, game_id=world.upcoming, after_seq=1)
    await world.provider.call(3702, game_id=world.upcoming)
    assert [message["res"] for message in await watcher.heard()] == [3402]


async def test_a_watcher_that_has_left_a_game_still_hears_of_its_close(world: World) -> None:
    watcher = await world.server.connect("watcher", f"/?source={world.source}")
    await watcher.call(363, game_id=world.game)
    await watcher.call(364, game_id=world.game)
    await world.provider.call(375, game_id=world.game)
    assert [message["res"] for message in await watcher.heard()] == [341]


async def test_who_has_not_logged_on_hears_nothing_until_then(world: World) -> None:
    watcher = await world.server.connect(path=f"/?source={world.source}")
    await world.provider.call(370, source_id=world.source, **NEW_GAME)
    assert await watcher.heard() == []
    await watcher.call(100, header={"session_key": await world.server.key_of("user")})
    await world.provider.call(370, source_id=world.source, **NEW_GAME)
    assert [message["res"] for message in await watcher.heard()] == [340]


async def test_watching_needs_no_join_and_tells_nobody(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    watcher = await world.server.connect("watcher", f"/?source={world.source}")
    assert await world.user.heard() == []
    reply: dict[str, Any] = await watcher.call(364, game_id=world.game)
    assert reply["code"] == "conflict"


async def test_a_log_on_over_a_url_with_an_unknown_source_is_refused_and_changes_nothing(world: World) -> None:
    watcher = await world.server.connect(path=f"/?source={world.source}&source={UNKNOWN_ID}")
    reply = await watcher.call(100, header={"session_key": await world.server.key_of("user")})
    assert_refused(reply, 100, "not_found", "source")
    assert (await watcher.call(611))["code"] == "not_logged_in"
    await world.provider.call(370, source_id=world.source, **NEW_GAME)
    assert await watcher.heard() == []


@pytest.mark.parametrize("source", [UNKNOWN_ID, "x", "", "%00"])
async def test_a_source_that_does_not_exist_cannot_be_watched(server: Server, source: str) -> None:
    key = await server.key_of("ann")
    assert await handshake_status(server, f"/?source={source}", Authorization=f"Bearer {key}") == 404
