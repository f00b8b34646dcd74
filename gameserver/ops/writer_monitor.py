"""Measures the writer's transactions: their size and duration, and whether one hangs or failed."""

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
    """Runs the writer's batches by ``run_sync``, and measures them.

    ``in_doubt`` is set when a write failed because of the database, so that the database may not be writable; a caller
    that has found it writable resets it.
    """

    def __init__(self, metrics: Metrics, run_sync: RunSync) -> None:
        self._metrics = metrics
        self._run_sync = run_sync
        self._started_at_s: float | None = None
        self.in_doubt = False

    async def run(self, run_batch: Callable[[B], T], batch: B) -> T:
        """Run ``run_batch(batch)`` and return its result."""
        self._started_at_s = time.monotonic()
        try:
            result: T = await self._run_sync(run_batch, batch)
        finally:
            duration_s = self.busy_s
            self._started_at_s = None
        self.in_doubt |= any(_is_failure(error) for entry in batch if (error := entry.outcome.error) is not None)
        self._metrics.count_batch(len(batch), duration_s)
        if duration_s >= SLOW_S:
            text = "slow transaction"
            log(logger, logging.WARNING, "slow_commit", text, writes=len(batch), duration_s=round(duration_s, 3))
        return result

    @property
    def busy_s(self) -> float:
        """How long the current transaction has lasted, in seconds; 0 if there is none."""
        return 0.0 if self._started_at_s is None else time.monotonic() - self._started_at_s


def _is_failure(error: Exception) -> bool:
    return isinstance(error, Rejected) and error.code in (ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.BUSY)
