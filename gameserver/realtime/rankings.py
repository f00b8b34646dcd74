"""Schedules a game's leaderboard updates (455): one for all that has settled meanwhile (protocol, "Leaderboards")."""

from collections.abc import Callable, Mapping

import trio


class Rankings:
    """The leaderboard updates of one game, each ``interval_s`` after the first settlement since the last one.

    ``wake`` is called when an update is due. ``known`` has the ranks as the last update left them.
    """

    def __init__(
        self, interval_s: float, call_later: Callable[[float, Callable[[], object]], object], wake: Callable[[], None]
    ) -> None:
        self._interval_s = interval_s
        self._call_later = call_later
        self._wake = wake
        self._due_at: float | None = None
        self.known: Mapping[int, int] = {}

    def note(self) -> None:
        """Note that points have changed, and schedule an update unless one is scheduled."""
        if self._due_at is None:
            self._due_at = trio.current_time() + self._interval_s
            self._call_later(self._interval_s, self._wake)

    def take_due(self) -> bool:
        """Whether an update is due now, which is then no longer scheduled."""
        if self._due_at is None or trio.current_time() < self._due_at:
            return False
        self._due_at = None
        return True
