"""Functions run in threads of our own, as `trio.to_thread.run_sync` would run them."""

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing

import pytest
import trio
import trio.testing

from gameserver.storage.worker_threads import WorkerThreads


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    with closing(WorkerThreads()) as opened:
        yield opened


async def test_what_a_function_returns_comes_back_from_another_thread(threads: WorkerThreads) -> None:
    assert await threads.run_sync(divmod, 7, 2) == (3, 1)
    assert await threads.run_sync(threading.get_ident) != threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
async def test_what_a_function_raises_is_raised_to_whoever_waits(threads: WorkerThreads, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await threads.run_sync(fail)
    assert raised.value is error
    assert await threads.run_sync(len, "goes on") == 7


async def test_one_after_the_other_needs_one_thread_and_at_once_one_each(threads: WorkerThreads) -> None:
    idents = {await threads.run_sync(threading.get_ident) for _ in range(5)}
    assert len(idents) == 1
    together = threading.Barrier(3)

    async def meet() -> None:
        await threads.run_sync(together.wait)
        idents.add(await threads.run_sync(threading.get_ident))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(meet)
    assert len(idents) <= 3


async def test_who_is_cancelled_waits_for_the_end_and_gets_what_comes_of_it(threads: WorkerThreads) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        may_end.wait()
        return "done"

    found: list[str] = []
    with trio.CancelScope() as scope:

        async def wait() -> None:
            found.append(await threads.run_sync(work))
            await trio.lowlevel.checkpoint()
            found.append("not reached")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.to_thread.run_sync(begun.wait)
            scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
            assert found == []
            may_end.set()
    assert found == ["done"]


async def test_who_is_cancelled_before_runs_nothing(threads: WorkerThreads) -> None:
    ran: list[int] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await threads.run_sync(ran.append, 1)
    assert ran == []


async def test_nothing_that_was_passed_or_returned_outlives_the_call(threads: WorkerThreads) -> None:
    class Batch:
        pass

    batch = Batch()
    passed = weakref.ref(batch)
    assert await threads.run_sync(lambda it: it, batch) is batch
    del batch
    await threads.run_sync(lambda: None)  # the thread has let go of the call when it takes the next
    gc.collect()
    assert passed() is None


async def test_a_thread_lets_go_of_a_call_before_it_waits_for_the_next(threads: WorkerThreads) -> None:
    class Batch:
        pass

    gone = threading.Event()
    batch = Batch()
    weakref.finalize(batch, gone.set)
    await threads.run_sync(lambda it: None, batch)
    del batch
    assert await trio.to_thread.run_sync(gone.wait, 10)


async def test_closing_ends_the_threads() -> None:
    with closing(WorkerThreads()) as threads:
        thread = await threads.run_sync(threading.current_thread)
        assert thread.is_alive()
    await trio.to_thread.run_sync(thread.join, 10)
    assert not thread.is_alive()
