from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.harness import START_MS, Client, FakeClock, running_server
from tests.support.pools import NOTHING_PENDING
from tests.support.settling import Table, accepted, kinds, lay_table, seqs
from tests.support.world import assert_broadcast, assert_refused, assert_reply, bearer


class Steering(NamedTuple):
    """An operation on one pool: what answers it, how its time is called, and what it does to the pool."""

    op: int
    res: int
    parameter: str
    told: str
    field: str
    value: bool


BLOCK = Steering(397, 368, "block_at", "blocked_at", "is_blocked", True)
ALLOW = Steering(398, 369, "allow_at", "allowed_at", "is_blocked", False)
HEAT = Steering(396, 367, "likely_to_happen_at", "hot_since", "is_hot", True)
BLOCK_ACTION = Steering(3975, 370, "block_at", "blocked_at", "is_blocked", True)
ALLOW_ACTION = Steering(3985, 371, "allow_at", "allowed_at", "is_blocked", False)
ON_POOLS = [BLOCK, ALLOW, HEAT]
ON_ACTIONS = [BLOCK_ACTION, ALLOW_ACTION]
PER_POOL = {3975: 368, 3985: 369}

on_pools = pytest.mark.parametrize("it", ON_POOLS, ids=lambda it: str(it.op))
on_actions = pytest.mark.parametrize("it", ON_ACTIONS, ids=lambda it: str(it.op))


async def steer(table: Table, it: Steering, pool: str, at: int | None = None) -> dict[str, Any]:
    """Ask for it, now or at so many milliseconds after the start."""
    times = {} if at is None else {it.parameter: START_MS + at}
    return await accepted(table.admin, it.op, pool_id=pool, **times)


async def steer_action(table: Table, it: Steering, at: int | None = None) -> dict[str, Any]:
    times = {} if at is None else {it.parameter: START_MS + at}
    return await accepted(table.admin, it.op, game_id=table.game, action_id="Goal", **times)


async def state_of(table: Table, pool: str, it: Steering, at: int) -> bool:
    """Whether the pool is blocked, or hot, at so many milliseconds after the start."""
    table.set_time(at)
    return bool((await table.pool_object(pool))[it.field])


async def heard_at(table: Table, watcher: Client, at: int) -> list[dict[str, Any]]:
    """What has been heard until so many milliseconds after the start."""
    table.set_time(at)
    await table.details()
    return await watcher.heard()


async def told(table: Table, watcher: Client, at: int) -> list[int]:
    return kinds(await heard_at(table, watcher, at))


# One pool


@on_pools
@pytest.mark.parametrize("at", [None, -5, 0])
async def test_a_pool_is_steered_at_once_unless_a_time_to_come_is_given(
    table: Table, it: Steering, at: int | None
) -> None:
    pool, watcher = await table.pool(is_blocked=not it.value), await table.watcher()
    reply = await steer(table, it, pool, at)
    assert_reply(reply, it.res, **{"pool_id": pool, it.told: START_MS, "version": 2})
    (message,) = await watcher.heard()
    assert_broadcast(message, it.res, 3, **{"pool_id": pool, it.told: START_MS, "version": 2})
    assert await state_of(table, pool, it, 0) is it.value


@on_pools
async def test_what_a_pool_is_already_it_may_be_made_again(table: Table, it: Steering) -> None:
    pool, watcher = await table.pool(is_blocked=it.value, is_hot=it.value), await table.watcher()
    for _ in range(2):
        await steer(table, it, pool)
    assert await told(table, watcher, 1) == [it.res] * 2


@on_pools
async def test_a_time_to_come_is_answered_at_once_and_told_when_it_comes(table: Table, it: Steering) -> None:
    pool, watcher = await table.pool(is_blocked=not it.value), await table.watcher()
    reply = await steer(table, it, pool, 50)
    assert_reply(reply, it.res, **{"pool_id": pool, it.told: START_MS + 50, "version": 1})
    assert await told(table, watcher, 49) == []
    assert await state_of(table, pool, it, 49) is not it.value
    (message,) = await heard_at(table, watcher, 50)
    assert_broadcast(message, it.res, 3, **{"pool_id": pool, it.told: START_MS + 50, "version": 2})
    assert await state_of(table, pool, it, 50) is it.value


@on_pools
@pytest.mark.parametrize(("first", "second"), [(50, 90), (90, 50)])
async def test_a_newer_time_replaces_the_one_before(table: Table, it: Steering, first: int, second: int) -> None:
    pool, watcher = await table.pool(is_blocked=not it.value), await table.watcher()
    for at in (first, second):
        await steer(table, it, pool, at)
    assert await told(table, watcher, second - 1) == []
    (message,) = await heard_at(table, watcher, 200)
    assert message[it.told] == START_MS + second


