"""What the writer does when SQLite fails it: the whole batch is given up, and the next one works."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import Connection
from gameserver.storage.sqlite import connection as connection_module
from gameserver.storage.sqlite.connection import SqliteConnection
from tests.support.notes import BUSY, RETRY_MS, UNAVAILABLE, Notebook, failing, note

CONFLICT = Rejected(ErrorCode.CONFLICT, "Not now.")
MUCH = 1_000_000


@pytest.fixture
def notebook(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A writer that is not running, and does not wait for locks."""
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT_MS", 0)
    with closing(Notebook(database)) as opened:
        yield opened


def failed(code: int = sqlite3.SQLITE_IOERR) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def limit_pages(notebook: Notebook, pages: int) -> None:
    notebook.connections[-1].execute(f"PRAGMA max_page_count = {pages}")


async def test_a_full_disk_makes_the_whole_batch_unavailable(notebook: Notebook) -> None:
    limit_pages(notebook, 10)
    outcomes = await notebook.batch(a=note("a"), b=note("b", MUCH), c=note("c"))
    assert outcomes == {"a": UNAVAILABLE, "b": UNAVAILABLE, "c": UNAVAILABLE}
    assert notebook.on_disk() == notebook.published == []
    assert "COMMIT" not in notebook.statements


async def test_after_a_full_disk_the_writer_works_again(notebook: Notebook) -> None:
    limit_pages(notebook, 10)
    assert await notebook.batch(a=note("a", MUCH)) == {"a": UNAVAILABLE}
    assert await notebook.batch(b=note("b")) == {"b": "b"}
    limit_pages(notebook, 100_000)
    assert await notebook.batch(a=note("a", MUCH)) == {"a": "a"}
    assert notebook.on_disk() == notebook.published == ["b", "a"]


async def test_a_full_disk_met_by_what_is_due_costs_nobody_else_their_write(notebook: Notebook) -> None:
    limit_pages(notebook, 10)
    notebook.due = [(10, note("due", MUCH)), (10, note("small"))]
    outcomes = await notebook.batch(a=(5, note("a")), b=(10, note("b")), c=(10, failing("c", CONFLICT)))
    assert outcomes == {"a": "a", "b": "b", "c": CONFLICT.code}
    assert notebook.on_disk() == notebook.published == ["a", "small", "b"]
    assert notebook.writer.next_due_ms == 10 + RETRY_MS
    limit_pages(notebook, 100_000)
    await notebook.batch(d=(9 + RETRY_MS, note("d")), e=(10 + RETRY_MS, note("e")))
    assert notebook.on_disk() == notebook.published == ["a", "small", "b", "d", "due", "e"]


async def test_each_of_several_that_are_due_and_cannot_be_done_is_put_off(notebook: Notebook) -> None:
    limit_pages(notebook, 10)
    notebook.due = [(10, note("due", MUCH)), (11, note("small")), (12, note("due too", MUCH))]
    assert await notebook.batch(a=(20, note("a"))) == {"a": "a"}
    assert notebook.on_disk() == notebook.published == ["small", "a"]


@pytest.mark.expects_errors
async def test_what_is_due_and_cannot_even_be_put_off_makes_the_batch_unavailable(notebook: Notebook) -> None:
    notebook.due = [(10, failing("due", failed()))]
    notebook.connections[0].execute(
        "CREATE TRIGGER full BEFORE INSERT ON dues BEGIN SELECT RAISE(ROLLBACK, 'no room'); END"
    )
    assert await notebook.batch(a=(5, note("a")), b=(10, note("b"))) == {"a": UNAVAILABLE, "b": UNAVAILABLE}
    assert notebook.on_disk() == notebook.published == []


async def test_a_commit_that_fails_publishes_nothing(notebook: Notebook) -> None:
    notebook.connections[0].execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    notebook.connections[0].execute(
        "CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"
    )

    def orphan(connection: Connection) -> str:
        connection.execute("INSERT INTO children VALUES (1)")
        return "orphan"

    assert await notebook.batch(a=note("a"), b=orphan) == {"a": UNAVAILABLE, "b": UNAVAILABLE}
    assert notebook.on_disk() == notebook.published == []
    assert await notebook.batch(c=note("c")) == {"c": "c"}
    assert notebook.on_disk() == notebook.published == ["c"]


