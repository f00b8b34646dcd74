"""A writer of batches on PostgreSQL, one of several: each batch holds the lock that lets one write at a time.

While it holds the lock, a writer knows all that was committed before, by its own server or another: it takes what
others have announced first, and announces its own results with its commit. So all servers publish everything in the
order of the commits.
"""

import logging
from collections.abc import Callable
from secrets import token_hex
from typing import Any, ClassVar

import psycopg
from psycopg import errors

from gameserver.storage.batches import BatchWriter, TransactionLost, Write
from gameserver.storage.jobs import TimedJob
from gameserver.storage.postgres.announcements import (
    Announcement,
    begin_batch,
    insert_announcement,
    last_announcement,
)
from gameserver.storage.postgres.connection import PostgresConnection

logger = logging.getLogger(__name__)

_TRIES = 3
_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)


class CommitUnknown(Exception):
    """The connection was lost in the commit: whether the batch is on disk is unknown."""


class PostgresWriter(BatchWriter[PostgresConnection]):
    """The writer on PostgreSQL.

    ``position`` is the id of the last announcement published here, ``node`` a name of this server's own. The callbacks
    are those of `gameserver.storage.store.StoreOptions`.
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (psycopg.OperationalError, MemoryError)
    due_work_may_end_transaction: ClassVar[bool] = False

    def __init__(
        self,
        open_connection: Callable[[], PostgresConnection],
        *,
        announce: Callable[[list[Any]], bytes | None],
        hear: Callable[[bytes], list[Any]],
        missed: Callable[[], None],
        advance_clock: Callable[[int], None],
        **options: Any,
    ) -> None:
        super().__init__(open_connection, **options)
        self._announce = announce
        self._hear = hear
        self._missed = missed
        self._advance_clock = advance_clock
        self.node = token_hex(8)
        self.position = last_announcement(self._connection)
        self._heard: list[Announcement] = []
        self._own: int | None = None  # the id of what this batch announces, once it is on disk
        self._latest_ms = 0

    def close(self) -> None:
        """Close the connection. The writer must not be running."""
        self._connection.close()

    def _begin(self) -> None:
        self._heard, self._own = [], None
        self._heard = begin_batch(self._connection, self.position)

    def _run_jobs(self, batch: list[Write]) -> tuple[list[Any], int]:
        """Run the jobs; none takes place before what others have committed, however their clocks differ."""
        floor_ms = max((announcement.at for announcement in self._heard), default=0)
        for entry in batch:
            if entry.now_ms < floor_ms:
                entry.now_ms = floor_ms
                if isinstance(entry.job, TimedJob):
                    entry.job = entry.job.at(floor_ms)
        self._latest_ms = max(floor_ms, *(entry.now_ms for entry in batch))
        return super()._run_jobs(batch)

    def _commit(self, published: list[Any]) -> None:
        own = None
        body = self._announce(published)
        if body is not None:
            own = (self._heard[-1].id if self._heard else self.position) + 1
            insert_announcement(self._connection, Announcement(own, self._latest_ms, self.node, body))
        try:
            status = self._connection.raw.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            raise CommitUnknown(str(error)) from error
        if status != "COMMIT":  # PostgreSQL rolls a transaction back that has failed, and says so in no other way
            raise TransactionLost("the transaction had failed")
        self._own = own

    def _end_batch(self) -> None:
        pass

    def _publish_all(self, results: list[Any]) -> None:
        for announcement in self._heard:
            self.publish_heard(announcement)
        if self._own is not None:
            self.position = self._own
        super()._publish_all(results)

    def publish_heard(self, announcement: Announcement) -> None:
        """Publish what another server has announced, unless it has been published; in the event loop's thread."""
        if announcement.id <= self.position:
            return
        if announcement.id > self.position + 1:
            logger.warning("announcements %d to %d were missed", self.position + 1, announcement.id - 1)
            self._missed()
        self.position = announcement.id
        self._advance_clock(announcement.at)
        try:
            results = self._hear(announcement.body)
        except Exception:  # of a server of another version
            logger.exception("announcement %d is not understood", announcement.id)
            self._missed()
        else:
            super()._publish_all(results)

    def _is_lost(self, error: Exception | None) -> bool:
        return not self._connection.in_transaction or isinstance(error, _CONFLICTS)

    def _is_busy(self, error: Exception) -> bool:
        return isinstance(error, errors.LockNotAvailable)

    def _may_try_again(self, error: Exception, tries: int) -> bool:
        """Whether the connection was lost before the commit, or another transaction was in the way."""
        if tries >= _TRIES or isinstance(error, CommitUnknown):
            return False
        return self._connection.is_lost or isinstance(error, (*_CONFLICTS, TransactionLost))

    def _recover(self) -> None:
        """Roll back after a failed batch, or connect again if the connection is lost."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if not self._connection.is_lost:
                return
        except psycopg.Error as error:
            logger.debug("the rollback failed: %s", error)
        self._connection.close()
        try:
            self._connection = self._open_connection()
        except Exception as error:  # the next batch fails on the closed connection, and tries again
            logger.warning("there is no connection to the database yet: %s", error)
