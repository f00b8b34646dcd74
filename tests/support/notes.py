"""A writer whose jobs note a text in a table of their own, and what it has published."""

import gc
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Due, Job
from gameserver.storage.sqlite.connection import SqliteConnection, open_writer
from gameserver.storage.sqlite.writer import Writer
from tests.support.harness import run_inline

RETRY_MS = 1_000


def note(text: str, size_bytes: int = 0) -> Job[str]:
    """A job that notes a text, with so many bytes beside it."""

    def job(connection: Connection) -> str:
        connection.execute("INSERT INTO notes VALUES (?, zeroblob(?))", (text, size_bytes))
        return text

    return job


def failing(text: str, error: Exception) -> Job[str]:
    """A job that notes a text and then fails."""

    def job(connection: Connection) -> str:
        note(text)(connection)
        raise error

    return job


class Parcel:
    """What a request is made of."""


def refusing(parcel: Parcel) -> Job[str]:
    """A job that refuses after an error on the way, in frames that hold what it was given."""

    def job(connection: Connection) -> str:
        try:
            raise KeyError(parcel)
        except KeyError as error:
            raise Rejected(ErrorCode.CONFLICT, "Not now.") from error

    return job


@contextmanager
def no_collector() -> Iterator[None]:
    """Whatever goes in the block goes because nothing holds it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Notebook:
    """A writer on a file with a table of notes.

    ``due`` are moments and the jobs that fall due at them, tried again after ``RETRY_MS``; ``statements`` the
    transaction control of the writing connections; ``seconds`` what the writer's clock says.
    """

    def __init__(
        self,
        file: Path,
        *,
        max_waiting: int = 1000,
        run_sync: Callable[..., Awaitable[Any]] = run_inline,
        next_due: Callable[[Connection], int | None] | None = None,
    ) -> None:
        self.file = file
        self.published: list[str] = []
        self.due: list[tuple[int, Job[str]]] = []
        self.statements: list[str] = []
        self.seconds = 0.0
        self.connections: list[SqliteConnection] = []
        self.outcomes: dict[str, object] = {}
        with open_writer(file) as connection:
            connection.execute("CREATE TABLE notes (text TEXT NOT NULL, padding BLOB NOT NULL) STRICT")
            connection.execute("CREATE TABLE dues (place INTEGER PRIMARY KEY, again_at INTEGER) STRICT")
        connection.close()
        self.writer = Writer(
            self._open,
            due_job=self._due_job,
            next_due=next_due or self._first_due,
            publish=self.published.append,
            telling=nullcontext(),
            monotonic_s=lambda: self.seconds,
            max_waiting=max_waiting,
            run_sync=run_sync,
        )

    def _open(self) -> SqliteConnection:
        connection = open_writer(self.file)
        connection.set_trace_callback(self._trace)
        self.connections.append(connection)
        return connection

    def _trace(self, statement: str) -> None:
        if statement.split()[0] in ("BEGIN", "COMMIT", "ROLLBACK"):
            self.statements.append(statement)

    def _pending(self, connection: Connection) -> Iterator[tuple[int, int, Job[str]]]:
        """What is still to be done: when, its place in ``due``, and the job."""
        again_at = dict(connection.execute("SELECT place, again_at FROM dues"))
        for place, (at_ms, job) in enumerate(self.due):
            at_ms = again_at.get(place, at_ms)
            if at_ms is not None:
                yield at_ms, place, job

    def _first_due(self, connection: Connection) -> int | None:
        return min((at_ms for at_ms, _, _ in self._pending(connection)), default=None)

    def _due_job(self, connection: Connection, now_ms: int) -> Due | None:
        for at_ms, place, job in sorted(self._pending(connection), key=lambda pending: pending[:2]):
            if at_ms <= now_ms:
                again_at = now_ms + RETRY_MS
                return Due(f"number {place}", partial(self._do, place, job), partial(self._record, place, again_at))
        return None

    def _do(self, place: int, job: Job[str], connection: Connection) -> str:
        self._record(place, None, connection)
        return job(connection)

    @staticmethod
    def _record(place: int, again_at: int | None, connection: Connection) -> None:
        connection.execute("INSERT OR REPLACE INTO dues VALUES (?, ?)", (place, again_at))

    def on_disk(self) -> list[str]:
        """The texts noted, as another connection sees them."""
        connection = sqlite3.connect(self.file)
        try:
            return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]
        finally:
            connection.close()

    async def submit(self, name: str, job: Job[str], now_ms: int = 0) -> None:
        """Submit a job and keep its outcome: the result, the code of a refusal, or the exception."""
        try:
            self.outcomes[name] = await self.writer.write(job, now_ms)
        except Rejected as rejected:
            self.outcomes[name] = rejected.code
        except Exception as error:
            self.outcomes[name] = error

    async def batch(self, **jobs: Job[str] | tuple[int, Job[str]]) -> dict[str, object]:
        """Let jobs wait, each at a moment, then run the writer until all are done; their outcomes."""
        self.outcomes.clear()
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as requesters:
                for name, job in jobs.items():
                    now_ms, job = job if isinstance(job, tuple) else (0, job)
                    requesters.start_soon(self.submit, name, job, now_ms)
                    await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(self.writer.run)
            nursery.cancel_scope.cancel()
        return dict(self.outcomes)

    def close(self) -> None:
        """Close the writer's connection."""
        self.writer.close()


UNAVAILABLE, BUSY = ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.BUSY
