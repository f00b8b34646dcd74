from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import START_MS, running_server
from tests.support.settling import Table, accepted, faults_of, kinds, lay_table
from tests.support.world import assert_broadcast, assert_refused, assert_reply, bearer


async def hold(table: Table) -> dict[str, Any]:
    return await accepted(table.admin, 3976, game_id=table.game)


async def release(table: Table) -> dict[str, Any]:
    return await accepted(table.admin, 3986, game_id=table.game)


async def takes_bets(table: Table, pool: str, target: str = "brazil") -> bool:
    """Whether a bet is taken; if it is refused, it is because betting is blocked, and the pool says so."""
    reply = await (await table.client("ann")).call(392, pool_id=pool, target=target, amount=1)
    is_blocked = (await table.pool_object(pool))["is_blocked"]
    assert (reply["res"], reply.get("code")) == ((666, "betting_blocked") if is_blocked else (356, None))
    return not is_blocked


async def test_a_hold_blocks_every_unresolved_pool_and_the_release_lets_them_on(table: Table) -> None:
    pools = [await table.pool(targets=["brazil"]), await table.pool(pool_type=3)]
    await table.pool(targets=["chile"])
    await table.event("chile:1")
    watcher = await table.watcher()
    table.set_time(5)
    for op, per_pool, res, told in ((3976, 368, 3681, "blocked_at"), (3986, 369, 3691, "allowed_at")):
        versions = [(await table.pool_object(pool))["version"] for pool in pools]
        seq = (await table.details())["seq"]
        reply = await accepted(table.admin, op, game_id=table.game)
        assert_reply(reply, res, game_id=table.game, pools=pools)
        *each, whole = await watcher.heard()
        for number, (message, pool, version) in enumerate(zip(each, pools, versions, strict=True), seq + 1):
            about: dict[str, Any] = {"pool_id": pool, told: START_MS + 5, "version": version + 1}
            assert_broadcast(message, per_pool, number, **about)
            assert (await table.pool_object(pool))["version"] == version + 1
        assert_broadcast(whole, res, seq + len(pools) + 1, game_id=table.game, pools=pools)
        assert await takes_bets(table, pools[0]) is await takes_bets(table, pools[1], "yes") is (op == 3986)


async def test_a_games_details_and_list_entry_say_since_when_it_is_held(table: Table) -> None:
    async def shown() -> list[int | None]:
        entries = (await accepted(table.admin, 380, source_id=table.source))["games"]
        return [(await table.details())["held_at"], entries[table.game]["held_at"]]

    assert await shown() == [None, None]
    for at in (5, 9):
        table.set_time(at)
        await hold(table)
        assert await shown() == [START_MS + 5] * 2
    await release(table)
    assert await shown() == [None, None]


async def test_to_hold_a_held_game_tells_it_again_and_to_release_one_that_is_not_held_lets_on_nothing(
    table: Table,
) -> None:
    pool = await table.pool(is_blocked=True)
    assert (await release(table))["pools"] == []
    assert not await takes_bets(table, pool)
    watcher = await table.watcher()
    assert [(await hold(table))["pools"] for _ in range(2)] == [[pool], [pool]]
    assert kinds(await watcher.heard()) == [368, 3681, 368, 3681]


@pytest.mark.parametrize("how", ["opened", "recreated", "reopened"])
async def test_a_pool_that_opens_during_a_hold_is_blocked_and_belongs_to_it(table: Table, how: str) -> None:
    first = await table.pool(recreate_on_end=how == "recreated")
    if how == "reopened":
        event = await table.event()
    await hold(table)
    watcher = await table.watcher()
    if how == "opened":
        await table.pool()
    elif how == "recreated":
        await table.event()
    else:
        await table.void(event)
    heard = [message for message in await watcher.heard() if message["res"] in (352, 368, 369)]
    assert [message["res"] for message in heard] == [352, 368][: 1 + (how == "reopened")]
    pool = heard[0]["pool_id"]
    assert heard[0]["is_blocked"] is True
    assert (pool == first) == (how == "reopened")
    assert not await takes_bets(table, pool)
    assert pool in (await release(table))["pools"]
    assert await takes_bets(table, pool)


@pytest.mark.parametrize("how", ["blocked before", "blocked during it", "blocked in time", "opened blocked"])
async def test_the_release_leaves_pools_blocked_that_are_blocked_otherwise(table: Table, how: str) -> None:
    pool = await table.pool()
    if how == "blocked before":
        await accepted(table.admin, 397, pool_id=pool)
    elif how == "blocked in time":
        await accepted(table.admin, 397, pool_id=pool, block_at=START_MS + 50)
    await hold(table)
    if how == "blocked during it":
        await accepted(table.admin, 3975, game_id=table.game, action_id="goal")
    elif how == "opened blocked":
        pool = await table.pool(is_blocked=True)
    table.set_time(60)
    watcher = await table.watcher()
    assert pool not in (await release(table))["pools"]
    assert (369, pool) not in [(message["res"], message.get("pool_id")) for message in await watcher.heard()]
    assert not await takes_bets(table, pool)


