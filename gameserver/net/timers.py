"""Timers for many connections in one task: heartbeats, logon and close deadlines, conflated updates."""

import heapq
import itertools
import logging
import math
from collections.abc import Callable

import trio

logger = logging.getLogger(__name__)


# Cancelled timers that may lie in the heap before it is built anew without them.
_MAX_CANCELLED = 1_000
# Whoever wakes this long after the time was not there: the process was stopped, or the loop held up.
_AWAY_S = 1.0


class TimerHandle:
    """A call to be made at a time of Trio's clock, unless it is cancelled first."""

    __slots__ = ("_timers", "call")

    def __init__(self, timers: "Timers", call: Callable[[], object]) -> None:
        self._timers = timers
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Do not make the call, and let go of what it holds. Made or cancelled already: nothing happens."""
        if self.call is not None:
            self.call = None
            self._timers.count_cancelled()


class Timers:
    """A heap of timers and the task that makes their calls. A call is synchronous and quick.

    ``resumed_at`` is when the server was there again after it had stood still, minus infinity if it never has: what
    was not heard of a peer before that proves nothing.
    """

    def __init__(self) -> None:
        self.resumed_at = -math.inf
        self._heap: list[tuple[float, int, TimerHandle]] = []
        self._number = itertools.count()
        self._cancelled = 0
        self._scope = trio.CancelScope()

    def call_later(self, delay_s: float, call: Callable[[], object]) -> TimerHandle:
        """Make ``call`` after ``delay_s`` seconds."""
        timer = TimerHandle(self, call)
        deadline = trio.current_time() + delay_s
        heapq.heappush(self._heap, (deadline, next(self._number), timer))
        self._scope.deadline = min(self._scope.deadline, deadline)
        return timer

    async def run(self) -> None:
        """Make the calls, until cancelled."""
        while True:
            with trio.CancelScope(deadline=self._next_deadline()) as self._scope:
                await trio.sleep_forever()
            # What has arrived by now is read before a call judges anybody by the time. After a pause of the process
            # the first turn of the loop hears of time alone, the second of what has arrived, and then that is read.
            for _ in range(2):
                await trio.lowlevel.checkpoint()
            now = trio.current_time()
            if now - self._next_deadline() > _AWAY_S:
                self.resumed_at = now
            while self._heap and self._heap[0][0] <= trio.current_time():
                timer = heapq.heappop(self._heap)[2]
                call, timer.call = timer.call, None
                if call is None:
                    self._cancelled -= 1
                    continue
                try:
                    call()
                except Exception:
                    logger.exception("an timer's call failed")

    def count_cancelled(self) -> None:
        """An timer of the heap has been cancelled; many of them are not kept."""
        self._cancelled += 1
        if self._cancelled > max(_MAX_CANCELLED, len(self._heap) // 2):
            self._heap = [entry for entry in self._heap if entry[2].call is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def _next_deadline(self) -> float:
        return self._heap[0][0] if self._heap else math.inf
