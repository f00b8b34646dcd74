"""Lets happen what is due: wakes the writer at the next moment something falls due, and keeps house."""

import logging
import math
from collections.abc import Callable
from functools import partial

import trio

from gameserver.config import Settings
from gameserver.engine.scheduled import forget_old
from gameserver.errors import Rejected
from gameserver.realtime.clock import Clock
from gameserver.storage.connection import Connection
from gameserver.storage.store import Store

logger = logging.getLogger(__name__)

# The system's clock may be set forward while we sleep.
_LONGEST_SLEEP_S = 1.0
_RETRY_S = 1.0
_HOUSEKEEPING_S = 60.0
_PAUSE_S = 0.1


class Scheduler:
    """The task that gives the writer something to do when time is up.

    What is due is found by the writer itself, before any request received at that moment or later.
    """

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._asleep = trio.lowlevel.ParkingLot()
        store.writer.on_due_changed = lambda: self._asleep.unpark_all()

    async def run(self) -> None:
        """Run until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_time)
            nursery.start_soon(self._keep_house)

    async def _keep_time(self) -> None:
        while True:
            due_at = self._store.writer.next_due_ms
            wait_s = math.inf if due_at is None else (due_at - self._clock.now_ms()) / 1000
            if wait_s > 0:
                with trio.move_on_after(wait_s if wait_s == math.inf else min(wait_s, _LONGEST_SLEEP_S)):
                    await self._asleep.park()
            elif await self._write(lambda connection: False) is None:
                await trio.sleep(_RETRY_S)

    async def _keep_house(self) -> None:
        while True:
            more = await self._write(partial(forget_old, self._settings, self._clock.now_ms()))
            await trio.sleep(_PAUSE_S if more else _HOUSEKEEPING_S)

    async def _write(self, job: Callable[[Connection], bool]) -> bool | None:
        """The job's result; None if it could not be carried out."""
        try:
            return await self._store.write(job, self._clock.now_ms())
        except Rejected as rejected:
            logger.warning("what is due must wait: %s", rejected.text)
            return None
