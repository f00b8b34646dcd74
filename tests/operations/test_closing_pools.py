from pathlib import Path

import pytest

from tests.support.harness import START_MS, FakeClock, Server, running_server
from tests.support.settling import Table, accepted, kinds, lay_table, of_kind, seqs
from tests.support.world import assert_broadcast, assert_refused, assert_reply, bearer


async def test_closing_resolves_parimutuel_pools_to_none(table: Table) -> None:
    pool, timed = await table.pool(), await table.pool(pool_type=2, finish_at=START_MS + 9_000)
    await table.bet("ann", pool, "none", 4)
    await table.bet("bob", pool, "brazil", 6)
    await table.bet("bob", timed, "brazil", 6)
    watcher = await table.watcher()
    table.set_time(10)
    assert_reply(await table.admin.call(375, game_id=table.game), 341, game_id=table.game)
    heard = [message for message in await watcher.heard() if message["res"] != 361]
    assert (kinds(heard), seqs(heard)) == ([362, 362, 341], [4, 5, 6])
    assert_broadcast(
        heard[0],
        362,
        4,
        pool_id=pool,
        game_id=table.game,
        event_id=None,
        winning_target="none",
        winning_targets=["none"],
        price=2.5,
        prices={"none": 2.5},
        description="Who scores?",
        winners={"1": 6.0},
        losers={"2": 6.0},
        invalidated_bettors=[],
        usernames={"1": "ann", "2": "bob"},
        is_money_return=False,
        resolved_at=START_MS + 10,
        amount_total=10.0,
        participants=2,
        version=4,
    )
    assert (heard[1]["pool_id"], heard[1]["is_money_return"]) == (timed, True)
    assert await table.nets() == {"ann": 6.0, "bob": -6.0}


async def test_a_closed_game_is_not_ended_again_by_the_times_of_its_pools(table: Table) -> None:
    await table.pool(pool_type=2, finish_at=START_MS + 1_000)
    await accepted(table.admin, 375, game_id=table.game)
    table.set_time(2_000)
    await accepted(table.admin, 363, game_id=table.game, after_seq=0)
    assert kinds(await table.admin.heard()) == [340, 352, 362, 341]


async def close_with_manual(table: Table, *pools: str) -> None:
    """Close the game as far as it can be."""
    reply = await table.admin.call(375, game_id=table.game)
    assert (reply["res"], reply["code"], reply["op"], reply["retryable"]) == (666, "manual_pools_remain", 375, False)
    assert reply["pools"] == list(pools)


async def test_binary_pools_are_blocked_and_remain_until_they_are_resolved_and_the_close_is_sent_again(
    table: Table,
) -> None:
    pool, first = await table.pool(), await table.pool(pool_type=3)
    second = await table.pool(pool_type=4, finish_at=START_MS + 90_000)
    await table.bet("ann", first, "no", 2)
    watcher = await table.watcher()
    await close_with_manual(table, first, second)
    heard = [message for message in await watcher.heard() if message["res"] != 361]
    assert [(message["res"], message["pool_id"]) for message in heard] == [(362, pool), (368, first), (368, second)]
    assert (await table.details())["status"] == "game_in_progress_betting_closed"
    await close_with_manual(table, first, second)
    await table.resolve(first, "yes")
    await close_with_manual(table, second)
    await table.resolve(second, "yes")
    assert kinds(await watcher.heard()) == [366, 362, 366, 362]
    assert (await table.details())["status"] == "game_in_progress_betting_closed"
    assert_reply(await table.admin.call(375, game_id=table.game), 341, game_id=table.game)
    assert kinds(await watcher.heard()) == [341]


async def test_a_binary_pool_that_is_blocked_already_is_told_blocked_by_the_first_close_alone(table: Table) -> None:
    manual = await table.pool(pool_type=3, is_blocked=True)
    watcher = await table.watcher()
    await close_with_manual(table, manual)
    assert kinds(await watcher.heard()) == [368]
    await close_with_manual(table, manual)
    assert await watcher.heard() == []


async def test_a_closing_game_takes_no_bets_pools_events_or_permissions(table: Table) -> None:
    manual = await table.pool(pool_type=3)
    later = await table.pool(pool_type=3)
    await accepted(table.admin, 398, pool_id=later, allow_at=START_MS + 500)
    await close_with_manual(table, manual, later)
    assert await table.refusal(385, game_id=table.game, description="?", pool_type=3) == "conflict"
    assert await table.refusal(395, **table.draft()) == "conflict"
    assert await table.refusal(3950, **table.draft()) == "conflict"
    assert await table.refusal(398, pool_id=manual) == "conflict"
    assert await table.refusal(3985, game_id=table.game, action_id="goal") == "conflict"
    assert await table.refusal(392, "ann", pool_id=manual, target="yes", amount=1) == "betting_blocked"
    table.set_time(1_000)
    assert (await table.pool_object(later))["is_blocked"] is True


