"""A game's leaderboard is told to its subscribers, at most once in an interval while pools are settled."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from trio.testing import MockClock

from gameserver.realtime.rankings import Rankings
from tests.operations.test_leaderboards import settle
from tests.support.harness import FakeClock, run_inline, running_server
from tests.support.settling import Table, accepted, faults_of, lay_table, of_kind
from tests.support.world import assert_broadcast


@pytest.fixture
async def table(database: Path, clock: FakeClock, mock_clock: MockClock) -> AsyncIterator[Table]:
    """A game to bet on, on a server whose time goes only when the test lets it."""
    async with running_server(database, clock, run_inline) as server:
        yield await lay_table(server, clock)
    assert faults_of(database) == []


async def test_an_update_is_due_an_interval_after_the_first_change_since_the_last(mock_clock: MockClock) -> None:
    waits: list[float] = []
    rankings = Rankings(2, lambda delay_s, call: waits.append(delay_s), lambda: None)
    assert not rankings.take_due()
    rankings.note()
    mock_clock.jump(1.5)
    rankings.note()
    assert not rankings.take_due()
    mock_clock.jump(0.5)
    assert rankings.take_due()
    assert not rankings.take_due()
    rankings.note()
    assert waits == [2, 2]


async def test_subscribers_are_told_the_first_ten_and_how_many_ranks_have_moved(
    table: Table, mock_clock: MockClock
) -> None:
    watcher = await table.watcher()
    await settle(table, **{f"p{number:02}": ("brazil", 1 + number) for number in range(11)}, z=("argentina", 1))
    assert of_kind(await watcher.heard(), 455) == []
    mock_clock.jump(2)
    (update,) = of_kind(await watcher.heard(), 455)
    top = [{"user_id": update["top"][0]["user_id"], "username": "z", "points": 66, "rank": 1, "position": 0}]
    assert update["top"][:1] == top
    assert [entry["username"] for entry in update["top"]] == ["z", *(f"p{number:02}" for number in range(9))]
    assert_broadcast(update, 455, None, game_id=table.game, top=update["top"], changed=12)


async def test_what_settles_within_an_interval_is_told_at_once_and_nothing_while_nothing_settles(
    table: Table, mock_clock: MockClock
) -> None:
    watcher = await table.watcher()
    await settle(table, ann=("argentina", 1), bob=("brazil", 2), cat=("brazil", 3))
    mock_clock.jump(2)
    assert [update["changed"] for update in of_kind(await watcher.heard(), 455)] == [3]
    event = await settle(table, ann=("argentina", 1), bob=("brazil", 3))
    await settle(table, dan=("chile", 1))
    mock_clock.jump(1)
    assert of_kind(await watcher.heard(), 455) == []
    mock_clock.jump(1)
    # dan comes in second, bob falls behind cat, who stays third
    assert [update["changed"] for update in of_kind(await watcher.heard(), 455)] == [2]
    await settle(table, ann=("argentina", 1), cat=("brazil", 1))
    mock_clock.jump(2)
    assert [update["changed"] for update in of_kind(await watcher.heard(), 455)] == [0]
    mock_clock.jump(60)
    assert of_kind(await watcher.heard(), 455) == []
    await table.void(event)
    mock_clock.jump(2)
    (update,) = of_kind(await watcher.heard(), 455)
    assert [entry["username"] for entry in update["top"]] == ["ann", "dan", "bob", "cat"]


async def test_who_has_not_joined_is_told_no_leaderboard(table: Table, mock_clock: MockClock) -> None:
    ann = await table.client("ann")
    await settle(table, ann=("argentina", 1), bob=("brazil", 2))
    mock_clock.jump(2)
    assert of_kind(await ann.heard(), 455) == []


async def test_an_interval_can_be_set(database: Path, clock: FakeClock, mock_clock: MockClock) -> None:
    async with running_server(database, clock, run_inline, leaderboard_interval_ms=500) as server:
        table = await lay_table(server, clock)
        watcher = await table.watcher()
        await settle(table, ann=("argentina", 1), bob=("brazil", 2))
        mock_clock.jump(0.5)
        assert len(of_kind(await watcher.heard(), 455)) == 1
        await accepted(table.admin, 375, game_id=table.game)
