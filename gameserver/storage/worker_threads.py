"""Threads of our own for the database's jobs, which are there and back in a third of the time that Trio's take.

Trio's pass through a limiter, a copied context and a cache of threads, and end when they have been idle for a while.
These wait for the next job, each at its own queue.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import trio

T = TypeVar("T")


class WorkerThreads:
    """Threads that run functions for the tasks of one event loop, as many as there ever were at once."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[_Call | None]] = []

    async def run_sync(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function in a thread, and return what it returns; a task that is cancelled waits for its end."""
        await trio.lowlevel.checkpoint_if_cancelled()
        calls = self._idle.pop() if self._idle else _start()
        call = _Call(function, arguments)
        calls.put(call)
        await trio.lowlevel.wait_task_rescheduled(_go_on_waiting)
        self._idle.append(calls)
        result: T = call.get()
        return result

    def close(self) -> None:
        """End the threads. No function may be running."""
        while self._idle:
            self._idle.pop().put(None)


class _Call:
    """A function to be run for the current task, which is woken with the outcome."""

    __slots__ = ("_arguments", "_error", "_function", "_result", "_task", "_token")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function = function
        self._arguments = arguments
        self._task = trio.lowlevel.current_task()
        self._token = trio.lowlevel.current_trio_token()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the function, in a thread."""
        try:
            self._result = self._function(*self._arguments)
        except BaseException as error:  # the task gets whatever the function raises
            self._error = error
        self._token.run_sync_soon(trio.lowlevel.reschedule, self._task)

    def get(self) -> Any:
        """Return what the function returned, or raise what it raised."""
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del error  # its frames refer to this one: a reference cycle, which the collector may find late


def _go_on_waiting(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED


def _start() -> "SimpleQueue[_Call | None]":
    """Start a thread; the queue of its calls."""
    calls: SimpleQueue[_Call | None] = SimpleQueue()
    threading.Thread(target=_run, args=(calls,), name="gameserver-db", daemon=True).start()
    return calls


def _run(calls: "SimpleQueue[_Call | None]") -> None:
    while (call := calls.get()) is not None:
        call.run()
        del call  # nor may what it was about outlive it while the thread waits
