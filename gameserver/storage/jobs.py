"""Work for the database's threads, and whoever waits for what becomes of it."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, TypeVar

import trio

from gameserver.storage.connection import Connection

T = TypeVar("T")
Job = Callable[[Connection], T]
RunSync = Callable[..., Awaitable[Any]]


class Outcome(NamedTuple):
    """What became of a job: its result, or what it raised."""

    result: Any = None
    error: Exception | None = None


class Due(NamedTuple):
    """What time calls for: a job, and another that puts it off, should it fail."""

    name: str
    run: Job[Any]
    postpone: Job[Any]


class QueuedJob:
    """A job that waits to be carried out; ``on_done`` is told in the loop's thread what has become of it."""

    __slots__ = ("job", "on_done", "outcome")

    def __init__(self, job: Job[Any], on_done: Callable[[Outcome], None]) -> None:
        self.job = job
        self.on_done = on_done
        self.outcome = Outcome()


class Completion(Generic[T]):
    """The ``on_done`` of an entry for whose outcome a task waits."""

    __slots__ = ("_event", "_outcome")

    def __init__(self) -> None:
        self._event = trio.Event()
        self._outcome = Outcome()

    def __call__(self, outcome: Outcome) -> None:
        """The entry is done."""
        self._outcome = outcome
        self._event.set()

    async def result(self) -> T:
        """Wait for the outcome: the job's result, or raise what it raised."""
        await self._event.wait()
        result: T
        (result, error), self._outcome = self._outcome, Outcome()
        if error is None:
            return result
        try:
            raise error
        finally:
            del error  # whose frames hold this one: a circle, of which the collector might be long in finding out
