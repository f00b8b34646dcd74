"""Wakes the writer when something falls due, and deletes old data at intervals."""

import logging
import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

from gameserver.config import Settings
from gameserver.engine.scheduled import delete_old
from gameserver.errors import Rejected
from gameserver.realtime.clock import Clock
from gameserver.realtime.usage import Usage
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Wake
from gameserver.storage.store import Store

T = TypeVar("T")

logger = logging.getLogger(__name__)

# The system's clock may be set forward during a sleep.
_MAX_SLEEP_S = 1.0
_RETRY_S = 1.0
_HOUSEKEEPING_S = 60.0
_BATCH_PAUSE_S = 0.1


class Scheduler:
    """Gives the writer an empty job when something falls due, and jobs that write what users do and delete old data.

    The writer itself finds what is due and carries it out before its next job.
    """

    def __init__(self, settings: Settings, store: Store, clock: Clock, usage: Usage) -> None:
        self._usage = usage
        self._settings = settings
        self._store = store
        self._clock = clock
        self._due_changed = trio.lowlevel.ParkingLot()
        store.writer.on_due_changed = lambda: self._due_changed.unpark_all()

    async def run(self) -> None:
        """Run until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_due)
            nursery.start_soon(self._run_housekeeping)

    async def _run_due(self) -> None:
        while True:
            due_at = self._store.writer.next_due_ms
            wait_s = math.inf if due_at is None else (due_at - self._clock.now_ms()) / 1000
            if wait_s > 0:
                with trio.move_on_after(wait_s if wait_s == math.inf else min(wait_s, _MAX_SLEEP_S)):
                    await self._due_changed.park()
            elif await self._write(Wake()) is None:
                await trio.sleep(_RETRY_S)

    async def _run_housekeeping(self) -> None:
        while True:
            await self._usage.write()
            done = await self._write(partial(delete_old, self._settings, self._clock.now_ms()))
            await trio.sleep(_BATCH_PAUSE_S if done is not None and done.result else _HOUSEKEEPING_S)

    async def _write(self, job: Callable[[Connection], T]) -> T | None:
        """Have the writer run a job; returns its result, None if it was refused."""
        try:
            return await self._store.write(job, self._clock.now_ms())
        except Rejected as rejected:
            logger.warning("scheduled work is delayed: %s", rejected.text)
            return None
