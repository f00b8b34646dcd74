"""Reading connections in worker threads; waiting reads share one transaction and one consistent state."""

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import trio

from gameserver.errors import ErrorCode, Rejected, without_frames
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Completion, Job, Outcome, QueuedJob, RunSync

logger = logging.getLogger(__name__)

T = TypeVar("T")
ConnectionT = TypeVar("ConnectionT", bound="ReadingConnection")

# Switching threads costs more than a small read; in a larger batch the first read would wait long for the last.
MAX_BATCH = 16


class ReadingConnection(Connection, Protocol):
    """A connection that reads, outside a transaction until `BatchReaders` begins one."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def close(self) -> None:
        """Close the connection."""


class BatchReaders(ABC, Generic[ConnectionT]):
    """Up to ``count`` connections, and ``count`` tasks that each run waiting reads in a worker thread."""

    failures: ClassVar[type[Exception]]  # errors caused by the machine, not by a bug

    def __init__(
        self,
        open_connection: Callable[[], ConnectionT],
        count: int,
        run_sync: RunSync = trio.to_thread.run_sync,
    ) -> None:
        self._open_connection = open_connection
        self._count = count
        self._run_sync = run_sync
        self._idle: list[ConnectionT] = []
        self._waiting: deque[QueuedJob] = deque()
        self._at_leisure = trio.lowlevel.ParkingLot()

    async def read(self, job: Job[T]) -> T:
        """Run ``job`` in a read transaction that begins after this call, and return its result.

        Raises what the job raises, and `Rejected` (``storage_unavailable``) if the database cannot be read.
        """
        awaited: Completion[T] = Completion()
        self._waiting.append(QueuedJob(job, awaited))
        self._at_leisure.unpark()
        return await awaited.result()

    async def run(self) -> None:
        """Run waiting reads until cancelled."""
        async with trio.open_nursery() as nursery:
            for _ in range(self._count):
                nursery.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                await self._at_leisure.park()
                await trio.lowlevel.checkpoint()  # reads requested in the same turn of the loop share a batch
            await self._read_waiting()

    async def _read_waiting(self) -> None:
        """Run one batch of waiting reads; a method of its own, so that no reference to the batch outlives it."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        await self._run_sync(self._read_batch, batch)
        for entry in batch:
            entry.on_done(entry.outcome)

    @abstractmethod
    def _begin(self, connection: ConnectionT) -> None:
        """Begin a transaction that reads one consistent state."""

    def _read_batch(self, batch: list[QueuedJob]) -> None:
        """Run a batch in a worker thread, in one read transaction."""
        try:
            connection = self._take()
        except self.failures as error:
            for entry in batch:
                entry.outcome = _unavailable(error)
            return
        try:
            for entry in batch:
                entry.outcome = self._read(connection, entry.job)
        finally:
            self._put_back(connection)

    def _take(self) -> ConnectionT:
        """A connection that no other batch has."""
        return self._idle.pop() if self._idle else self._open_connection()

    def _put_back(self, connection: ConnectionT) -> None:
        """End the transaction and keep the connection for the next batch."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        self._idle.append(connection)

    def _read(self, connection: ConnectionT, job: Job[Any]) -> Outcome:
        try:
            if not connection.in_transaction:  # the first read of a batch, or the first after the database failed
                self._begin(connection)
            return Outcome(job(connection))
        except self.failures as error:
            return _unavailable(error)
        except Exception as error:  # the requester gets whatever the job raises
            return Outcome(error=without_frames(error))

    def close(self) -> None:
        """Close all connections. No read may be running."""
        while self._idle:
            self._idle.pop().close()


def _unavailable(error: Exception) -> Outcome:
    logger.warning("a read failed", exc_info=error)
    return Outcome(error=Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be read now; try again"))
