"""Jobs for the database's worker threads, and their outcomes."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import trio

from gameserver.storage.connection import Connection

T = TypeVar("T")
Job = Callable[[Connection], T]
RunSync = Callable[..., Awaitable[Any]]


class Outcome(NamedTuple):
    """The outcome of a job: its result, or the exception it raised."""

    result: Any = None
    error: Exception | None = None

    def get(self) -> Any:
        """Return the job's result or raise its exception."""
        if self.error is None:
            return self.result
        raise self.error


class Subject(NamedTuple):
    """What a request names: a game, or a pool, an event or a bet in it, by the table and the ``uuid`` of its row."""

    table: str
    uuid: str


class Scope(NamedTuple):
    """All that a job changes, where several servers write: the games of subjects, and what a user has.

    If it ``does_due_work``, the games are those in which something is due. Other servers hear of what shares its games
    within half a second, and at once if it ``is_urgent``.
    """

    subjects: tuple[Subject, ...] = ()
    user_id: int | None = None
    does_due_work: bool = False
    is_urgent: bool = False


class TimedJob(ABC):
    """A job that takes place at a time.

    Where several servers write, one that has a ``scope`` runs beside the jobs of the others in other games. Any other
    job, of this kind or another, has the database to itself.
    """

    __slots__ = ("scope",)

    def __init__(self, scope: Scope | None = None) -> None:
        self.scope = scope

    @abstractmethod
    def __call__(self, connection: Connection) -> Any:
        """Run the job."""

    @abstractmethod
    def at(self, now_ms: int) -> "TimedJob":
        """The same job at another time, in epoch ms."""


class UserJob(TimedJob):
    """A job that changes what a user has, or makes one, and nothing of games: ``scope`` has the user at most.

    ``carry_out`` gets the time at which it takes place, in epoch ms. Where several servers write, it runs beside all
    that has not the database to itself.
    """

    __slots__ = ("_carry_out", "_now_ms")

    def __init__(self, carry_out: Callable[[Connection, int], Any], now_ms: int, scope: Scope) -> None:
        super().__init__(scope)
        self._carry_out = carry_out
        self._now_ms = now_ms

    def __call__(self, connection: Connection) -> Any:
        """Run the job."""
        return self._carry_out(connection, self._now_ms)

    def at(self, now_ms: int) -> "UserJob":
        """The same job at another time, in epoch ms."""
        return UserJob(self._carry_out, now_ms, self.scope or Scope())


class SetJob(TimedJob):
    """A job that is run at once with the jobs beside it that have the same ``carry_out``.

    ``carry_out`` gets the items of these jobs, in order, and returns the outcome of each. If it raises, all that it did
    is undone, and the jobs are run one by one. An item is a named tuple that has a ``now_ms``.

    Where several servers write, batches that have nothing but such jobs, with a scope, run beside each other in one
    game: what they have in common, they defer to the commit.
    """

    __slots__ = ("carry_out", "item")

    def __init__(
        self,
        carry_out: Callable[[Connection, Sequence[Any]], list[Outcome]],
        item: Any,
        scope: Scope | None = None,
    ) -> None:
        super().__init__(scope)
        self.carry_out = carry_out
        self.item = item

    def __call__(self, connection: Connection) -> Any:
        """Run the job alone."""
        (outcome,) = self.carry_out(connection, [self.item])
        return outcome.get()

    def is_like(self, other: object) -> bool:
        """Whether another job may run at once with this one."""
        return isinstance(other, SetJob) and other.carry_out == self.carry_out

    def at(self, now_ms: int) -> "SetJob":
        """The same job at another time, in epoch ms."""
        return SetJob(self.carry_out, self.item._replace(now_ms=now_ms), self.scope)


class Wake(TimedJob):
    """An empty job, for the sake of what is due: the writer carries that out before any job."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Scope(does_due_work=True))

    def __call__(self, connection: Connection) -> bool:
        """Do nothing; returns False, as nothing remains to be done."""
        return False

    def at(self, now_ms: int) -> "Wake":
        """The same job, whatever the time."""
        return self


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