@pytest.mark.parametrize("now", [BLOCK, ALLOW], ids=lambda it: str(it.op))
async def test_blocking_or_allowing_at_once_cancels_both_that_were_to_come(table: Table, now: Steering) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, BLOCK, pool, 50)
    await steer(table, ALLOW, pool, 90)
    await steer(table, now, pool)
    assert await told(table, watcher, 200) == [now.res]
    assert await state_of(table, pool, now, 200) is now.value


async def test_suggesting_at_once_cancels_what_was_to_come(table: Table) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, HEAT, pool, 50)
    await steer(table, HEAT, pool)
    assert await told(table, watcher, 200) == [367]


async def test_a_block_and_an_allow_to_come_both_happen(table: Table) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, ALLOW, pool, 90)
    await steer(table, BLOCK, pool, 50)
    assert await told(table, watcher, 200) == [368, 369]


async def test_what_is_due_at_the_same_millisecond_is_allowed_first_and_blocked_then(table: Table) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, BLOCK, pool, 50)
    await steer(table, ALLOW, pool, 50)
    assert await told(table, watcher, 200) == [369, 368]
    assert await state_of(table, pool, BLOCK, 200)


async def test_from_block_at_on_no_bet_is_taken_whether_or_not_anything_happened_since(table: Table) -> None:
    pool = await table.pool()
    await steer(table, BLOCK, pool, 50)
    await steer(table, ALLOW, pool, 60)
    bet: dict[str, Any] = {"pool_id": pool, "target": "brazil", "amount": 1}
    for at, code in ((49, None), (50, "betting_blocked"), (59, "betting_blocked"), (60, None)):
        table.set_time(at)
        assert (await (await table.client("ann")).call(392, **bet)).get("code") == code


@on_pools
async def test_nothing_comes_of_it_once_the_pool_has_ended(table: Table, it: Steering) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, it, pool, 50)
    await table.event(at=10)
    await watcher.heard()
    assert await told(table, watcher, 200) == []
    assert_refused(await table.admin.call(it.op, pool_id=pool), it.op, "pool_resolved")


@on_pools
@pytest.mark.parametrize("at", [-1.5, "soon", 10**15])
async def test_a_time_that_is_none_is_refused_by_name(table: Table, it: Steering, at: object) -> None:
    times: dict[str, Any] = {it.parameter: at}
    reply = await table.admin.call(it.op, pool_id=await table.pool(), **times)
    assert_refused(reply, it.op, "invalid_parameter", it.parameter)


