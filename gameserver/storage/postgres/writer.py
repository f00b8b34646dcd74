"""A writer of batches on PostgreSQL, one of several.

A batch that changes some games has these to itself, and runs beside those of other servers that change others; sets,
of bets and of messages in the chat, even share a game, and what changes only users, such as log-ins, is written beside
both. Any other batch has the database to itself. So a writer knows all that was committed before in its games, by its
own server or another. It takes what others have announced first, and announces its own results with its commit: all
servers publish everything in the order of the commits.
"""

import logging
from collections.abc import Callable
from enum import Enum, auto
from itertools import takewhile
from secrets import token_hex
from typing import Any, ClassVar

import psycopg
from psycopg import errors

from gameserver.errors import Rejected
from gameserver.storage.batches import BatchWriter, Done, TransactionLost, Write
from gameserver.storage.connection import NotAlone
from gameserver.storage.jobs import Due, Job, Outcome, Scope, SetJob, TimedJob, UserJob
from gameserver.storage.ledger import lock_accounts
from gameserver.storage.postgres.announcements import (
    Announcement,
    News,
    begin_batch,
    commit_batch,
    delete_old_announcements,
    last_announcement,
)
from gameserver.storage.postgres.connection import PostgresConnection, truncate_own_tables
from gameserver.storage.postgres.subjects import GameFinder
from gameserver.storage.schedule import list_due_games, next_due_in

logger = logging.getLogger(__name__)

_TRIES = 4
_PURGED_EVERY = 1_000  # batches
_MOST_GAMES = 1_000  # of a batch beside others: each is a lock, for all of which PostgreSQL has so much memory
_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)
_NOT_COMMITTED = (*_CONFLICTS, errors.LockNotAvailable, errors.InFailedSqlTransaction)


class CommitUnknown(Exception):
    """The connection was lost in the commit: whether the batch is on disk is unknown."""


class _Share(Enum):
    """What a batch has to itself: nothing but what its users have, its games, or the database."""

    USERS = auto()
    GAMES = auto()
    ALL = auto()


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
        self._finder = GameFinder()
        self._share = _Share.ALL  # what the batch has to itself
        self._scopes: list[tuple[Scope, int]] = []  # of the batch's jobs, with their times, unless it has all

    def close(self) -> None:
        """Close the connection. The writer must not be running."""
        self._connection.close()

    def _run_batch(self, batch: list[Write]) -> Done:
        """Run the first jobs of a batch that need the same to themselves; the others are left.

        So nobody who has locked the accounts of bettors waits to settle, for who waits for these accounts.
        """
        self._share = _share_of(batch[0])
        count = len(list(takewhile(lambda entry: _share_of(entry) is self._share, batch)))
        left = batch[count:]
        del batch[count:]
        self._scopes = [(scope, entry.now_ms) for entry in batch if (scope := _scope_of(entry)) is not None]
        done = super()._run_batch(batch)
        return done._replace(left=done.left + left)

    def _begin(self) -> None:
        self._heard, self._own = [], None
        games = self._find_games()
        is_alone = games is None or self._share is not _Share.USERS
        self._heard = begin_batch(self._connection, self.position, games, is_alone=is_alone)

    def _find_games(self) -> set[int] | None:
        """The row ids of the games that the batch has to itself or shares; None if it has the database to itself."""
        if self._share is _Share.ALL:
            return None
        subjects = [subject for scope, _ in self._scopes for subject in scope.subjects]
        games = self._finder.find(self._connection, subjects)
        due_ms = max((now_ms for scope, now_ms in self._scopes if scope.does_due_work), default=None)
        if due_ms is not None:
            games |= set(list_due_games(self._connection, due_ms))
        return games if len(games) <= _MOST_GAMES else None

    def _run_jobs(self, batch: list[Write]) -> tuple[list[Any], int]:
        """Run the jobs; none takes place before what others have committed, however their clocks differ."""
        floor_ms = max([self._published_ms, *(announcement.at_ms for announcement in self._heard)])
        for entry in batch:
            if entry.now_ms < floor_ms:
                entry.now_ms = floor_ms
                if isinstance(entry.job, TimedJob):
                    entry.job = entry.job.at(floor_ms)
        self._latest_ms = max(floor_ms, *(entry.now_ms for entry in batch))
        users = {scope.user_id for scope, _ in self._scopes if scope.user_id is not None}
        if users:  # their keys, bets and sums too, and how fast they write
            lock_accounts(self._connection, users)
        return super()._run_jobs(batch)

    def _next_due_here(self) -> int | None:
        games = self._connection.games
        return super()._next_due_here() if games is None else next_due_in(self._connection, games)

    def _attempt(self, job: Job[Any]) -> Outcome:
        deferred, was_alone = len(self._connection.deferred), self._connection.is_alone
        outcome = super()._attempt(job)
        if outcome.error is not None:
            if self._connection.is_alone is not was_alone:  # changes that others had deferred went with the job's
                raise TransactionLost(f"a job failed that had its games to itself: {outcome.error}")
            del self._connection.deferred[deferred:]
            self._connection.forget_locks()
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
                wakes = self._connection.is_alone or any(scope.is_urgent for scope, _ in self._scopes)
                self._own, before = commit_batch(self._connection, last, news, wakes=wakes)
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
        self._published_ms = max(self._published_ms, announcement.at_ms)
        self._advance_clock(announcement.at_ms)
        try:
            results = self._hear(announcement.body)
        except Exception:  # of a server of another version
            logger.exception("announcement %d is not understood", announcement.id)
            self._missed()
        else:
            super()._publish_all(results)

    def _is_lost(self, error: Exception | None) -> bool:
        """Also after anything unforeseen beside others, of which it may be the cause: it is looked at alone."""
        if not self._connection.in_transaction or isinstance(error, (NotAlone, *_CONFLICTS)):
            return True
        return self._connection.games is not None and error is not None and not isinstance(error, Rejected)

    def _is_busy(self, error: Exception) -> bool:
        return isinstance(error, errors.LockNotAvailable)

    def _may_try_again(self, error: Exception, tries: int) -> bool:
        """Whether the connection was lost before the commit, or others were in the way; it then has more to itself."""
        if tries >= _TRIES or isinstance(error, CommitUnknown):
            return False
        is_tried_again = self._connection.is_lost or isinstance(error, (*_CONFLICTS, NotAlone, TransactionLost))
        if is_tried_again:
            cause = error.__cause__ or error
            needs_games = self._share is _Share.USERS and isinstance(cause, NotAlone)
            if not isinstance(cause, NotAlone):
                logger.warning("a batch of writes is tried again: %s", cause)
            self._share = _Share.GAMES if needs_games else _Share.ALL
        return is_tried_again

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


def _scope_of(entry: Write) -> Scope | None:
    return entry.job.scope if isinstance(entry.job, TimedJob) else None


def _share_of(entry: Write) -> _Share:
    """What a job needs to itself."""
    if _scope_of(entry) is None:
        return _Share.ALL
    return _Share.USERS if isinstance(entry.job, (SetJob, UserJob)) else _Share.GAMES


def _require_committed(status: str | None) -> None:
    """Raise `TransactionLost` unless COMMIT did: that a failed transaction is rolled back is said in no other way."""
    if status != "COMMIT":
        raise TransactionLost("the transaction had failed")
