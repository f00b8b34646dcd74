"""A writer of batches on PostgreSQL, one of several.

A batch has the database to itself, so that a writer knows all that was committed before, by its own server or another;
but a batch of bets runs beside those of other servers. A writer takes what others have announced first, and announces
its own results with its commit. So all servers publish everything in the order of the commits.
"""

import logging
from collections.abc import Callable
from secrets import token_hex
from typing import Any, ClassVar

import psycopg
from psycopg import errors

from gameserver.storage.batches import BatchWriter, Done, TransactionLost, Write
from gameserver.storage.connection import NotAlone
from gameserver.storage.jobs import Due, Job, Outcome, SetJob, TimedJob
from gameserver.storage.postgres.announcements import (
    Announcement,
    News,
    begin_batch,
    commit_batch,
    delete_old_announcements,
    last_announcement,
)
from gameserver.storage.postgres.connection import PostgresConnection, truncate_own_tables

logger = logging.getLogger(__name__)

_TRIES = 3
_PURGED_EVERY = 1_000  # batches
_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)
_NOT_COMMITTED = (*_CONFLICTS, errors.LockNotAvailable, errors.InFailedSqlTransaction)


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
        self._published_ms = 0  # the latest time of what is published here
        self._latest_ms = 0  # the latest time of the jobs of this batch
        self._claim: Callable[[PostgresConnection, list[Any]], None] | None = (
            None  # of a batch that may run beside others
        )

    def close(self) -> None:
        """Close the connection. The writer must not be running."""
        self._connection.close()

    def _run_batch(self, batch: list[Write]) -> Done:
        """Run a batch, beside others if it is one set that may be; a batch that fails is tried again alone."""
        first = batch[0].job
        self._claim = None
        if isinstance(first, SetJob) and all(first.is_like(entry.job) for entry in batch):
            self._claim = first.claim
        return super()._run_batch(batch)

    def _begin(self) -> None:
        self._heard, self._own = [], None
        self._heard = begin_batch(self._connection, self.position, alone=self._claim is None)

    def _run_jobs(self, batch: list[Write]) -> tuple[list[Any], int]:
        """Run the jobs; none takes place before what others have committed, however their clocks differ."""
        floor_ms = max([self._published_ms, *(announcement.at for announcement in self._heard)])
        for entry in batch:
            if entry.now_ms < floor_ms:
                entry.now_ms = floor_ms
                if isinstance(entry.job, TimedJob):
                    entry.job = entry.job.at(floor_ms)
        self._latest_ms = max(floor_ms, *(entry.now_ms for entry in batch))
        if self._claim is not None:
            self._claim(self._connection, [entry.job.item for entry in batch if isinstance(entry.job, SetJob)])
        return super()._run_jobs(batch)

    def _attempt(self, job: Job[Any]) -> Outcome:
        deferred = len(self._connection.deferred)
        outcome = super()._attempt(job)
        if outcome.error is not None:
            del self._connection.deferred[deferred:]
        return outcome

    def _run_due(self, due: Due) -> list[Any]:
        if not self._connection.try_alone():
            raise NotAlone
        return super()._run_due(due)

    def _commit(self, published: list[Any]) -> None:
        body = self._announce(published)
        if self.turn % (2 * _PURGED_EVERY) == 1:
            delete_old_announcements(self._connection)
            truncate_own_tables(self._connection)
        try:
            if body is None:
                self._connection.make_deferred_changes()
                _require_committed(self._connection.raw.execute("COMMIT").statusmessage)
            else:
                last = self._heard[-1].id if self._heard else self.position
                news = News(self._latest_ms, self.node, body)
                self._own, before = commit_batch(self._connection, last, news)
                self._heard += before
        except _NOT_COMMITTED:
            raise
        except psycopg.Error as error:
            raise CommitUnknown(str(error)) from error

    def _end_batch(self) -> None:
        pass

    def _publish_all(self, results: list[Any]) -> None:
        for announcement in self._heard:
            self.publish_heard(announcement)
        if self._own is not None:
            self.position = self._own
            self._published_ms = max(self._published_ms, self._latest_ms)
        super()._publish_all(results)

    def publish_heard(self, announcement: Announcement) -> None:
        """Publish what another server has announced, unless it has been published; in the event loop's thread."""
        if announcement.id <= self.position:
            return
        if announcement.id > self.position + 1:
            logger.warning("announcements %d to %d were missed", self.position + 1, announcement.id - 1)
            self._missed()
        self.position = announcement.id
        self._published_ms = max(self._published_ms, announcement.at)
        self._advance_clock(announcement.at)
        try:
            results = self._hear(announcement.body)
        except Exception:  # of a server of another version
            logger.exception("announcement %d is not understood", announcement.id)
            self._missed()
        else:
            super()._publish_all(results)

    def _is_lost(self, error: Exception | None) -> bool:
        return not self._connection.in_transaction or isinstance(error, (NotAlone, *_CONFLICTS))

    def _is_busy(self, error: Exception) -> bool:
        return isinstance(error, errors.LockNotAvailable)

    def _may_try_again(self, error: Exception, tries: int) -> bool:
        """Whether the connection was lost before the commit, or other transactions were in the way."""
        if tries >= _TRIES or isinstance(error, CommitUnknown):
            return False
        return self._connection.is_lost or isinstance(error, (*_CONFLICTS, NotAlone, TransactionLost))

    def _recover(self) -> None:
        """Roll back after a failed batch, or connect again if the connection is lost; what follows runs alone."""
        self._claim = None
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


def _require_committed(status: str | None) -> None:
    """Raise `TransactionLost` unless COMMIT did: that a failed transaction is rolled back is said in no other way."""
    if status != "COMMIT":
        raise TransactionLost("the transaction had failed")
