from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import contents
from tests.support.harness import START_MS, FakeClock, Server
from tests.support.settling import Table, accepted, lay_table, of_kind
from tests.support.world import assert_refused, assert_reply


async def laid_out(table: Table) -> tuple[str, str, str]:
    """Pools on teams, on players, and by hand, with bets of which some are late for an event at 3,000."""
    pools = await table.pool(), await table.pool(targets=["argentina:1"], unlisted_target="refund")
    manual = await table.pool(pool_type=3)
    for name, pool, target, amount, at in (
        ("ann", pools[0], "argentina", 7, 0),
        ("bob", pools[0], "none", 3, 0),
        ("bob", pools[1], "argentina:1", 5, 0),
        ("dan", manual, "yes", 4, 0),
        ("eve", manual, "no", 6, 0),
        ("cat", pools[0], "argentina", 10, 5_000),
    ):
        await table.bet(name, pool, target, amount, at=at)
    return (*pools, manual)


@pytest.mark.parametrize("target", ["argentina:1", "argentina:2", "brazil:7"])
async def test_a_preview_changes_nothing_and_says_what_registering_then_does(
    table: Table, database: Path, target: str
) -> None:
    teams, players, _ = await laid_out(table)
    watcher = await table.watcher()
    before = contents(database)
    parameters = table.draft(target, happened_at=START_MS + 3_000)
    preview = await accepted(table.admin, 3950, **parameters)
    assert contents(database) == before
    assert await watcher.heard() == []
    await accepted(table.admin, 395, **parameters)
    assert outline(preview) == told(of_kind(await watcher.heard(), 362))
    assert set(preview["pools"]) == {teams, players}


def told(ended: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a preview says of pools that ended so."""
    fields = ("winning_target", "is_money_return", "winners", "losers")
    return {message["pool_id"]: {name: message[name] for name in fields} for message in ended}


def outline(preview: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a preview says of pools, as far as their ends are told."""
    return told([{"pool_id": pool, **previewed} for pool, previewed in preview["pools"].items()])


async def test_a_preview_leaves_late_bets_out_and_counts_them(table: Table) -> None:
    teams, players, manual = await laid_out(table)
    preview = await table.admin.call(3950, **table.draft(happened_at=START_MS + 3_000))
    expected = {
        teams: {
            "winning_target": "argentina",
            "winning_targets": ["argentina"],
            "is_money_return": False,
            "price": 1.4285,
            "prices": {"argentina": 1.4285},
            "paid": 10.0,
            "takeout": 0,
            "winners_count": 1,
            "losers_count": 1,
            "late_bets": 1,
            "late_amount": 10.0,
            "recreated": False,
            "winners": {"1": 3.0},
            "losers": {"2": 3.0},
        },
        players: {
            "winning_target": "argentina:1",
            "winning_targets": ["argentina:1"],
            "is_money_return": False,
            "price": 1.0,
            "prices": {"argentina:1": 1.0},
            "paid": 5.0,
            "takeout": 0,
            "winners_count": 1,
            "losers_count": 0,
            "late_bets": 0,
            "late_amount": 0,
            "recreated": False,
            "winners": {"2": 0.0},
            "losers": {},
        },
    }
    assert_reply(preview, 3660, pools=expected, untouched=[manual], score=None)


async def test_a_preview_of_a_money_return_has_no_price(table: Table) -> None:
    teams, _, _ = await laid_out(table)
    table.set_time(6_000)
    previewed = (await accepted(table.admin, 3950, **table.draft("chile:1")))["pools"][teams]
    assert (previewed["is_money_return"], previewed["price"], previewed["paid"]) == (True, None, 20.0)
    assert (previewed["winners_count"], previewed["losers_count"]) == (0, 0)


async def test_a_preview_says_what_the_house_takes_and_which_pools_are_opened_anew(
    server: Server, clock: FakeClock
) -> None:
    table = await lay_table(server, clock, "0.1")
    pool = await table.pool(recreate_on_end=True)
    for name, target, amount in (("ann", "argentina", 10), ("bob", "brazil", 10)):
        await table.bet(name, pool, target, amount)
    table.set_time(1)
    previewed = (await accepted(table.admin, 3950, **table.draft()))["pools"][pool]
    shown = {name: previewed[name] for name in ("takeout", "paid", "price", "recreated")}
    assert shown == {"takeout": 2.0, "paid": 18.0, "price": 1.8, "recreated": True}


async def test_a_preview_lists_the_100_greatest_winners_and_losers_and_counts_all(table: Table) -> None:
    pool = await table.pool()
    for number in range(204):
        winner = number % 2
        await table.bet(f"u{number}", pool, "argentina" if winner else "brazil", 1 + (number // 2 + 7) % 102)
    table.set_time(1)
    previewed = (await accepted(table.admin, 3950, **table.draft()))["pools"][pool]
    assert (previewed["winners_count"], previewed["losers_count"]) == (102, 102)
    for listed in (previewed["winners"], previewed["losers"]):
        assert list(listed.values()) == [float(amount) for amount in range(102, 2, -1)]


@pytest.mark.parametrize("label", ["yes", "no"])
async def test_a_preview_of_a_resolution_by_hand_says_what_it_then_does(table: Table, label: str) -> None:
    _, _, manual = await laid_out(table)
    watcher = await table.watcher()
    preview = await accepted(table.admin, 3950, pool_id=manual, target_id=label)
    await table.resolve(manual, label)
    assert outline(preview) == told(of_kind(await watcher.heard(), 362))
    assert set(preview["pools"]) == {manual}


async def test_a_preview_of_what_ends_nothing_is_empty(table: Table) -> None:
    untouched = list(await laid_out(table))
    preview = await table.admin.call(3950, **table.draft(action_id="offside"))
    assert_reply(preview, 3660, pools={}, untouched=untouched, score=None)


async def test_a_preview_is_refused_as_the_event_would_be(table: Table) -> None:
    for parameters, field in (
        ({"happened_at": START_MS + 1}, "happened_at"),
        ({"target": "none"}, "target_id"),
        ({"action_id": "corner"}, "action_id"),
    ):
        for op in (3950, 395):
            reply = await table.admin.call(op, **table.draft(**parameters))
            assert_refused(reply, op, "invalid_parameter", field)
