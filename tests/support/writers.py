"""Writers of several servers on one database, whose jobs store users."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import trio
import trio.lowlevel

from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Due, Job
from gameserver.storage.postgres.connection import open_writer
from gameserver.storage.postgres.writer import PostgresWriter
from tests.support.harness import run_inline

NAME = "INSERT INTO users (username, is_provider, created_at) VALUES (?, 0, 0)"


class Node:
    """A writer whose jobs store users, and the names it has published: results are names, told as text."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.published: list[str] = []
        self.missed = 0
        self.heard_at: list[int] = []
        self.due: Callable[[Connection, int], Due | None] = lambda connection, now_ms: None
        self.writer = PostgresWriter(
            lambda: open_writer(url),
            announce=lambda results: ",".join(results).encode() or None,
            hear=lambda body: body.decode().split(","),
            missed=self._miss,
            advance_clock=self.heard_at.append,
            due_job=lambda connection, now_ms: self.due(connection, now_ms),
            next_due=lambda connection: None,
            publish=self.published.append,
            telling=nullcontext(),
            monotonic_s=lambda: 0.0,
            max_waiting=100,
            run_sync=run_inline,
        )

    def _miss(self) -> None:
        self.missed += 1

    async def write(self, *jobs: Job[str], now_ms: int = 0) -> list[Any]:
        """Run jobs in one batch; their results or errors, in order."""
        outcomes: list[Any] = []
        for job in jobs:
            self.writer.submit(job, now_ms, lambda outcome: outcomes.append(outcome.error or outcome.result))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.writer.run)
            while len(outcomes) < len(jobs):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        return outcomes

    def users(self) -> list[str]:
        """The names that are on disk."""
        with open_writer(self.url) as connection:
            return [name for (name,) in connection.execute("SELECT username FROM users ORDER BY id")]


def name(text: str) -> Job[str]:
    """A job that stores a user."""

    def job(connection: Connection) -> str:
        connection.insert(NAME, (text,))
        return text

    return job
