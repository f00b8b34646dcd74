"""Read-only connections, borrowed by worker threads, each reading one consistent state."""

import logging
import sqlite3
from collections.abc import Callable
from typing import TypeVar

import trio

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.writer import Job, RunSync

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Readers:
    """A pool of at most ``count`` connections."""

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        count: int,
        run_sync: RunSync = trio.to_thread.run_sync,
    ) -> None:
        self._open_connection = open_connection
        self._idle: list[sqlite3.Connection] = []
        self._limiter = trio.CapacityLimiter(count)
        self._run_sync = run_sync

    async def read(self, job: Job[T]) -> T:
        """The result of ``job`` on a connection in a read transaction.

        Raises what the job raises, and `Rejected` (``storage_unavailable``) if the file cannot be read.
        """
        result: T = await self._run_sync(self._read, job, limiter=self._limiter)
        return result

    def _read(self, job: Job[T]) -> T:
        try:
            connection = self._borrow()
            try:
                connection.execute("BEGIN")
                return job(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._idle.append(connection)
        except sqlite3.OperationalError as error:
            logger.warning("a read failed", exc_info=error)
            raise Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be read now; try again") from error

    def _borrow(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._open_connection()

    def close(self) -> None:
        """Close the connections. No read may be running."""
        while self._idle:
            self._idle.pop().close()
