"""Changing an open pool: its words, its times, its limits; and what stays as it is."""

from typing import Any

import pytest

from tests.support.harness import START_MS
from tests.support.pools import without_header
from tests.support.settling import Table, accepted
from tests.support.world import assert_reply

HOUR_MS = 3_600_000


async def change(table: Table, pool: str, **parameters: Any) -> dict[str, Any]:
    """Change a pool; the pool as the subscribers are told it is."""
    watcher = await table.watcher()
    reply = await accepted(table.admin, 3852, pool_id=pool, **parameters)
    told = await watcher.expect(352)
    assert_reply(reply, 3852, pool_id=pool, version=told["version"])
    shown = (await accepted(await table.client("ann"), 387, game_id=table.game))["pools_list"][pool]
    assert {name: told[name] for name in shown} == shown
    return told


async def test_what_is_given_is_changed_and_told_and_all_else_stays(table: Table) -> None:
    options = {"stop_accepting_bets_at": START_MS + 50, "min_stake": 1, "max_stake": 9, "recreate_on_end": True}
    pool = await table.pool(**options)
    before = (await accepted(await table.client("ann"), 387, game_id=table.game))["pools_list"][pool]
    told = await change(table, pool, description="Who is first?", min_stake="2.50")
    expected = {**before, "description": "Who is first?", "min_stake": 2.5, "version": before["version"] + 1}
    assert {name: told[name] for name in expected} == expected


async def test_times_limits_and_recreation_can_be_changed(table: Table) -> None:
    pool = await table.pool(pool_type=2, start_at=START_MS + 10, finish_at=START_MS + 100)
    new = {
        "start_at": START_MS + 20,
        "finish_at": START_MS + 200,
        "stop_accepting_bets_at": START_MS + 90,
        "recreate_on_end": True,
        "min_stake": 2,
        "max_stake": 3,
    }
    told = await change(table, pool, **new)
    assert {name: told[name] for name in new} == new


async def test_what_is_cleared_is_as_it_is_by_default(table: Table) -> None:
    options = {"stop_accepting_bets_at": START_MS + 50, "min_stake": 1, "max_stake": 9, "recreate_on_end": True}
    pool = await table.pool(**options)
    told = await change(table, pool, clear=["max_stake", "stop_accepting_bets_at"])
    assert (told["max_stake"], told["stop_accepting_bets_at"]) == (None, None)
    assert (told["min_stake"], told["recreate_on_end"]) == (1, True)
    told = await change(table, pool, clear="min_stake,recreate_on_end")
    assert (told["min_stake"], told["recreate_on_end"]) == (0.01, False)


async def test_a_pool_ends_at_its_new_finish_at_alone(table: Table) -> None:
    pool = await table.pool(pool_type=2, finish_at=START_MS + 100)
    await table.bet("ann", pool, "argentina", 1, at=1)
    await change(table, pool, finish_at=START_MS + 200)
    table.set_time(150)
    assert (await table.pool_object(pool))["status"] == "open"
    await table.bet("ann", pool, "argentina", 1, at=199)
    table.set_time(200)
    assert (await table.pool_object(pool))["status"] == "resolved"


async def test_a_start_that_is_moved_to_the_past_is_now(table: Table) -> None:
    pool = await table.pool(start_at=START_MS + 50)
    table.set_time(20)
    assert (await change(table, pool, start_at=START_MS + 5))["start_at"] == START_MS + 20
    await table.bet("ann", pool, "argentina", 1)


async def test_a_start_that_is_cleared_is_now_until_it_has_come(table: Table) -> None:
    pool = await table.pool(start_at=START_MS + 50, stop_accepting_bets_at=START_MS + 90)
    table.set_time(20)
    told = await change(table, pool, clear="start_at")
    assert (told["start_at"], told["stop_accepting_bets_at"]) == (START_MS + 20, START_MS + 90)
    await table.bet("ann", pool, "argentina", 1)
    assert await table.refusal(3852, pool_id=pool, clear="start_at") == "conflict"


async def test_betting_that_had_stopped_goes_on_until_the_later_end(table: Table) -> None:
    pool = await table.pool(stop_accepting_bets_at=START_MS + 50)
    table.set_time(60)
    bet = {"pool_id": pool, "target": "argentina", "amount": 1}
    assert await table.refusal(392, "ann", **bet) == "betting_ended"
    await change(table, pool, description="What now?")
    assert await table.refusal(392, "ann", **bet) == "betting_ended"
    await change(table, pool, stop_accepting_bets_at=START_MS + 70)
    await table.bet("ann", pool, "argentina", 1)


