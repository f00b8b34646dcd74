"""A PostgreSQL database as commands use it, whether or not servers run on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from gameserver.storage.postgres.announcements import News, announce
from gameserver.storage.postgres.connection import PostgresConnection, failures_told, open_reader, open_writer
from gameserver.storage.postgres.migrations import migrate, require_current
from gameserver.storage.postgres.version import LOCK


@contextmanager
def reading(url: str) -> Iterator[PostgresConnection]:
    """A connection that reads one state of a database with the current schema.

    Raises `IncompatibleDatabase` and `StorageFailed`.
    """
    with failures_told(), open_reader(url) as connection, connection.reading():
        require_current(connection)
        yield connection


@contextmanager
def changing(url: str, *, create: bool = False) -> Iterator[PostgresConnection]:
    """A connection in a transaction that no server's batch runs beside, and that is committed unless the block raises.

    With ``create``, missing tables are made. Raises `IncompatibleDatabase`, `StorageFailed` and `StorageBusy`.
    """
    with failures_told(), open_writer(url) as connection:
        if create:
            migrate(connection)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
            require_current(connection)
            yield connection


def tell_servers(connection: PostgresConnection, now_ms: int, body: bytes) -> None:
    """Have the servers publish what this transaction has changed, once it is committed."""
    announce(connection, News(now_ms, "", body))
