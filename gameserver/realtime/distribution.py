"""Which pools' distributions are to be told (361): conflated, the last state always (contract, section 6)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import trio

from gameserver.protocol.betting import NewBet

MAX_LISTED_BETS = 50


class DueUpdate(NamedTuple):
    """A pool whose distribution is to be told, with bets since the last time and how many there were."""

    pool_uuid: str
    new_bets: list[NewBet]
    new_bets_count: int


class _Changed:
    """The bets on a pool since its last update."""

    __slots__ = ("bets", "count", "due_at")

    def __init__(self, due_at: float) -> None:
        self.due_at = due_at
        self.bets: list[NewBet] = []
        self.count = 0


class Distributions:
    """The pools of one game: each told at most once every ``interval_s``."""

    def __init__(
        self, interval_s: float, set_alarm: Callable[[float, Callable[[], object]], object], wake: Callable[[], None]
    ) -> None:
        self._interval_s = interval_s
        self._set_alarm = set_alarm
        self._wake = wake
        self._changed: dict[str, _Changed] = {}
        self._told_at: dict[str, float] = {}
        self._being_read: set[str] = set()

    def note(self, pool_uuid: str, bet: NewBet) -> None:
        """A bet was placed."""
        changed = self._changed.get(pool_uuid)
        if changed is None:
            now = trio.current_time()
            due_at = max(now, self._told_at.get(pool_uuid, -math.inf) + self._interval_s)
            changed = self._changed[pool_uuid] = _Changed(due_at)
            self._set_alarm(due_at - now, self._wake)
        changed.count += 1
        changed.bets.append(bet)
        del changed.bets[:-MAX_LISTED_BETS]

    def end(self, pool_uuid: str) -> None:
        """The pool has ended: nothing more is told of it."""
        self._changed.pop(pool_uuid, None)
        self._told_at.pop(pool_uuid, None)
        self._being_read.discard(pool_uuid)

    def take_due(self) -> list[DueUpdate]:
        """What is to be read and told now."""
        now = trio.current_time()
        due = [
            DueUpdate(pool_uuid, changed.bets, changed.count)
            for pool_uuid, changed in self._changed.items()
            if changed.due_at <= now
        ]
        for update in due:
            del self._changed[update.pool_uuid]
            self._told_at[update.pool_uuid] = now
        self._being_read = {update.pool_uuid for update in due}
        return due

    def may_tell(self, pool_uuid: str) -> bool:
        """Whether the pool has not ended while its state was read."""
        return pool_uuid in self._being_read
