import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.batches import MAX_BATCH, MAX_BATCH_S
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Job, Outcome
from tests.support.notes import BUSY, Notebook, Parcel, failing, no_collector, note, refusing

CONFLICT = Rejected(ErrorCode.CONFLICT, "Not now.")


@pytest.fixture
def notebook(database: Path) -> Iterator[Notebook]:
    """A writer that is not running."""
    with closing(Notebook(database)) as opened:
        yield opened


async def test_a_job_is_on_disk_and_published_when_its_result_comes(notebook: Notebook) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notebook.writer.run)
        assert await notebook.writer.write(note("a"), 0) == "a"
        assert (notebook.on_disk(), notebook.published) == (["a"], ["a"])
        nursery.cancel_scope.cancel()


async def test_jobs_that_wait_share_one_transaction_and_keep_their_order(notebook: Notebook) -> None:
    outcomes = await notebook.batch(a=note("a"), b=note("b"), c=note("c"))
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"]
    assert outcomes == {"a": "a", "b": "b", "c": "c"}
    assert notebook.on_disk() == notebook.published == ["a", "b", "c"]


async def test_a_batch_has_a_bound(notebook: Notebook) -> None:
    await notebook.batch(**{f"j{number}": note(str(number)) for number in range(MAX_BATCH + 1)})
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"] * 2
    assert notebook.published == [str(number) for number in range(MAX_BATCH + 1)]


def lasting(notebook: Notebook, text: str, seconds: float) -> Job[str]:
    """A job that notes a text, and takes so long."""

    def job(connection: Connection) -> str:
        notebook.seconds += seconds
        return note(text)(connection)

    return job


async def test_a_batch_ends_when_its_time_is_up_and_the_rest_keeps_its_order(notebook: Notebook) -> None:
    half_s = MAX_BATCH_S / 2
    outcomes = await notebook.batch(**{text: lasting(notebook, text, half_s) for text in "abcde"})
    assert outcomes == {text: text for text in "abcde"}
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"] * 3
    assert notebook.on_disk() == notebook.published == list("abcde")


async def test_a_job_that_takes_longer_than_a_batch_may_is_a_batch_of_its_own(notebook: Notebook) -> None:
    long_s = MAX_BATCH_S * 10
    assert await notebook.batch(a=lasting(notebook, "a", long_s), b=lasting(notebook, "b", long_s)) == {
        "a": "a",
        "b": "b",
    }
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"] * 2


async def test_the_time_of_a_refused_job_counts_too(notebook: Notebook) -> None:
    def refuse(connection: Connection) -> str:
        notebook.seconds += MAX_BATCH_S
        raise CONFLICT

    assert await notebook.batch(a=refuse, b=note("b")) == {"a": CONFLICT.code, "b": "b"}
    assert notebook.statements.count("COMMIT") == 2


async def test_what_is_due_takes_its_share_of_a_batchs_time_and_comes_before_the_job_all_the_same(
    notebook: Notebook,
) -> None:
    notebook.due = [(number, lasting(notebook, f"due {number}", MAX_BATCH_S)) for number in range(3)]
    assert await notebook.batch(a=(5, note("a"))) == {"a": "a"}
    assert notebook.on_disk() == notebook.published == ["due 0", "due 1", "due 2", "a"]
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"] * 4


async def test_what_is_asked_for_meanwhile_comes_after_what_a_batch_had_no_time_for(notebook: Notebook) -> None:
    def job(connection: Connection) -> str:
        notebook.seconds += MAX_BATCH_S
        notebook.writer.submit(note("d"), 0, lambda outcome: None)
        return note("a")(connection)

    await notebook.batch(a=job, b=note("b"), c=note("c"))
    assert notebook.on_disk() == notebook.published == ["a", "b", "c", "d"]


async def test_a_refusal_holds_nothing_of_what_is_refused_nor_does_a_writer_without_work(notebook: Notebook) -> None:
    kept: list[Outcome] = []
    with no_collector():
        parcel = Parcel()
        gone = weakref.ref(parcel)
        async with trio.open_nursery() as nursery:
            notebook.writer.submit(refusing(parcel), 0, kept.append)
            del parcel
            nursery.start_soon(notebook.writer.run)
            await trio.testing.wait_all_tasks_blocked()
            assert isinstance(kept[0].error, Rejected)
            assert gone() is None
            nursery.cancel_scope.cancel()


