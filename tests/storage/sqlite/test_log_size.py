from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage.sqlite import connection as connection_module
from gameserver.storage.sqlite import log_size, writer
from gameserver.storage.sqlite.connection import SqliteConnection, open_reader
from tests.support.notes import Notebook, note

LARGE = 200_000
TEXT = "x" * 20_000
NOTES = 2 * writer.BATCHES_A_LOOK
PATIENCE_MS = 3_600_000


@pytest.fixture
def notebook(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A writer for whose log a few pages are many, and which waits for others as long as it takes."""
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT_MS", PATIENCE_MS)
    monkeypatch.setattr(log_size, "LARGE_LOG_BYTES", LARGE)
    with closing(Notebook(database)) as opened:
        yield opened


@pytest.fixture
def reader(database: Path, notebook: Notebook) -> Iterator[SqliteConnection]:
    """Somebody who reads for long."""
    with closing(open_reader(database)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM notes").fetchall()
        yield connection


def log_bytes(database: Path) -> int:
    return database.with_name(database.name + "-wal").stat().st_size


async def fill(notebook: Notebook) -> None:
    for number in range(NOTES):
        await notebook.batch(a=note(f"{number}{TEXT}"))


async def test_the_log_of_a_long_reader_is_given_back_soon_after_it(
    database: Path, notebook: Notebook, reader: SqliteConnection
) -> None:
    await fill(notebook)
    assert log_bytes(database) > LARGE
    reader.execute("COMMIT")
    for _ in range(writer.BATCHES_A_LOOK):
        assert await notebook.batch(a=lambda connection: "nothing") == {"a": "nothing"}
    assert log_bytes(database) == 0
    assert len(notebook.on_disk()) == NOTES


async def test_a_reader_is_not_waited_for_and_sees_what_it_saw(
    database: Path, notebook: Notebook, reader: SqliteConnection
) -> None:
    await fill(notebook)
    assert reader.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    with closing(open_reader(database)) as other:
        assert other.execute("SELECT count(*) FROM notes").fetchone() == (NOTES,)
    assert await notebook.batch(a=note("on")) == {"a": "on"}


async def test_a_log_that_is_not_large_stays_to_be_used_again(database: Path, notebook: Notebook) -> None:
    await notebook.batch(a=note("a"))
    before = log_bytes(database)
    assert before > 0
    await notebook.batch(a=lambda connection: "nothing")
    assert log_bytes(database) == before


async def test_who_writes_after_it_waits_for_other_programs_as_before(
    database: Path, notebook: Notebook, reader: SqliteConnection
) -> None:
    await fill(notebook)
    assert notebook.connections[-1].execute("PRAGMA busy_timeout").fetchone() == (PATIENCE_MS,)
