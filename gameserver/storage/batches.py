"""A writer of batches: waiting jobs run in one transaction, each in a savepoint.

Outcomes are published only after the commit, in order, whether or not their requesters still wait. How a batch begins,
ends and fails is the engine's: `gameserver.storage.sqlite.writer`, `gameserver.storage.postgres.writer`.
"""

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

import trio

from gameserver.errors import ErrorCode, Rejected, without_frames
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Completion, Due, Job, Outcome, QueuedJob, RunSync, SetJob

logger = logging.getLogger(__name__)

T = TypeVar("T")
ConnectionT = TypeVar("ConnectionT", bound=Connection)

# A batch ends at the first of these limits: its finished jobs wait for its commit, all others for its end.
MAX_BATCH = 512
MAX_BATCH_S = 0.05
# Clients that have just been answered often request their next change at once: some turns of the loop, two for each
# beside the first, let those changes share the next commit. Who is alone waits for nobody.
_TURNS_A_JOB = 2
_MOST_TURNS = 10

_UNAVAILABLE = "the database cannot be written now; whether this was carried out is unknown: send it again with its key"
_BUSY = "the database is held by another program; nothing was done, try again"


class Write(QueuedJob):
    """A job that was received at ``now_ms``."""

    __slots__ = ("now_ms",)

    def __init__(self, job: Job[Any], now_ms: int, on_done: Callable[[Outcome], None]) -> None:
        super().__init__(job, on_done)
        self.now_ms = now_ms


class Done(NamedTuple):
    """The outcome of a batch: results to publish, the next due time in epoch ms, and the jobs it had no time for."""

    published: list[Any]
    next_due_ms: int | None
    left: list[Write]


class TransactionLost(Exception):
    """The engine ended the transaction during a job: no job of the batch counts as done."""


class _LostByDue(Exception):
    """Due work lost the batch's transaction: the batch starts again without that work."""

    def __init__(self, due: Due) -> None:
        super().__init__(due)
        self.due = due


