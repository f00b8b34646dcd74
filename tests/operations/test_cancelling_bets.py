"""Cancelling a bet: in a pool that allows it, before the match, as if it had never been placed."""

from typing import Any

import pytest

from tests.operations.test_betting import balances
from tests.support.databases import reading
from tests.support.harness import START_MS, Client, FakeClock, Server
from tests.support.settling import Table, accepted, faults_of, lay_table, of_kind

MATCH_MS = 10_000


@pytest.fixture
async def before(server: Server, clock: FakeClock) -> Table:
    """A game whose match begins later."""
    return await lay_table(server, clock, live_start_at=START_MS + MATCH_MS)


async def cancelled(client: Client, bet: str, **header: Any) -> dict[str, Any]:
    """The reply to a cancellation, which must be accepted."""
    reply = await client.call(3921, bet_id=bet, header=header)
    assert reply["res"] == 3561, reply
    return reply


async def test_the_stake_comes_back_and_the_bet_leaves_all_sums(before: Table) -> None:
    pool = await before.pool(is_cancellable=True)
    ann = await before.client("ann")
    kept = await before.bet("bob", pool, "brazil", 3, at=1)
    first = await before.bet("ann", pool, "argentina", 5, at=2)
    second = await before.bet("ann", pool, "argentina", 2, at=3)
    was = await before.pool_object(pool)
    before.set_time(4)
    reply = await cancelled(ann, first)
    assert {name: reply[name] for name in ("bet_id", "pool_id", "game_id", "amount", "cancelled_at")} == {
        "bet_id": first,
        "pool_id": pool,
        "game_id": before.game,
        "amount": 5,
        "cancelled_at": START_MS + 4,
    }
    now = await before.pool_object(pool)
    assert reply["version"] == now["version"] > was["version"]
    assert (now["amount_total"], now["bet_count"], now["participants"]) == (5, 2, 2)
    argentina = now["distribution"]["argentina"]
    assert (argentina["backing_people"], argentina["backing_money"]) == (1, 2)
    assert [shown["bet_id"] for shown in argentina["bets"]] == [second]
    assert await balances(ann) == (1000, 998, 2)
    await cancelled(ann, second)
    now = await before.pool_object(pool)
    assert (now["amount_total"], now["bet_count"], now["participants"]) == (3, 1, 1)
    assert now["distribution"]["argentina"]["backing_people"] == 0
    assert await balances(ann) == (1000, 1000, 0)
    assert [shown["bet_id"] for shown in now["distribution"]["brazil"]["bets"]] == [kept]


