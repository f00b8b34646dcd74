"""Reading a test's database, of whatever engine."""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gameserver.storage.broadcasts import unpack
from gameserver.storage.connection import Connection
from gameserver.storage.opening import is_url
from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.postgres.connection import open_reader as open_postgres
from gameserver.storage.sqlite.connection import SqliteConnection, open_reader

# Tests that may have any database run on PostgreSQL too where this is set, which takes as long again.
BOTH = "TEST_BOTH_ENGINES"
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")

Rows = dict[str, list[tuple[Any, ...]]]


def engines() -> list[str]:
    """The engines that tests of any database are to run on."""
    return ["sqlite", "postgres"] if os.environ.get(BOTH) else ["sqlite"]


def run_on_each(metafunc: pytest.Metafunc) -> None:
    """Have a test that may have any database run on each of these engines."""
    if len(engines()) > 1:
        metafunc.parametrize("engine", engines(), indirect=True)


@contextmanager
def reading(database: Path | str) -> Iterator[SqliteConnection | PostgresConnection]:
    """A connection to a file, or to the database of an URL."""
    if is_url(str(database)):
        with open_postgres(str(database)) as connection, connection.reading():
            yield connection
    else:
        with closing(open_reader(Path(database))) as connection_to_file:
            yield connection_to_file


def contents(database: Path | str) -> Rows:
    """All rows of a database."""
    with reading(database) as connection:
        return all_rows(connection)


def all_rows(connection: Connection) -> Rows:
    """All rows by table, in an order of their own, but for what servers tell each other; of broadcasts each message."""
    file = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    others = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    tables = connection.execute(file if isinstance(connection, SqliteConnection) else others).fetchall()
    rows = {
        table: sorted(map(tuple, connection.execute(f"SELECT * FROM {table}")), key=repr)
        for (table,) in tables
        if table not in ("nodes", "announcements")
    }
    rows["broadcasts"] = sorted(
        (game_id, seq, sent_at, body)
        for _, game_id, last_seq, sent_at, bodies, messages in rows["broadcasts"]
        for seq, body in unpack(last_seq, messages, bodies)
    )
    return rows


def named(text: str, names: dict[str, str]) -> str:
    """A text with names in place of random ids."""
    return _UUID.sub(lambda found: names.get(found.group(), found.group()), text)
