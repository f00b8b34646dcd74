"""Copying the database of a SQLite file into an empty PostgreSQL database, checked before it is kept."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from gameserver.errors import OperatorError
from gameserver.storage.check import find_faults
from gameserver.storage.postgres.connection import PostgresConnection, failures_told, open_writer
from gameserver.storage.postgres.migrations import make_schema
from gameserver.storage.sqlite.connection import SqliteConnection

OnProgress = Callable[[int, int], None]  # rows copied, rows in all

_ROWS_AT_ONCE = 5_000
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"


class CopyNotSound(OperatorError):
    """A copy in which the checks have found faults; nothing of it is kept."""


def copy_to(file: SqliteConnection, url: str, on_progress: OnProgress) -> None:
    """Copy all rows of a file, whose schema is current, in one transaction.

    Raises `CopyNotSound`, `IncompatibleDatabase` if the database has tables, and `StorageFailed`.
    """
    with failures_told(), open_writer(url) as connection:
        with connection.transaction():
            make_schema(connection, partial(_fill, file, connection, on_progress))
            faults = find_faults(connection)
            if faults:
                raise CopyNotSound("\n".join(["the copy is not sound, and is not kept:", *faults]))
        for table in _tables(file):
            # A statement planned on a table that was analysed empty reads it from end to end ever after.
            if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:
                connection.execute(f"ANALYZE {table}")


def _tables(file: SqliteConnection) -> list[str]:
    return [name for (name,) in file.execute(_TABLES)]


def _fill(file: SqliteConnection, connection: PostgresConnection, on_progress: OnProgress) -> None:
    tables = _tables(file)
    total = sum(int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in tables)
    copied = 0
    for table in tables:
        columns = [name for _, name, *_ in file.execute(f"PRAGMA table_info ({table})")]
        for count in _copy(file, connection, table, columns):
            copied += count
            on_progress(copied, total)
        _continue_ids(connection, table)


def _copy(file: SqliteConnection, connection: PostgresConnection, table: str, columns: list[str]) -> Iterator[int]:
    """Copy the rows of a table, in their order; yields how many at a time."""
    rows = iter(file.execute(f"SELECT {', '.join(columns)} FROM {table}"))
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        connection.insert_many(table, columns, batch)
        yield len(batch)


def _continue_ids(connection: PostgresConnection, table: str) -> None:
    """Let the next id of a table be one that no row has."""
    (sequence,) = connection.execute(
        "SELECT max(pg_get_serial_sequence(table_name, column_name)) FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = ? AND column_name = 'id' AND is_identity = 'YES'",
        (table,),
    ).fetchone()
    if sequence is not None:
        connection.execute(f"SELECT setval(?, (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)", (sequence,))