async def test_a_closed_game_takes_nothing_at_all(table: Table) -> None:
    pool = await table.pool()
    await accepted(table.admin, 375, game_id=table.game)
    assert await table.refusal(385, game_id=table.game, description="?", pool_type=3) == "game_closed"
    assert await table.refusal(395, **table.draft()) == "game_closed"
    assert await table.refusal(392, "ann", pool_id=pool, target="brazil", amount=1) == "pool_resolved"


async def test_the_keys_of_a_close_that_left_pools_may_be_used_again(table: Table) -> None:
    manual = await table.pool(pool_type=3)
    for _ in range(2):
        reply = await table.admin.call(375, header={"key": "close"}, game_id=table.game)
        assert_code(reply, "manual_pools_remain")
    await table.resolve(manual, "yes")
    assert (await table.admin.call(375, header={"key": "close"}, game_id=table.game))["res"] == 341
    assert (await table.admin.call(375, header={"key": "close"}, game_id=table.game))["response_header"]["repeated"]


def assert_code(reply: dict[str, object], code: str) -> None:
    assert reply.get("code") == code, reply


async def test_closing_a_source_closes_what_can_be_closed_and_finishes_when_sent_again(table: Table) -> None:
    manual = await table.pool(pool_type=3)
    other = await table.server.open_game(table.admin, table.source)
    reply = await table.admin.call(366, source_id=table.source)
    assert (reply["code"], reply["op"], reply["pools"]) == ("manual_pools_remain", 366, [manual])
    assert (await accepted(table.admin, 372, game_id=other))["status"] == "game_closed"
    assert (await table.details())["status"] == "game_in_progress_betting_closed"
    await table.resolve(manual, "no")
    assert_reply(await table.admin.call(366, source_id=table.source), 336, source_id=table.source)
    assert (await table.details())["status"] == "game_closed"
    assert_refused(await table.admin.call(366, source_id=table.source), 366, "source_closed")


@pytest.mark.parametrize("by", ["event", "void"])
async def test_after_close_at_a_game_closes_by_itself_with_its_last_manual_pool(
    server: Server, clock: FakeClock, by: str
) -> None:
    table = await lay_table(server, clock, close_at=START_MS + 1_000)
    first = await table.pool(pool_type=3)
    last = await table.pool(pool_type=3)
    await table.bet("ann", first, "no", 2)
    watcher = await table.watcher()
    table.set_time(1_000)
    await table.resolve(first, "no")
    assert (await table.details())["status"] == "game_in_progress_betting_closed"
    if by == "event":
        await table.resolve(last, "yes")
    else:
        await accepted(table.admin, 3952, pool_id=last)
    assert (await table.details())["status"] == "game_closed"
    ended = {"event": [366, 362], "void": [3662]}[by]
    assert kinds(await watcher.heard()) == [368, 368, 366, 362, *ended, 341]


async def test_a_closing_game_closes_by_itself_as_its_last_pool_ends_by_time_at_its_close_at(
    server: Server, clock: FakeClock
) -> None:
    table = await lay_table(server, clock, close_at=START_MS + 1_000)
    await close_with_manual(table, await table.pool(pool_type=4, finish_at=START_MS + 1_000))
    watcher = await table.watcher()
    table.set_time(1_000)
    assert (await table.details())["status"] == "game_closed"
    assert kinds(await watcher.heard()) == [363, 341]


async def test_a_game_closing_before_its_close_at_closes_by_itself_then(server: Server, clock: FakeClock) -> None:
    table = await lay_table(server, clock, close_at=START_MS + 1_000)
    manual = await table.pool(pool_type=3)
    await close_with_manual(table, manual)
    await table.resolve(manual, "yes")
    assert (await table.details())["status"] == "game_in_progress_betting_closed"
    table.set_time(1_000)
    assert (await table.details())["status"] == "game_closed"


async def test_a_close_at_that_passed_while_the_server_was_down_settles_the_pools_as_of_then(
    database: Path, clock: FakeClock
) -> None:
    async with running_server(database, clock) as server:
        table = await lay_table(server, clock, close_at=START_MS + 1_000)
        pool = await table.pool(recreate_on_end=True)
        await table.bet("ann", pool, "none", 2)
        key = await server.key_of("ann")
    later = FakeClock()
    later.time_ms += 60_000
    async with running_server(database, later) as server:
        ann = await server.connect(headers=bearer(key))
        await accepted(ann, 363, game_id=table.game, after_seq=2)
        heard = await ann.heard()
        assert kinds(heard) == [362, 341]
        assert of_kind(heard, 362)[0]["resolved_at"] == START_MS + 1_000
