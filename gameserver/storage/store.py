"""The database's interface to the rest of the server: jobs that read and jobs that write."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from gameserver.errors import Rejected
from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import Connection
from gameserver.storage.epoch import adopt_epoch
from gameserver.storage.files import beside, size_bytes
from gameserver.storage.jobs import Completion, Due, Job, RunSync
from gameserver.storage.schedule import next_due_at
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

T = TypeVar("T")

_BEHIND_MS = 1_000  # after a failure, reads do not wait again for this long


class Store:
    """An open database file, which is made if missing. The caller holds `gameserver.storage.files.hold_lock`.

    ``last_recorded_ms`` is the latest time, in epoch ms, that an earlier run recorded; ``migrated_from`` the
    older schema version that the file had, or None; ``void_keys`` the number of session keys made with another secret;
    ``epoch`` changes only where a backup has been put in the file's place.
    """

    def __init__(
        self,
        file: Path,
        secret: bytes,
        *,
        readers: int,
        max_waiting_writes: int,
        due_job: Callable[[Connection, int], Due | None],
        publish: Callable[[Any], None],
        telling: AbstractContextManager[object],
        monotonic_s: Callable[[], float],
        run_sync: RunSync = trio.to_thread.run_sync,
        run_writes: RunSync | None = None,
    ) -> None:
        self.file = file
        self._behind_until_ms = 0
        require_own_log(file)
        if not file.exists():
            make_database(file)
        with failures_told(), closing(open_writer(file)) as connection:
            self.migrated_from = migrate(connection)
            self.last_recorded_ms = last_recorded_at(connection)
            self.void_keys = adopt_secret(connection, secret)
            self.epoch = adopt_epoch(connection)
        self.writer = Writer(
            partial(open_writer, file),
            due_job=due_job,
            next_due=next_due_at,
            publish=publish,
            telling=telling,
            monotonic_s=monotonic_s,
            max_waiting=max_waiting_writes,
            run_sync=run_writes or run_sync,
        )
        self._readers = Readers(partial(open_reader, file), readers, run_sync)

    async def run(self) -> None:
        """Run the readers and the writer until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._readers.run)
            nursery.start_soon(self.writer.run)

    async def read(self, job: Job[T]) -> T:
        """Run a job that reads one consistent state of the database, and return its result."""
        return await self._readers.read(job)

    async def write(self, job: Job[T], now_ms: int) -> T:
        """Run a job that changes the database, and return its result once it is on disk. See `Writer.submit`."""
        return await self.writer.write(job, now_ms)

    async def catch_up(self, now_ms: int) -> None:
        """Wait until all timers due at ``now_ms`` have run, so that a read sees their effects.

        If the database cannot be written, reads go on from what is on disk: the scheduler keeps trying, and reads
        do not wait again for a second. Raises `Rejected` (``busy``) if too many requests wait to be written.
        """
        due_at = self.writer.next_due_ms
        if due_at is not None and due_at <= now_ms and now_ms >= self._behind_until_ms:
            due: Completion[None] = Completion()
            self.writer.submit(lambda connection: None, now_ms, due)
            try:
                await due.result()
            except Rejected:
                self._behind_until_ms = now_ms + _BEHIND_MS

    async def can_write(self, now_ms: int) -> bool:
        """Whether the database can be written, tested by writing to it."""
        try:
            await self.write(write_nothing_new, now_ms)
        except Rejected:
            return False
        return True

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

    def close(self) -> None:
        """Close every connection. No job may be running."""
        self._readers.close()
        self.writer.close()
