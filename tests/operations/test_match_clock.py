from typing import Any

import pytest

from tests.support.harness import START_MS
from tests.support.settling import Table, accepted
from tests.support.world import assert_broadcast, assert_refused, assert_reply

READING: dict[str, Any] = {"period": "2H", "elapsed_ms": 3_000_000, "is_running": True}


async def test_the_clock_is_told_to_who_joined_and_stands_in_the_details(table: Table) -> None:
    watcher = await table.watcher()
    assert (await table.details())["clock"] is None
    table.set_time(70)
    shown = {"game_id": table.game, **READING, "at": START_MS + 70}
    assert_reply(await table.admin.call(374, game_id=table.game, **READING), 3420, **shown)
    (told,) = await watcher.heard()
    assert_broadcast(told, 3421, 2, **shown)
    assert (await table.details())["clock"] == {**READING, "at": START_MS + 70}


async def test_the_last_reading_counts_whatever_moment_it_is_of(table: Table) -> None:
    await accepted(table.admin, 374, game_id=table.game, **READING)
    halted = {"period": "FT", "elapsed_ms": "0", "is_running": "false", "at": START_MS - 5}
    await accepted(table.admin, 374, game_id=table.game, **halted)
    expected = {"period": "FT", "elapsed_ms": 0, "is_running": False, "at": START_MS - 5}
    assert (await table.details())["clock"] == expected


@pytest.mark.parametrize(
    ("field", "value"), [("period", "x" * 33), ("elapsed_ms", -1), ("is_running", "maybe"), ("at", START_MS // 1000)]
)
async def test_a_reading_that_cannot_be_is_refused(table: Table, field: str, value: object) -> None:
    parameters: dict[str, Any] = {**READING, field: value}
    reply = await table.admin.call(374, game_id=table.game, **parameters)
    assert_refused(reply, 374, "invalid_parameter", field)
