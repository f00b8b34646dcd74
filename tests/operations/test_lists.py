from typing import Any

import pytest

from tests.support.harness import START_MS, Client, FakeClock, Server
from tests.support.world import UNKNOWN_ID, World, assert_refused, assert_reply

LISTS = pytest.mark.parametrize(("op", "create_op"), [(380, 370), (3811, 3701)])


async def create_games(client: Client, source: str, op: int, count: int) -> list[str]:
    """The ids of new games, the newest first."""
    replies = [await client.call(op, source_id=source, game_name=f"Game {number}", type="t") for number in range(count)]
    return [reply["game_id"] for reply in replies][::-1]


async def read_pages(client: Client, op: int, source: str, limit: int) -> list[dict[str, Any]]:
    """Every page of a list."""
    pages = [await client.call(op, source_id=source, limit=limit)]
    while pages[-1]["next"] is not None:
        pages.append(await client.call(op, source_id=source, limit=limit, after=pages[-1]["next"]))
    return pages


async def test_the_open_games_of_a_source_are_listed_with_what_a_lobby_shows(world: World) -> None:
    entry = {
        "status": "game_in_progress_betting_active",
        "name": "Argentina - Brazil",
        "type": "football",
        "open_at": START_MS,
        "live_start_at": START_MS,
        "close_at": None,
        "held_at": None,
        "currency": "DON",
        "hashtag": "#ArgentinaBrazil",
        "subscribers": 0,
        "score": None,
        "clock": None,
        "open_pools": 0,
        "hot_pools": 0,
        "closed_at": None,
        "cancelled_at": None,
    }
    reply = await world.user.call(380, source_id=world.source)
    assert_reply(reply, 345, source_id=world.source, games={world.game: entry}, next=None)


async def test_the_upcoming_games_of_a_source_are_listed_likewise(world: World) -> None:
    entry = {
        "source_id": world.source,
        "game_name": "Later",
        "currency": "DON",
        "live_start_at": START_MS,
        "open_at": START_MS,
        "type": "football",
        "hashtag": "#Later",
    }
    reply = await world.user.call(3811, source_id=world.source)
    assert_reply(reply, 3461, source_id=world.source, games={world.upcoming: entry}, next=None)


@LISTS
async def test_a_source_without_games_has_empty_lists(server: Server, op: int, create_op: int) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    reply = await provider.call(op, source_id=source)
    assert_reply(reply, {380: 345, 3811: 3461}[op], source_id=source, games={}, next=None)


@LISTS
async def test_games_are_listed_newest_first(server: Server, op: int, create_op: int) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    games = await create_games(provider, source, create_op, 5)
    assert list((await provider.call(op, source_id=source))["games"]) == games


@LISTS
@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 1000])
async def test_the_pages_together_are_the_list(server: Server, op: int, create_op: int, limit: int) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    games = await create_games(provider, source, create_op, 6)
    await create_games(provider, await server.open_source(provider), create_op, 2)
    pages = await read_pages(provider, op, source, limit)
    assert [game for page in pages for game in page["games"]] == games
    assert [len(page["games"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == -(-6 // limit)


@LISTS
async def test_a_page_has_100_games_unless_told_otherwise(server: Server, op: int, create_op: int) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    games = await create_games(provider, source, create_op, 101)
    reply = await provider.call(op, source_id=source)
    assert list(reply["games"]) == games[:100]
    assert list((await provider.call(op, source_id=source, after=reply["next"]))["games"]) == games[100:]


@LISTS
async def test_a_page_goes_on_after_a_game_that_has_left_the_list(server: Server, op: int, create_op: int) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    games = await create_games(provider, source, create_op, 4)
    page = await provider.call(op, source_id=source, limit=2)
    await provider.call(375, game_id=page["next"])
    assert list((await provider.call(op, source_id=source, after=page["next"]))["games"]) == games[2:]


@LISTS
@pytest.mark.parametrize("limit", [0, 1001, -1, "x", True, 2.5])
async def test_a_limit_that_is_not_1_to_1000_is_refused(world: World, op: int, create_op: int, limit: object) -> None:
    reply = await world.user.call(op, source_id=world.source, limit=limit)
    assert_refused(reply, op, "invalid_parameter", "limit")


@LISTS
async def test_after_must_be_a_game_of_the_source(world: World, op: int, create_op: int) -> None:
    (other,) = (await world.outsider.call(611))["sources"]
    (foreign,) = (await world.outsider.call(380, source_id=other["id"]))["games"]
    for after in (UNKNOWN_ID, foreign):
        reply = await world.user.call(op, source_id=world.source, after=after)
        assert_refused(reply, op, "not_found", "after")


async def test_the_status_in_the_list_follows_the_clock(world: World, clock: FakeClock) -> None:
    game = await world.server.open_game(
        world.provider, world.source, open_at=START_MS + 10, live_start_at=START_MS + 20
    )
    seen = []
    for moment in (9, 10, 20):
        clock.time_ms = START_MS + moment
        seen.append((await world.user.call(380, source_id=world.source))["games"][game]["status"])
    assert seen == ["betting_not_yet_active", "pre_game_betting_active", "game_in_progress_betting_active"]


async def test_a_game_in_the_list_shows_what_goes_on_in_it(world: World) -> None:
    reading: dict[str, Any] = {"period": "1H", "elapsed_ms": 5, "is_running": True, "at": START_MS}
    games = [world.game, await world.server.open_game(world.provider, world.source)]
    for game in games:
        await world.provider.call(373, game_id=game, scores={"goal": 1})
    await world.user.call(363, game_id=world.game)
    await world.game_admin.call(374, game_id=world.game, **reading)
    await world.game_admin.call(395, game_id=world.game, action_id="goal", target_id="brazil:7")
    for hot in (True, False, False):
        pool = await world.game_admin.call(385, game_id=world.game, description="?", type=3, is_hot=hot)
    await world.game_admin.call(395, pool_id=pool["pool_id"], target_id="yes")
    listed = (await world.user.call(380, source_id=world.source))["games"]
    fields = ("subscribers", "score", "clock", "open_pools", "hot_pools")
    assert {game: tuple(listed[game][field] for field in fields) for game in games} == {
        world.game: (1, {"argentina": 0, "brazil": 1}, reading, 2, 1),
        games[1]: (0, {"argentina": 0, "brazil": 0}, None, 0, 0),
    }


def listed_status(reply: dict[str, Any], game: str) -> str:
    """The status of a game in a list."""
    return str(reply["games"][game]["status"])


async def test_games_that_are_closed_or_all_are_listed_if_asked_for(world: World, clock: FakeClock) -> None:
    other = await world.server.open_game(world.provider, world.source)
    clock.time_ms += 5
    await world.provider.call(375, game_id=other)
    for status, expected in (
        ("open", {world.game: None}),
        ("closed", {other: START_MS + 5}),
        ("all", {other: START_MS + 5, world.upcoming: None, world.game: None}),
        (None, {world.game: None}),
    ):
        listed = (await world.user.call(380, source_id=world.source, status=status))["games"]
        assert [(game, entry["closed_at"]) for game, entry in listed.items()] == list(expected.items())
    assert listed_status(await world.user.call(380, source_id=world.source, status="all"), other) == "game_closed"


async def test_other_kinds_of_lists_are_refused(world: World) -> None:
    reply = await world.user.call(380, source_id=world.source, status="upcoming")
    assert_refused(reply, 380, "invalid_parameter", "status")
