import shutil
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from gameserver.admin.control_socket import control_address
from gameserver.storage.files import FileRefused
from gameserver.storage.sqlite import connection as module
from gameserver.storage.sqlite.connection import SqliteConnection, open_reader, open_writer, require_database
from gameserver.storage.sqlite.migrations import APPLICATION_ID, IncompatibleDatabase


def pragma(connection: SqliteConnection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_writer_is_durable_and_strict(connection: SqliteConnection) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 5000}
    assert {name: pragma(connection, name) for name in expected} == expected
    assert connection.isolation_level is None


def test_a_reader_cannot_change_the_database(connection: SqliteConnection, database: Path) -> None:
    with closing(open_reader(database)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM users")


def test_a_reader_makes_no_file(database: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_reader(database)
    assert not database.exists()


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?.db", "a#b.db", "é.db", "a&mode=ro.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with closing(open_writer(tmp_path / name)) as writer:
        writer.execute("CREATE TABLE a (b)")
    assert (tmp_path / name).exists()
    with closing(open_reader(tmp_path / name)) as reader:
        assert reader.execute("SELECT count(*) FROM a").fetchone() == (0,)


def test_a_file_that_is_no_database_is_refused_as_it_is(database: Path) -> None:
    database.write_bytes(b"no database " * 1000)
    with pytest.raises(IncompatibleDatabase, match="cannot be opened"):
        open_writer(database)
    assert database.read_bytes() == b"no database " * 1000


def test_an_sqlite_without_strict_tables_is_refused(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(IncompatibleDatabase, match="too old"):
        open_writer(database)


def test_a_database_of_another_program_is_told_by_its_first_bytes_and_left_as_it_is(database: Path) -> None:
    for mode in ("DELETE", "WAL"):
        with closing(sqlite3.connect(database)) as other:
            other.execute(f"PRAGMA journal_mode = {mode}")
            other.execute("CREATE TABLE IF NOT EXISTS bookmarks (address TEXT)")
        before = database.read_bytes()
        with pytest.raises(IncompatibleDatabase, match="another program"):
            require_database(database)
        assert (database.read_bytes(), list(database.parent.iterdir())) == (before, [database])


def test_a_database_of_which_only_the_log_tells_what_it_is_is_known(database: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for application_id in (APPLICATION_ID, 5):
        database.unlink(missing_ok=True)
        with closing(sqlite3.connect(database, isolation_level=None)) as opened:
            opened.execute("PRAGMA journal_mode = WAL")
            opened.execute(f"PRAGMA application_id = {application_id}")
            for suffix in ("", "-wal"):
                shutil.copy(f"{database}{suffix}", crashed)
        assert (crashed / database.name).read_bytes()[68:72] == bytes(4)
        with nullcontext() if application_id == APPLICATION_ID else pytest.raises(IncompatibleDatabase):
            require_database(crashed / database.name)


def test_the_control_address_is_the_shorter_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert control_address(tmp_path / "game.db") == "game.db.sock"
    assert control_address(Path("game.db")) == "game.db.sock"


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="too long"):
        control_address(tmp_path / ("x" * 104))


def test_columns_of_many_rows_are_read_in_the_order_of_the_query(connection: SqliteConnection) -> None:
    query = (
        "SELECT a, -a AS b FROM (SELECT ? AS a UNION ALL SELECT 9007199254740991 UNION ALL SELECT 0) ORDER BY a DESC"
    )
    columns = connection.list_columns(("b", "a"), query, (7,))
    assert columns == [[-9007199254740991, -7, 0], [9007199254740991, 7, 0]]
    assert connection.list_columns(("a",), "SELECT 1 AS a WHERE ?", (False,)) == [[]]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 255, 256, 257, 600])
@pytest.mark.parametrize("last", [None, "b'\"\n\U0010ffff", b"\x00\xff", -(2**63)])
def test_any_number_of_rows_is_given_to_a_statement_as_they_are(
    connection: SqliteConnection, count: int, last: object
) -> None:
    rows = [(number, None, "a", last) for number in range(count)]
    connection.execute("CREATE TEMPORARY TABLE kept (a, b, c, d)")
    connection.insert_many("kept", ("a", "b", "c", "d"), rows)
    assert connection.execute("SELECT * FROM kept ORDER BY a").fetchall() == rows
    query = "SELECT * FROM given WHERE a IS NOT NULL ORDER BY a DESC"
    assert connection.execute_with(query, ("a", "b", "c", "d"), rows).fetchall() == rows[::-1]
    connection.update_many("kept", ("b", "c"), ("a", "d"), [(number, "z", number, last) for number, *_ in rows])
    changed = rows if last is None else [(number, number, "z", last) for number, *_ in rows]
    assert connection.execute("SELECT * FROM kept ORDER BY a").fetchall() == changed
