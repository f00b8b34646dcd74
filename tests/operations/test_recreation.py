"""How many pools a game may have open, and when a pool is no longer recreated (contract, section 6)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gameserver.config import Settings
from gameserver.storage.check import find_faults
from gameserver.storage.schedule import next_due_at
from tests.support.harness import START_MS, FakeClock, running_server
from tests.support.offline import Offline
from tests.support.settling import Table, accepted, kinds, lay_table
from tests.support.world import assert_refused

LIMITS: dict[str, Any] = {"max_open_pools": 4, "max_unbacked_runs": 3}


class Match:
    """A game of "fifa" in which "ann" may bet, without connections."""

    def __init__(self, offline: Offline) -> None:
        self.offline = offline
        offline.add_user("fifa", provider=True)
        offline.add_user("ann")
        source = self.do(365, source_name="Cup")["source_id"]
        game = {"game_name": "A - B", "type": "football", "actions": "Goal", "targets": "Argentina, Brazil"}
        self.game = self.do(370, source_id=source, **game)["game_id"]
        self.do(616, game_id=self.game)

    def do(self, op: int, /, name: str = "fifa", **parameters: Any) -> dict[str, Any]:
        """The reply to a request that must not be refused."""
        reply = self.offline.call(name, op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    def open(self, lasts_ms: int | None = 300, **parameters: Any) -> str:
        """A pool that recreates itself, of three hundred milliseconds unless told otherwise."""
        times = {} if lasts_ms is None else {"finish_at": self.offline.now_ms + lasts_ms}
        pool = {"action_id": "goal", "targets": "argentina", "type": 1 if lasts_ms is None else 2, **times}
        defaults: dict[str, Any] = {"description": "?", "recreate_on_end": True}
        return str(self.do(385, game_id=self.game, **{**defaults, **pool, **parameters})["pool_id"])

    def lengths(self) -> list[int]:
        """How long each pool of the game was to last, in the order opened."""
        rows = self.offline.query("SELECT finish_at - start_at FROM pools ORDER BY id")
        return [length for (length,) in rows]

    def open_pools(self) -> list[dict[str, Any]]:
        return list(self.do(387, game_id=self.game)["pools_list"].values())

    def bet_on_each_run(self, runs: int, step_ms: int) -> None:
        """Let so many runs pass, each with a bet."""
        for _ in range(runs):
            (pool,) = self.open_pools()
            self.do(392, "ann", pool_id=pool["pool_id"], target="none", amount=1)
            self.offline.let_time_pass(step_ms)


@pytest.fixture
def match(database: Path) -> Iterator[Match]:
    """A game of a server with small limits."""
    offline = Offline(database, Settings(**LIMITS))
    match = Match(offline)
    yield match
    faults = find_faults(offline.connection)
    # Lived again with other limits than it was lived with.
    offline.settings = Settings()
    differences = offline.replay_differences(match.game)
    offline.close()
    assert faults == differences == []


async def test_a_game_has_so_many_open_pools_and_one_more_is_a_conflict(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock, **LIMITS) as server:
        table = await lay_table(server, clock)
        pools = [await table.pool() for _ in range(3)]
        pools.append(await table.pool(pool_type=3))
        for pool_type in (1, 3):
            subject: dict[str, Any] = {"action_id": "goal", "targets": "brazil"} if pool_type == 1 else {}
            reply = await table.admin.call(385, game_id=table.game, description="?", pool_type=pool_type, **subject)
            assert_refused(reply, 385, "conflict")
        other = await server.open_game(table.admin, table.source)
        await accepted(table.admin, 616, game_id=other)
        await accepted(table.admin, 385, game_id=other, description="?", pool_type=3)
        await accepted(table.admin, 3952, pool_id=pools[0])
        await table.pool()


async def test_who_may_not_open_pools_is_told_so_first(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock, max_open_pools=1) as server:
        table = await lay_table(server, clock)
        await table.pool()
        pool: dict[str, Any] = {"game_id": table.game, "description": "?", "pool_type": 3}
        assert await table.refusal(385, "ann", **pool) == "not_authorized"


def test_a_pool_that_nobody_bets_in_is_in_the_end_not_recreated(match: Match) -> None:
    match.open()
    for _ in range(10):
        match.offline.let_time_pass(1_000)
    assert match.lengths() == [300, 1_000, 1_000]
    assert next_due_at(match.offline.connection) is None


def test_a_last_run_that_is_told_to_be_recreated_is_not_here_nor_when_it_is_lived_again(match: Match) -> None:
    match.open(2_000)
    for _ in range(2):
        match.offline.let_time_pass(2_000)
    (last,) = match.open_pools()
    match.do(3852, pool_id=last["pool_id"], recreate_on_end=True)
    match.offline.let_time_pass(2_000)
    assert (match.lengths(), match.open_pools()) == ([2_000] * 3, [])


def test_a_pool_that_nobody_bets_in_keeps_its_distance(match: Match) -> None:
    match.open(60_000, stop_accepting_bets_at=match.offline.now_ms + 40_000)
    for _ in range(10):
        match.offline.let_time_pass(60_000)
    assert match.lengths() == [60_000] * 3
    rows = match.offline.query("SELECT stop_accepting_bets_at - start_at FROM pools")
    assert rows == [(40_000,)] * 3


def test_a_pool_that_somebody_bets_in_is_recreated_for_ever_and_keeps_its_distance(match: Match) -> None:
    match.open(2_000)
    match.bet_on_each_run(12, 2_000)
    assert match.lengths() == [2_000] * 13


def test_a_bet_begins_the_count_of_runs_anew(match: Match) -> None:
    match.open(2_000)
    match.offline.let_time_pass(2_000)
    match.offline.let_time_pass(2_000)
    match.bet_on_each_run(1, 2_000)
    assert len(match.lengths()) == 4
    for _ in range(10):
        match.offline.let_time_pass(2_000)
    assert match.lengths() == [2_000] * 6


def test_runs_that_an_event_or_a_hand_ends_are_not_counted(match: Match) -> None:
    match.open(None)
    match.open(None, type=3, action_id=None, targets=None)
    for _ in range(6):
        match.offline.let_time_pass(1)
        match.do(395, game_id=match.game, action_id="goal", target_id="argentina")
        (manual,) = [pool for pool in match.open_pools() if pool["type"] == 3]
        match.do(395, pool_id=manual["pool_id"], target_id="yes")
    assert len(match.open_pools()) == 2


def test_a_pool_is_not_recreated_where_too_many_are_open(match: Match) -> None:
    for _ in range(4):
        match.open(None)
    match.offline.settings = Settings(max_open_pools=2)
    match.offline.let_time_pass(1)
    goal = {"game_id": match.game, "action_id": "goal", "target_id": "argentina"}
    preview = match.do(3950, **goal)["pools"]
    event = match.do(395, **goal)
    # Each gives its own place away: the first two are beyond the limit as it is now.
    assert [pool["recreated"] for pool in preview.values()] == [False, False, True, True]
    assert len(match.open_pools()) == 2
    match.do(3951, game_id=match.game, event_id=event["event_id"])
    shown = {pool["pool_id"]: pool["recreate_on_end"] for pool in match.open_pools()}
    assert [shown[pool] for pool in preview] == [False] * 4


def test_a_server_that_was_down_stops_recreating_too(match: Match) -> None:
    match.open()
    for _ in range(9):
        match.offline.now_ms += 86_400_000
        match.offline.reopen()
    assert len(match.lengths()) == 3


def test_what_is_recreated_late_because_the_server_was_down_is_so_when_lived_again(match: Match) -> None:
    match.open(5_000)
    match.offline.now_ms += 12_000
    match.offline.reopen()
    (pool,) = match.open_pools()
    assert pool["start_at"] == match.offline.now_ms
    match.bet_on_each_run(2, 5_000)
    assert match.lengths() == [5_000] * 4


def test_pools_that_nobody_bets_in_cost_what_they_cost_once(match: Match) -> None:
    for _ in range(4):
        match.open()
    for _ in range(60):
        match.offline.let_time_pass(1_000)
    ((broadcasts, pools),) = match.offline.query(
        "SELECT (SELECT sum(messages) FROM broadcasts), (SELECT count(*) FROM pools)"
    )
    assert (broadcasts, pools) == (1 + 4 * 3 * 2, 4 * 3)


async def test_by_default_the_tenth_run_is_the_last(table: Table) -> None:
    await table.pool(pool_type=2, finish_at=START_MS + 300, recreate_on_end=True)
    watcher = await table.watcher()
    for number in range(20):
        table.set_time(5_000 * (number + 1))
        await table.details()
    assert kinds(await watcher.heard()) == [363, 352] * 9 + [363]
