"""Which pools' distributions are to be told (361): conflated, the last state always (protocol, "Distribution")."""

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
        self, interval_s: float, call_later: Callable[[float, Callable[[], object]], object], wake: Callable[[], None]
    ) -> None:
        self._interval_s = interval_s
        self._call_later = call_later
        self._wake = wake
        self._changed: dict[str, _Changed] = {}
        self._told: dict[str, tuple[float, int]] = {}  # when each pool was told last, and the how manieth that was
        self.told = 0
        self._being_read: set[str] = set()

    def note(self, pool_uuid: str, bet: NewBet) -> None:
        """A bet was placed."""
        changed = self._change(pool_uuid)
        changed.count += 1
        changed.bets.append(bet)
        del changed.bets[:-MAX_LISTED_BETS]

    def _change(self, pool_uuid: str) -> _Changed:
        """The pool is to be told, as soon as its interval allows."""
        changed = self._changed.get(pool_uuid)
        if changed is None:
            now = trio.current_time()
            told_at, _ = self._told.get(pool_uuid, (-math.inf, 0))
            changed = self._changed[pool_uuid] = _Changed(max(now, told_at + self._interval_s))
            self._call_later(changed.due_at - now, self._wake)
        return changed

    def put_back(self, due: list[DueUpdate]) -> None:
        """They could not be told: try again after the interval."""
        for update in due:
            if self.may_tell(update.pool_uuid):
                changed = self._change(update.pool_uuid)
                changed.count += update.new_bets_count
                changed.bets[:0] = update.new_bets
                del changed.bets[:-MAX_LISTED_BETS]

    def tell_again(self, told_before: int) -> None:
        """Tell once more the pools that were told after ``told`` was that number."""
        for pool_uuid, (_, number) in list(self._told.items()):
            if number > told_before:
                self._change(pool_uuid)

    def end(self, pool_uuid: str) -> None:
        """The pool has ended: nothing more is told of it."""
        self._changed.pop(pool_uuid, None)
        self._told.pop(pool_uuid, None)
        self._being_read.discard(pool_uuid)

    def reopen(self, pool_uuid: str) -> None:
        """The pool is open again: it is told after an interval, since it may have been told just before it ended."""
        self._told[pool_uuid] = (trio.current_time(), self.told)
        self._change(pool_uuid)

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
            self.told += 1
            self._told[update.pool_uuid] = (now, self.told)
        self._being_read = {update.pool_uuid for update in due}
        return due

    def may_tell(self, pool_uuid: str) -> bool:
        """Whether the pool has not ended while its state was read."""
        return pool_uuid in self._being_read
