"""Resolving a pool by hand, several winners included: the stakes come back, the profit is shared."""

from typing import Any

import pytest

from tests.support.harness import START_MS
from tests.support.settling import Table, accepted, faults_of, house_of, kinds, of_kind
from tests.support.world import assert_broadcast, assert_reply


async def staked(table: Table, pool: str, **stakes: Any) -> None:
    """Place bets at once: ann's on argentina, bob's on brazil, cat's on chile, dan's on none."""
    targets = {"ann": "argentina", "bob": "brazil", "cat": "chile", "dan": "none"}
    for name, amount in stakes.items():
        await table.bet(name, pool, targets[name], amount, at=1)


async def resolve(table: Table, pool: str, winners: list[str], **parameters: Any) -> dict[str, Any]:
    """Resolve a pool by hand."""
    table.set_time(10)
    return await accepted(table.admin, 3955, pool_id=pool, winners=winners, **parameters)


# The stakes are those of the tote's own description of a dead heat, worked out by hand: 50 lost by Chile, 25 to each.


async def test_in_a_dead_heat_the_winners_stakes_go_back_and_the_profit_is_divided_equally(table: Table) -> None:
    pool, watcher = await table.pool(), await table.watcher()
    await staked(table, pool, ann=30, bob=20, cat=50)
    reply = await resolve(table, pool, ["brazil", "Argentina"])
    prices = {"argentina": 1.8333, "brazil": 2.25}
    version = (await table.pool_object(pool))["version"]
    assert_reply(
        reply,
        3665,
        pool_id=pool,
        game_id=table.game,
        event_id=reply["event_id"],
        winning_targets=["argentina", "brazil"],
        prices=prices,
        happened_at=START_MS + 10,
        registered_at=START_MS + 10,
        version=version,
    )
    assert await table.nets() == {"ann": 25, "bob": 25, "cat": -50}
    (ended,) = of_kind(await watcher.heard(), 362)
    assert_broadcast(
        ended,
        362,
        3,
        pool_id=pool,
        game_id=table.game,
        event_id=reply["event_id"],
        winning_target=None,
        winning_targets=["argentina", "brazil"],
        price=None,
        prices=prices,
        description="Who scores?",
        winners={"1": 25, "2": 25},
        losers={"3": 50},
        invalidated_bettors=[],
        usernames={"1": "ann", "2": "bob", "3": "cat"},
        is_money_return=False,
        resolved_at=START_MS + 10,
        amount_total=100,
        participants=3,
        version=version,
    )


async def test_split_by_pot_all_winning_stakes_share_all_stakes_in_proportion(table: Table) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=30, bob=20, cat=50)
    reply = await resolve(table, pool, ["argentina", "brazil"], split="pot")
    assert reply["prices"] == {"argentina": 2, "brazil": 2}
    assert await table.nets() == {"ann": 30, "bob": 20, "cat": -50}


@pytest.mark.parametrize(
    ("split", "nets", "house"),
    # 100 staked, 7 kept. By profit 43 are divided: 21.50 each. By pot 93 are shared by 50.
    [("profit", {"ann": 21.5, "bob": 21.5, "cat": -50}, 7_00), ("pot", {"ann": 25.8, "bob": 17.2, "cat": -50}, 7_00)],
)
async def test_the_takeout_is_kept_before_a_dead_heat_is_divided(
    table: Table, split: str, nets: dict[str, float], house: int
) -> None:
    await accepted(table.admin, 369, source_id=table.source, takeout="0.07")
    pool = await table.pool()
    await staked(table, pool, ann=30, bob=20, cat=50)
    await resolve(table, pool, ["argentina", "brazil"], split=split)
    assert await table.nets() == nets
    file = table.server.context.settings.db
    assert house_of(file) == house
    assert faults_of(file) == []


async def test_the_takeout_is_lowered_so_that_nobody_who_won_gets_less_than_the_stake(table: Table) -> None:
    await accepted(table.admin, 369, source_id=table.source, takeout="0.5")
    pool = await table.pool()
    await staked(table, pool, ann=30, bob=20, cat=10)
    await resolve(table, pool, ["argentina", "brazil"])
    assert await table.nets() == {"ann": 0, "bob": 0, "cat": -10}


