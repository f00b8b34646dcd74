"""The store on a PostgreSQL database, which other servers may have open too."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import ClassVar

import trio

from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import Connection
from gameserver.storage.epoch import adopt_epoch
from gameserver.storage.postgres.connection import (
    PostgresConnection,
    failures_told,
    open_reader,
    open_writer,
    without_password,
)
from gameserver.storage.postgres.follower import Follower
from gameserver.storage.postgres.migrations import migrate
from gameserver.storage.postgres.readers import PostgresReaders
from gameserver.storage.postgres.version import LOCK
from gameserver.storage.postgres.writer import PostgresWriter
from gameserver.storage.secret import adopt_secret
from gameserver.storage.store import Store, StoreOptions


class PostgresStore(Store):
    """An open database, in which the tables are made if there are none. Raises `StorageFailed` if it cannot be used."""

    engine: ClassVar[str] = "postgresql"

    def __init__(self, url: str, secret: bytes, options: StoreOptions) -> None:
        self.file = None
        self.name = without_password(url)
        open_connection: Callable[[], PostgresConnection] = partial(open_writer, url)
        with failures_told(), closing(open_connection()) as connection:
            self.migrated_from = migrate(connection)
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
                self.last_recorded_ms = last_recorded_at(connection)
                self.void_keys = adopt_secret(connection, secret)
                self.epoch = adopt_epoch(connection)
            self._engine_version = str(connection.execute("SHOW server_version").fetchone()[0])
            self._database_bytes = _size_bytes(connection)
        self._run_sync = options.run_sync
        with failures_told():
            writer = PostgresWriter(
                open_connection,
                announce=options.announce,
                hear=options.hear,
                missed=options.missed,
                advance_clock=options.advance_clock,
                **options.of_writer(),
            )
        self._follower = Follower(
            partial(open_writer, url),
            writer,
            present=options.present,
            hear_present=options.hear_present,
            run_sync=options.run_sync,
        )
        super().__init__(writer, PostgresReaders(partial(open_reader, url), options.readers, options.run_sync))

    async def run(self) -> None:
        """Run the readers, the writer and the follower until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(super().run)
            nursery.start_soon(self._follower.run)

    @staticmethod
    def _write_nothing_new(connection: Connection) -> None:
        connection.execute("UPDATE schema_version SET version = version")

    @property
    def engine_version(self) -> str:
        """PostgreSQL's version."""
        return self._engine_version

    @property
    def database_bytes(self) -> int:
        """The size of the database in bytes, as it was when this server opened it."""
        return self._database_bytes

    @property
    def log_bytes(self) -> int:
        """Zero: PostgreSQL's log is its own concern."""
        return 0


def _size_bytes(connection: PostgresConnection) -> int:
    return int(connection.execute("SELECT pg_database_size(current_database())").fetchone()[0])
