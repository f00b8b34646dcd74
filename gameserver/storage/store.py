"""The database's interface to the rest of the server: jobs that read and jobs that write, whatever the engine."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import trio

from gameserver.errors import Rejected
from gameserver.storage.batches import BatchWriter
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Completion, Due, Job, RunSync, Wake
from gameserver.storage.peers import ClockReading, Peers
from gameserver.storage.readers import BatchReaders
from gameserver.storage.schedule import next_due_at

T = TypeVar("T")

_BEHIND_MS = 1_000  # after a failure, reads do not wait again for this long


@dataclass(frozen=True)
class StoreOptions:
    """What a store is opened with.

    ``due_job``, ``publish``, ``telling`` and ``monotonic_s`` are those of `BatchWriter`; ``run_writes`` runs the
    writer's batches, ``run_sync`` all else. The others are for an engine with several servers on one database:
    ``announce`` makes bytes of the results of a batch for the other servers, None if there is nothing to tell; ``hear``
    makes the results to publish of them again, ``advance_clock`` is told when they were announced, in epoch ms, and
    ``missed`` is called where some of them are lost.
    """

    readers: int
    max_waiting_writes: int
    due_job: Callable[[Connection, int], Due | None]
    publish: Callable[[Any], None]
    announce: Callable[[list[Any]], bytes | None]
    hear: Callable[[bytes], list[Any]]
    missed: Callable[[], None]
    advance_clock: Callable[[int], None]
    telling: AbstractContextManager[object]
    monotonic_s: Callable[[], float]
    run_sync: RunSync = trio.to_thread.run_sync
    run_writes: Callable[..., Awaitable[Any]] = trio.to_thread.run_sync

    def of_writer(self) -> dict[str, Any]:
        """The options of a `BatchWriter`."""
        return {
            "due_job": self.due_job,
            "next_due": next_due_at,
            "publish": self.publish,
            "telling": self.telling,
            "monotonic_s": self.monotonic_s,
            "max_waiting": self.max_waiting_writes,
            "run_sync": self.run_writes,
        }


class Store(ABC):
    """An open database, called ``name`` in messages; ``file`` is None if it is no file of this machine.

    ``last_recorded_ms`` is the latest time, in epoch ms, that an earlier run recorded; ``migrated_from`` the
    older schema version that the database had, or None; ``void_keys`` the number of session keys made with another
    secret; ``epoch`` changes only where a backup has been put in the database's place. ``peers`` are the other servers
    on the database, None where there can be none; ``clock`` is what the database's clock showed when it was opened,
    None if it has none of its own.
    """

    engine: ClassVar[str]
    peers: Peers[Any] | None = None
    clock: ClockReading | None = None
    name: str
    file: Path | None
    migrated_from: int | None
    last_recorded_ms: int
    void_keys: int
    epoch: str

    def __init__(self, writer: BatchWriter[Any], readers: BatchReaders[Any]) -> None:
        self.writer = writer
        self._readers = readers
        self._behind_until_ms = 0

    async def run(self) -> None:
        """Run the readers and the writer until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._readers.run)
            nursery.start_soon(self.writer.run)

    async def read(self, job: Job[T]) -> T:
        """Run a job that reads one consistent state of the database, and return its result."""
        return await self._readers.read(job)

    async def write(self, job: Job[T], now_ms: int) -> T:
        """Run a job that changes the database, and return its result once it is on disk. See `BatchWriter.submit`."""
        return await self.writer.write(job, now_ms)

    async def catch_up(self, now_ms: int) -> None:
        """Wait until all timers due at ``now_ms`` have run, so that a read sees their effects.

        If the database cannot be written, reads go on from what is on disk: the scheduler keeps trying, and reads
        do not wait again for a second. Raises `Rejected` (``busy``) if too many requests wait to be written.
        """
        due_at = self.writer.next_due_ms
        if due_at is not None and due_at <= now_ms and now_ms >= self._behind_until_ms:
            due: Completion[bool] = Completion()
            self.writer.submit(Wake(), now_ms, due)
            try:
                await due.result()
            except Rejected:
                self._behind_until_ms = now_ms + _BEHIND_MS

    async def can_write(self, now_ms: int) -> bool:
        """Whether the database can be written, tested by writing to it."""
        try:
            await self.write(self._write_nothing_new, now_ms)
        except Rejected:
            return False
        return True

    @staticmethod
    @abstractmethod
    def _write_nothing_new(connection: Connection) -> None:
        """Write something that changes nothing, of which the commit yet writes to the disk."""

    @property
    @abstractmethod
    def engine_version(self) -> str:
        """The engine's version."""

    @property
    @abstractmethod
    def database_bytes(self) -> int:
        """The size of the database in bytes."""

    @property
    @abstractmethod
    def log_bytes(self) -> int:
        """The size of the database's own write-ahead log in bytes; 0 if it is not this server's concern."""

    def close(self) -> None:
        """Close every connection. No job may be running."""
        self._readers.close()
        self.writer.close()
