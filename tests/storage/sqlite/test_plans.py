from collections.abc import Callable
from typing import Any

import pytest

from gameserver.storage.bets import has_running_bet_in_source, list_running_pools
from gameserver.storage.histories import list_running_bets
from gameserver.storage.sqlite.connection import SqliteConnection


def test_what_is_due_is_found_by_an_index(connection: SqliteConnection) -> None:
    query = "SELECT id FROM timers WHERE due_at <= 5 ORDER BY due_at, kind, id LIMIT 1"
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "timers_by_time" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    ("read", "values"),
    [(list_running_pools, (1,)), (has_running_bet_in_source, (1, 1)), (list_running_bets, (1, 100, 50))],
)
def test_what_runs_of_a_user_is_found_without_his_past(
    connection: SqliteConnection, read: Callable[..., object], values: tuple[Any, ...]
) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    read(connection, *values)
    connection.set_trace_callback(None)
    (statement,) = statements
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
    assert "running_participations (user_id=? AND is_running=?)" in plan
