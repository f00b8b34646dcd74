from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gameserver.engine import endings
from gameserver.engine import scheduled as due
from gameserver.engine.context import Reading
from gameserver.engine.settlement import Resolution, SettlementPlan, plan_settlement
from gameserver.storage.pools import Pool
from gameserver.storage.schedule import TimerKind
from tests.support.harness import START_MS, FakeClock, Server, run_inline, running_server
from tests.support.settling import TARGETS, Table, accepted, kinds, lay_table, of_kind, seqs
from tests.support.world import DAY_MS, HOUR_MS, NEVER_S, RunningClock, assert_broadcast, bearer

TIMED = {2: "none", 4: "no"}  # what wins when time ends a pool
types = pytest.mark.parametrize("pool_type", TIMED)


@types
async def test_a_time_based_pool_ends_at_finish_at_as_none_or_its_second_target(table: Table, pool_type: int) -> None:
    pool = await table.pool(pool_type=pool_type, finish_at=START_MS + 1_000)
    winner = TIMED[pool_type]
    first = next(iter((await table.pool_object(pool))["distribution"]))
    await table.bet("ann", pool, winner, 2)
    await table.bet("bob", pool, first, 5)
    watcher = await table.watcher()
    table.set_time(1_000)
    assert (await table.pool_object(pool))["status"] == "resolved"
    (expired,) = [message for message in await watcher.heard() if message["res"] != 361]
    assert_broadcast(
        expired,
        363,
        3,
        pool_id=pool,
        game_id=table.game,
        event_id=None,
        winning_target=winner,
        winning_targets=[winner],
        price=3.5,
        prices={winner: 3.5},
        description="Who scores?",
        winners={"1": 5.0},
        losers={"2": 5.0},
        invalidated_bettors=[],
        usernames={"1": "ann", "2": "bob"},
        is_money_return=False,
        expired_at=START_MS + 1_000,
        amount_total=7.0,
        participants=2,
        version=4,
    )
    assert await table.nets() == {"ann": 5.0, "bob": -5.0}


async def test_the_second_target_of_a_binary_pool_is_the_second_sent(table: Table) -> None:
    pool = await table.pool(pool_type=4, targets=["Zulu", "Alpha"], finish_at=START_MS + 1_000)
    watcher = await table.watcher()
    table.set_time(1_000)
    assert (await table.pool_object(pool))["status"] == "resolved"
    assert (await watcher.expect(363))["winning_target"] == "alpha"


@types
async def test_a_pool_takes_bets_to_the_last_millisecond_before_finish_at(table: Table, pool_type: int) -> None:
    pool = await table.pool(pool_type=pool_type, finish_at=START_MS + 1_000)
    target = TIMED[pool_type]
    await table.bet("ann", pool, target, 1, at=999)
    table.set_time(1_000)
    assert await table.refusal(392, "ann", pool_id=pool, target=target, amount=1) == "pool_resolved"


@types
async def test_the_server_ends_a_pool_itself_without_any_request(
    database: Path, autojump_clock: MockClock, pool_type: int
) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    clock = RunningClock()
    async with running_server(database, clock, **settings) as server:
        table = await lay_table(server, clock)
        began_s = trio.current_time()
        await table.pool(pool_type=pool_type, finish_at=START_MS + 90_000)
        watcher = await table.watcher()
        assert (await watcher.expect(363))["winning_target"] == TIMED[pool_type]
        assert trio.current_time() - began_s == pytest.approx(90, abs=0.1)


@pytest.mark.parametrize("restarted", [False, True])
@types
async def test_a_pool_ends_though_the_systems_clock_was_a_day_ahead_and_then_corrected(
    database: Path, autojump_clock: MockClock, pool_type: int, restarted: bool
) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    clock = RunningClock()
    async with running_server(database, clock, **settings) as server:
        table = await lay_table(server, clock)
        clock.time_ms += DAY_MS
        await table.pool(pool_type=pool_type, finish_at=START_MS + DAY_MS + 90_000)
        clock.time_ms -= DAY_MS
        key = await server.new_key("ann")
        if not restarted:
            watcher = await table.watcher()
            began_s = trio.current_time()
            assert (await watcher.expect(363))["winning_target"] == TIMED[pool_type]
            assert trio.current_time() - began_s == pytest.approx(100, abs=1)
    if restarted:
        later = RunningClock()
        async with running_server(database, later, **settings) as server:
            ann = await server.connect(headers=bearer(key))
            await accepted(ann, 363, game_id=table.game)
            began_s = trio.current_time()
            assert (await ann.expect(363))["winning_target"] == TIMED[pool_type]
            assert trio.current_time() - began_s == pytest.approx(100, abs=1)