@pytest.mark.parametrize("at", [None, START_MS + 50], ids=["now", "due"])
@pytest.mark.parametrize("op", [398, 3985])
async def test_allowing_betting_during_a_hold_lifts_only_a_pools_own_block(
    table: Table, op: int, at: int | None
) -> None:
    pool = await table.pool(is_blocked=True)
    await hold(table)
    watcher = await table.watcher()
    subject = {"pool_id": pool} if op == 398 else {"game_id": table.game, "action_id": "goal"}
    assert (await accepted(table.admin, op, **subject, allow_at=at))["allowed_at"] == (at or START_MS)
    table.set_time(60)
    assert not await takes_bets(table, pool)
    assert kinds(await watcher.heard()) == [371] * (op == 3985)
    assert (await release(table))["pools"] == [pool]
    assert await takes_bets(table, pool)
    assert kinds(await watcher.heard()) == [369, 3691]


@pytest.mark.parametrize("op", [398, 3985])
async def test_a_hold_cancels_every_allow_to_come_that_touches_a_pool(table: Table, op: int) -> None:
    pool = await table.pool(is_blocked=True)
    subject = {"pool_id": pool} if op == 398 else {"game_id": table.game, "action_id": "goal"}
    await accepted(table.admin, op, **subject, allow_at=START_MS + 50)
    await hold(table)
    await release(table)
    table.set_time(60)
    assert not await takes_bets(table, pool)


async def test_what_fell_due_while_a_pool_was_resolved_is_told_as_the_hold_lets_it(table: Table) -> None:
    allowed, blocked = await table.pool(is_blocked=True), await table.pool()
    event = await table.event()
    await hold(table)
    await table.void(event)
    await accepted(table.admin, 398, pool_id=allowed, allow_at=START_MS + 50)
    await accepted(table.admin, 397, pool_id=blocked, block_at=START_MS + 50)
    event = await table.event(at=10)
    watcher = await table.watcher()
    table.set_time(90)
    await table.void(event)
    heard = [message for message in await watcher.heard() if message["res"] in (368, 369)]
    assert [(message["res"], message["pool_id"], message["blocked_at"]) for message in heard] == [
        (368, allowed, START_MS + 90),
        (368, blocked, START_MS + 50),
    ]
    assert (await release(table))["pools"] == [allowed]


async def test_a_bet_cannot_be_cancelled_while_its_game_is_held(table: Table) -> None:
    game = await table.server.open_game(table.admin, table.source, live_start_at=START_MS + 1000)
    await accepted(table.admin, 616, game_id=game)
    pool = await table.pool(game_id=game, targets=["brazil"], is_cancellable=True)
    bet = await table.bet("ann", pool, "brazil", 1)
    await accepted(table.admin, 3976, game_id=game)
    assert await table.refusal(3921, "ann", bet_id=bet) == "betting_blocked"


async def test_what_is_due_or_registered_settles_pools_of_a_held_game(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 10)
    await hold(table)
    watcher = await table.watcher()
    await table.event(at=5)
    assert kinds(await watcher.heard()) == [366, 362]
    view = (await accepted(table.admin, 3870, game_id=table.game))["pools_list"][pool]
    assert (view["status"], view["is_blocked"]) == ("resolved", False)


async def test_a_game_that_is_closing_may_be_held_and_released_and_a_closed_one_not(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.admin.call(375, game_id=table.game)
    assert (await hold(table))["pools"] == [pool]
    assert (await release(table))["pools"] == []
    assert not await takes_bets(table, pool, "yes")
    await table.resolve(pool, "yes")
    await accepted(table.admin, 375, game_id=table.game)
    for op in (3976, 3986):
        assert_refused(await table.admin.call(op, game_id=table.game), op, "game_closed")


async def test_a_hold_outlives_a_restart(database: Path) -> None:
    async with running_server(database) as server:
        table = await lay_table(server, server.clock)
        pool, key = await table.pool(), await server.key_of("provider")
        await hold(table)
    async with running_server(database) as server:
        admin = await server.connect(headers=bearer(key))
        assert (await accepted(admin, 393, pool_id=pool))["is_blocked"] is True
        assert (await accepted(admin, 3986, game_id=table.game))["pools"] == [pool]
    assert faults_of(database) == []


# A pool that is hot no longer


async def test_a_pool_is_cooled_at_once(table: Table) -> None:
    pool, watcher = await table.pool(is_hot=True), await table.watcher()
    reply = await accepted(table.admin, 396, pool_id=pool, is_hot="false")
    assert_reply(reply, 367, pool_id=pool, hot_since=None, version=2)
    (message,) = await watcher.heard()
    assert_broadcast(message, 367, 3, pool_id=pool, hot_since=None, version=2)
    assert (await table.pool_object(pool))["is_hot"] is False


async def test_cooling_a_pool_cancels_its_heating_to_come(table: Table) -> None:
    pool = await table.pool()
    await accepted(table.admin, 396, pool_id=pool, likely_to_happen_at=START_MS + 50)
    await accepted(table.admin, 396, pool_id=pool, is_hot=False)
    table.set_time(60)
    assert (await table.pool_object(pool))["is_hot"] is False


async def test_to_cool_a_pool_at_a_time_to_come_is_refused(table: Table) -> None:
    pool = await table.pool(is_hot=True)
    reply = await table.admin.call(396, pool_id=pool, is_hot=False, likely_to_happen_at=START_MS + 50)
    assert_refused(reply, 396, "invalid_parameter", "likely_to_happen_at")
