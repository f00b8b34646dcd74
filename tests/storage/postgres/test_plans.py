"""What PostgreSQL reads for a page of a list does not grow with what others have done."""

from collections.abc import Iterator
from typing import cast

import pytest

from gameserver.storage.connection import Connection
from gameserver.storage.histories import list_running_bets
from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from gameserver.storage.postgres.migrations import migrate


class _Explained:
    """Stands for the connection, and counts the pages that its statements read."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection
        self.pages = 0

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        ((plan,),) = self._connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", values)
        self.pages += plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
        return self._connection.execute(sql, values).fetchall()


@pytest.fixture
def connection(empty_url: str) -> Iterator[PostgresConnection]:
    """The writing connection of a database of its own, which alone knows of what is analysed."""
    with open_writer(empty_url) as opened:
        migrate(opened)
        yield opened


def test_a_users_running_bets_are_found_among_those_of_others(connection: PostgresConnection) -> None:
    """Three of 20,000 are his."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # neither references nor triggers
        connection.execute(
            "WITH placed AS (SELECT n, CASE WHEN n % 9999 = 1 THEN 1 ELSE 2 + n % 99 END AS user_id"
            "  FROM generate_series(1, 20000) AS n)"
            " INSERT INTO bets"
            " (id, uuid, pool_id, user_id, position, amount, placed_at, after_journal_id, previous_id)"
            " SELECT n, lpad(CAST(n AS text), 36, '0'), 1, user_id, 0, 1, 1, 0,"
            " lag(n) OVER (PARTITION BY user_id ORDER BY n) FROM placed"
        )
        connection.execute("INSERT INTO participations (user_id, game_id, pool_id) VALUES (1, 1, 1)")
        connection.execute("INSERT INTO stakes SELECT user_id, 1, 0, 1, 1, max(id) FROM bets GROUP BY user_id")
    connection.execute("VACUUM ANALYZE")
    explained = _Explained(connection)
    newest = list_running_bets(cast(Connection, explained), 1, 1_000_000, 50)
    assert [bet.id for bet in newest] == [19_999, 10_000, 1]
    assert explained.pages < 50
