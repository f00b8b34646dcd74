"""When the writer is woken, and how often old data is looked for."""

from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from gameserver.config import Settings
from gameserver.engine.context import Effects, WithEffects
from gameserver.errors import ErrorCode, Rejected
from gameserver.realtime.scheduler import Scheduler
from gameserver.realtime.usage import Usage
from gameserver.storage.store import Store
from tests.support.world import RunningClock


class Writer:
    """A store whose writer has things to do at given seconds, and notes when it is woken and when it deletes."""

    def __init__(self, *due_s: float) -> None:
        self.on_due_changed: Callable[[], None]
        self.woken: list[float] = []
        self.deleted: list[float] = []
        self.old_batches = 0
        self.fails = False
        self.writer = self
        self.clock, self._began_s = RunningClock(), trio.current_time()
        self.due = [self.clock.now_ms() + int(moment * 1000) for moment in due_s]

    @property
    def next_due_ms(self) -> int | None:
        """What falls due first."""
        return min(self.due, default=None)

    async def write(self, job: Callable[..., object], now_ms: int) -> object:
        """Do what is due, and the job."""
        await trio.lowlevel.checkpoint()
        is_deletion = isinstance(job, partial)
        (self.deleted if is_deletion else self.woken).append(trio.current_time() - self._began_s)
        if self.fails:
            raise Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be written now")
        self.due = [moment for moment in self.due if moment > now_ms]
        if not is_deletion:
            return False
        self.old_batches -= 1
        return WithEffects(self.old_batches >= 0, Effects())


def start(nursery: trio.Nursery, writer: Writer) -> None:
    settings, store = Settings(), cast("Store", writer)
    usage = Usage(settings, store, writer.clock.now_ms)
    nursery.start_soon(Scheduler(settings, store, writer.clock, usage).run)


async def test_the_writer_is_woken_when_something_is_due_and_not_before(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    writer = Writer(0, 3.5, 3.5, 3.6, 30)
    start(nursery, writer)
    await trio.sleep(29)
    assert writer.woken == pytest.approx([0, 3.5, 3.6], abs=0.02)


async def test_what_is_new_is_not_waited_for_longer_than_it_takes(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    writer = Writer()
    start(nursery, writer)
    await trio.sleep(5.25)
    writer.due.append(writer.clock.now_ms() + 500)
    writer.on_due_changed()
    await trio.sleep(5)
    assert writer.woken == pytest.approx([5.75], abs=0.02)


@pytest.mark.parametrize("set_forward_ms", [10_000, 9_000])
async def test_a_clock_set_forward_is_noticed_within_a_second(
    autojump_clock: MockClock, nursery: trio.Nursery, set_forward_ms: int
) -> None:
    writer = Writer(10)
    start(nursery, writer)
    await trio.sleep(0.5)
    writer.clock.time_ms += set_forward_ms
    await trio.sleep(0.75)
    assert writer.woken == pytest.approx([1], abs=0.02)


async def test_what_is_due_and_refused_is_tried_again_each_second(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    writer = Writer(0)
    writer.fails = True
    start(nursery, writer)
    await trio.sleep(2.5)
    writer.fails = False
    await trio.sleep(5)
    assert writer.woken == pytest.approx([0, 1, 2, 3], abs=0.02)


async def test_old_data_is_looked_for_each_minute_and_deleted_in_batches_with_pauses(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    writer = Writer()
    writer.old_batches = 2
    start(nursery, writer)
    await trio.sleep(61)
    writer.fails = True
    await trio.sleep(120)
    assert writer.deleted == pytest.approx([0, 0.1, 0.2, 60.2, 120.2, 180.2])
    assert writer.woken == []