async def test_a_bug_keeps_where_it_came_from(notebook: Notebook) -> None:
    kept: list[Outcome] = []
    async with trio.open_nursery() as nursery:
        notebook.writer.submit(failing("a", ValueError("a bug")), 0, kept.append)
        nursery.start_soon(notebook.writer.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert kept[0].error is not None
    assert kept[0].error.__traceback__ is not None


@pytest.mark.parametrize("error", [CONFLICT, ValueError("a bug"), sqlite3.IntegrityError("constraint")])
async def test_what_a_job_raises_undoes_it_alone_and_reaches_its_requester(
    notebook: Notebook, error: Exception
) -> None:
    outcomes = await notebook.batch(a=note("a"), b=failing("b", error), c=note("c"))
    assert outcomes == {"a": "a", "b": CONFLICT.code if error is CONFLICT else error, "c": "c"}
    assert notebook.on_disk() == notebook.published == ["a", "c"]


async def test_a_batch_of_refusals_publishes_nothing(notebook: Notebook) -> None:
    assert await notebook.batch(a=failing("a", CONFLICT)) == {"a": ErrorCode.CONFLICT}
    assert notebook.on_disk() == notebook.published == []


async def test_a_job_whose_requester_is_gone_is_done_and_published_in_its_turn(notebook: Notebook) -> None:
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as gone:
            async with trio.open_nursery() as requesters:
                for text in "abc":
                    requesters.start_soon(notebook.submit, text, note(text))
                    await trio.testing.wait_all_tasks_blocked()
                gone.cancel()
        nursery.start_soon(notebook.writer.run)
        await notebook.writer.write(note("d"), 0)
        nursery.cancel_scope.cancel()
    assert notebook.on_disk() == notebook.published == ["a", "b", "c", "d"]


async def test_what_is_published_is_known_before_the_requester_goes_on(notebook: Notebook) -> None:
    async def ask(text: str) -> None:
        await notebook.writer.write(note(text), 0)
        assert text in notebook.published

    async with trio.open_nursery() as nursery:
        nursery.start_soon(notebook.writer.run)
        async with trio.open_nursery() as requesters:
            for number in range(20):
                requesters.start_soon(ask, str(number))
        nursery.cancel_scope.cancel()


async def test_a_full_queue_is_busy_at_once_and_takes_more_later(database: Path) -> None:
    with closing(Notebook(database, max_waiting=2)) as notebook:
        outcomes = await notebook.batch(a=note("a"), b=note("b"), c=note("c"))
        assert outcomes == {"a": "a", "b": "b", "c": BUSY}
        assert await notebook.batch(d=note("d")) == {"d": "d"}
        assert notebook.on_disk() == ["a", "b", "d"]


async def test_what_is_due_is_done_before_the_job_that_comes_after_it(notebook: Notebook) -> None:
    notebook.due = [(10, note("due 10")), (20, note("due 20")), (99, note("due 99"))]
    await notebook.batch(a=(9, note("a")), b=(20, note("b")), c=(21, note("c")))
    expected = ["a", "due 10", "due 20", "b", "c"]
    assert notebook.on_disk() == notebook.published == expected
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"]


async def test_what_is_due_stays_done_if_the_job_after_it_is_refused(notebook: Notebook) -> None:
    notebook.due = [(10, note("due"))]
    await notebook.batch(a=(10, failing("a", CONFLICT)))
    assert notebook.on_disk() == notebook.published == ["due"]


async def test_the_next_due_moment_is_told_when_it_changes(notebook: Notebook) -> None:
    told: list[int | None] = []
    notebook.writer.on_due_changed = lambda: told.append(notebook.writer.next_due_ms)
    assert notebook.writer.next_due_ms is None
    notebook.due = [(10, note("due 10")), (20, note("due 20"))]
    await notebook.batch(a=(0, note("a")))
    await notebook.batch(b=(5, note("b")))
    await notebook.batch(c=(10, note("c")))
    await notebook.batch(d=(30, note("d")))
    assert told == [10, 20, None]


async def test_jobs_run_in_a_worker_thread_too(database: Path) -> None:
    with closing(Notebook(database, run_sync=trio.to_thread.run_sync)) as notebook:
        assert await notebook.batch(a=note("a"), b=failing("b", CONFLICT)) == {"a": "a", "b": CONFLICT.code}
        assert notebook.on_disk() == notebook.published == ["a"]


async def test_a_batch_under_way_is_published_though_the_writer_is_cancelled(database: Path) -> None:
    with closing(Notebook(database, run_sync=trio.to_thread.run_sync)) as notebook, trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            def job(connection: Connection) -> str:
                trio.from_thread.run_sync(nursery.cancel_scope.cancel)
                return note("a")(connection)

            nursery.start_soon(notebook.writer.run)
            nursery.start_soon(notebook.submit, "a", job)
        assert notebook.on_disk() == notebook.published == ["a"]


async def test_closing_leaves_everything_in_the_one_file(database: Path) -> None:
    notebook = Notebook(database)
    await notebook.batch(a=note("a"))
    notebook.close()
    assert [path.name for path in database.parent.iterdir()] == [database.name]