@types
async def test_a_pool_whose_finish_at_passed_while_the_server_was_down_ended_then(
    database: Path, clock: FakeClock, pool_type: int
) -> None:
    async with running_server(database, clock) as server:
        table = await lay_table(server, clock)
        pool = await table.pool(pool_type=pool_type, finish_at=START_MS + 1_000)
        await table.bet("ann", pool, TIMED[pool_type], 1)
        key = await server.key_of("ann")
    later = FakeClock()
    later.time_ms += 60_000
    async with running_server(database, later) as server:
        ann = await server.connect(headers=bearer(key))
        await accepted(ann, 363, game_id=table.game, after_seq=2)
        expired = await ann.expect(363)
        assert expired["expired_at"] == START_MS + 1_000
        assert expired["response_header"]["t"] == START_MS + 60_000
        assert (await accepted(ann, 810))["available_balance"] == 1_000.0


@types
async def test_a_pool_resolved_before_its_finish_at_does_not_end_again(table: Table, pool_type: int) -> None:
    pool = await table.pool(pool_type=pool_type, finish_at=START_MS + 1_000)
    watcher = await table.watcher()
    await (table.event(at=500) if pool_type == 2 else table.resolve(pool, "yes"))
    table.set_time(2_000)
    assert (await table.pool_object(pool))["status"] == "resolved"
    assert kinds(await watcher.heard()) == [366, 362]


def times_of(pool: dict[str, Any]) -> tuple[int, int, int]:
    """When a pool starts, stops to accept bets and finishes, in milliseconds after the start."""
    start, stop, finish = (pool[name] - START_MS for name in ("start_at", "stop_accepting_bets_at", "finish_at"))
    return start, stop, finish


@types
async def test_a_pool_that_is_recreated_keeps_the_distances_of_its_times(table: Table, pool_type: int) -> None:
    moments = {"finish_at": START_MS + 5_000, "stop_accepting_bets_at": START_MS + 3_000}
    flags = {"is_blocked": True, "is_hot": True, "recreate_on_end": True, "unlisted_target": "refund"}
    pool = await table.pool(pool_type=pool_type, **moments, **flags)
    first = await table.pool_object(pool)
    watcher = await table.watcher()
    table.set_time(5_000)
    await table.pool_object(pool)
    expired, again = await watcher.heard()
    assert (expired["res"], again["res"]) == (363, 352)
    assert times_of(again) == (5_000, 8_000, 10_000)
    assert (again["is_blocked"], again["is_hot"]) == (False, False)
    for name in ("description", "type", "target_level", "recreate_on_end", "unlisted_target", "status"):
        assert again[name] == (first[name] if name != "status" else "open")
    assert list(again["distribution"]) == list(first["distribution"])
    assert (again["action_id"] == first["action_id"]) == (pool_type == 2)


@types
async def test_a_recreated_pool_lasts_a_second_at_least(table: Table, pool_type: int) -> None:
    moments = {"finish_at": START_MS + 30, "stop_accepting_bets_at": START_MS + 20}
    pool = await table.pool(pool_type=pool_type, recreate_on_end=True, **moments)
    watcher = await table.watcher()
    table.set_time(30)
    await table.pool_object(pool)
    (again,) = of_kind(await watcher.heard(), 352)
    assert times_of(again) == (30, 1_030, 1_030)


async def test_a_pool_resolved_by_an_event_is_recreated_from_that_moment_on(table: Table) -> None:
    await table.pool(pool_type=2, recreate_on_end=True, start_at=START_MS + 100, finish_at=START_MS + 5_100)
    watcher = await table.watcher()
    await table.event(at=700, happened_at=START_MS + 400)
    (again,) = of_kind(await watcher.heard(), 352)
    assert (again["start_at"], again["finish_at"]) == (START_MS + 700, START_MS + 5_700)


async def test_a_pool_resolved_by_hand_is_recreated(table: Table) -> None:
    pool = await table.pool(pool_type=3, recreate_on_end=True, targets=["Up", "Down"])
    watcher = await table.watcher()
    await table.resolve(pool, "up")
    heard = await watcher.heard()
    assert kinds(heard) == [366, 362, 352]
    assert seqs(heard) == [3, 4, 5]
    assert heard[-1]["pool_id"] != pool
    assert {key: shown["display_name"] for key, shown in heard[-1]["distribution"].items()} == {
        "up": "Up",
        "down": "Down",
    }


async def test_a_pool_that_would_have_ended_again_while_the_server_was_down_begins_when_it_is_back(
    database: Path, clock: FakeClock
) -> None:
    async with running_server(database, clock) as server:
        table = await lay_table(server, clock)
        await table.pool(pool_type=2, finish_at=START_MS + 1_000, recreate_on_end=True)
        key = await server.key_of("ann")
    later = FakeClock()
    later.time_ms += 3_500
    async with running_server(database, later) as server:
        ann = await server.connect(headers=bearer(key))
        await accepted(ann, 363, game_id=table.game, after_seq=2)
        heard = await ann.heard()
        assert kinds(heard) == [363, 352]
        assert of_kind(heard, 363)[0]["expired_at"] == START_MS + 1_000
        recreated = of_kind(heard, 352)[0]
        assert (recreated["start_at"], recreated["finish_at"]) == (START_MS + 3_500, START_MS + 4_500)