async def test_while_a_game_is_closing_its_pools_may_be_blocked_but_not_allowed(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await steer(table, ALLOW, pool, 50)
    await table.admin.call(375, game_id=table.game)
    for at in (None, START_MS + 90):
        assert_refused(await table.admin.call(398, pool_id=pool, allow_at=at), 398, "conflict")
        reply = await table.admin.call(3985, game_id=table.game, action_id="goal", allow_at=at)
        assert_refused(reply, 3985, "conflict")
    assert (await steer(table, BLOCK, pool))["res"] == 368
    assert await state_of(table, pool, BLOCK, 200)


# All pools on an action


@on_actions
async def test_an_action_is_steered_with_each_of_its_unresolved_pools(table: Table, it: Steering) -> None:
    pools = [await table.pool(is_blocked=not it.value, targets=[team]) for team in ("brazil", "chile", "argentina")]
    await table.pool(action_id="offside", is_blocked=not it.value)
    await table.pool(pool_type=3, is_blocked=not it.value)
    await table.event("argentina:1", at=5)
    watcher = await table.watcher()
    subject = {"game_id": table.game, "action_id": "goal"}
    assert_reply(await steer_action(table, it), it.res, **subject, **{it.told: START_MS + 5})
    heard = await watcher.heard()
    assert [(message["res"], message.get("pool_id")) for message in heard] == [
        (PER_POOL[it.op], pools[0]),
        (PER_POOL[it.op], pools[1]),
        (it.res, None),
    ]
    seq = seqs(heard)[-1]
    assert_broadcast(heard[-1], it.res, seq, **subject, **{it.told: START_MS + 5})
    shown = (await accepted(table.admin, 387, game_id=table.game))["pools_list"].values()
    assert sum(pool["is_blocked"] == it.value for pool in shown) == 2


@on_actions
async def test_an_action_is_steered_at_a_time_to_come_with_the_pools_there_are_then(table: Table, it: Steering) -> None:
    gone = await table.pool(targets=["argentina"], is_blocked=not it.value)
    watcher = await table.watcher()
    reply = await steer_action(table, it, 50)
    assert_reply(reply, it.res, game_id=table.game, action_id="goal", **{it.told: START_MS + 50})
    await table.event(at=10)
    later = await table.pool(targets=["brazil"], is_blocked=not it.value)
    await watcher.heard()
    assert await told(table, watcher, 49) == []
    heard = await heard_at(table, watcher, 50)
    assert [(message["res"], message.get("pool_id")) for message in heard] == [(PER_POOL[it.op], later), (it.res, None)]
    assert [message[it.told] for message in heard] == [START_MS + 50] * 2
    assert gone != later


@on_actions
async def test_a_newer_time_for_an_action_replaces_the_one_before(table: Table, it: Steering) -> None:
    watcher = await table.watcher()
    for at in (50, 90):
        await steer_action(table, it, at)
    assert await told(table, watcher, 89) == []
    assert await told(table, watcher, 90) == [it.res]


@on_actions
async def test_steering_an_action_at_once_cancels_what_was_to_come(table: Table, it: Steering) -> None:
    watcher = await table.watcher()
    await steer_action(table, BLOCK_ACTION, 50)
    await steer_action(table, ALLOW_ACTION, 60)
    await steer_action(table, it)
    assert await told(table, watcher, 200) == [it.res]


@pytest.mark.parametrize("op", [3975, 3985, 3961])
@pytest.mark.parametrize("action", ["header", "a:b", "\x00"])
async def test_an_unknown_action_is_refused_by_name(table: Table, op: int, action: str) -> None:
    target: dict[str, Any] = {"target_id": "brazil"} if op == 3961 else {}
    reply = await table.admin.call(op, game_id=table.game, action_id=action, **target)
    assert_refused(reply, op, "invalid_parameter", "action_id")


# An immediate block, and what was to come


async def block_with(table: Table, how: str, pool: str) -> None:
    """Block a pool at once: itself, with its action, or by voiding the first of the two events on record."""
    if how == "397":
        await steer(table, BLOCK, pool)
    elif how == "3975":
        await steer_action(table, BLOCK_ACTION)
    else:
        event = await table.event(at=5)
        await table.event(at=6)
        await table.void(event)


@pytest.mark.parametrize("how", ["397", "3975", "3951"])
@pytest.mark.parametrize("ordered", [ALLOW, ALLOW_ACTION], ids=lambda it: str(it.op))
async def test_a_block_at_once_cancels_every_allow_to_come_that_touches_the_pool(
    table: Table, how: str, ordered: Steering
) -> None:
    pool = await table.pool()
    await steer(table, BLOCK, pool)
    await (steer(table, ordered, pool, 800) if ordered is ALLOW else steer_action(table, ordered, 800))
    await block_with(table, how, pool)
    watcher = await table.watcher()
    assert 369 not in await told(table, watcher, 900)
    table.set_time(900)
    assert await table.refusal(392, "ann", pool_id=pool, target="brazil", amount=1) == "betting_blocked"


async def test_an_actions_allow_to_come_still_allows_the_pools_that_were_not_blocked_since(table: Table) -> None:
    pools = [await table.pool() for _ in range(3)]
    await steer_action(table, BLOCK_ACTION)
    await steer_action(table, ALLOW_ACTION, 50)
    await steer(table, BLOCK, pools[1])
    later, watcher = await table.pool(is_blocked=True), await table.watcher()
    heard = await heard_at(table, watcher, 50)
    allowed = [pools[0], pools[2], later]
    assert [(message["res"], message.get("pool_id")) for message in heard] == [
        *((369, pool) for pool in allowed),
        (371, None),
    ]


async def test_an_allow_ordered_for_the_action_after_a_pool_was_blocked_allows_it_too(table: Table) -> None:
    pool = await table.pool()
    await steer_action(table, ALLOW_ACTION, 50)
    await steer(table, BLOCK, pool)
    await steer_action(table, ALLOW_ACTION, 60)
    watcher = await table.watcher()
    assert await told(table, watcher, 60) == [369, 371]


async def test_a_block_that_falls_due_cancels_no_allow(table: Table) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, BLOCK, pool, 50)
    await steer_action(table, ALLOW_ACTION, 60)
    assert await told(table, watcher, 100) == [368, 369, 371]


