import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage import connection as module
from gameserver.storage.connection import (
    DatabaseInUse,
    beside,
    control_address,
    hold_lock,
    load_secret,
    open_reader,
    open_writer,
)
from gameserver.storage.migrations import IncompatibleDatabase


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_writer_is_durable_and_strict(connection: sqlite3.Connection) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 5000}
    assert {name: pragma(connection, name) for name in expected} == expected
    assert connection.isolation_level is None


def test_a_reader_cannot_change_the_database(connection: sqlite3.Connection, database: Path) -> None:
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


def test_the_lock_is_held_by_one_at_a_time(database: Path) -> None:
    with hold_lock(database):
        with pytest.raises(DatabaseInUse, match="--db"), hold_lock(database):
            pass
        with pytest.raises(DatabaseInUse), hold_lock(database):
            pass
    with hold_lock(database):
        pass


def test_the_lock_makes_the_folder_and_is_private(tmp_path: Path) -> None:
    with hold_lock(tmp_path / "new" / "folder" / "game.db"):
        lock = tmp_path / "new" / "folder" / "game.db.lock"
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_secret_is_made_once_and_is_private(database: Path) -> None:
    secret = load_secret(database, None)
    assert len(secret) == 32
    assert load_secret(database, None) == secret
    assert load_secret(database, "") == secret
    assert stat.S_IMODE(beside(database, ".secret").stat().st_mode) == 0o600


def test_a_secret_of_the_environment_is_used_and_not_written(database: Path) -> None:
    assert load_secret(database, "ab" * 32) == b"\xab" * 32
    assert not beside(database, ".secret").exists()


@pytest.mark.parametrize("environment", ["ab" * 31, "not hex"])
def test_a_secret_that_is_short_or_no_hex_is_refused(database: Path, environment: str) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|hexadecimal"):
        load_secret(database, environment)


def test_a_secret_file_that_was_cut_is_refused(database: Path) -> None:
    beside(database, ".secret").write_bytes(b"")
    with pytest.raises(ValueError, match="32 bytes"):
        load_secret(database, None)


def test_the_control_address_is_the_shorter_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert control_address(tmp_path / "game.db") == "game.db.sock"
    assert control_address(Path("game.db")) == "game.db.sock"


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IncompatibleDatabase, match="too long"):
        control_address(tmp_path / ("x" * 104))
