"""Schedules a game's distribution updates (361): conflated, the last state always sent (protocol, "Distribution")."""

import math
from collections.abc import Callable
from typing import NamedTuple

import trio

from gameserver.protocol.pools import ShownBet

MAX_LISTED_BETS = 50


class DueUpdate(NamedTuple):
    """A pool whose distribution update is due: its newest bets since the last update, and how many there were."""

    pool_uuid: str
    new_bets: list[ShownBet]
    new_bets_count: int


class _Pending:
    """A scheduled update of a pool, with the bets since its last one."""

    __slots__ = ("bets", "count", "due_at")

    def __init__(self, due_at: float) -> None:
        self.due_at = due_at
        self.bets: list[ShownBet] = []
        self.count = 0


class Distributions:
    """The distribution updates of one game's pools, at most one a pool every ``interval_s`` seconds.

    ``wake`` is called when an update is due. ``pushed`` counts the updates taken so far.
    """

    def __init__(
        self, interval_s: float, call_later: Callable[[float, Callable[[], object]], object], wake: Callable[[], None]
    ) -> None:
        self._interval_s = interval_s
        self._call_later = call_later
        self._wake = wake
        self._pending: dict[str, _Pending] = {}
        self._last_pushed: dict[str, tuple[float, int]] = {}  # when, and the value of `pushed` then
        self.pushed = 0
        self._being_read: set[str] = set()

    def add_bet(self, pool_uuid: str, bet: ShownBet | None) -> None:
        """Note a bet, or None for a cancelled one, and schedule its pool's update."""
        pending = self._schedule(pool_uuid)
        if bet is None:
            return
        pending.count += 1
        pending.bets.append(bet)
        del pending.bets[:-MAX_LISTED_BETS]

    def _schedule(self, pool_uuid: str) -> _Pending:
        """Schedule a pool's update, as soon as the interval allows."""
        pending = self._pending.get(pool_uuid)
        if pending is None:
            now = trio.current_time()
            pushed_at, _ = self._last_pushed.get(pool_uuid, (-math.inf, 0))
            pending = self._pending[pool_uuid] = _Pending(max(now, pushed_at + self._interval_s))
            self._call_later(pending.due_at - now, self._wake)
        return pending

    def requeue(self, due: list[DueUpdate]) -> None:
        """Schedule updates again that could not be read."""
        for update in due:
            if self.is_current(update.pool_uuid):
                pending = self._schedule(update.pool_uuid)
                pending.count += update.new_bets_count
                pending.bets[:0] = update.new_bets
                del pending.bets[:-MAX_LISTED_BETS]

    def push_again(self, pushed_before: int) -> None:
        """Schedule another update of each pool whose last one came after ``pushed`` was ``pushed_before``."""
        for pool_uuid, (_, number) in list(self._last_pushed.items()):
            if number > pushed_before:
                self._schedule(pool_uuid)

    def end(self, pool_uuid: str) -> None:
        """Drop a pool that has ended."""
        self._pending.pop(pool_uuid, None)
        self._last_pushed.pop(pool_uuid, None)
        self._being_read.discard(pool_uuid)

    def reopen(self, pool_uuid: str) -> None:
        """Schedule an update of a reopened pool, one interval from now, since its last one may be recent."""
        self._last_pushed[pool_uuid] = (trio.current_time(), self.pushed)
        self._schedule(pool_uuid)

    def take_due(self) -> list[DueUpdate]:
        """Take the updates that are due now."""
        now = trio.current_time()
        due = [
            DueUpdate(pool_uuid, pending.bets, pending.count)
            for pool_uuid, pending in self._pending.items()
            if pending.due_at <= now
        ]
        for update in due:
            del self._pending[update.pool_uuid]
            self.pushed += 1
            self._last_pushed[update.pool_uuid] = (now, self.pushed)
        self._being_read = {update.pool_uuid for update in due}
        return due

    def is_current(self, pool_uuid: str) -> bool:
        """Whether a pool taken by `take_due` has not ended since."""
        return pool_uuid in self._being_read