async def test_bets_that_were_placed_stay_whatever_the_limits_become(table: Table) -> None:
    pool = await table.pool()
    bet = await table.bet("ann", pool, "argentina", 10)
    told = await change(table, pool, min_stake=20, max_stake=30)
    assert (told["amount_total"], told["bet_count"]) == (10, 1)
    assert (await table.receipt("ann", bet))["status"] == "running"
    reply = await (await table.client("ann")).call(392, pool_id=pool, target="brazil", amount=21)
    assert (reply["code"], reply["left"]) == ("stake_limit", 20)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"finish_at": START_MS + 99}, "finish_at"),
        ({"stop_accepting_bets_at": START_MS}, "stop_accepting_bets_at"),
        ({"stop_accepting_bets_at": START_MS + HOUR_MS + 1}, None),
        ({"start_at": START_MS + HOUR_MS + 1}, "start_at"),
        ({"min_stake": 2, "max_stake": 1}, "max_stake"),
        ({"min_stake": 10}, "min_stake"),
        ({"min_stake": 0}, "min_stake"),
        ({"max_stake": "0.001"}, "max_stake"),
        ({"clear": ["description"]}, "clear"),
        ({"clear": ["finish_at"]}, "clear"),
        ({"clear": ["max_stake"], "max_stake": 3}, "clear"),
        ({"clear": ["recreate_on_end"], "recreate_on_end": False}, "clear"),
        ({"description": ""}, None),
        ({"type": 2}, "type"),
    ],
    ids=str,
)
async def test_a_change_that_makes_no_sense_is_refused_and_nothing_is_told(
    table: Table, parameters: dict[str, Any], field: str | None
) -> None:
    game = await table.server.open_game(table.admin, table.source, close_at=START_MS + HOUR_MS)
    await accepted(table.admin, 616, game_id=game)
    pool = await table.pool(game_id=game, targets=["argentina"], start_at=START_MS + 10, max_stake=9)
    before = without_header(await table.pool_object(pool))
    reply = await table.admin.call(3852, pool_id=pool, **parameters)
    if field is None:
        assert reply["res"] == 3852
        return
    assert (reply["res"], reply["code"], reply["field"]) == (666, "invalid_parameter", field)
    assert without_header(await table.pool_object(pool)) == before


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"finish_at": 70}, "finish_at"),
        ({"stop_accepting_bets_at": 101}, "stop_accepting_bets_at"),
        ({"finish_at": 70, "stop_accepting_bets_at": 75}, "stop_accepting_bets_at"),
        ({"start_at": 90}, "start_at"),
        ({"start_at": 110}, "start_at"),
        ({"start_at": 110, "finish_at": 105}, "finish_at"),
    ],
    ids=str,
)
async def test_times_in_the_wrong_order_are_refused_by_the_name_of_one_that_was_sent(
    table: Table, parameters: dict[str, Any], field: str
) -> None:
    start, stop, finish = (START_MS + ms for ms in (20, 80, 100))
    pool = await table.pool(pool_type=2, start_at=start, finish_at=finish, stop_accepting_bets_at=stop)
    reply = await table.admin.call(3852, pool_id=pool, **{name: START_MS + ms for name, ms in parameters.items()})
    assert (reply["code"], reply["field"]) == ("invalid_parameter", field)
    await accepted(table.admin, 3852, pool_id=pool, finish_at=START_MS + 70, stop_accepting_bets_at=START_MS + 60)


async def test_a_start_can_be_moved_until_it_has_come(table: Table) -> None:
    pool = await table.pool(start_at=START_MS + 50)
    table.set_time(49)
    await change(table, pool, start_at=START_MS + 60)
    table.set_time(60)
    assert await table.refusal(3852, pool_id=pool, start_at=START_MS + 70) == "conflict"


async def test_in_a_game_that_is_closing_no_pool_is_changed(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.admin.call(375, game_id=table.game)
    assert await table.refusal(3852, pool_id=pool, description="?!") == "conflict"


async def test_a_changed_pool_is_the_same_after_a_void_and_in_a_successor(table: Table) -> None:
    pool = await table.pool(recreate_on_end=True)
    await change(table, pool, description="Who is next?", max_stake=5)
    event = await table.event(at=20)
    (successor,) = (await accepted(table.admin, 387, game_id=table.game))["pools_list"].values()
    assert (successor["description"], successor["max_stake"], successor["recreated_from"]) == ("Who is next?", 5, pool)
    await table.void(event)
    shown = await table.pool_object(pool)
    assert (shown["description"], shown["max_stake"], shown["recreated_from"]) == ("Who is next?", 5, None)