@pytest.mark.parametrize("split", ["profit", "pot"])
async def test_a_winner_that_nobody_backed_has_no_share(table: Table, split: str) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=30, cat=50)
    reply = await resolve(table, pool, ["argentina", "brazil"], split=split)
    assert (reply["winning_targets"], reply["prices"]) == (["argentina", "brazil"], {"argentina": 2.6666})
    assert await table.nets() == {"ann": 50, "cat": -50}


async def test_three_winners_and_a_cent_that_does_not_divide_are_exact(table: Table) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=1, bob=1, cat=1, dan="0.10")
    await resolve(table, pool, ["chile", "argentina", "brazil"])
    # 10 cents among three: 3 each, and one to the first of them.
    assert await table.nets() == {"ann": 0.04, "bob": 0.03, "cat": 0.03, "dan": -0.10}
    assert faults_of(table.server.context.settings.db) == []


async def test_a_cent_that_does_not_divide_among_winners_goes_to_the_one_with_the_earlier_bet(table: Table) -> None:
    pool = await table.pool()
    await table.bet("bob", pool, "brazil", 1, at=1)
    await table.bet("ann", pool, "argentina", 1, at=2)
    await table.bet("cat", pool, "chile", "0.01", at=3)
    await resolve(table, pool, ["argentina", "brazil"])
    assert await table.nets() == {"bob": 0.01, "ann": 0, "cat": -0.01}


async def test_by_pot_a_cent_that_does_not_divide_goes_to_the_largest_fraction_and_then_the_earlier_bet(
    table: Table,
) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=1, bob=1, cat=1, dan="0.10")
    await resolve(table, pool, ["chile", "argentina", "brazil"], split="pot")
    assert await table.nets() == {"ann": 0.04, "bob": 0.03, "cat": 0.03, "dan": -0.10}
    assert faults_of(table.server.context.settings.db) == []


async def test_where_all_targets_win_the_profit_is_none_and_every_stake_is_returned(table: Table) -> None:
    await accepted(table.admin, 369, source_id=table.source, takeout="0.1")
    pool, watcher = await table.pool(), await table.watcher()
    await staked(table, pool, ann=30, bob=20)
    await resolve(table, pool, ["argentina", "brazil", "chile", "none"])
    (ended,) = of_kind(await watcher.heard(), 362)
    assert (ended["is_money_return"], ended["prices"], ended["winners"], ended["losers"]) == (True, {}, {}, {})
    assert await table.nets() == {"ann": 0, "bob": 0}


async def test_where_no_winner_is_backed_every_stake_is_returned(table: Table) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=30)
    reply = await resolve(table, pool, ["brazil", "chile"])
    assert (reply["winning_targets"], reply["prices"]) == (["brazil", "chile"], {})
    assert await table.nets() == {"ann": 0}


@pytest.mark.parametrize("pool_type", [1, 2, 3, 4])
async def test_a_pool_of_each_type_is_resolved_by_hand(table: Table, pool_type: int) -> None:
    options = {"finish_at": START_MS + 100} if pool_type in (2, 4) else {}
    pool = await table.pool(pool_type=pool_type, **options)
    target = next(iter((await table.pool_object(pool))["distribution"]))
    await table.bet("ann", pool, target, 2, at=1)
    reply = await resolve(table, pool, [target])
    assert reply["winning_targets"] == [target]
    assert await table.refusal(3955, pool_id=pool, winners=[target]) == "pool_resolved"
    table.set_time(200)
    assert (await table.pool_object(pool))["status"] == "resolved"


async def test_bets_placed_at_or_after_the_moment_are_late(table: Table) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=30, bob=20)
    await table.bet("cat", pool, "chile", 50, at=5)
    await resolve(table, pool, ["argentina"], happened_at=START_MS + 5)
    assert await table.nets() == {"ann": 20, "bob": -20, "cat": 0}


async def test_what_was_resolved_by_hand_is_taken_back_by_its_event(table: Table) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=30, bob=20, cat=50)
    event = await resolve(table, pool, ["argentina", "brazil"], split="pot")
    assert (await table.details())["past_events"] == {}
    assert (await table.void(event))["pools"] == {pool: "reopened"}
    assert (await table.pool_object(pool))["status"] == "open"
    await resolve(table, pool, ["chile"])
    assert await table.nets() == {"ann": -30, "bob": -20, "cat": 50}
    assert faults_of(table.server.context.settings.db) == []


