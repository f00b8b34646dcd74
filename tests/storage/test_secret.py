import os
import stat
from pathlib import Path

import pytest

from gameserver.domain.credentials import secret_fingerprint
from gameserver.storage import files
from gameserver.storage.connection import Connection
from gameserver.storage.epoch import adopt_epoch, get_epoch
from gameserver.storage.files import FileRefused, beside
from gameserver.storage.secret import (
    SecretRefused,
    adopt_secret,
    find_secret,
    known_fingerprint,
    load_secret,
    require_known_secret,
)
from gameserver.storage.sqlite.connection import SqliteConnection
from tests.support.rows import make_user
from tests.support.strangers import STRANGER, disguise

SECRET, OTHER = b"s" * 32, b"o" * 32


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
    with pytest.raises(SecretRefused, match=r"32 bytes|hexadecimal"):
        load_secret(database, environment)


def test_a_secret_file_that_was_cut_is_refused(database: Path) -> None:
    beside(database, ".secret").write_bytes(b"")
    beside(database, ".secret").chmod(0o600)
    with pytest.raises(SecretRefused, match="32 bytes"):
        load_secret(database, None)


def test_looking_for_a_secret_makes_none(database: Path) -> None:
    assert find_secret(database, None) is None
    assert not list(database.parent.iterdir())


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o640, 0o660, 0o644, 0o777])
def test_a_secret_that_others_can_read_or_change_is_refused_with_what_to_do(database: Path, mode: int) -> None:
    load_secret(database, None)
    beside(database, ".secret").chmod(mode)
    with pytest.raises(SecretRefused, match=f"mode is {mode:o}.*chmod 600"):
        load_secret(database, None)
    assert load_secret(database, "ab" * 32) == b"\xab" * 32


def test_a_secret_that_cannot_be_private_is_not_left_behind(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PRIVATE", 0o644)  # as a file system without permissions has it
    with pytest.raises(SecretRefused, match="GAMESERVER_SECRET"):
        load_secret(database, None)
    assert not list(database.parent.iterdir())


@pytest.mark.parametrize("suffix", [".secret", ".secret.new"])
def test_a_secret_of_another_user_is_not_used(database: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = beside(database, suffix)
    planted.write_bytes(SECRET)
    planted.chmod(0o600)
    disguise(planted, monkeypatch)
    with pytest.raises(FileRefused, match=f"{planted} belongs to user {STRANGER}"):
        load_secret(database, None)
    assert planted.read_bytes() == SECRET


@pytest.mark.parametrize("suffix", [".secret", ".secret.new"])
def test_a_secret_that_is_a_link_is_neither_read_nor_written(database: Path, suffix: str) -> None:
    other = database.parent / "other"
    other.write_bytes(SECRET)
    other.chmod(0o600)
    beside(database, suffix).symlink_to(other)
    with pytest.raises(FileRefused, match="is a link"):
        load_secret(database, None)
    assert other.read_bytes() == SECRET


def test_an_unfinished_secret_of_an_earlier_run_is_no_obstacle_and_not_used(database: Path) -> None:
    beside(database, ".secret.new").write_bytes(SECRET)
    assert load_secret(database, None) != SECRET
    assert {path.name for path in database.parent.iterdir()} == {"game.db.secret"}


def test_a_secret_put_in_place_meanwhile_is_not_written_over(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def plant_again(self: Path, missing_ok: bool = False) -> None:
        unlink(self, missing_ok)
        self.write_bytes(OTHER)

    beside(database, ".secret.new").write_bytes(SECRET)
    monkeypatch.setattr(Path, "unlink", plant_again)
    with pytest.raises(FileRefused, match="exists"):
        load_secret(database, None)
    assert beside(database, ".secret.new").read_bytes() == OTHER


def test_a_secret_has_its_name_only_once_it_is_on_disk_and_the_name_is_then_too(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def record_fsync(descriptor: int) -> None:
        happened.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def record_rename(path: Path, to: Path) -> Path:
        happened.append(f"{path.name} to {to.name}")
        return rename(path, to)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "rename", record_rename)
    load_secret(database, None)
    assert happened == ["file", "game.db.secret.new to game.db.secret", "folder"]


# The database knows its server's secret again


def test_a_database_knows_a_secret_again_and_cannot_give_it_away(connection: SqliteConnection, database: Path) -> None:
    assert known_fingerprint(connection) is None
    assert adopt_secret(connection, SECRET) == 0
    assert known_fingerprint(connection) == secret_fingerprint(SECRET)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = database.read_bytes()
    assert SECRET[:8] not in content
    assert SECRET.hex().encode() not in content
    assert secret_fingerprint(SECRET) in content


def test_session_keys_are_void_under_another_secret_and_only_told_so_once(connection: Connection) -> None:
    adopt_secret(connection, SECRET)
    user = make_user(connection)
    connection.execute("INSERT INTO sessions VALUES ('a', ?, 1, 2, 0), ('b', ?, 1, 2, 1)", (user.id, user.id))
    assert adopt_secret(connection, SECRET) == 0
    assert adopt_secret(connection, OTHER) == 2
    assert adopt_secret(connection, OTHER) == 0


def test_nothing_is_said_of_keys_made_before_the_database_knew_a_secret(connection: Connection) -> None:
    user = make_user(connection)
    connection.execute("INSERT INTO sessions VALUES ('a', ?, 1, 2, 0)", (user.id,))
    assert adopt_secret(connection, SECRET) == 0


def test_keys_are_made_with_the_servers_secret_or_not_at_all(connection: Connection) -> None:
    assert require_known_secret(connection, SECRET) == SECRET
    adopt_secret(connection, SECRET)
    assert require_known_secret(connection, SECRET) == SECRET
    for secret in (OTHER, None):
        with pytest.raises(SecretRefused, match="void"):
            require_known_secret(connection, secret)


@pytest.mark.parametrize("secret", [SECRET, OTHER], ids=["the same secret", "another secret"])
def test_a_database_keeps_its_epoch_once_a_server_has_opened_it(connection: Connection, secret: bytes) -> None:
    adopt_secret(connection, SECRET)
    epoch = adopt_epoch(connection)
    adopt_secret(connection, secret)
    assert (adopt_epoch(connection), get_epoch(connection)) == (epoch, epoch)
