import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import open_reader
from gameserver.storage.readers import Readers
from tests.support.harness import run_inline
from tests.support.refusals import refused
from tests.support.rows import make_user


@pytest.fixture
def opened() -> list[sqlite3.Connection]:
    """The connections that the readers have opened."""
    return []


@pytest.fixture
def readers(connection: sqlite3.Connection, database: Path, opened: list[sqlite3.Connection]) -> Iterator[Readers]:
    """Readers of a new database, without threads."""

    def open_connection() -> sqlite3.Connection:
        opened.append(open_reader(database))
        return opened[-1]

    with closing(Readers(open_connection, 2, run_inline)) as pool:
        yield pool


def count_users(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM users").fetchone()[0]
    return count


async def test_a_read_sees_what_has_been_committed(readers: Readers, connection: sqlite3.Connection) -> None:
    assert await readers.read(count_users) == 0
    make_user(connection)
    assert await readers.read(count_users) == 1


async def test_one_read_sees_one_state(readers: Readers, connection: sqlite3.Connection) -> None:
    def job(reader: sqlite3.Connection) -> tuple[int, int]:
        before = count_users(reader)
        make_user(connection)
        return before, count_users(reader)

    assert await readers.read(job) == (0, 0)


async def test_a_connection_is_used_again(readers: Readers, opened: list[sqlite3.Connection]) -> None:
    for _ in range(3):
        await readers.read(count_users)
    assert len(opened) == 1


async def test_a_read_within_a_read_has_a_connection_of_its_own(
    readers: Readers, opened: list[sqlite3.Connection]
) -> None:
    def job(reader: sqlite3.Connection) -> int:
        return readers._read(count_users)

    assert await readers.read(job) == 0
    assert len(opened) == 2


@pytest.mark.parametrize("error", [Rejected(ErrorCode.NOT_FOUND, "Nothing."), ValueError("a bug")])
async def test_what_a_job_raises_is_raised_and_the_connection_stays_usable(
    readers: Readers, opened: list[sqlite3.Connection], error: Exception
) -> None:
    def job(reader: sqlite3.Connection) -> int:
        count_users(reader)
        raise error

    with pytest.raises(type(error)) as caught:
        await readers.read(job)
    assert caught.value is error
    assert await readers.read(count_users) == 0
    assert len(opened) == 1
    assert not opened[0].in_transaction


async def test_a_file_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    with (
        closing(Readers(partial(open_reader, tmp_path / "none.db"), 1, run_inline)) as readers,
        refused(ErrorCode.STORAGE_UNAVAILABLE),
    ):
        await readers.read(count_users)


async def test_a_reader_cannot_write(readers: Readers, connection: sqlite3.Connection) -> None:
    with refused(ErrorCode.STORAGE_UNAVAILABLE):
        await readers.read(make_user)
    assert count_users(connection) == 0


async def test_at_most_so_many_read_at_once(connection: sqlite3.Connection, database: Path) -> None:
    limits: list[float] = []

    async def run(function: Callable[..., Any], *arguments: Any, limiter: trio.CapacityLimiter) -> Any:
        limits.append(limiter.total_tokens)
        return await run_inline(function, *arguments)

    with closing(Readers(partial(open_reader, database), 7, run)) as readers:
        await readers.read(count_users)
    assert limits == [7]


async def test_reads_run_in_worker_threads_too(connection: sqlite3.Connection, database: Path) -> None:
    with closing(Readers(partial(open_reader, database), 2)) as readers:
        results: list[int] = []

        async def read() -> None:
            results.append(await readers.read(count_users))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(read)
        assert results == [0] * 20
