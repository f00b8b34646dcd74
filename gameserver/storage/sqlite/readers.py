"""Read-only connections to a database file."""

import sqlite3
from typing import ClassVar

from gameserver.storage.readers import BatchReaders
from gameserver.storage.sqlite.connection import SqliteConnection


class Readers(BatchReaders[SqliteConnection]):
    """The readers of SQLite."""

    failures: ClassVar[type[Exception]] = sqlite3.OperationalError

    def _begin(self, connection: SqliteConnection) -> None:
        connection.execute("BEGIN")
