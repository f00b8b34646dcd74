import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import RunSync
from gameserver.storage.readers import MAX_BATCH
from gameserver.storage.sqlite.connection import SqliteConnection, open_reader
from gameserver.storage.sqlite.readers import Readers
from gameserver.storage.worker_threads import WorkerThreads
from tests.support.harness import run_inline
from tests.support.notes import Parcel, no_collector, refusing
from tests.support.refusals import refused
from tests.support.rows import make_user


@pytest.fixture
def opened() -> list[SqliteConnection]:
    """The connections that the readers have opened."""
    return []


@asynccontextmanager
async def running(
    open_connection: Callable[[], SqliteConnection], count: int, run_sync: RunSync = run_inline
) -> AsyncIterator[Readers]:
    """Readers that run, without threads unless told otherwise."""
    with closing(Readers(open_connection, count, run_sync)) as readers:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(readers.run)
            await trio.testing.wait_all_tasks_blocked()
            yield readers
            nursery.cancel_scope.cancel()


@pytest.fixture
async def readers(
    connection: SqliteConnection, database: Path, opened: list[SqliteConnection]
) -> AsyncIterator[Readers]:
    """Two readers of a new database."""

    def open_connection() -> SqliteConnection:
        opened.append(open_reader(database))
        return opened[-1]

    async with running(open_connection, 2) as two:
        yield two


def count_users(connection: Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM users").fetchone()[0]
    return count


async def read_all(readers: Readers, jobs: Iterable[Callable[[Connection], int]]) -> list[int]:
    """The results of jobs that are asked for at once, in the order they come."""
    results: list[int] = []

    async def read(job: Callable[[Connection], int]) -> None:
        results.append(await readers.read(job))

    async with trio.open_nursery() as nursery:
        for job in jobs:
            nursery.start_soon(read, job)
    return results


async def test_a_read_sees_what_has_been_committed(readers: Readers, connection: SqliteConnection) -> None:
    assert await readers.read(count_users) == 0
    make_user(connection)
    assert await readers.read(count_users) == 1


async def test_one_read_sees_one_state(readers: Readers, connection: SqliteConnection) -> None:
    def job(reader: Connection) -> tuple[int, int]:
        before = count_users(reader)
        make_user(connection)
        return before, count_users(reader)

    assert await readers.read(job) == (0, 0)


async def test_a_connection_is_used_again(readers: Readers, opened: list[SqliteConnection]) -> None:
    for _ in range(3):
        await readers.read(count_users)
    assert len(opened) == 1


async def test_what_waits_is_read_together_from_one_state(readers: Readers, connection: SqliteConnection) -> None:
    counted: list[int] = []

    def job(reader: Connection) -> int:
        counted.append(count_users(reader))
        make_user(connection, f"user{len(counted)}")
        return count_users(reader)

    results = Counter(await read_all(readers, [job] * (MAX_BATCH + 2)))
    # One of the two readers takes as many as it may, the other the rest; either may be first.
    assert results in ({0: MAX_BATCH, MAX_BATCH: 2}, {0: 2, 2: MAX_BATCH})


async def test_a_job_that_fails_fails_alone(readers: Readers) -> None:
    def fail(reader: Connection) -> int:
        raise ValueError("a bug")

    entries: list[object] = []

    async def read(job: Callable[[Connection], object]) -> None:
        try:
            entries.append(await readers.read(job))
        except (ValueError, Rejected) as error:
            entries.append(type(error).__name__)

    async with trio.open_nursery() as nursery:
        for job in (fail, make_user, count_users):
            nursery.start_soon(read, job)
    assert sorted(map(str, entries)) == ["0", "Rejected", "ValueError"]


async def test_a_read_whose_requester_is_gone_harms_no_other(readers: Readers) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(readers.read, count_users)
        nursery.cancel_scope.cancel()
    assert await readers.read(count_users) == 0


@pytest.mark.parametrize("error", [Rejected(ErrorCode.NOT_FOUND, "Nothing."), ValueError("a bug")])
async def test_what_a_job_raises_is_raised_and_the_connection_stays_usable(
    readers: Readers, opened: list[SqliteConnection], error: Exception
) -> None:
    def job(reader: Connection) -> int:
        count_users(reader)
        raise error

    with pytest.raises(type(error)) as caught:
        await readers.read(job)
    assert caught.value is error
    assert await readers.read(count_users) == 0
    assert len(opened) == 1
    assert not opened[0].in_transaction


async def test_a_reader_without_work_holds_nothing_of_what_it_had_read(readers: Readers) -> None:
    with no_collector():
        parcel = Parcel()
        gone = weakref.ref(parcel)
        with suppress(Rejected):
            await readers.read(refusing(parcel))
        del parcel
        await trio.testing.wait_all_tasks_blocked()
        assert gone() is None


async def test_a_file_that_cannot_be_read_is_unavailable_until_it_can_be(
    database: Path, connection: SqliteConnection, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere.db"
    async with running(partial(open_reader, file), 1) as readers:
        with refused(ErrorCode.STORAGE_UNAVAILABLE):
            await readers.read(count_users)
        file.symlink_to(database)
        assert await readers.read(count_users) == 0


async def test_a_reader_cannot_write(readers: Readers, connection: SqliteConnection) -> None:
    with refused(ErrorCode.STORAGE_UNAVAILABLE):
        await readers.read(make_user)
    assert count_users(connection) == 0


async def test_at_most_so_many_read_at_once(connection: SqliteConnection, database: Path) -> None:
    reading, most = 0, 0

    async def run(function: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        result = await run_inline(function, *arguments)
        reading -= 1
        return result

    async with running(partial(open_reader, database), 3, run) as readers:
        await read_all(readers, [count_users] * 5 * MAX_BATCH)
    assert most == 3


async def test_reads_run_in_worker_threads_too(connection: SqliteConnection, database: Path) -> None:
    with closing(WorkerThreads()) as threads:
        async with running(partial(open_reader, database), 2, threads.run_sync) as readers:
            assert await read_all(readers, [count_users] * 20) == [0] * 20
