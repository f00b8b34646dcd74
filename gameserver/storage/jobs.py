"""Jobs for the database's worker threads, and their outcomes."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import trio

from gameserver.storage.connection import Connection

T = TypeVar("T")
Job = Callable[[Connection], T]
RunSync = Callable[..., Awaitable[Any]]
Claim = Callable[[Connection, Sequence[Any]], None]


class Outcome(NamedTuple):
    """The outcome of a job: its result, or the exception it raised."""

    result: Any = None
    error: Exception | None = None

    def get(self) -> Any:
        """Return the job's result or raise its exception."""
        if self.error is None:
            return self.result
        raise self.error


class TimedJob(ABC):
    """A job that takes place at a time."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, connection: Connection) -> Any:
        """Run the job."""

    @abstractmethod
    def at(self, now_ms: int) -> "TimedJob":
        """The same job at another time, in epoch ms."""


class SetJob(TimedJob):
    """A job that is run at once with the jobs beside it that have the same ``carry_out``.

    ``carry_out`` gets the items of these jobs, in order, and returns the outcome of each. If it raises, all that it did
    is undone, and the jobs are run one by one. An item is a named tuple that has a ``now_ms``.

    Where several servers write, a batch of such jobs runs beside batches of the others, once ``claim`` has locked what
    its items must have to themselves; without a ``claim`` it runs alone, as any other job does.
    """

    __slots__ = ("carry_out", "claim", "item")

    def __init__(
        self,
        carry_out: Callable[[Connection, Sequence[Any]], list[Outcome]],
        item: Any,
        claim: Claim | None = None,
    ) -> None:
        self.carry_out = carry_out
        self.item = item
        self.claim = claim

    def __call__(self, connection: Connection) -> Any:
        """Run the job alone."""
        (outcome,) = self.carry_out(connection, [self.item])
        return outcome.get()

    def is_like(self, other: object) -> bool:
        """Whether another job may run at once with this one."""
        return isinstance(other, SetJob) and other.carry_out == self.carry_out

    def at(self, now_ms: int) -> "SetJob":
        """The same job at another time, in epoch ms."""
        return SetJob(self.carry_out, self.item._replace(now_ms=now_ms), self.claim)


class Due(NamedTuple):
    """Work that is due: a job, and a second job that postpones it if the first fails.

    If the work is a set, ``alone`` is the first of it, which is tried alone before it is postponed.
    """

    name: str
    run: Job[Any]
    postpone: Job[Any]
    alone: Job[Any] | None = None


class QueuedJob:
    """A job in a queue; ``on_done`` is called with its outcome in the event loop's thread."""

    __slots__ = ("job", "on_done", "outcome")

    def __init__(self, job: Job[Any], on_done: Callable[[Outcome], None]) -> None:
        self.job = job
        self.on_done = on_done
        self.outcome = Outcome()


class Completion(Generic[T]):
    """An ``on_done`` callback that hands the outcome to a waiting task."""

    __slots__ = ("_event", "_outcome")

    def __init__(self) -> None:
        self._event = trio.Event()
        self._outcome = Outcome()

    def __call__(self, outcome: Outcome) -> None:
        """Store the outcome and wake the waiting task."""
        self._outcome = outcome
        self._event.set()

    async def result(self) -> T:
        """Wait for the outcome; returns the job's result or raises the job's exception."""
        await self._event.wait()
        result: T
        (result, error), self._outcome = self._outcome, Outcome()
        if error is None:
            return result
        try:
            raise error
        finally:
            del error  # its frames refer to this one: a reference cycle, which the collector may find late
