"""Watches the writer: how much it does at once, how long that takes, and whether it hangs."""

import logging
import time
from collections.abc import Callable, Sized
from typing import TypeVar

from gameserver.realtime.metrics import Metrics
from gameserver.storage.jobs import RunSync

logger = logging.getLogger(__name__)

SLOW_S = 1.0

T = TypeVar("T")


class WriteWatch:
    """Runs the writer's batches in their thread, as ``run_sync`` would, and looks at them from outside."""

    def __init__(self, metrics: Metrics, run_sync: RunSync) -> None:
        self._metrics = metrics
        self._run_sync = run_sync
        self._started_at_s: float | None = None

    async def run(self, run_batch: Callable[[Sized], T], batch: Sized) -> T:
        """The result of ``run_batch(batch)``."""
        self._started_at_s = time.monotonic()
        try:
            result: T = await self._run_sync(run_batch, batch)
        finally:
            duration_s = self.busy_s
            self._started_at_s = None
        self._metrics.batch_sizes.add(len(batch))
        self._metrics.batch_seconds.add(duration_s)
        if duration_s >= SLOW_S:
            logger.warning("a transaction of %d writes took %.1f s", len(batch), duration_s)
        return result

    @property
    def busy_s(self) -> float:
        """For how long the writer has been at what it does now; 0 if it does nothing."""
        return 0.0 if self._started_at_s is None else time.monotonic() - self._started_at_s
