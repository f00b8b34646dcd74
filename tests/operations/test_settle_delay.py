"""Time-based pools that wait for late news of what happened in time (contract, section 6)."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import START_MS, FakeClock, running_server
from tests.support.settling import Table, accepted, faults_of, kinds, lay_table, of_kind
from tests.support.world import bearer

FINISH, DELAY = 600_000, 10_000  # ten minutes, and ten seconds
WAITING: dict[str, Any] = {"pool_type": 2, "finish_at": START_MS + FINISH, "settle_delay_ms": DELAY}
BINARY: dict[str, Any] = {**WAITING, "pool_type": 4}


async def status(table: Table, pool: str) -> str:
    return str((await table.pool_object(pool))["status"])


async def running(table: Table) -> list[dict[str, Any]]:
    """The unresolved pools of the game, newest first."""
    return list((await accepted(table.admin, 387, game_id=table.game))["pools_list"].values())


async def backed(table: Table, **options: Any) -> str:
    """A pool that waits, in which "ann" has backed a goal by Argentina and "bob" none."""
    pool = await table.pool(**{**WAITING, **options})
    await table.bet("ann", pool, "argentina", 5)
    await table.bet("bob", pool, "none", 3)
    return pool


async def test_a_goal_of_9_58_keyed_in_at_10_06_wins(table: Table) -> None:
    pool, watcher = await backed(table), await table.watcher()
    event = await table.event(at=606_000, happened_at=START_MS + 598_000)
    assert kinds(await watcher.heard()) == [366, 362]
    shown = await table.pool_object(pool)
    assert (shown["winning_target"], shown["event_id"]) == ("argentina", event["event_id"])
    assert await table.nets() == {"ann": 3, "bob": -3}
    table.set_time(700_000)
    assert await running(table) == []
    assert faults_of(table.server.context.settings.db) == []


async def test_a_goal_of_10_01_does_not_and_the_pool_ends_after_its_delay_as_of_its_finish_at(table: Table) -> None:
    pool, watcher = await backed(table), await table.watcher()
    await table.event(at=606_000, happened_at=START_MS + 601_000)
    table.set_time(FINISH + DELAY - 1)
    assert await status(table, pool) == "open"
    table.set_time(FINISH + DELAY)
    assert await status(table, pool) == "resolved"
    (expired,) = of_kind(await watcher.heard(), 363)
    assert (expired["winning_target"], expired["expired_at"]) == ("none", START_MS + FINISH)
    assert await table.nets() == {"ann": -5, "bob": 5}


async def test_while_it_waits_betting_has_ended_for_good(table: Table) -> None:
    pool = await table.pool(**WAITING, is_cancellable=True, is_blocked=True)
    await accepted(table.admin, 398, pool_id=pool)
    bet = await table.bet("ann", pool, "argentina", 1, at=0)
    table.set_time(FINISH)
    assert await table.refusal(392, "ann", pool_id=pool, target="argentina", amount=1) == "betting_ended"
    assert await table.refusal(3921, "ann", bet_id=bet) == "betting_ended"
    assert await table.refusal(398, pool_id=pool) == "betting_ended"
    later = START_MS + FINISH + 60_000
    assert await table.refusal(3852, pool_id=pool, finish_at=later) == "betting_ended"
    assert await table.refusal(3852, pool_id=pool, stop_accepting_bets_at=later) == "betting_ended"
    assert (await accepted(table.admin, 3852, pool_id=pool, description="Late?"))["res"] == 3852


async def test_a_pool_whose_finish_at_is_moved_waits_from_then_on(table: Table) -> None:
    pool = await backed(table)
    await accepted(table.admin, 3852, pool_id=pool, finish_at=START_MS + 1_000)
    table.set_time(1_000 + DELAY - 1)
    assert await status(table, pool) == "open"
    table.set_time(1_000 + DELAY)
    assert await status(table, pool) == "resolved"


@pytest.mark.parametrize("options", [WAITING, BINARY])
async def test_while_it_waits_it_is_resolved_by_hand_as_of_a_moment_before_its_finish_at(
    table: Table, options: dict[str, Any]
) -> None:
    pool = await table.pool(**options)
    first = next(iter((await table.pool_object(pool))["distribution"]))
    table.set_time(FINISH + 1)
    requests: list[tuple[int, dict[str, Any]]] = [(3955, {"winners": [first]})]
    if options is BINARY:
        requests.append((395, {"target_id": first}))
    for op, parameters in requests:
        assert await table.refusal(op, pool_id=pool, **parameters) == "invalid_parameter"
    op, parameters = requests[-1]
    await accepted(table.admin, op, pool_id=pool, happened_at=START_MS + FINISH - 1, **parameters)
    assert (await table.pool_object(pool))["winning_target"] == first


async def test_a_binary_pool_ends_as_its_second_label_after_its_delay(table: Table) -> None:
    pool = await table.pool(**BINARY)
    table.set_time(FINISH + DELAY)
    assert (await table.pool_object(pool))["winning_target"] == "no"


async def test_its_successor_opens_at_finish_at_and_takes_what_happened_from_then_on(table: Table) -> None:
    pool, watcher = await backed(table, recreate_on_end=True), await table.watcher()
    table.set_time(FINISH + 1)
    successor, first = await running(table)
    assert first["pool_id"] == pool
    assert (successor["recreated_from"], successor["start_at"]) == (pool, START_MS + FINISH)
    assert (successor["finish_at"], successor["settle_delay_ms"]) == (START_MS + 2 * FINISH, DELAY)
    preview = await accepted(table.admin, 3950, **table.draft(happened_at=START_MS + 598_000))
    assert [(uuid, ended["recreated"]) for uuid, ended in preview["pools"].items()] == [(pool, False)]
    await table.event(at=606_000, happened_at=START_MS + 601_000)
    assert await status(table, pool) == "open"
    assert (await table.pool_object(successor["pool_id"]))["winning_target"] == "argentina"
    await table.event(at=607_000, happened_at=START_MS + 598_000)
    assert (await table.pool_object(pool))["winning_target"] == "argentina"
    assert kinds(await watcher.heard()) == [352, 366, 362, 352, 366, 362]
    assert [found["recreated_from"] for found in await running(table)] == [successor["pool_id"]]


async def test_runs_that_still_wait_count_as_runs_without_a_bet(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock, max_unbacked_runs=3) as server:
        table = await lay_table(server, clock)
        await table.pool(pool_type=2, finish_at=START_MS + 1_000, settle_delay_ms=600_000, recreate_on_end=True)
        watcher = await table.watcher()
        for at in (1_000, 2_000, 7_000, 60_000):
            table.set_time(at)
            runs = await running(table)
        assert [found["recreate_on_end"] for found in runs] == [False, True, True]
        told = of_kind(await watcher.heard(), 352)
        assert [(found["pool_id"], found["recreate_on_end"]) for found in told] == [
            (runs[1]["pool_id"], True),
            (runs[0]["pool_id"], True),
            (runs[0]["pool_id"], False),
        ]


@pytest.mark.parametrize("options", [WAITING, BINARY])
async def test_closing_the_game_ends_the_delay(table: Table, options: dict[str, Any]) -> None:
    pool, watcher = await table.pool(**options), await table.watcher()
    table.set_time(FINISH)
    preview = await accepted(table.admin, 3751, game_id=table.game)
    assert [ended["outcome"] for ended in preview["pools"].values()] == ["resolves"]
    assert (await accepted(table.admin, 375, game_id=table.game))["res"] == 341
    assert kinds(await watcher.heard()) == [362, 341]
    assert (await table.pool_object(pool))["winning_target"] == ("none" if options is WAITING else "no")


async def test_a_pool_of_a_game_that_is_closing_does_not_wait(table: Table) -> None:
    pool = await table.pool(**BINARY)
    assert await table.refusal(375, game_id=table.game) == "manual_pools_remain"
    table.set_time(FINISH)
    assert await status(table, pool) == "resolved"


async def test_a_pool_whose_delay_a_close_by_mistake_has_ended_is_kept_as_it_is(table: Table) -> None:
    pool = await backed(table)
    table.set_time(FINISH + 1)
    await accepted(table.admin, 375, game_id=table.game)
    assert (await accepted(table.admin, 378, game_id=table.game))["pools"] == {pool: "kept"}
    assert await table.nets() == {"ann": -5, "bob": 5}


@pytest.mark.parametrize("at", [FINISH - 1, FINISH + 1])
async def test_an_event_taken_back_before_the_delay_is_over_leaves_the_pool_to_it(table: Table, at: int) -> None:
    pool = await backed(table)
    event = await table.event(at=FINISH - 2)
    table.set_time(at)
    assert (await table.void(event))["pools"] == {pool: "reopened"}
    table.set_time(FINISH + DELAY - 1)
    assert await status(table, pool) == "open"
    table.set_time(FINISH + DELAY)
    assert (await table.pool_object(pool))["winning_target"] == "none"


async def test_an_event_taken_back_when_the_delay_is_over_voids_the_pool(table: Table) -> None:
    pool = await backed(table)
    event = await table.event(at=FINISH - 2)
    table.set_time(FINISH + DELAY)
    assert (await table.void(event))["pools"] == {pool: "voided"}


async def test_a_delay_goes_on_while_the_server_is_down(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        table = await lay_table(server, clock)
        pool, key = await backed(table), await server.new_key("provider")
    clock.time_ms = START_MS + FINISH + 1
    async with running_server(database, clock) as server:
        table = Table(server, clock, await server.connect(headers=bearer(key)), table.source, table.game)
        assert await status(table, pool) == "open"
        await table.event(happened_at=START_MS + FINISH - 1)
        assert await status(table, pool) == "resolved"


@pytest.mark.parametrize(
    "options",
    [
        {"pool_type": 1, "settle_delay_ms": 1},
        {"pool_type": 3, "settle_delay_ms": 1},
        {**WAITING, "settle_delay_ms": 600_001},
        {**WAITING, "settle_delay_ms": -1},
        {**WAITING, "settle_delay_ms": "soon"},
    ],
)
async def test_a_delay_is_of_ten_minutes_at_most_and_of_time_based_pools_alone(
    table: Table, options: dict[str, Any]
) -> None:
    request = {"game_id": table.game, "description": "?", "action_id": "goal", "targets": ["argentina"], **options}
    reply = await table.admin.call(385, **request)
    assert (reply["res"], reply["code"], reply["field"]) == (666, "invalid_parameter", "settle_delay_ms")
