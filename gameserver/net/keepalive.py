"""Pings, and detection of silent peers (protocol, "Transport")."""

from collections.abc import Callable

import trio

from gameserver.net.timers import TimerHandle, Timers


class Keepalive:
    """Calls ``ping`` every ``interval_s`` seconds, and ``drop`` if a ping is followed by ``timeout_s`` of silence.

    ``quiet_since`` returns since when the server has been reading without hearing from the peer, None while it is not
    reading: the server's own slowness does not count as the peer's silence.
    """

    __slots__ = (
        "_drop",
        "_interval_s",
        "_next_ping_at",
        "_ping",
        "_pinged_at",
        "_quiet_since",
        "_timeout_s",
        "_timer",
        "_timers",
    )

    def __init__(
        self,
        timers: Timers,
        interval_s: float,
        timeout_s: float,
        *,
        ping: Callable[[], object],
        quiet_since: Callable[[], float | None],
        drop: Callable[[], object],
    ) -> None:
        self._timers = timers
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._ping = ping
        self._quiet_since = quiet_since
        self._drop = drop
        self._next_ping_at = trio.current_time() + interval_s
        self._pinged_at: list[float] = []  # at most a few
        self._timer: TimerHandle = self._arm()

    def stop(self) -> None:
        """Stop pinging."""
        self._timer.cancel()

    def _arm(self) -> TimerHandle:
        due_at = self._next_ping_at
        if self._pinged_at:
            due_at = min(due_at, self._pinged_at[0] + self._timeout_s)
        return self._timers.call_later(due_at - trio.current_time(), self._on_timer)

    def _on_timer(self) -> None:
        now = trio.current_time()
        while self._pinged_at and self._pinged_at[0] + self._timeout_s <= now:
            pinged_at = self._pinged_at.pop(0)
            quiet_since = self._quiet_since()
            if quiet_since is not None and quiet_since < pinged_at:
                self._drop()
                return
        if self._next_ping_at <= now:
            self._ping()
            self._pinged_at.append(now)
            self._next_ping_at = now + self._interval_s
        self._timer = self._arm()
