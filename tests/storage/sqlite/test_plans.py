from gameserver.storage.sqlite.connection import SqliteConnection


def test_what_is_due_is_found_by_an_index(connection: SqliteConnection) -> None:
    query = "SELECT id FROM timers WHERE due_at <= 5 ORDER BY due_at, kind, id LIMIT 1"
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "timers_by_time" in plan
    assert "TEMP B-TREE" not in plan