async def test_a_pool_is_not_recreated_by_a_close_or_a_void_or_while_the_game_is_closing(table: Table) -> None:
    voided = await table.pool(recreate_on_end=True)
    await table.pool(recreate_on_end=True)
    manual = await table.pool(pool_type=4, recreate_on_end=True, finish_at=START_MS + 1_000)
    by_hand = await table.pool(pool_type=3, recreate_on_end=True)
    watcher = await table.watcher()
    await accepted(table.admin, 3952, pool_id=voided)
    assert await table.refusal(375, game_id=table.game) == "manual_pools_remain"
    await table.resolve(by_hand, "yes")
    table.set_time(1_000)
    await table.pool_object(manual)
    assert kinds(await watcher.heard()) == [3662, 362, 368, 368, 366, 362, 363]
    assert (await accepted(table.admin, 387, game_id=table.game))["pools_list"] == {}


async def test_what_is_due_at_once_is_done_in_its_order_and_before_any_request(server: Any, clock: FakeClock) -> None:
    table = await lay_table(server, clock, close_at=START_MS + 1_000)
    await table.pool(pool_type=2, finish_at=START_MS + 1_000, recreate_on_end=True)
    plain, manual = await table.pool(), await table.pool(pool_type=3)
    await accepted(table.admin, 397, pool_id=plain, block_at=START_MS + 1_000)
    await accepted(table.admin, 398, pool_id=plain, allow_at=START_MS + 1_000)
    watcher = await table.watcher()
    table.set_time(1_000)
    assert await table.refusal(395, **table.draft()) == "conflict"
    heard = await watcher.heard()
    # Expired and recreated, allowed, blocked, closed: two end as none, and the one by hand is blocked.
    assert kinds(heard) == [363, 352, 369, 368, 362, 368, 362]
    assert heard[5]["pool_id"] == manual
    assert {message["winning_target"] for message in of_kind(heard, 362)} == {"none"}


def cannot(*arguments: object) -> None:
    raise MemoryError  # with any engine it is the machine's fault


@pytest.mark.parametrize(
    ("kind", "game", "pool"),
    [
        (TimerKind.FINISH_POOL, {}, {"pool_type": 2, "finish_at": START_MS + 1_000}),
        (TimerKind.CLOSE_GAME, {"close_at": START_MS + 1_000}, {}),
    ],
)
async def test_what_is_due_and_cannot_be_done_is_done_later_and_holds_nobody_up_but_takes_no_more_bets(
    server: Server,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    kind: TimerKind,
    game: dict[str, Any],
    pool: dict[str, Any],
) -> None:
    table = await lay_table(server, clock, **game)
    over = await table.pool(**pool)
    table.game = await server.open_game(table.admin, table.source, targets=TARGETS)
    await accepted(table.admin, 616, game_id=table.game)
    other = await table.pool()
    with monkeypatch.context() as failing:
        failing.setitem(due._ACTIONS, kind, cannot)
        table.set_time(1_000)
        await table.bet("ann", other, "brazil", 1)
        assert await table.refusal(392, "ann", pool_id=over, target="brazil", amount=1) == "betting_ended"
        assert (await table.pool_object(over))["status"] == "open"
    table.set_time(1_000 + due.RETRY_MS - 1)
    assert (await table.pool_object(over))["status"] == "open"
    table.set_time(1_000 + due.RETRY_MS)
    assert (await table.pool_object(over))["status"] == "resolved"
    assert (await table.pool_object(other))["bet_count"] == 1


@pytest.mark.expects_errors
async def test_of_pools_that_finish_together_only_one_that_cannot_be_settled_waits(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = [await table.pool(pool_type=2, finish_at=START_MS + 1_000, recreate_on_end=True) for _ in range(4)]

    def plan(reading: Reading, pool: Pool, resolution: Resolution) -> SettlementPlan:
        if pool.uuid == pools[1]:
            raise AssertionError("a bug")
        return plan_settlement(reading, pool, resolution)

    async def statuses() -> list[str]:
        return [(await table.pool_object(pool))["status"] for pool in pools]

    with monkeypatch.context() as failing:
        failing.setattr(endings, "plan_settlement", plan)
        table.set_time(1_000)
        assert await statuses() == ["resolved", "open", "resolved", "resolved"]
    table.set_time(1_000 + due.RETRY_MS)
    assert await statuses() == ["resolved"] * 4


async def test_what_falls_due_by_a_clock_set_forward_is_done_within_a_second(
    database: Path, autojump_clock: MockClock
) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    clock = RunningClock()
    async with running_server(database, clock, **settings) as server:
        table = await lay_table(server, clock)
        await table.pool(pool_type=2, finish_at=START_MS + HOUR_MS)
        watcher = await table.watcher()
        await trio.sleep(0.5)
        began_s = trio.current_time()
        clock.time_ms += HOUR_MS
        assert (await watcher.receive())["res"] == 363
        assert trio.current_time() - began_s <= 1
