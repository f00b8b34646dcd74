"""The database as the rest of the server sees it: jobs that read, jobs that change."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import open_reader, open_writer, require_own_log
from gameserver.storage.copies import make_database
from gameserver.storage.jobs import Due, Job, RunSync
from gameserver.storage.migrations import migrate
from gameserver.storage.readers import Readers
from gameserver.storage.secret import adopt_secret
from gameserver.storage.timers import next_due_at
from gameserver.storage.writer import Writer

T = TypeVar("T")


class Store:
    """An open database file, made if it is missing. Its lock must be held; see `gameserver.storage.files.hold_lock`.

    ``last_recorded_ms`` is the latest moment that an earlier run of the server has recorded; ``migrated_from`` the
    older version that the file had, or None; ``void_keys`` the number of session keys made with another secret.
    """

    def __init__(
        self,
        file: Path,
        secret: bytes,
        *,
        readers: int,
        max_waiting_writes: int,
        due_job: Callable[[sqlite3.Connection, int], Due | None],
        publish: Callable[[Any], None],
        monotonic_s: Callable[[], float],
        run_sync: RunSync = trio.to_thread.run_sync,
        run_writes: RunSync | None = None,
    ) -> None:
        self.file = file
        require_own_log(file)
        if not file.exists():
            make_database(file)
        with closing(open_writer(file)) as connection:
            self.migrated_from = migrate(connection)
            self.last_recorded_ms = last_recorded_at(connection)
            self.void_keys = adopt_secret(connection, secret)
        self.writer = Writer(
            partial(open_writer, file),
            due_job=due_job,
            next_due=next_due_at,
            publish=publish,
            monotonic_s=monotonic_s,
            max_waiting=max_waiting_writes,
            run_sync=run_writes or run_sync,
        )
        self._readers = Readers(partial(open_reader, file), readers, run_sync)

    async def run(self) -> None:
        """Carry out what is read and written, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._readers.run)
            nursery.start_soon(self.writer.run)

    async def read(self, job: Job[T]) -> T:
        """The result of a job that reads one consistent state of the database."""
        return await self._readers.read(job)

    async def write(self, job: Job[T], now_ms: int) -> T:
        """The result of a job that changes the database, once that is on disk. See `Writer.submit`."""
        return await self.writer.write(job, now_ms)

    def close(self) -> None:
        """Close every connection. Nothing may be running."""
        self._readers.close()
        self.writer.close()
