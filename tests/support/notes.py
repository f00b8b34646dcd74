"""A writer whose jobs note a text in a table of their own, and what it has published."""

import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import open_writer
from gameserver.storage.jobs import Job
from gameserver.storage.writer import Writer
from tests.support.harness import run_inline


def note(text: str, size_bytes: int = 0) -> Job[str]:
    """A job that notes a text, with so many bytes beside it."""

    def job(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO notes VALUES (?, zeroblob(?))", (text, size_bytes))
        return text

    return job


def failing(text: str, error: Exception) -> Job[str]:
    """A job that notes a text and then fails."""

    def job(connection: sqlite3.Connection) -> str:
        note(text)(connection)
        raise error

    return job


class Notebook:
    """A writer on a file with a table of notes.

    ``due`` are moments and the texts that fall due at them; ``statements`` the transaction control of the
    writing connections.
    """

    def __init__(
        self,
        file: Path,
        *,
        max_waiting: int = 1000,
        run_sync: Callable[..., Awaitable[Any]] = run_inline,
        next_due: Callable[[sqlite3.Connection], int | None] | None = None,
    ) -> None:
        self.file = file
        self.published: list[str] = []
        self.due: list[tuple[int, Job[str]]] = []
        self.statements: list[str] = []
        self.connections: list[sqlite3.Connection] = []
        self.outcomes: dict[str, object] = {}
        with open_writer(file) as connection:
            connection.execute("CREATE TABLE notes (text TEXT NOT NULL, padding BLOB NOT NULL) STRICT")
        connection.close()
        self.writer = Writer(
            self._open,
            due_job=self._due_job,
            next_due=next_due or (lambda connection: min((at for at, _ in self.due), default=None)),
            publish=self.published.append,
            max_waiting=max_waiting,
            run_sync=run_sync,
        )

    def _open(self) -> sqlite3.Connection:
        connection = open_writer(self.file)
        connection.set_trace_callback(self._trace)
        self.connections.append(connection)
        return connection

    def _trace(self, statement: str) -> None:
        if statement.split()[0] in ("BEGIN", "COMMIT", "ROLLBACK"):
            self.statements.append(statement)

    def _due_job(self, connection: sqlite3.Connection, now_ms: int) -> Job[str] | None:
        if not self.due or self.due[0][0] > now_ms:
            return None
        return partial(self._do_first_due)

    def _do_first_due(self, connection: sqlite3.Connection) -> str:
        result = self.due[0][1](connection)
        del self.due[0]
        return result

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
