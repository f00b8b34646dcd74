import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gameserver.engine.context import Change, Publication
from gameserver.engine.corrections import overdrawn
from gameserver.realtime.hubs import Hubs
from gameserver.storage.ledger import Balances
from tests.support.harness import START_MS, FakeClock, Server
from tests.support.pools import without_bets, without_header
from tests.support.settling import Table, accepted, faults_of, house_of, kinds, lay_table, of_kind, seqs
from tests.support.world import DAY_MS, assert_broadcast, assert_refused, assert_reply


async def test_voiding_an_event_reopens_what_it_resolved_with_the_bets_running(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 7)
    await table.bet("bob", pool, "none", 3)
    before = await table.pool_object(pool)
    event = await table.event(at=1)
    watcher = await table.watcher()
    fields: dict[str, Any] = {"event_id": event["event_id"], "game_id": table.game, "reason": "Offside"}
    # Opened, two bets, ended and open again.
    fields |= {"pools": {pool: "reopened"}, "versions": {pool: 5}}
    fields |= {"action_id": "goal", "target_id": "argentina:1", "current_count": {}, "score": None}
    assert_reply(await table.void(event, reason="Offside"), 3661, **fields, overdrawn={})
    told, shown = [message for message in await watcher.heard() if message["res"] != 361]
    assert_broadcast(told, 3661, 5, **fields)
    after = without_header(await table.pool_object(pool))
    assert after == {**without_header(before), "version": 5}
    del after["pending"]
    assert without_header(shown) == {**after, "res": 352, "distribution": without_bets(after["distribution"])}
    assert await table.nets() == {"ann": -7.0, "bob": -3.0}
    assert (await accepted(await table.client("ann"), 840))["exposure"] == 7.0
    await table.bet("cat", pool, "brazil", 1)


async def test_a_voided_event_leaves_the_past_events_and_the_counts(table: Table) -> None:
    kept, voided = await table.event("argentina:1"), await table.event("argentina:2")
    await table.void(voided)
    details = await table.details()
    assert list(details["past_events"]) == [kept["event_id"]]
    assert details["game_state"] == {"goal": {"argentina": 1, "argentina:1": 1}}
    assert (await table.event("brazil:7"))["current_count"]["argentina"] == 1


async def test_each_user_concerned_is_told_the_balance_once(table: Table) -> None:
    for targets in (["argentina", "brazil"], ["argentina:1", "brazil:7"]):
        await table.bet("ann", await table.pool(targets=targets), targets[0], 5)
    event = await table.event(at=1)
    ann = await table.client("ann")
    await ann.heard()
    await table.void(event)
    (told,) = of_kind(await ann.heard(), 815)
    assert (told["current_balance"], told["available_balance"]) == (1000.0, 990.0)


async def late_case(table: Table) -> tuple[str, dict[str, Any]]:
    """A pool and the event that ended it, cat's bet having come too late."""
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 7, at=0)
    await table.bet("bob", pool, "none", 3, at=0)
    await table.bet("cat", pool, "argentina", 10, at=5_000)
    return pool, await table.event(at=10_000, happened_at=START_MS + 3_000)


async def test_late_bets_stay_refunded_when_their_pool_is_reopened(table: Table) -> None:
    pool, event = await late_case(table)
    await table.void(event)
    assert await table.nets() == {"ann": -7.0, "bob": -3.0, "cat": 0.0}
    shown = await table.pool_object(pool)
    assert (shown["amount_total"], shown["participants"]) == (10.0, 2)
    cat = await table.client("cat")
    assert (await accepted(cat, 389, game_id=table.game))["pools_list"] == {}
    assert list((await accepted(cat, 388, game_id=table.game))["pools_list"]) == [pool]


async def lists_with(table: Table, name: str, pool: str) -> list[int]:
    """The operations in whose answer a bettor finds the pool."""
    client = await table.client(name)
    return [op for op in (388, 389, 390) if pool in (await accepted(client, op, game_id=table.game))["pools_list"]]


async def test_a_pool_with_late_bets_alone_is_among_ones_resolved_pools_whenever_it_is_resolved(table: Table) -> None:
    pool, event = await late_case(table)
    for _ in range(2):
        assert [await lists_with(table, name, pool) for name in ("ann", "cat", "dan")] == [[390], [390], []]
        await table.void(event)
        assert [await lists_with(table, name, pool) for name in ("ann", "cat", "dan")] == [[389], [388], [388]]
        event = await table.event(happened_at=START_MS + 3_000)
    shown = (await accepted(await table.client("cat"), 390, game_id=table.game))["pools_list"][pool]
    assert (shown["user_backed"], shown["total_winnings"]) == ({}, 0.0)
    await accepted(table.admin, 3952, pool_id=pool)
    assert await lists_with(table, "cat", pool) == [390]


