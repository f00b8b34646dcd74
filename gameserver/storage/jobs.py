"""Work for the database's threads, and whoever waits for what becomes of it."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, TypeVar

import trio

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
RunSync = Callable[..., Awaitable[Any]]


class Outcome(NamedTuple):
    """What became of a job: its result, or what it raised."""

    result: Any = None
    error: Exception | None = None


class Entry(Generic[T]):
    """A job that waits, or whose outcome is awaited."""

    __slots__ = ("done", "job", "outcome")

    def __init__(self, job: Job[T]) -> None:
        self.job = job
        self.done = trio.Event()
        self.outcome = Outcome()

    async def result(self) -> T:
        """Wait for the job to be done: its result, or raise what it raised."""
        await self.done.wait()
        if self.outcome.error is not None:
            raise self.outcome.error
        result: T = self.outcome.result
        return result
