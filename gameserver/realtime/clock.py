"""The server's clock, and what is said of the system's when it is set."""

import logging
import time
from collections.abc import Callable

import trio

from gameserver.realtime.logs import log

logger = logging.getLogger(__name__)

# How fast time goes while the system's clock is behind. At full speed it would never be caught up with; at half of it
# a pool announced for ten minutes would take bets for twenty, with the match long decided.
_CATCHING_UP = 0.9
_LOOK_S = 1.0
_STEP_S = 1.0  # less is what keeping a clock right takes


class Clock:
    """Epoch milliseconds: the system's clock, but never back, not even behind what an earlier run has recorded.

    While the system's clock is behind, time goes on by the monotonic one, a tenth slower, until it has caught up.
    If the system's clock goes ahead, as after a machine's sleep, time follows it at once.
    """

    def __init__(
        self, read_s: Callable[[], float] = time.time, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._read_s = read_s
        self._monotonic_s = monotonic_s
        self._anchor_ms = 0.0  # the time when the monotonic clock showed the following
        self._anchored_at_s = monotonic_s()

    def now_ms(self) -> int:
        """The time."""
        now_s = self._monotonic_s()
        onward_ms = self._anchor_ms + (now_s - self._anchored_at_s) * 1000 * _CATCHING_UP
        system_ms = self._read_s() * 1000
        if system_ms < onward_ms:
            return int(onward_ms)
        self._anchor_ms, self._anchored_at_s = system_ms, now_s
        return int(system_ms)

    def not_before(self, moment_ms: int) -> None:
        """Never tell an earlier time than this."""
        if moment_ms > self.now_ms():
            self._anchor_ms, self._anchored_at_s = float(moment_ms), self._monotonic_s()

    @property
    def ahead_s(self) -> float:
        """By how much it is ahead of the system's clock."""
        return max(0.0, self.now_ms() / 1000 - self._read_s())

    @property
    def offset_s(self) -> float:
        """What the system's clock shows beyond the monotonic one: it changes only when one of them does not go on."""
        return self._read_s() - self._monotonic_s()


class ClockWatch:
    """Says in the log when the system's clock is set, and how the server's stands to it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = clock.offset_s
        self._said_ahead_s = 0.0

    async def run(self) -> None:
        """Look at the clock now and then, until cancelled."""
        while True:
            self.look()
            await trio.sleep(_LOOK_S)

    def look(self) -> None:
        """Say what has changed since the last look."""
        offset_s, ahead_s = self._clock.offset_s, self._clock.ahead_s
        by_s, self._offset_s = offset_s - self._offset_s, offset_s
        if by_s >= _STEP_S:
            text = "the system's clock went forward by itself: it was set, or the machine slept"
            log(logger, logging.WARNING, "clock_stepped", text, by_s=round(by_s, 3))
        if ahead_s >= self._said_ahead_s + _STEP_S:
            text = "the system's clock is behind the server's, which goes a tenth slower until it has caught up"
            log(logger, logging.WARNING, "clock_ahead", text, ahead_s=round(ahead_s, 3))
            self._said_ahead_s = ahead_s
        elif not ahead_s and self._said_ahead_s:
            log(logger, logging.INFO, "clock_caught_up", "the system's clock has caught up with the server's")
        self._said_ahead_s = min(self._said_ahead_s, ahead_s)