async def test_who_has_cancelled_all_bets_is_no_bettor_of_the_pool(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    bet = await before.bet("ann", pool, "argentina", 5, at=1)
    await cancelled(ann, bet)
    assert list((await accepted(ann, 388, game_id=before.game))["pools_list"]) == [pool]
    assert (await accepted(ann, 389, game_id=before.game))["pools_list"] == {}
    await before.event(at=20)
    assert (await accepted(ann, 390, game_id=before.game))["pools_list"] == {}
    assert await before.net("ann") == 0


async def test_the_subscribers_hear_of_the_distribution_and_the_bettor_of_the_balance(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    watcher = await before.watcher()
    bet = await before.bet("ann", pool, "argentina", 5)
    await watcher.expect(361)
    other = await before.server.connect("ann")
    reply = await cancelled(ann, bet)
    update = await watcher.expect(361)
    assert (update["version"], update["bet_count"], update["amount_total"]) == (reply["version"], 0, 0)
    assert (update["new_bets"], update["new_bets_count"]) == ([], 0)
    assert (await other.expect(815))["available_balance"] == 1000


async def test_the_receipt_shows_the_bet_voided_and_what_was_moved(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    bet = await before.bet("ann", pool, "argentina", 5, at=1)
    before.set_time(2)
    await cancelled(ann, bet)
    receipt = await before.receipt("ann", bet)
    assert receipt["status"] == "voided"
    assert "payout" not in receipt
    moves = [(move["debited"], move["credited"], move["amount"], move["reason"]) for move in receipt["transfers"]]
    assert moves == [("available", "staked", 5, "stake"), ("staked", "available", 5, "refund")]


async def test_a_cancelled_bet_has_no_part_in_what_comes_after_and_its_own_part_in_what_was_before(
    before: Table,
) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    await before.bet("bob", pool, "argentina", 4, at=1)
    await before.bet("cat", pool, "brazil", 6, at=1)
    bet = await before.bet("ann", pool, "argentina", 4, at=2)
    first = await before.event(at=10)
    assert await before.nets() == {"ann": 3, "bob": 3, "cat": -6}
    await before.void(first)
    await cancelled(ann, bet)
    await before.event(at=20)
    assert await before.nets() == {"ann": 0, "bob": 6, "cat": -6}
    reasons = [move["reason"] for move in (await before.receipt("ann", bet))["transfers"]]
    assert reasons == ["stake", "pot", "payout", "take_back", "take_back", "refund"]


async def test_a_cancellation_is_carried_out_once_for_its_key(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    bet = await before.bet("ann", pool, "argentina", 5)
    first = await cancelled(ann, bet, key="k")
    again = await cancelled(ann, bet, key="k")
    assert again["response_header"]["repeated"] is True
    assert again["version"] == first["version"]
    assert await balances(ann) == (1000, 1000, 0)


async def test_another_cancellation_of_the_same_bet_is_a_conflict(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    bet = await before.bet("ann", pool, "argentina", 5)
    await cancelled(ann, bet)
    assert await before.refusal(3921, "ann", bet_id=bet) == "conflict"


async def test_a_bet_of_somebody_else_cannot_be_found(before: Table) -> None:
    pool = await before.pool(is_cancellable=True)
    bet = await before.bet("ann", pool, "argentina", 5)
    assert await before.refusal(3921, "bob", bet_id=bet) == "not_found"


async def test_once_the_match_has_begun_nothing_is_cancelled(before: Table) -> None:
    pool = await before.pool(is_cancellable=True)
    bet = await before.bet("ann", pool, "argentina", 5)
    other = await before.bet("ann", pool, "argentina", 5)
    before.set_time(MATCH_MS - 1)
    await cancelled(await before.client("ann"), other)
    before.set_time(MATCH_MS)
    assert await before.refusal(3921, "ann", bet_id=bet) == "betting_ended"


async def test_a_late_bet_that_was_refunded_is_not_cancelled(before: Table) -> None:
    pool = await before.pool(is_cancellable=True)
    bet = await before.bet("ann", pool, "argentina", 5, at=30)
    event = await before.event(at=40, happened_at=START_MS + 20)
    await before.void(event)
    assert await before.refusal(3921, "ann", bet_id=bet) == "conflict"


async def test_what_is_cancelled_frees_its_part_of_the_stake_limit(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True, max_stake=5), await before.client("ann")
    bet = await before.bet("ann", pool, "argentina", 5)
    await cancelled(ann, bet)
    await before.bet("ann", pool, "brazil", 5)


async def test_after_a_restart_and_in_a_replay_a_cancelled_bet_is_still_cancelled(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    await before.bet("bob", pool, "brazil", 3, at=1)
    await cancelled(ann, await before.bet("ann", pool, "argentina", 5, at=2))
    await before.event(at=20)
    file = before.server.context.settings.db
    assert faults_of(file) == []
    with reading(file) as connection:
        assert connection.execute("SELECT count(*) FROM valid_bets").fetchone() == (1,)


async def test_my_bets_are_listed_newest_first_with_what_became_of_them(before: Table) -> None:
    pool, ann = await before.pool(is_cancellable=True), await before.client("ann")
    gone = await before.bet("ann", pool, "brazil", 1, at=1)
    kept = await before.bet("ann", pool, "argentina", 2, at=2)
    await before.bet("bob", pool, "brazil", 3, at=3)
    await cancelled(ann, gone)
    (running,) = (await accepted(ann, 389, game_id=before.game))["pools_list"].values()
    expected = {"bet_id": kept, "target": "argentina", "amount": 2, "placed_at": START_MS + 2}
    voided = {"bet_id": gone, "target": "brazil", "amount": 1, "placed_at": START_MS + 1}
    assert running["my_bets"] == [
        {**expected, "status": "running", "payout": None},
        {**voided, "status": "voided", "payout": None},
    ]
    late = await before.bet("ann", pool, "chile", 4, at=30)
    await before.event(at=40, happened_at=START_MS + 20)
    (resolved,) = (await accepted(ann, 390, game_id=before.game))["pools_list"].values()
    assert [(bet["bet_id"], bet["status"], bet["payout"]) for bet in resolved["my_bets"]] == [
        (late, "invalidated", 4),
        (kept, "won", 5),
        (gone, "voided", None),
    ]
    assert "my_bets" not in (await accepted(ann, 393, pool_id=pool))
    assert not any("my_bets" in shown for shown in of_kind(ann.messages, 352))
