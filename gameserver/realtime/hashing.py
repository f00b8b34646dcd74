"""Hashes passwords in worker threads: few at a time, and no more may wait than are soon done."""

from collections.abc import Callable
from typing import TypeVar

import trio

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.jobs import RunSync

T = TypeVar("T")

MAX_RUNNING = 2  # each takes a core and 19 MiB
MAX_WAITING = 1_000  # half a minute's work for one core


class Hashing:
    """Runs functions that hash passwords. ``waiting`` counts those that are not done."""

    def __init__(self, run_sync: RunSync) -> None:
        self._run_sync = run_sync
        self._limiter = trio.CapacityLimiter(MAX_RUNNING)
        self.waiting = 0

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function and return its result. Raises `Rejected` (``busy``) if too many wait already."""
        if self.waiting >= MAX_WAITING:
            raise Rejected(ErrorCode.BUSY, "too many passwords wait to be checked; nothing was done, try again")
        self.waiting += 1
        try:
            result: T = await self._run_sync(function, limiter=self._limiter)
        finally:
            self.waiting -= 1
        return result
