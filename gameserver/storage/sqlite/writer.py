"""The single writer of a database file."""

import logging
import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar

from gameserver.storage.batches import BatchWriter
from gameserver.storage.sqlite.connection import SqliteConnection
from gameserver.storage.sqlite.log_size import log_of, shrink_log

logger = logging.getLogger(__name__)

BATCHES_A_LOOK = 32  # at the size of the log, which the system takes some 20 µs to tell


class Writer(BatchWriter[SqliteConnection]):
    """The writer on SQLite, which alone writes back the log."""

    failures: ClassVar[tuple[type[Exception], ...]] = (sqlite3.OperationalError, MemoryError)

    def __init__(self, open_connection: Callable[[], SqliteConnection], **options: Any) -> None:
        super().__init__(open_connection, **options)
        self._log = log_of(self._connection)
        self._batches = 0

    def close(self) -> None:
        """Write the log back into the database and close the connection. The writer must not be running."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            logger.warning("the last checkpoint failed; the next start does it: %s", error)
        self._connection.close()

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def _commit(self, published: list[Any]) -> None:
        self._connection.execute("COMMIT")

    def _end_batch(self) -> None:
        self._batches += 1
        if self._batches % BATCHES_A_LOOK == 0:
            shrink_log(self._connection, self._log)

    def _is_lost(self, error: Exception | None) -> bool:
        return not self._connection.in_transaction

    def _is_busy(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY

    def _may_try_again(self, error: Exception, tries: int) -> bool:
        return False

    def _recover(self) -> None:
        """Roll back after a failed batch, or open the database again if that fails."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._connection.close()
            try:
                self._connection = self._open_connection()
            except Exception:  # the next batch fails on the closed connection, and tries again
                logger.warning("the database cannot be opened again yet", exc_info=True)
