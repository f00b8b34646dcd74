"""The server's clock, which never goes back, and the monitor that logs when the system's clock is set."""

import logging
import time
from collections.abc import Callable

import trio

from gameserver.ops.log import log
from gameserver.storage.peers import ClockReading

logger = logging.getLogger(__name__)

# The speed of the clock while the system's is behind it. At full speed the system's would never catch up; at half speed
# a pool announced for ten minutes would accept bets for twenty, long after the match.
_SLOWED_RATE = 0.9
_CHECK_INTERVAL_S = 1.0
_MIN_STEP_S = 1.0  # smaller steps are ordinary corrections (NTP)


class Clock:
    """A clock of epoch milliseconds that follows the system's clock, and never goes back.

    Where a database serves several machines, the clock that is followed is the database's: what it showed last, and
    what has gone by since on the monotonic clock. So no step of one machine's clock becomes the time of all.

    While the clock that is followed is behind, this one follows the monotonic clock at 0.9 of its speed, until it has
    caught up. If it jumps ahead, as the system's after a machine's sleep, this one follows at once.
    """

    def __init__(
        self, read_s: Callable[[], float] = time.time, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._read_s = read_s
        self._monotonic_s = monotonic_s
        self._followed: ClockReading | None = None  # in place of the system's
        self._anchor_ms = 0.0  # the time when the monotonic clock showed _anchored_at_s
        self._anchored_at_s = monotonic_s()

    def now_ms(self) -> int:
        """The time in epoch milliseconds."""
        now_s = self._monotonic_s()
        onward_ms = self._anchor_ms + (now_s - self._anchored_at_s) * 1000 * _SLOWED_RATE
        followed_ms = self._followed_s() * 1000
        if followed_ms < onward_ms:
            return int(onward_ms)
        self._anchor_ms, self._anchored_at_s = followed_ms, now_s
        return int(followed_ms)

    def advance_to(self, moment_ms: int) -> None:
        """Set the clock forward to a moment, such as the last one that an earlier run recorded; never back."""
        if moment_ms > self.now_ms():
            self._anchor_ms, self._anchored_at_s = float(moment_ms), self._monotonic_s()

    def follow(self, reading: ClockReading) -> None:
        """Follow another clock from now on, by what it showed."""
        self._followed = reading

    def _followed_s(self) -> float:
        """What the clock that is followed shows, in epoch seconds."""
        if self._followed is None:
            return self._read_s()
        return self._followed.shown_s + self._monotonic_s() - self._followed.at_s

    @property
    def correction_s(self) -> float:
        """Seconds by which the clock that is followed is ahead of the system's; negative if it is behind."""
        return self._followed_s() - self._read_s()

    @property
    def ahead_s(self) -> float:
        """Seconds by which this clock is ahead of the one that it follows; 0 if it is not."""
        return max(0.0, self.now_ms() / 1000 - self._followed_s())

    @property
    def offset_s(self) -> float:
        """The system's clock minus the monotonic one, which changes when the former is set or the machine sleeps."""
        return self._read_s() - self._monotonic_s()


class ClockMonitor:
    """Logs steps of the system's clock, and when the server's clock is ahead of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = clock.offset_s
        self._reported_ahead_s = 0.0
        self._reported_correction_s = 0.0

    async def run(self) -> None:
        """Check the clock every second, until cancelled."""
        while True:
            self.check()
            await trio.sleep(_CHECK_INTERVAL_S)

    def check(self) -> None:
        """Log what has changed since the last check."""
        offset_s, ahead_s = self._clock.offset_s, self._clock.ahead_s
        by_s, self._offset_s = offset_s - self._offset_s, offset_s
        if by_s >= _MIN_STEP_S:
            text = "the system's clock stepped forward: it was set, or the machine slept"
            log(logger, logging.WARNING, "clock_stepped", text, by_s=round(by_s, 3))
        if ahead_s >= self._reported_ahead_s + _MIN_STEP_S:
            text = "the system's clock is behind the server's, which runs a tenth slower until it has caught up"
            log(logger, logging.WARNING, "clock_ahead", text, ahead_s=round(ahead_s, 3))
            self._reported_ahead_s = ahead_s
        elif not ahead_s and self._reported_ahead_s:
            log(logger, logging.INFO, "clock_caught_up", "the system's clock has caught up with the server's")
        self._reported_ahead_s = min(self._reported_ahead_s, ahead_s)
        self._check_correction(self._clock.correction_s)

    def _check_correction(self, correction_s: float) -> None:
        if abs(correction_s - self._reported_correction_s) >= _MIN_STEP_S:
            text = "the system's clock differs from the database's, which counts"
            log(logger, logging.WARNING, "clock_differs", text, by_s=round(correction_s, 3))
            self._reported_correction_s = correction_s