async def test_a_transaction_that_ends_under_a_job_makes_the_batch_unavailable(notebook: Notebook) -> None:
    def end_it(connection: Connection) -> str:
        connection.execute("ROLLBACK")
        return "ended"

    outcomes = await notebook.batch(a=note("a"), b=end_it, c=note("c"))
    assert outcomes == {"a": UNAVAILABLE, "b": UNAVAILABLE, "c": UNAVAILABLE}
    assert await notebook.batch(d=note("d")) == {"d": "d"}
    assert notebook.on_disk() == notebook.published == ["d"]


async def test_a_failed_transaction_is_not_continued_by_a_job_that_hides_it(notebook: Notebook) -> None:
    def hide(connection: Connection) -> str:
        connection.execute("ROLLBACK")
        raise ValueError

    assert await notebook.batch(a=note("a"), b=hide, c=note("c")) == dict.fromkeys("abc", UNAVAILABLE)
    assert notebook.on_disk() == notebook.published == []


async def test_a_job_in_which_the_database_fails_is_unavailable_alone(notebook: Notebook) -> None:
    outcomes = await notebook.batch(a=note("a"), b=failing("b", failed()), c=note("c"))
    assert outcomes == {"a": "a", "b": UNAVAILABLE, "c": "c"}
    assert notebook.on_disk() == notebook.published == ["a", "c"]


async def test_what_is_due_and_fails_is_undone_and_put_off_and_the_rest_goes_on(notebook: Notebook) -> None:
    notebook.due = [(10, failing("due", failed())), (10, note("due too"))]
    assert await notebook.batch(a=(5, note("a")), b=(10, note("b"))) == {"a": "a", "b": "b"}
    assert notebook.on_disk() == notebook.published == ["a", "due too", "b"]
    assert notebook.statements.count("COMMIT") == 1
    assert notebook.writer.next_due_ms == 10 + RETRY_MS


@pytest.mark.expects_errors
@pytest.mark.parametrize("error", [ValueError("a bug"), CONFLICT, sqlite3.IntegrityError("constraint")])
async def test_a_bug_in_what_is_due_is_logged_as_an_error_and_put_off(
    notebook: Notebook, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    notebook.due = [(10, failing("due", error))]
    assert await notebook.batch(a=(10, note("a"))) == {"a": "a"}
    assert notebook.on_disk() == notebook.published == ["a"]
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "number 0 failed and is postponed")
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_a_lock_of_another_program_makes_the_batch_busy(notebook: Notebook) -> None:
    with closing(sqlite3.connect(notebook.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await notebook.batch(a=note("a"), b=note("b")) == {"a": BUSY, "b": BUSY}
        other.execute("ROLLBACK")
    assert await notebook.batch(c=note("c")) == {"c": "c"}
    assert notebook.on_disk() == notebook.published == ["c"]


async def test_a_reader_of_another_program_is_not_in_the_way(notebook: Notebook) -> None:
    with closing(sqlite3.connect(notebook.file, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM notes").fetchall()
        assert await notebook.batch(a=note("a")) == {"a": "a"}


async def test_a_connection_that_cannot_roll_back_is_replaced(notebook: Notebook) -> None:
    def close(connection: Connection) -> str:
        assert isinstance(connection, SqliteConnection)
        connection.close()
        return "closed"

    assert await notebook.batch(a=note("a"), b=close) == {"a": UNAVAILABLE, "b": UNAVAILABLE}
    assert await notebook.batch(c=note("c")) == {"c": "c"}
    assert notebook.on_disk() == ["c"]


async def test_what_is_on_disk_is_published_even_if_the_next_due_moment_cannot_be_read(database: Path) -> None:
    answers: list[int | Exception] = [1, failed(), 2]

    def next_due(connection: Connection) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with closing(Notebook(database, next_due=next_due)) as notebook:
        await notebook.batch(a=note("a"))
        assert notebook.on_disk() == notebook.published
