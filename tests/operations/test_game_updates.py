"""What can be changed of a game: its names and times, and what becomes of them."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import START_MS, FakeClock
from tests.support.settling import Table, accepted, faults_of, kinds
from tests.support.world import World, assert_refused

CHANGES: dict[str, Any] = {
    "game_name": "Argentina - Brazil, replayed",
    "hashtag": "#Replay",
    "image_url": "https://e.org/1",
    "live_start_at": START_MS + 100,
    "live_finish_at": START_MS + 200,
    "close_at": START_MS + 300,
    "chat": "accounts",
}


async def update(table: Table, /, **parameters: Any) -> dict[str, Any]:
    """The details after an update of the game."""
    await accepted(table.admin, 373, game_id=table.game, **parameters)
    return await table.details()


async def status(table: Table, at: int) -> str:
    """The game's status at so many milliseconds after the start."""
    table.set_time(at)
    return str((await table.details())["status"])


async def test_what_is_given_is_changed_and_told_and_nothing_else(table: Table) -> None:
    watcher = await table.watcher()
    before = await table.details()
    after = await update(table, **CHANGES)
    changed = {**CHANGES, "name": CHANGES["game_name"], "status": "pre_game_betting_active", "seq": 2}
    ignored = {"response_header": None}
    assert {**after, **ignored} == {**before, **changed, **ignored}
    (told,) = await watcher.heard()
    del after["epoch"]
    assert {**told, **ignored} == {**after, **ignored, "partial": True}


async def test_what_is_cleared_is_as_if_it_had_never_been_given(table: Table) -> None:
    await update(table, **CHANGES, scores={"goal": 1})
    table.set_time(50)
    cleared = "hashtag, image_url, live_start_at, live_finish_at, close_at, chat, scores"
    after = await update(table, game_name="A - B", clear=cleared)
    assert {name: after[name] for name in (*CHANGES, "scores", "score")} == {
        "game_name": "A - B",
        "hashtag": "#AB",
        "image_url": None,
        "live_start_at": START_MS + 50,
        "live_finish_at": None,
        "close_at": None,
        "chat": "all",
        "scores": {},
        "score": None,
    }


async def test_a_game_that_is_postponed_closes_at_its_new_time_alone(table: Table, database: Path) -> None:
    await update(table, close_at=START_MS + 100)
    await update(table, close_at=START_MS + 200)
    assert faults_of(database) == []
    assert await status(table, at=199) == "game_in_progress_betting_active"
    assert await status(table, at=200) == "game_closed"


async def test_a_game_whose_close_is_cleared_does_not_close(table: Table, database: Path) -> None:
    await update(table, close_at=START_MS + 100)
    await update(table, clear=["close_at"])
    assert faults_of(database) == []
    assert await status(table, at=1_000) == "game_in_progress_betting_active"


async def test_bets_are_taken_until_the_new_close(table: Table) -> None:
    await update(table, close_at=START_MS + 100)
    pool = await table.pool()
    await update(table, close_at=START_MS + 200)
    await table.bet("ann", pool, "argentina", 1, at=150)


async def test_an_earlier_close_ends_the_pools_that_would_have_gone_on(table: Table) -> None:
    watcher = await table.watcher()
    await table.pool(pool_type=2, finish_at=START_MS + 500)
    await update(table, close_at=START_MS + 100)
    table.set_time(100)
    await table.details()
    assert kinds(await watcher.heard()) == [352, 342, 362, 341]


async def test_a_game_can_be_opened_later_until_it_is_open(world: World, clock: FakeClock) -> None:
    game = await world.server.open_game(world.provider, world.source, open_at=START_MS + 10)
    await accepted(world.provider, 616, game_id=game)
    await accepted(world.provider, 373, game_id=game, open_at=START_MS + 20)
    pool: dict[str, Any] = {"description": "?", "type": 3}
    clock.time_ms = START_MS + 19
    assert (await world.provider.call(385, game_id=game, **pool))["code"] == "game_not_open"
    await accepted(world.provider, 373, game_id=game, clear="open_at")
    await accepted(world.provider, 385, game_id=game, **pool)
    assert_refused(await world.provider.call(373, game_id=game, open_at=START_MS + 90), 373, "conflict", "open_at")


async def test_an_upcoming_game_can_be_postponed_whatever_its_open_at(world: World) -> None:
    await accepted(world.provider, 373, game_id=world.upcoming, open_at=START_MS + 90)
    opened = await accepted(world.provider, 3702, game_id=world.upcoming)
    assert opened["open_at"] == START_MS + 90


@pytest.mark.parametrize(
    ("field", "parameters"),
    [
        ("close_at", {"close_at": START_MS}),
        ("close_at", {"close_at": START_MS // 1000}),
        ("close_at", {"close_at": START_MS + 5, "open_at": START_MS + 5}),
        ("open_at", {"open_at": START_MS + 100}),
        ("live_finish_at", {"live_finish_at": START_MS - 1}),
        ("live_finish_at", {"live_start_at": START_MS + 2, "live_finish_at": START_MS + 1}),
        ("live_start_at", {"live_start_at": START_MS + 91}),
        ("game_name", {"game_name": " "}),
        ("chat", {"chat": "nobody"}),
        ("clear", {"clear": "game_name"}),
        ("clear", {"clear": "targets"}),
        ("clear", {"clear": ["close_at"], "close_at": START_MS + 5}),
        ("clear", {"clear": ["scores"], "scores": {}}),
    ],
)
async def test_changes_that_cannot_be_are_refused_whole(world: World, field: str, parameters: dict[str, Any]) -> None:
    times = {"open_at": START_MS + 10, "close_at": START_MS + 100, "live_finish_at": START_MS + 90}
    game = await world.server.open_game(world.provider, world.source, **times)
    before = await world.user.call(372, game_id=game)
    reply = await world.provider.call(373, game_id=game, **{"image_url": "https://e.org/1", **parameters})
    assert_refused(reply, 373, "invalid_parameter", field)
    ignored = {"response_header": None}
    assert {**await world.user.call(372, game_id=game), **ignored} == {**before, **ignored}


@pytest.mark.parametrize("parameters", [{"close_at": START_MS + 500}, {"clear": ["close_at"]}])
async def test_the_close_of_a_game_that_is_closing_is_not_changed(table: Table, parameters: dict[str, Any]) -> None:
    await update(table, close_at=START_MS + 100)
    await table.pool(pool_type=3)
    assert await status(table, at=100) == "game_in_progress_betting_closed"
    assert await table.refusal(373, game_id=table.game, **parameters) == "conflict"
    assert (await update(table, game_name="Late"))["name"] == "Late"
