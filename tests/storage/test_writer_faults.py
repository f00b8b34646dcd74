"""What the writer does when SQLite fails it: the whole batch is given up, and the next one works."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage import connection as connection_module
from tests.support.notes import BUSY, UNAVAILABLE, Notebook, failing, note

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


async def test_a_full_disk_met_by_what_is_due_makes_the_batch_unavailable(notebook: Notebook) -> None:
    limit_pages(notebook, 10)
    notebook.due = [(10, note("due", MUCH))]
    assert await notebook.batch(a=(5, note("a")), b=(10, note("b"))) == {"a": UNAVAILABLE, "b": UNAVAILABLE}
    limit_pages(notebook, 100_000)
    await notebook.batch(c=(10, note("c")))
    assert notebook.on_disk() == notebook.published == ["due", "c"]


async def test_a_commit_that_fails_publishes_nothing(notebook: Notebook) -> None:
    notebook.connections[0].execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    notebook.connections[0].execute(
        "CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"
    )

    def orphan(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO children VALUES (1)")
        return "orphan"

    assert await notebook.batch(a=note("a"), b=orphan) == {"a": UNAVAILABLE, "b": UNAVAILABLE}
    assert notebook.on_disk() == notebook.published == []
    assert await notebook.batch(c=note("c")) == {"c": "c"}
    assert notebook.on_disk() == notebook.published == ["c"]


async def test_a_transaction_that_ends_under_a_job_makes_the_batch_unavailable(notebook: Notebook) -> None:
    def end_it(connection: sqlite3.Connection) -> str:
        connection.execute("ROLLBACK")
        return "ended"

    outcomes = await notebook.batch(a=note("a"), b=end_it, c=note("c"))
    assert outcomes == {"a": UNAVAILABLE, "b": UNAVAILABLE, "c": UNAVAILABLE}
    assert await notebook.batch(d=note("d")) == {"d": "d"}
    assert notebook.on_disk() == notebook.published == ["d"]


async def test_a_failed_transaction_is_not_continued_by_a_job_that_hides_it(notebook: Notebook) -> None:
    def hide(connection: sqlite3.Connection) -> str:
        connection.execute("ROLLBACK")
        raise ValueError

    assert await notebook.batch(a=note("a"), b=hide, c=note("c")) == dict.fromkeys("abc", UNAVAILABLE)
    assert notebook.on_disk() == notebook.published == []


async def test_a_job_in_which_the_database_fails_is_unavailable_alone(notebook: Notebook) -> None:
    outcomes = await notebook.batch(a=note("a"), b=failing("b", failed()), c=note("c"))
    assert outcomes == {"a": "a", "b": UNAVAILABLE, "c": "c"}
    assert notebook.on_disk() == notebook.published == ["a", "c"]


async def test_what_is_due_and_fails_gives_up_the_batch(notebook: Notebook) -> None:
    notebook.due = [(10, failing("due", failed()))]
    assert await notebook.batch(a=(5, note("a")), b=(10, note("b"))) == {"a": UNAVAILABLE, "b": UNAVAILABLE}
    assert notebook.on_disk() == notebook.published == []
    assert notebook.writer.next_due_ms is None


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
    def close(connection: sqlite3.Connection) -> str:
        connection.close()
        return "closed"

    assert await notebook.batch(a=note("a"), b=close) == {"a": UNAVAILABLE, "b": UNAVAILABLE}
    assert await notebook.batch(c=note("c")) == {"c": "c"}
    assert notebook.on_disk() == ["c"]


async def test_what_is_on_disk_is_published_even_if_the_next_due_moment_cannot_be_read(database: Path) -> None:
    answers: list[int | Exception] = [1, failed(), 2]

    def next_due(connection: sqlite3.Connection) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with closing(Notebook(database, next_due=next_due)) as notebook:
        await notebook.batch(a=note("a"))
        assert notebook.on_disk() == notebook.published