@pytest.mark.parametrize(("it", "res"), [(ALLOW, 369), (BLOCK, 368)], ids=lambda it: str(it))
async def test_what_fell_due_while_a_pool_was_resolved_is_told_when_it_opens_again(
    table: Table, it: Steering, res: int
) -> None:
    pool = await table.pool(is_blocked=not it.value)
    await steer(table, it, pool, 50)
    event = await table.event(at=10)
    watcher = await table.watcher()
    assert await told(table, watcher, 90) == []
    await table.void(event)
    heard = [message for message in await watcher.heard() if message["res"] != 361]
    assert [message["res"] for message in heard] == [3661, 352, res]
    shown = await table.pool_object(pool)
    assert heard[-1] == {**heard[-1], "pool_id": pool, it.told: START_MS + 50, "version": shown["version"]}
    assert shown["is_blocked"] is it.value
    await table.void(await table.event())
    assert kinds(await watcher.heard()) == [366, 362, 3661, 352] + [368] * it.value


async def test_what_is_to_come_still_comes_to_a_pool_that_opens_again_before(table: Table) -> None:
    pool = await table.pool(is_blocked=True)
    await steer(table, ALLOW, pool, 50)
    await table.void(await table.event(at=10))
    assert await state_of(table, pool, BLOCK, 49)
    assert not await state_of(table, pool, BLOCK, 50)


async def test_of_several_that_fell_due_while_a_pool_was_resolved_the_last_holds(table: Table) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, BLOCK, pool, 50)
    await steer(table, ALLOW, pool, 60)
    event = await table.event(at=10)
    table.set_time(90)
    await table.void(event)
    (message,) = [message for message in await watcher.heard() if message["res"] in (368, 369)]
    assert (message["res"], message["allowed_at"]) == (369, START_MS + 60)