class BatchWriter(ABC, Generic[ConnectionT]):
    """The queue in front of the writing connection.

    ``due_job(connection, now_ms)`` returns the first work due at ``now_ms``, or None; it runs before a job received at
    ``now_ms``. ``publish`` gets the result of each committed job, in order. ``telling`` is entered while a batch's
    results and outcomes are told. ``next_due`` returns, after each batch, the earliest time in epoch ms at which work
    falls due. ``monotonic_s`` measures how long a batch takes.
    """

    failures: ClassVar[tuple[type[Exception], ...]]  # errors caused by the machine, not by a bug
    # Whether a transaction that is lost in due work is begun again without that work: else it is only tried again.
    due_work_may_end_transaction: ClassVar[bool] = True

    def __init__(
        self,
        open_connection: Callable[[], ConnectionT],
        *,
        due_job: Callable[[ConnectionT, int], Due | None],
        next_due: Callable[[ConnectionT], int | None],
        publish: Callable[[Any], None],
        telling: AbstractContextManager[object],
        monotonic_s: Callable[[], float],
        max_waiting: int,
        run_sync: RunSync = trio.to_thread.run_sync,
    ) -> None:
        self._open_connection = open_connection
        self._connection = open_connection()
        self._due_job = due_job
        self._next_due = next_due
        self._publish = publish
        self._telling = telling
        self._monotonic_s = monotonic_s
        self._max_waiting = max_waiting
        self._run_sync = run_sync
        self._waiting: deque[Write] = deque()
        self._wake = trio.Event()
        self.turn = 0  # odd while a batch runs
        self.next_due_ms = next_due(self._connection)
        self.on_due_changed: Callable[[], object] = lambda: None

    def submit(self, job: Job[Any], now_ms: int, on_done: Callable[[Outcome], None]) -> None:
        """Queue ``job``, to be run durably after the jobs submitted before it.

        ``on_done`` gets the outcome once the result has been published; its error is what the job raised, or `Rejected`
        with ``busy`` (nothing was done) or ``storage_unavailable``. Raises `Rejected` (``busy``) if the queue is full.
        """
        if len(self._waiting) >= self._max_waiting:
            raise Rejected(ErrorCode.BUSY, "too many requests wait to be written; nothing was done, try again")
        self._waiting.append(Write(job, now_ms, on_done))
        self._wake.set()

    async def write(self, job: Job[T], now_ms: int) -> T:
        """Run ``job`` and return its result. Raises the errors of `submit`, and those of the outcome.

        A caller that is cancelled leaves its job in the queue.
        """
        awaited: Completion[T] = Completion()
        self.submit(job, now_ms, awaited)
        return await awaited.result()

    @property
    def waiting(self) -> int:
        """The number of jobs in the queue."""
        return len(self._waiting)

    async def run(self) -> None:
        """Run waiting jobs until cancelled."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._waiting:
                count = await self._carry_out()
                for _ in range(min(_TURNS_A_JOB * (count - 1), _MOST_TURNS)):
                    await trio.lowlevel.checkpoint()

    async def _carry_out(self) -> int:
        """Run one batch of waiting jobs; returns how many. A method of its own, so that no reference outlives it."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        self.turn += 1
        done: Done = await self._run_sync(self._run_batch, batch)
        self.turn += 1
        # No checkpoint from here on: what is on disk is published.
        self._waiting.extendleft(reversed(done.left))
        with self._telling:
            self._publish_all(done.published)
            for entry in batch:
                self._tell(entry.on_done, entry.outcome)
        self.note_next_due(done.next_due_ms)
        return len(batch)

    def note_next_due(self, next_due_ms: int | None) -> None:
        """Note when work falls due next."""
        if next_due_ms != self.next_due_ms:
            self.next_due_ms = next_due_ms
            self.on_due_changed()

    @staticmethod
    def _tell(tell: Callable[[T], None], what: T) -> None:
        """Call back with ``what``; an exception of the callback is logged, so that it cannot end the writer."""
        try:
            tell(what)
        except Exception:
            logger.exception("a callback after a write failed")

    def _publish_all(self, results: list[Any]) -> None:
        """Publish the results of a batch that is on disk."""
        for result in results:
            self._tell(self._publish, result)

    @abstractmethod
    def close(self) -> None:
        """Close the connection. The writer must not be running."""

    @abstractmethod
    def _begin(self) -> None:
        """Begin the transaction of a batch."""

    @abstractmethod
    def _commit(self, published: list[Any]) -> None:
        """Commit the transaction of a batch, of which these results are to be published."""

    @abstractmethod
    def _end_batch(self) -> None:
        """Do what there is to do after a batch that is on disk."""

    @abstractmethod
    def _is_lost(self, error: Exception | None) -> bool:
        """Whether the transaction is lost after a job, which has raised ``error`` or nothing."""

    @abstractmethod
    def _is_busy(self, error: Exception) -> bool:
        """Whether a batch has failed because another program holds the database; nothing was done."""

    @abstractmethod
    def _may_try_again(self, error: Exception, tries: int) -> bool:
        """Whether a batch that has failed so many times is run again, since nothing of it is on disk."""

    @abstractmethod
    def _recover(self) -> None:
        """Roll back after a failed batch, or connect again if that fails; never raises."""

    def _run_batch(self, batch: list[Write]) -> Done:
        """Run a batch in one transaction, in a worker thread. Jobs there is no time for are removed from its end."""
        postponed: list[Due] = []
        tries = 0
        while True:
            try:
                done = self._transact(batch, postponed)
            except _LostByDue as lost:
                self._recover()
                postponed.append(lost.due)
            except Exception as error:  # the writer survives any failure
                tries += 1
                if not self._may_try_again(error, tries):
                    return self._give_up(batch, error)
                self._recover()
            else:
                self._end_batch()
                return done

    def _transact(self, batch: list[Write], postponed: list[Due]) -> Done:
        self._begin()
        for due in postponed:
            due.postpone(self._connection)
        published, count = self._run_jobs(batch)
        left = batch[count:]
        next_due_ms = self._next_due(self._connection)
        self._commit(published)
        del batch[count:]
        return Done(published, next_due_ms, left)

    def _run_jobs(self, batch: list[Write]) -> tuple[list[Any], int]:
        """Run jobs, and before each all work that is due, until `MAX_BATCH_S` is over.

        Returns the results to publish and the number of jobs done.

        At least one job, or one piece of due work, is done.
        """
        published: list[Any] = []
        until_s = self._monotonic_s() + MAX_BATCH_S
        count = 0
        while count < len(batch):
            now_ms = batch[count].now_ms
            while (due := self._due_job(self._connection, now_ms)) is not None:
                published += self._run_due(due)
                if self._monotonic_s() >= until_s:
                    return published, count
            group = self._next_group(batch, count)
            self._run_group(group)
            published += [entry.outcome.result for entry in group if entry.outcome.error is None]
            count += len(group)
            if self._monotonic_s() >= until_s:
                break
        return published, count

    def _next_group(self, batch: list[Write], start: int) -> list[Write]:
        """The job at ``start`` and those behind it that run with it at once, before anything falls due."""
        job = batch[start].job
        end = start + 1
        if isinstance(job, SetJob) and end < len(batch):
            next_due_ms = self._next_due_here()
            while end < len(batch) and _belongs(batch[end], job, next_due_ms):
                end += 1
        return batch[start:end]

    def _next_due_here(self) -> int | None:
        """When something falls due next, as far as this batch carries it out."""
        return self._next_due(self._connection)

    def _run_group(self, group: list[Write]) -> None:
        """Run jobs at once, and one by one if that fails by itself and not by the machine."""
        if len(group) == 1:
            group[0].outcome = self._run_job(group[0].job)
            return
        outcome = self._attempt(partial(_carry_out, group))
        if isinstance(outcome.error, self.failures):
            outcomes = [_unavailable(outcome.error)] * len(group)
        elif outcome.error is not None:
            logger.warning("%d writes failed as a set, and are done one by one", len(group), exc_info=outcome.error)
            outcomes = [self._run_job(entry.job) for entry in group]
        else:
            outcomes = outcome.result
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.outcome = outcome

    def _run_due(self, due: Due) -> list[Any]:
        """Run due work and return the results to publish. Failing work is postponed, without effect on other jobs."""
        try:
            outcome = self._attempt(due.run)
            if due.alone is not None and outcome.error is not None and not isinstance(outcome.error, self.failures):
                logger.warning("%s failed in a set, and is done alone", due.name, exc_info=outcome.error)
                outcome = self._attempt(due.alone)
        except TransactionLost as lost:
            if not self.due_work_may_end_transaction:
                raise
            self._log_postponed(due, lost.__cause__ or lost)
            raise _LostByDue(due) from lost
        if outcome.error is None:
            return [outcome.result]
        self._log_postponed(due, outcome.error)
        due.postpone(self._connection)
        return []

    def _run_job(self, job: Job[Any]) -> Outcome:
        outcome = self._attempt(job)
        return _unavailable(outcome.error) if isinstance(outcome.error, self.failures) else outcome

    def _attempt(self, job: Job[Any]) -> Outcome:
        """Run a job in a savepoint of its own. Raises `TransactionLost`."""
        connection = self._connection
        connection.execute("SAVEPOINT job")
        try:
            outcome = Outcome(job(connection))
        except Exception as error:  # the requester gets whatever the job raises
            if self._is_lost(error):
                raise TransactionLost(f"the transaction was lost: {error}") from error
            connection.execute("ROLLBACK TO job")
            outcome = Outcome(error=without_frames(error))
        if self._is_lost(None):
            raise TransactionLost("the transaction was lost")
        connection.execute("RELEASE job")
        return outcome

    def _give_up(self, batch: list[Write], error: Exception) -> Done:
        """Reject every job of a batch that is not on disk, or of which that is unknown."""
        rejected = (
            Rejected(ErrorCode.BUSY, _BUSY)
            if self._is_busy(error)
            else Rejected(ErrorCode.STORAGE_UNAVAILABLE, _UNAVAILABLE)
        )
        logger.warning("a batch of %d writes was given up", len(batch), exc_info=error)
        self._recover()
        for entry in batch:
            entry.outcome = Outcome(error=rejected)
        return Done([], self.next_due_ms, [])

    def _log_postponed(self, due: Due, error: BaseException) -> None:
        level = logging.WARNING if isinstance(error, self.failures) else logging.ERROR  # an error is a bug
        logger.log(level, "%s failed and is postponed", due.name, exc_info=error)


def _unavailable(error: Exception) -> Outcome:
    logger.warning("a write failed", exc_info=error)
    return Outcome(error=Rejected(ErrorCode.STORAGE_UNAVAILABLE, _UNAVAILABLE))


def _belongs(entry: Write, first: SetJob, next_due_ms: int | None) -> bool:
    """Whether a job runs at once with the first of its group, since it is of its kind and nothing is due before it."""
    return first.is_like(entry.job) and (next_due_ms is None or entry.now_ms < next_due_ms)


def _carry_out(group: list[Write], connection: Connection) -> list[Outcome]:
    jobs = [cast(SetJob, entry.job) for entry in group]
    return jobs[0].carry_out(connection, [job.item for job in jobs])
