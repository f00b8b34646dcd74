import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import START_MS
from tests.support.settling import Table, accepted, of_kind
from tests.support.world import assert_refused, assert_reply


def contents(file: Path) -> list[str]:
    """The whole database as text."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


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
    parameters = table.happening(target, happened_at=START_MS + 3_000)
    preview = await accepted(table.admin, 3950, **parameters)
    assert contents(database) == before
    assert await watcher.heard() == []
    await accepted(table.admin, 395, **parameters)
    assert preview["pools"] == told(of_kind(await watcher.heard(), 362))
    assert set(preview["pools"]) == {teams, players}


def told(ended: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a preview says of pools that ended so."""
    fields = ("winning_target", "is_money_return", "winners", "losers")
    return {message["pool_id"]: {name: message[name] for name in fields} for message in ended}


async def test_a_preview_leaves_late_bets_out(table: Table) -> None:
    teams, players, _ = await laid_out(table)
    preview = await table.admin.call(3950, **table.happening(happened_at=START_MS + 3_000))
    expected = {
        teams: {"winning_target": "argentina", "is_money_return": False, "winners": {"1": 3.0}, "losers": {"2": 3.0}},
        players: {"winning_target": "argentina:1", "is_money_return": False, "winners": {"2": 0.0}, "losers": {}},
    }
    assert_reply(preview, 3660, pools=expected)


@pytest.mark.parametrize("label", ["yes", "no"])
async def test_a_preview_of_a_resolution_by_hand_says_what_it_then_does(table: Table, label: str) -> None:
    _, _, manual = await laid_out(table)
    watcher = await table.watcher()
    preview = await accepted(table.admin, 3950, pool_id=manual, target_id=label)
    await table.resolve(manual, label)
    assert preview["pools"] == told(of_kind(await watcher.heard(), 362))
    assert set(preview["pools"]) == {manual}


async def test_a_preview_of_what_ends_nothing_is_empty(table: Table) -> None:
    await laid_out(table)
    assert_reply(await table.admin.call(3950, **table.happening(action_id="offside")), 3660, pools={})


async def test_a_preview_is_refused_as_the_event_would_be(table: Table) -> None:
    for parameters, field in (
        ({"happened_at": START_MS + 1}, "happened_at"),
        ({"target": "argentina"}, "target_id"),
        ({"action_id": "corner"}, "action_id"),
    ):
        for op in (3950, 395):
            reply = await table.admin.call(op, **table.happening(**parameters))
            assert_refused(reply, op, "invalid_parameter", field)
