"""The store on a SQLite file, whose one server this is."""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import ClassVar

from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import Connection
from gameserver.storage.epoch import adopt_epoch
from gameserver.storage.files import beside, size_bytes
from gameserver.storage.secret import adopt_secret
from gameserver.storage.sqlite.atomic_copy import make_database
from gameserver.storage.sqlite.connection import (
    ENGINE_VERSION,
    failures_told,
    open_reader,
    open_writer,
    require_own_log,
)
from gameserver.storage.sqlite.migrations import migrate
from gameserver.storage.sqlite.probe import write_nothing_new
from gameserver.storage.sqlite.readers import Readers
from gameserver.storage.sqlite.writer import Writer
from gameserver.storage.store import Store, StoreOptions


class SqliteStore(Store):
    """An open database file, which is made if missing. The caller holds `gameserver.storage.files.hold_lock`."""

    engine: ClassVar[str] = "sqlite"

    def __init__(self, file: Path, secret: bytes, options: StoreOptions) -> None:
        self.file: Path = file
        self.name = str(file)
        require_own_log(file)
        if not file.exists():
            make_database(file)
        with failures_told(), closing(open_writer(file)) as connection:
            self.migrated_from = migrate(connection)
            self.last_recorded_ms = last_recorded_at(connection)
            self.void_keys = adopt_secret(connection, secret)
            self.epoch = adopt_epoch(connection)
        writer = Writer(partial(open_writer, file), **options.of_writer())
        super().__init__(writer, Readers(partial(open_reader, file), options.readers, options.run_sync))

    @staticmethod
    def _write_nothing_new(connection: Connection) -> None:
        write_nothing_new(connection)

    @property
    def engine_version(self) -> str:
        """SQLite's version."""
        return ENGINE_VERSION

    @property
    def database_bytes(self) -> int:
        """The size of the database file in bytes."""
        return size_bytes(self.file)

    @property
    def log_bytes(self) -> int:
        """The size of the database's write-ahead log in bytes."""
        return size_bytes(beside(self.file, "-wal"))