async def test_who_bet_too_late_takes_part_again_by_betting_again_in_the_reopened_pool(table: Table) -> None:
    pool, event = await late_case(table)
    await table.void(event)
    for participants in (3, 3):
        await table.bet("cat", pool, "argentina", 1)
        assert (await table.pool_object(pool))["participants"] == participants
    assert await lists_with(table, "cat", pool) == [389]
    await table.event(at=20_000)
    assert await lists_with(table, "cat", pool) == [390]


async def test_an_event_that_is_voided_and_registered_again_leaves_the_balances_from_before(table: Table) -> None:
    pool, event = await late_case(table)
    before = await table.nets()
    for _ in range(3):
        await table.void(event)
        event = await table.event(happened_at=START_MS + 3_000)
        assert await table.nets() == before
    assert (await table.pool_object(pool))["status"] == "resolved"


async def test_the_houses_takeout_is_taken_back_too(server: Server, clock: FakeClock, database: Path) -> None:
    table = await lay_table(server, clock, "0.1")
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 7)
    await table.bet("bob", pool, "none", 3)
    event = await table.event(at=1)
    assert house_of(database) == 1_00
    await table.void(event)
    assert house_of(database) == 0
    assert faults_of(database) == []


async def test_a_voided_resolution_by_hand_reopens_its_pool(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.bet("ann", pool, "yes", 7)
    await table.bet("bob", pool, "no", 3)
    table.set_time(1)
    event = await table.resolve(pool, "yes")
    assert (await table.void(event))["pools"] == {pool: "reopened"}
    await table.resolve(pool, "no")
    assert await table.nets() == {"ann": -7.0, "bob": 7.0}


@pytest.mark.parametrize(("later", "blocked"), [("brazil:7", True), ("chile:1", False)])
async def test_a_reopened_pool_is_blocked_if_a_later_event_would_have_ended_it(
    table: Table, later: str, blocked: bool
) -> None:
    pool = await table.pool(targets=["argentina", "brazil"])
    event = await table.event("argentina:1", at=1)
    await table.event(later, at=2)
    watcher = await table.watcher()
    assert (await table.void(event))["pools"] == {pool: "reopened"}
    assert kinds(await watcher.heard()) == ([3661, 352, 368] if blocked else [3661, 352])
    assert (await table.pool_object(pool))["is_blocked"] is blocked


async def test_an_earlier_event_does_not_block_a_reopened_pool(table: Table) -> None:
    earlier = await table.event("brazil:7", at=1)
    pool = await table.pool()
    event = await table.event("argentina:1", at=2)
    await table.void(event)
    assert (await table.pool_object(pool))["is_blocked"] is False
    await table.void(earlier)


async def test_a_later_event_that_is_voided_itself_does_not_block_a_reopened_pool(table: Table) -> None:
    pool = await table.pool()
    event, later = await table.event("argentina:1", at=1), await table.event("brazil:7", at=2)
    await table.void(later)
    await table.void(event)
    assert (await table.pool_object(pool))["is_blocked"] is False


async def test_a_pool_that_was_recreated_meanwhile_is_reopened_without_recreate_on_end(table: Table) -> None:
    pool = await table.pool(recreate_on_end=True)
    event = await table.event(at=100)
    await table.void(event)
    assert (await table.pool_object(pool))["recreate_on_end"] is False
    watcher = await table.watcher()
    await table.event(at=200, happened_at=START_MS + 50)
    assert kinds(await watcher.heard()) == [366, 362]


async def test_a_voided_event_registered_again_does_not_end_the_pool_recreated_meanwhile(table: Table) -> None:
    await table.pool(recreate_on_end=True)
    event = await table.event(at=100, happened_at=START_MS + 50)
    await table.void(event)
    await table.event(happened_at=START_MS + 50)
    (left,) = (await accepted(table.admin, 387, game_id=table.game))["pools_list"].values()
    assert (left["start_at"], left["recreate_on_end"]) == (START_MS + 100, True)


@pytest.mark.parametrize("ended_by", ["finish_at", "closing", "close"])
async def test_a_pool_that_may_not_run_any_more_is_voided_and_refunded_instead(table: Table, ended_by: str) -> None:
    pool = await table.pool(pool_type=2, finish_at=START_MS + 1_000)
    bet = await table.bet("ann", pool, "argentina", 7)
    await table.bet("bob", pool, "none", 3)
    if ended_by == "closing":
        await table.pool(pool_type=3)
    event = await table.event(at=1)
    if ended_by == "finish_at":
        table.set_time(1_000)
    else:
        await table.admin.call(375, game_id=table.game)
    assert (await table.void(event))["pools"] == {pool: "voided"}
    assert (await table.pool_object(pool))["status"] == "voided"
    assert (await table.receipt("ann", bet))["status"] == "voided"
    assert await table.nets() == {"ann": 0.0, "bob": 0.0}
    assert await table.refusal(3952, pool_id=pool) == "conflict"


async def test_a_reopened_time_based_pool_still_ends_at_its_finish_at(table: Table) -> None:
    pool = await table.pool(pool_type=2, finish_at=START_MS + 1_000)
    await table.void(await table.event(at=1))
    watcher = await table.watcher()
    table.set_time(1_000)
    assert (await table.pool_object(pool))["status"] == "resolved"
    assert kinds(await watcher.heard()) == [363]


async def test_who_has_spent_the_winnings_is_overdrawn_and_may_not_bet_until_positive(table: Table) -> None:
    pool, other = await table.pool(), await table.pool(action_id="offside")
    await table.bet("ann", pool, "argentina", 10)
    await table.bet("bob", pool, "none", 40)
    event = await table.event(at=1)
    await table.bet("ann", other, "brazil", 1040)
    watcher = await table.watcher()
    assert (await table.void(event))["overdrawn"] == {"1": 50.0}
    (message,) = of_kind(await watcher.heard(), 3661)
    assert "overdrawn" not in message
    ann = await table.client("ann")
    balances = [(await accepted(ann, op)) for op in (800, 810, 840)]
    assert balances[0]["current_balance"] == 1000.0
    assert balances[1]["available_balance"] == -50.0
    assert balances[2]["exposure"] == 1050.0
    bet = {"pool_id": other, "target": "brazil", "amount": "0.01"}
    assert await table.refusal(392, "ann", **bet) == "insufficient_funds"
    await table.event("brazil:7", at=2, action_id="offside")
    assert await table.net("ann") == -10.0
    await table.bet("ann", pool, "argentina", 1)


async def test_voiding_a_pool_says_to_who_voids_it_alone_whom_it_overdraws(table: Table) -> None:
    pool, other = await table.pool(), await table.pool(action_id="offside")
    await table.bet("ann", pool, "argentina", 10)
    await table.bet("bob", pool, "none", 40)
    await table.event(at=1)
    await table.bet("ann", other, "brazil", "1039.99")
    watcher = await table.watcher()
    assert (await accepted(table.admin, 3952, pool_id=pool))["overdrawn"] == {"1": 39.99}
    (message,) = of_kind(await watcher.heard(), 3662)
    assert "overdrawn" not in message


def test_every_minor_unit_below_zero_is_overdrawn() -> None:
    held = {(number, "EUR"): Balances(available, 500) for number, available in enumerate((-100, -1, 0, 1))}
    change = cast("Change", SimpleNamespace(changed_balances=lambda: held))
    assert overdrawn(change) == {"0": Decimal("1.00"), "1": Decimal("0.01")}


async def test_an_event_is_voided_once(table: Table) -> None:
    event = await table.event()
    await table.void(event)
    reply = await table.admin.call(3951, game_id=table.game, event_id=event["event_id"])
    assert_refused(reply, 3951, "conflict")


async def test_an_event_of_another_game_is_not_found(table: Table) -> None:
    event = await table.event()
    other = await table.server.open_game(table.admin, table.source)
    await accepted(table.admin, 616, game_id=other)
    reply = await table.admin.call(3951, game_id=other, event_id=event["event_id"])
    assert_refused(reply, 3951, "not_found", "event_id")


async def two_bets(table: Table, **parameters: Any) -> str:
    """A pool with bets by ann and bob."""
    pool = await table.pool(**parameters)
    await table.bet("ann", pool, "argentina", 7)
    await table.bet("bob", pool, "none", 3)
    return pool


async def test_voiding_an_open_pool_gives_all_stakes_back(table: Table, database: Path) -> None:
    pool = await two_bets(table)
    watcher = await table.watcher()
    fields: dict[str, Any] = {"pool_id": pool, "game_id": table.game, "reason": "Wrong"}
    fields |= {"amount_total": 10.0, "participants": 2, "version": 4}  # opened, two bets, voided
    assert_reply(await table.admin.call(3952, pool_id=pool, reason="Wrong"), 3662, **fields, overdrawn={})
    (message,) = await watcher.heard()
    assert_broadcast(message, 3662, 3, **fields)
    assert await table.nets() == {"ann": 0.0, "bob": 0.0}
    assert (await table.pool_object(pool))["status"] == "voided"
    assert await table.refusal(392, "ann", pool_id=pool, target="brazil", amount=1) == "pool_resolved"
    assert await table.refusal(3952, pool_id=pool) == "conflict"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT cause FROM settlements").fetchall() == [("void",)]
        assert connection.execute("SELECT * FROM divisions").fetchall() == []


@pytest.mark.parametrize("ended_by", ["event", "void"])
async def test_the_end_of_a_pool_ends_its_updates(table: Table, monkeypatch: pytest.MonkeyPatch, ended_by: str) -> None:
    pool, published = await table.pool(), list[Publication]()
    monkeypatch.setattr(Hubs, "publish", lambda hubs, publication: published.append(publication))
    await (table.event() if ended_by == "event" else accepted(table.admin, 3952, pool_id=pool))
    assert [publication.ends_pool for publication in published if b'"res":366,' not in publication.body] == [pool]


async def test_a_voided_pool_is_not_ended_by_time_or_events(table: Table) -> None:
    pool = await two_bets(table, pool_type=2, finish_at=START_MS + 1_000)
    await accepted(table.admin, 3952, pool_id=pool)
    watcher = await table.watcher()
    await table.event(at=500)
    table.set_time(1_000)
    await table.pool_object(pool)
    assert kinds(await watcher.heard()) == [366]


@pytest.mark.parametrize("ended_by", ["event", "time", "close"])
async def test_voiding_an_ended_pool_takes_its_settlement_back_first(table: Table, ended_by: str) -> None:
    pool = await two_bets(table, pool_type=2, finish_at=START_MS + 1_000)
    if ended_by == "event":
        await table.event(at=1)
    elif ended_by == "time":
        table.set_time(1_000)
    else:
        await accepted(table.admin, 375, game_id=table.game)
    assert sum((await table.nets()).values()) == 0.0
    assert 0.0 not in (await table.nets()).values()
    await accepted(table.admin, 3952, pool_id=pool)
    assert await table.nets() == {"ann": 0.0, "bob": 0.0}


async def test_a_pool_voided_after_its_event_is_left_alone_when_that_is_voided(table: Table) -> None:
    pool = await two_bets(table)
    event = await table.event(at=1)
    await accepted(table.admin, 3952, pool_id=pool)
    assert (await table.void(event))["pools"] == {}
    assert await table.nets() == {"ann": 0.0, "bob": 0.0}


async def test_what_is_corrected_after_the_close_is_in_the_log_of_the_game(table: Table) -> None:
    pool = await two_bets(table)
    event = await table.event(at=1)
    other = await table.pool()
    await accepted(table.admin, 375, game_id=table.game)
    assert (await table.void(event))["pools"] == {pool: "voided"}
    await accepted(table.admin, 3952, pool_id=other)
    await accepted(table.admin, 363, game_id=table.game, after_seq=6)
    heard = await table.admin.heard()
    assert kinds(heard) == [341, 3661, 3662]
    assert seqs(heard) == [7, 8, 9]


async def test_a_block_that_fell_due_while_the_pool_was_resolved_holds_when_it_opens_again(table: Table) -> None:
    pool = await table.pool()
    await accepted(table.admin, 397, pool_id=pool, block_at=START_MS + 5_000)
    event = await table.event(at=1_000)
    table.set_time(6_000)
    watcher = await table.watcher()
    assert (await table.void(event))["pools"] == {pool: "reopened"}
    assert kinds(await watcher.heard()) == [3661, 352, 368]
    assert (await table.pool_object(pool))["is_blocked"]


@pytest.mark.parametrize("corrected", ["event", "pool"])
async def test_a_correction_after_the_close_keeps_the_log_for_7_days_more(table: Table, corrected: str) -> None:
    pool, event = await table.pool(), await table.event()
    await accepted(table.admin, 375, game_id=table.game)
    table.set_time(6 * DAY_MS)
    if corrected == "event":
        await table.void(event)
    else:
        await accepted(table.admin, 3952, pool_id=pool)
    table.set_time(13 * DAY_MS - 1)
    assert (await accepted(table.admin, 363, game_id=table.game, after_seq=0))["recovered"]
    table.set_time(13 * DAY_MS + 1)
    assert await table.refusal(363, game_id=table.game, after_seq=0) == "game_closed"
