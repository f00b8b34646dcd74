"""The store on a PostgreSQL database, which other servers may have open too."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import ClassVar

from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import Connection
from gameserver.storage.epoch import adopt_epoch
from gameserver.storage.postgres.connection import (
    PostgresConnection,
    failures_told,
    open_reader,
    open_writer,
    size_bytes,
    without_password,
)
from gameserver.storage.postgres.migrations import migrate
from gameserver.storage.postgres.nodes import read_clock
from gameserver.storage.postgres.peers import PostgresPeers
from gameserver.storage.postgres.place import adopt_place
from gameserver.storage.postgres.readers import PostgresReaders
from gameserver.storage.postgres.version import LOCK
from gameserver.storage.postgres.writer import PostgresWriter
from gameserver.storage.secret import adopt_secret
from gameserver.storage.store import Store, StoreOptions


class PostgresStore(Store):
    """An open database, in which the tables are made if there are none. Raises `StorageFailed` if it cannot be used."""

    engine: ClassVar[str] = "postgresql"
    peers: PostgresPeers

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
                adopt_place(connection)
                self.epoch = adopt_epoch(connection)
            self._engine_version = str(connection.execute("SHOW server_version").fetchone()[0])
            database_bytes = size_bytes(connection)
            self.clock = read_clock(connection, options.monotonic_s)
        with failures_told():
            writer = PostgresWriter(
                open_connection,
                announce=options.announce,
                hear=options.hear,
                missed=options.missed,
                advance_clock=options.advance_clock,
                **options.of_writer(),
            )
        self.peers = PostgresPeers(open_connection, writer, database_bytes, options.monotonic_s)
        super().__init__(writer, PostgresReaders(partial(open_reader, url), options.readers, options.run_sync))

    @staticmethod
    def _write_nothing_new(connection: Connection) -> None:
        connection.execute("UPDATE schema_version SET version = version")

    @property
    def engine_version(self) -> str:
        """PostgreSQL's version."""
        return self._engine_version

    @property
    def database_bytes(self) -> int:
        """The size of the database in bytes, as it was a second ago."""
        return self.peers.database_bytes

    @property
    def log_bytes(self) -> int:
        """Zero: PostgreSQL's log is its own concern."""
        return 0
