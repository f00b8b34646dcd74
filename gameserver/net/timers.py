"""Timers for many connections in one task: pings, log-on and close deadlines, conflated updates."""

import heapq
import itertools
import logging
import math
from collections.abc import Callable

import trio

logger = logging.getLogger(__name__)


# The number of cancelled timers in the heap above which it is rebuilt without them.
_MAX_CANCELLED = 1_000
# A wake-up this late means that the event loop was held up, and this late a pause: that the process was stopped.
_MIN_DELAY_S = 0.005
_MIN_PAUSE_S = 1.0


class TimerHandle:
    """A scheduled call, which can be cancelled."""

    __slots__ = ("_timers", "call")

    def __init__(self, timers: "Timers", call: Callable[[], object]) -> None:
        self._timers = timers
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Cancel the call, and free what it refers to; without effect if it was made or cancelled already."""
        if self.call is not None:
            self.call = None
            self._timers.count_cancelled()


class Timers:
    """A heap of scheduled calls, and the task that makes them. A call is synchronous and quick.

    ``resumed_at`` is the time of Trio's clock when the process last resumed after a pause, minus infinity if there was
    none: a peer's silence before then proves nothing.
    """

    def __init__(self) -> None:
        self.resumed_at = -math.inf
        self._heap: list[tuple[float, int, TimerHandle]] = []
        self._number = itertools.count()
        self._cancelled = 0
        self._scope = trio.CancelScope()

    def call_later(self, delay_s: float, call: Callable[[], object]) -> TimerHandle:
        """Schedule ``call`` in ``delay_s`` seconds."""
        timer = TimerHandle(self, call)
        deadline = trio.current_time() + delay_s
        heapq.heappush(self._heap, (deadline, next(self._number), timer))
        self._scope.deadline = min(self._scope.deadline, deadline)
        return timer

    async def run(self) -> None:
        """Make the calls when they are due, until cancelled."""
        while True:
            with trio.CancelScope(deadline=self._next_deadline()) as self._scope:
                await trio.sleep_forever()
            late_s = trio.current_time() - self._next_deadline()
            if late_s > _MIN_DELAY_S:
                # Bytes that have arrived are read before a call judges a peer by the time. After a pause of the
                # process, the event loop's first pass handles deadlines only, its second one input, which is then read.
                for _ in range(2):
                    await trio.lowlevel.checkpoint()
            now = trio.current_time()
            if late_s > _MIN_PAUSE_S:
                self.resumed_at = now
            # What is due only by now, after a call during which the process was stopped, is due in the next round.
            while self._heap and self._heap[0][0] <= now:
                timer = heapq.heappop(self._heap)[2]
                call, timer.call = timer.call, None
                if call is None:
                    self._cancelled -= 1
                    continue
                try:
                    call()
                except Exception:
                    logger.exception("a timer's call failed")

    def count_cancelled(self) -> None:
        """Count a cancelled timer of the heap; above a bound, rebuild the heap without them."""
        self._cancelled += 1
        if self._cancelled > max(_MAX_CANCELLED, len(self._heap) // 2):
            self._heap = [entry for entry in self._heap if entry[2].call is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def _next_deadline(self) -> float:
        return self._heap[0][0] if self._heap else math.inf
