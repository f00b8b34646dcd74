"""Watches the writer: how much it does at once, how long that takes, and whether it hangs."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from gameserver.errors import ErrorCode, Rejected
from gameserver.ops.log import log
from gameserver.ops.metrics import Metrics
from gameserver.storage.jobs import QueuedJob, RunSync

logger = logging.getLogger(__name__)

SLOW_S = 1.0

T = TypeVar("T")
B = TypeVar("B", bound=Sequence[QueuedJob])


class WriterMonitor:
    """Runs the writer's batches in their thread, as ``run_sync`` would, and looks at them from outside.

    ``in_doubt`` is whether the database may be one that cannot be written: something came to nothing by it. Whoever
    finds out otherwise takes that back.
    """

    def __init__(self, metrics: Metrics, run_sync: RunSync) -> None:
        self._metrics = metrics
        self._run_sync = run_sync
        self._started_at_s: float | None = None
        self.in_doubt = False

    async def run(self, run_batch: Callable[[B], T], batch: B) -> T:
        """The result of ``run_batch(batch)``."""
        self._started_at_s = time.monotonic()
        try:
            result: T = await self._run_sync(run_batch, batch)
        finally:
            duration_s = self.busy_s
            self._started_at_s = None
        self.in_doubt |= any(_is_failure(entry.outcome.error) for entry in batch)
        self._metrics.batch_sizes.add(len(batch))
        self._metrics.batch_seconds.add(duration_s)
        if duration_s >= SLOW_S:
            text = "a transaction took long"
            log(logger, logging.WARNING, "slow_commit", text, writes=len(batch), duration_s=round(duration_s, 3))
        return result

    @property
    def busy_s(self) -> float:
        """For how long the writer has been at what it does now; 0 if it does nothing."""
        return 0.0 if self._started_at_s is None else time.monotonic() - self._started_at_s


def _is_failure(error: Exception | None) -> bool:
    return isinstance(error, Rejected) and error.code in (ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.BUSY)