async def test_receipts_and_lists_show_each_bets_own_price_and_all_winners(table: Table) -> None:
    pool = await table.pool()
    mine = await table.bet("ann", pool, "argentina", 30, at=1)
    await staked(table, pool, bob=20, cat=50)
    event = await resolve(table, pool, ["argentina", "brazil"])
    receipt = await table.receipt("ann", mine)
    assert (receipt["status"], receipt["payout"], receipt["price"]) == ("won", 55, 1.8333)
    ann = await table.client("ann")
    for op in (390, 3870):
        shown = (await accepted(ann, op, game_id=table.game))["pools_list"][pool]
        assert (shown["winning_target"], shown["winning_targets"]) == (None, ["argentina", "brazil"])
        assert (shown["price"], shown["prices"]) == (None, {"argentina": 1.8333, "brazil": 2.25})
        assert shown["event_id"] == event["event_id"]


async def test_a_pool_is_recreated_after_a_resolution_by_hand(table: Table) -> None:
    pool, watcher = await table.pool(recreate_on_end=True), await table.watcher()
    await resolve(table, pool, ["argentina", "brazil"])
    assert kinds(await watcher.heard()) == [362, 352]


async def test_while_the_game_closes_its_binary_pools_are_resolved_by_hand_so_that_it_can_close(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.admin.call(375, game_id=table.game)
    await resolve(table, pool, ["yes", "no"], split="pot")
    assert (await table.admin.call(375, game_id=table.game))["res"] == 341


async def test_a_preview_shows_a_dead_heat_and_changes_nothing(table: Table) -> None:
    pool = await table.pool()
    await staked(table, pool, ann=30, bob=20, cat=50)
    table.set_time(10)
    preview = await accepted(table.admin, 3950, pool_id=pool, winners="argentina,brazil")
    shown = preview["pools"][pool]
    assert (shown["winning_target"], shown["winning_targets"], shown["price"]) == (None, ["argentina", "brazil"], None)
    assert shown["prices"] == {"argentina": 1.8333, "brazil": 2.25}
    assert (shown["winners"], shown["losers"]) == ({"1": 25, "2": 25}, {"3": 50})
    assert (await table.pool_object(pool))["status"] == "open"
    assert await table.nets() == {"ann": -30, "bob": -20, "cat": -50}


@pytest.mark.parametrize(
    ("parameters", "code", "field"),
    [
        ({"winners": []}, "missing_parameter", "winners"),
        ({"winners": " , "}, "missing_parameter", "winners"),
        ({"winners": ["germany"]}, "invalid_parameter", "winners"),
        ({"winners": ["a::b"]}, "invalid_parameter", "winners"),
        ({"winners": ["argentina"], "split": "fair"}, "invalid_parameter", "split"),
        ({"winners": ["argentina"], "happened_at": START_MS + 1}, "invalid_parameter", "happened_at"),
        ({"winners": ["argentina"], "happened_at": START_MS - 1}, "invalid_parameter", "happened_at"),
        ({}, "missing_parameter", "winners"),
    ],
    ids=str,
)
async def test_a_resolution_that_makes_no_sense_is_refused(
    table: Table, parameters: dict[str, Any], code: str, field: str
) -> None:
    pool = await table.pool()
    reply = await table.admin.call(3955, pool_id=pool, **parameters)
    assert (reply["code"], reply["field"]) == (code, field)
    if "winners" in parameters:
        preview = await table.admin.call(3950, pool_id=pool, **parameters)
        assert (preview["code"], preview["field"]) == (code, field)


async def test_of_a_pool_with_a_finish_the_moment_is_before_it(table: Table) -> None:
    pool = await table.pool(pool_type=2, finish_at=START_MS + 100)
    table.set_time(100)
    assert await table.refusal(3955, pool_id=pool, winners=["argentina"], happened_at=START_MS + 50) == "pool_resolved"


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"winners": ["argentina"]}, "pool_id"),
        ({}, "target_id"),
        ({"target_id": "argentina"}, "game_id"),
    ],
)
async def test_a_preview_needs_what_an_event_or_a_resolution_needs(
    table: Table, parameters: dict[str, Any], field: str
) -> None:
    reply = await table.admin.call(3950, **parameters)
    assert (reply["code"], reply["field"]) == ("missing_parameter", field)
