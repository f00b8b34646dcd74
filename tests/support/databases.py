"""Reading a test's database, of whatever engine."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gameserver.storage.opening import is_url
from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.postgres.connection import open_reader as open_postgres
from gameserver.storage.sqlite.connection import SqliteConnection, open_reader

# Tests that may have any database run on PostgreSQL too where this is set, which takes as long again.
BOTH = "TEST_BOTH_ENGINES"


def engines() -> list[str]:
    """The engines that tests of any database are to run on."""
    return ["sqlite", "postgres"] if os.environ.get(BOTH) else ["sqlite"]


@contextmanager
def reading(database: Path | str) -> Iterator[SqliteConnection | PostgresConnection]:
    """A connection to a file, or to the database of an URL."""
    if is_url(str(database)):
        with open_postgres(str(database)) as connection, connection.reading():
            yield connection
    else:
        with closing(open_reader(Path(database))) as connection_to_file:
            yield connection_to_file


def contents(database: Path | str) -> list[object]:
    """All that a database holds, but for who is connected."""
    with reading(database) as connection:
        if isinstance(connection, SqliteConnection):
            return list(connection.iterdump())
        query = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'nodes' ORDER BY tablename"
        )
        tables = [name for (name,) in connection.execute(query)]
        return [(table, sorted(map(str, connection.execute(f"SELECT * FROM {table}")))) for table in tables]