async def test_no_allow_to_come_outlives_the_beginning_of_the_games_end(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await steer(table, ALLOW, pool, 50)
    await steer_action(table, ALLOW_ACTION, 50)
    watcher = await table.watcher()
    await table.admin.call(375, game_id=table.game)
    event = await table.resolve(pool, "yes")
    assert (await table.void(event))["pools"] == {pool: "voided"}
    assert not {369, 371} & set(await told(table, watcher, 100))


# What is to come, for the admins' eyes


async def pending(table: Table, pool: str) -> dict[str, Any]:
    """What the admin reads in a pool, the same by itself and in the lists that have it."""
    shown = (await table.pool_object(pool))["pending"]
    for op in (387, 388, 389, 390, 3870):
        listed = (await accepted(table.admin, op, game_id=table.game))["pools_list"]
        assert pool not in listed or listed[pool]["pending"] == shown
    return dict(shown)


async def test_a_pool_shows_the_games_admins_what_is_to_come_of_it(table: Table) -> None:
    pool, other = await table.pool(), await table.pool()
    assert await pending(table, pool) == NOTHING_PENDING
    for it, at in ((BLOCK, 50), (ALLOW, 60), (HEAT, 70)):
        await steer(table, it, pool, at)
    expected = {"block_at": START_MS + 50, "allow_at": START_MS + 60, "hot_at": START_MS + 70}
    assert await pending(table, pool) == expected
    assert await pending(table, other) == NOTHING_PENDING
    table.set_time(50)
    assert await pending(table, pool) == {**expected, "block_at": None}
    await accepted(table.admin, 396, pool_id=pool, is_hot=False)
    await steer(table, ALLOW, pool)
    assert await pending(table, pool) == NOTHING_PENDING


async def test_what_is_to_come_of_a_pools_action_is_pending_for_the_pool_too(table: Table) -> None:
    pool, blocked = await table.pool(), await table.pool()
    manual, elsewhere = await table.pool(pool_type=3), await table.pool(action_id="offside")
    await steer_action(table, BLOCK_ACTION, 50)
    await steer_action(table, ALLOW_ACTION, 60)
    await steer(table, BLOCK, pool, 55)
    await steer(table, ALLOW, pool, 58)
    await steer(table, BLOCK, blocked)
    assert await pending(table, pool) == {**NOTHING_PENDING, "block_at": START_MS + 50, "allow_at": START_MS + 58}
    assert await pending(table, blocked) == {**NOTHING_PENDING, "block_at": START_MS + 50}
    assert [await pending(table, other) for other in (manual, elsewhere)] == [NOTHING_PENDING] * 2


async def test_what_is_to_come_is_still_pending_for_a_pool_that_has_ended(table: Table) -> None:
    pool = await table.pool()
    await steer(table, BLOCK, pool, 50)
    await table.event()
    assert await pending(table, pool) == {**NOTHING_PENDING, "block_at": START_MS + 50}
    await accepted(table.admin, 3952, pool_id=pool)
    assert await pending(table, pool) == NOTHING_PENDING


async def test_what_is_to_come_is_for_the_games_admins_alone_and_makes_no_new_version(table: Table) -> None:
    await table.server.add_user("other", provider=True)
    strangers = [await table.client("ann"), await table.server.connect("other")]
    pool, watcher = await table.pool(), await table.watcher()
    await steer(table, BLOCK, pool, 50)
    assert (await table.pool_object(pool))["version"] == 1
    await accepted(table.admin, 3852, pool_id=pool, description="Who is next?")
    (message,) = await watcher.heard()
    assert (message["res"], "pending" in message) == (352, False)
    for stranger in strangers:
        assert "pending" not in await accepted(stranger, 393, pool_id=pool)
        for op in (387, 388):
            assert "pending" not in (await accepted(stranger, op, game_id=table.game))["pools_list"][pool]


# Hot pools on an action and target


@pytest.mark.parametrize("at", [None, 50])
async def test_every_pool_on_the_action_that_holds_the_target_is_hot_now_or_later(table: Table, at: int | None) -> None:
    pools = [await table.pool(targets=targets) for targets in (["brazil"], ["chile", "brazil"], ["chile"])]
    await table.pool(targets=["brazil:7"])
    await table.pool(action_id="offside")
    watcher = await table.watcher()
    subject: dict[str, Any] = {"game_id": table.game, "action_id": "goal", "target_id": "brazil"}
    times: dict[str, Any] = {} if at is None else {"likely_to_happen_at": START_MS + at}
    reply = await table.admin.call(3961, **{**subject, "target_id": "Brazil", "action_id": "GOAL"}, **times)
    assert_reply(reply, 367, **subject, pools=pools[:2], hot_since=START_MS + (at or 0))
    if at is not None:
        assert await told(table, watcher, at - 1) == []
    heard = await heard_at(table, watcher, at or 0)
    assert [(message["pool_id"], message["hot_since"]) for message in heard] == [
        (pool, START_MS + (at or 0)) for pool in pools[:2]
    ]
    for message in heard:
        assert set(message) == {"response_header", "res", "pool_id", "hot_since", "version"}
    shown = (await accepted(table.admin, 387, game_id=table.game))["pools_list"]
    assert {pool for pool, it in shown.items() if it["is_hot"]} == set(pools[:2])


async def test_a_target_without_pools_makes_none_hot(table: Table) -> None:
    reply = await table.admin.call(3961, game_id=table.game, action_id="goal", target_id="brazil:7")
    assert (reply["res"], reply["pools"]) == (367, [])


@pytest.mark.parametrize("target", ["uruguay", "a::b", ":"])
async def test_an_unknown_target_is_refused_by_name(table: Table, target: str) -> None:
    reply = await table.admin.call(3961, game_id=table.game, action_id="goal", target_id=target)
    assert_refused(reply, 3961, "invalid_parameter", "target_id")


# Restarts


async def prepare(database: Path) -> tuple[list[str], str, str]:
    """Pools to be blocked, allowed and hot in time, in a file whose server has stopped; the game, a key."""
    async with running_server(database) as server:
        table = await lay_table(server, server.clock)
        pools = [await table.pool(is_blocked=it is ALLOW) for it in ON_POOLS]
        for pool, it in zip(pools, ON_POOLS, strict=True):
            await steer(table, it, pool, 50)
        await accepted(table.admin, 3975, game_id=table.game, action_id="offside", block_at=START_MS + 60)
        return pools, table.game, await server.key_of("provider")


@pytest.mark.parametrize("starts_at", [10, 5_000])
async def test_what_was_to_come_comes_after_a_restart_or_at_it(database: Path, starts_at: int) -> None:
    pools, game, key = await prepare(database)
    clock = FakeClock()
    clock.time_ms = START_MS + starts_at
    async with running_server(database, clock) as server:
        admin = await server.connect(headers=bearer(key))
        clock.time_ms = START_MS + 5_000
        await accepted(admin, 363, game_id=game, after_seq=4)
        heard = [message for message in await admin.heard() if message["res"] != 361]
        # In the order of things: allowed, blocked, hot; the action last.
        assert [(message["res"], message.get("pool_id")) for message in heard] == [
            (369, pools[1]),
            (368, pools[0]),
            (367, pools[2]),
            (370, None),
        ]
        assert [message.get("blocked_at") for message in heard] == [None, START_MS + 50, None, START_MS + 60]
        assert (heard[3]["game_id"], heard[3]["action_id"]) == (game, "offside")
        assert seqs(heard) == [5, 6, 7, 8]
