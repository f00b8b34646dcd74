from typing import Any

import pytest

from tests.support.harness import START_MS, FakeClock, Server
from tests.support.settling import Table, accepted, lay_table
from tests.support.world import UNKNOWN_ID, assert_refused, assert_reply

STAKE = ("available", "staked", "stake")
POT = ("staked", "clearing", "pot")
PAYOUT = ("clearing", "available", "payout")
REFUND = ("staked", "available", "refund")


def movements(receipt: dict[str, Any]) -> list[tuple[str, str, str]]:
    """From where to where, and why, a bet's money went."""
    return [(moved["debited"], moved["credited"], moved["reason"]) for moved in receipt["transfers"]]


@pytest.fixture
async def taking(server: Server, clock: FakeClock) -> Table:
    """A table of a house that takes a tenth."""
    return await lay_table(server, clock, "0.1")


async def test_the_receipt_of_a_running_bet_has_its_stake(table: Table) -> None:
    pool = await table.pool()
    bet = await table.bet("ann", pool, "argentina", 7)
    receipt = await table.receipt("ann", bet)
    assert_reply(
        receipt,
        3560,
        bet_id=bet,
        pool_id=pool,
        game_id=table.game,
        target="argentina",
        amount=7.0,
        placed_at=START_MS,
        status="running",
        transfers=[
            {"debited": "available", "credited": "staked", "amount": 7.0, "reason": "stake", "made_at": START_MS}
        ],
    )


async def test_the_receipts_of_a_settled_pool_say_what_was_won_and_lost(taking: Table) -> None:
    table = taking
    pool = await table.pool()
    won, lost = await table.bet("ann", pool, "argentina", 6), await table.bet("bob", pool, "brazil", 4)
    event = await table.event(at=100)
    settled = {"takeout": 1.0, "event_id": event["event_id"], "settled_at": START_MS + 100}
    receipt = await table.receipt("ann", won)
    assert {**receipt, "status": "won", "payout": 9.0, "price": 1.5, **settled} == receipt
    assert movements(receipt) == [STAKE, POT, PAYOUT]
    assert [moved["amount"] for moved in receipt["transfers"]] == [6.0, 6.0, 9.0]
    receipt = await table.receipt("bob", lost)
    assert {**receipt, "status": "lost", "payout": 0.0, "price": 0.0, **settled} == receipt
    assert movements(receipt) == [STAKE, POT]


async def test_the_receipt_of_a_late_bet_says_invalidated(table: Table) -> None:
    pool = await table.pool()
    bet = await table.bet("ann", pool, "argentina", 6, at=500)
    event = await table.event(at=1_000, happened_at=START_MS + 500)
    receipt = await table.receipt("ann", bet)
    settled = {"payout": 6.0, "price": 1.0, "event_id": event["event_id"], "settled_at": START_MS + 1_000}
    assert {**receipt, "status": "invalidated", **settled} == receipt
    assert movements(receipt) == [STAKE, REFUND]


async def test_the_receipt_of_a_stake_that_nobody_could_win_says_refunded(table: Table) -> None:
    bet = await table.bet("ann", await table.pool(), "brazil", 6)
    await accepted(table.admin, 375, game_id=table.game)
    receipt = await table.receipt("ann", bet)
    assert {**receipt, "status": "refunded", "payout": 6.0, "takeout": 0.0, "event_id": None} == receipt
    assert movements(receipt) == [STAKE, REFUND]


async def test_the_receipt_of_a_bet_in_a_voided_pool_says_voided(table: Table) -> None:
    pool = await table.pool()
    bet = await table.bet("ann", pool, "argentina", 6)
    await accepted(table.admin, 3952, pool_id=pool)
    receipt = await table.receipt("ann", bet)
    assert {**receipt, "status": "voided", "payout": 6.0, "price": 1.0, "event_id": None} == receipt
    assert movements(receipt) == [STAKE, REFUND]


async def test_the_receipt_of_a_bet_whose_pool_was_reopened_is_running_and_keeps_what_was_moved(table: Table) -> None:
    pool = await table.pool()
    bet = await table.bet("ann", pool, "argentina", 6)
    await table.void(await table.event(at=1))
    receipt = await table.receipt("ann", bet)
    assert receipt["status"] == "running"
    assert not {"payout", "price", "takeout", "event_id", "settled_at"} & set(receipt)
    taken_back = [(credited, debited, "take_back") for debited, credited, _ in (PAYOUT, POT)]
    assert movements(receipt) == [STAKE, POT, PAYOUT, *taken_back]


async def test_a_price_is_rounded_down_to_four_places(table: Table) -> None:
    pool = await table.pool()
    bet = await table.bet("ann", pool, "argentina", 3)
    await table.bet("bob", pool, "brazil", 5)
    await table.event(at=1)
    assert (await table.receipt("ann", bet))["price"] == 2.6666


async def test_a_price_is_that_of_the_target_whatever_the_remainder_added_to_the_bet(table: Table) -> None:
    pool = await table.pool()
    bets = [await table.bet(name, pool, "argentina", 1) for name in ("ann", "bob", "cid")]
    await table.bet("dan", pool, "brazil", 1)
    await table.event(at=1)
    receipts = [await table.receipt(name, bet) for name, bet in zip(("ann", "bob", "cid"), bets, strict=True)]
    assert [(receipt["payout"], receipt["price"]) for receipt in receipts] == [
        (1.34, 1.3333),
        (1.33, 1.3333),
        (1.33, 1.3333),
    ]
    assert (await table.pool_object(pool))["price"] == 1.3333


async def test_the_receipts_of_a_settled_pool_list_its_winning_targets(table: Table) -> None:
    pool = await table.pool()
    won, lost = await table.bet("ann", pool, "argentina", 6), await table.bet("bob", pool, "none", 3)
    assert "winning_targets" not in await table.receipt("ann", won)
    table.set_time(10)
    await accepted(table.admin, 3955, pool_id=pool, winners="argentina,brazil")
    for name, bet, price in (("ann", won, 1.5), ("bob", lost, 0)):
        receipt = await table.receipt(name, bet)
        assert (receipt["winning_targets"], receipt["price"]) == (["argentina", "brazil"], price)
    await accepted(table.admin, 3952, pool_id=pool)
    assert (await table.receipt("ann", won))["winning_targets"] == []


async def test_anothers_bet_and_an_unknown_one_are_not_found(table: Table) -> None:
    bet = await table.bet("ann", await table.pool(), "argentina", 6)
    for client in (await table.client("bob"), table.admin):
        assert_refused(await client.call(391, bet_id=bet), 391, "not_found", "bet_id")
    assert_refused(await (await table.client("ann")).call(391, bet_id=UNKNOWN_ID), 391, "not_found", "bet_id")
