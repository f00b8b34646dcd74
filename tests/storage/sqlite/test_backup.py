import errno
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from gameserver.storage.check import find_faults
from gameserver.storage.epoch import adopt_epoch
from gameserver.storage.files import DatabaseInUse, FileRefused, beside, hold_lock, locate
from gameserver.storage.secret import adopt_secret
from gameserver.storage.sqlite import atomic_copy as copies
from gameserver.storage.sqlite.atomic_copy import CopyRefused, writing
from gameserver.storage.sqlite.backup import back_up, restore
from gameserver.storage.sqlite.connection import (
    SqliteConnection,
    open_reader,
    open_unshared,
    open_writer,
    require_own_log,
)
from gameserver.storage.sqlite.migrations import IncompatibleDatabase, migrate, statements
from tests.support.rows import make_game, make_user

LOGS = ("-wal", "-shm", "-journal")


def ignore(copied_bytes: int, total_bytes: int) -> None:
    """Progress that nobody wants to know."""


def usernames(file: Path) -> list[str]:
    with closing(open_reader(file)) as reader:
        return [name for (name,) in reader.execute("SELECT username FROM users ORDER BY id")]


def take(database: Path, target: Path, on_progress: Callable[[int, int], None] = ignore) -> list[str]:
    """A backup, as the command takes it."""
    with closing(open_reader(database)) as reader:
        reader.execute("BEGIN")
        return back_up(reader, database, target, on_progress)


def crash(database: Path, connection: SqliteConnection) -> None:
    """Leave what a power cut leaves: the database, and its log as it is."""
    kept = {suffix: beside(database, suffix).read_bytes() for suffix in ("", "-wal")}
    connection.close()
    for suffix, content in kept.items():
        beside(database, suffix).write_bytes(content)
    assert kept["-wal"]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a backup goes: a folder of its own."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "monday.db"


@pytest.fixture
def backup(connection: SqliteConnection, database: Path, target: Path) -> Path:
    """A backup in which there is ann; the database has bob too since, in its log."""
    make_user(connection, "ann")
    assert take(database, target) == []
    make_user(connection, "bob")
    return target


# Taking a backup


def test_neither_a_backup_nor_a_restored_copy_has_the_epoch_of_the_database(
    connection: SqliteConnection, database: Path, target: Path
) -> None:
    def epoch_in(file: Path) -> object:
        with closing(open_reader(file)) as reader:
            return reader.execute("SELECT epoch FROM identity").fetchone()[0]

    adopt_secret(connection, b"s" * 32)
    epoch = adopt_epoch(connection)
    assert take(database, target) == []
    assert (epoch_in(database), epoch_in(target)) == (epoch, None)
    connection.close()
    by_hand = target.with_name("by_hand.db")
    shutil.copy(database, by_hand)
    assert epoch_in(by_hand) == epoch
    restore(database, by_hand, ignore, keep=False)
    assert epoch_in(database) is None


def test_a_backup_is_one_sound_file_that_leaves_nothing_beside_it_when_read(backup: Path) -> None:
    assert usernames(backup) == ["ann"]
    with closing(open_reader(backup)) as reader:
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert find_faults(reader) == []
    assert names_in(backup.parent) == {"monday.db"}


def test_a_backup_is_of_one_moment_and_ends_though_every_step_meets_a_commit(
    connection: SqliteConnection, database: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "PAGES_A_STEP", 1)
    make_user(connection, "ann")
    told: list[tuple[int, int]] = []

    def commit(copied_bytes: int, total_bytes: int) -> None:
        told.append((copied_bytes, total_bytes))
        make_user(connection, f"user{len(told)}")
        assert copied_bytes == len(told) * 4096, "it began again"

    assert take(database, target, commit) == []
    assert usernames(target) == ["ann"]
    assert len(told) > 10
    assert told[-1][0] == told[-1][1] == target.stat().st_size
    assert usernames(database) == ["ann", *(f"user{number + 1}" for number in range(len(told)))]


def test_a_backup_replaces_the_last_one(backup: Path, database: Path) -> None:
    assert take(database, backup) == []
    assert usernames(backup) == ["ann", "bob"]


def test_a_backup_given_up_leaves_the_last_one_and_no_other_file(backup: Path, database: Path) -> None:
    def give_up(copied_bytes: int, total_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(database, backup, give_up)
    assert usernames(backup) == ["ann"]
    assert names_in(backup.parent) == {"monday.db"}


def test_what_an_earlier_run_left_unfinished_is_no_obstacle(backup: Path, database: Path) -> None:
    for suffix in ("", *LOGS):
        beside(backup, ".part" + suffix).write_bytes(b"unfinished " * 10_000)
    assert take(database, backup) == []
    assert usernames(backup) == ["ann", "bob"]
    assert names_in(backup.parent) == {"monday.db"}


def test_two_backups_to_one_file_do_not_meet(backup: Path, database: Path) -> None:
    with writing(backup, database), pytest.raises(CopyRefused, match="another process is writing"):
        take(database, backup)
    assert usernames(backup) == ["ann"]


def test_a_backup_has_its_name_only_once_it_is_on_disk_and_the_name_is_then_too(
    backup: Path, database: Path, monkeypatch: pytest.MonkeyPatch
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
    take(database, backup)
    assert happened == ["file", "monday.db.part to monday.db", "folder"]


def test_who_may_read_the_database_may_read_its_backup(
    connection: SqliteConnection, database: Path, target: Path
) -> None:
    for mode in (0o640, 0o600):
        database.chmod(mode)
        take(database, target)
        assert stat.S_IMODE(target.stat().st_mode) == mode


def test_a_database_with_faults_replaces_no_backup_but_is_copied(
    backup: Path, connection: SqliteConnection, database: Path
) -> None:
    game = make_game(connection, broadcasts=3)
    connection.execute("DELETE FROM broadcasts WHERE seq = 2")
    (fault,) = take(database, backup)
    assert game.uuid in fault
    assert usernames(backup) == ["ann"]
    assert usernames(beside(backup, ".part")) == ["ann", "bob"]


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".lock", ".sock", ".secret"])
def test_a_backup_is_not_written_over_the_database_or_its_companions(
    connection: SqliteConnection, database: Path, suffix: str
) -> None:
    with pytest.raises(CopyRefused, match="belongs to the database"):
        take(database, beside(database, suffix))
    assert usernames(database) == []


def test_a_backup_is_not_written_over_the_database_by_another_name(
    connection: SqliteConnection, database: Path, tmp_path: Path
) -> None:
    (tmp_path / "soft").symlink_to(database)
    (tmp_path / "hard").hardlink_to(database)
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    for other in (tmp_path / "soft", tmp_path / "hard", tmp_path / "folder" / database.name):
        with pytest.raises(CopyRefused, match="belongs to the database"):
            take(database, other)
    assert usernames(database) == []


def test_a_backup_is_not_unfinished_in_the_databases_place(tmp_path: Path) -> None:
    database = tmp_path / "game.db.part"
    with closing(open_writer(database)) as connection:
        migrate(connection)
        with pytest.raises(CopyRefused, match="belongs to the database"):
            take(database, tmp_path / "game.db")
    assert usernames(database) == []


def test_a_backup_is_not_written_over_another_database_in_use_or_what_is_no_file(backup: Path, database: Path) -> None:
    with closing(open_writer(backup)) as other:
        make_user(other, "carl")
        with pytest.raises(CopyRefused, match="in use"):
            take(database, backup)
    assert usernames(backup) == ["ann", "carl"]
    with pytest.raises(CopyRefused, match="folder"):
        take(database, backup.parent)
    with pytest.raises(CopyRefused, match="not a regular file"):
        take(database, Path("/dev/null"))


# Putting it in place


def test_a_restore_puts_the_backup_in_place_and_keeps_what_was_there_with_its_log(
    backup: Path, connection: SqliteConnection, database: Path
) -> None:
    crash(database, connection)
    kept = restore(database, backup, ignore, keep=True)
    assert kept == beside(database, ".before-restore")
    assert usernames(database) == ["ann"]
    assert usernames(kept) == ["ann", "bob"]
    assert usernames(backup) == ["ann"]
    assert not any(beside(database, suffix).exists() for suffix in (*LOGS, ".part"))


def test_a_restore_can_be_taken_back_and_no_kept_database_is_lost(
    backup: Path, connection: SqliteConnection, database: Path
) -> None:
    connection.close()
    first = restore(database, backup, ignore, keep=True)
    assert first is not None
    second = restore(database, first, ignore, keep=True)
    assert second == beside(database, ".before-restore.2")
    assert [usernames(file) for file in (database, first, second)] == [["ann", "bob"], ["ann", "bob"], ["ann"]]


def test_a_restore_may_discard_what_was_there(backup: Path, connection: SqliteConnection, database: Path) -> None:
    crash(database, connection)
    assert restore(database, backup, ignore, keep=False) is None
    assert usernames(database) == ["ann"]
    assert names_in(database.parent) == {"game.db", "game.db.lock", "backups"}


def test_a_restored_database_has_the_permissions_of_the_one_it_replaces(
    backup: Path, connection: SqliteConnection, database: Path
) -> None:
    connection.close()
    database.chmod(0o640)
    restore(database, backup, ignore, keep=False)
    assert stat.S_IMODE(database.stat().st_mode) == 0o640


def test_a_restore_where_there_is_no_database_makes_a_private_one(backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "new" / "game.db"
    assert restore(other, backup, ignore, keep=True) is None
    assert usernames(other) == ["ann"]
    assert stat.S_IMODE(other.stat().st_mode) == 0o600


def test_what_is_kept_is_bit_for_bit_what_was_there_though_it_be_broken(
    backup: Path, connection: SqliteConnection, database: Path
) -> None:
    crash(database, connection)
    database.write_bytes(b"broken " * 1000)
    log = beside(database, "-wal").read_bytes()
    kept = restore(database, backup, ignore, keep=True)
    assert kept is not None
    assert usernames(database) == ["ann"]
    assert kept.read_bytes() == b"broken " * 1000
    assert beside(kept, "-wal").read_bytes() == log


def test_a_restore_replaces_nothing_that_never_was_a_database(backup: Path, tmp_path: Path) -> None:
    notes, other = tmp_path / "notes.txt", tmp_path / "other.db"
    notes.write_text("mine")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE bookmarks (address TEXT)")
    for file, reason in ((notes, "is not a database"), (other, "of another program")):
        before = file.read_bytes(), names_in(tmp_path)
        with pytest.raises((CopyRefused, IncompatibleDatabase), match=reason):
            restore(file, backup, ignore, keep=False)
        assert (file.read_bytes(), names_in(tmp_path)) == before


def test_a_file_system_without_hard_links_keeps_a_copy(
    backup: Path, connection: SqliteConnection, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*arguments: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    crash(database, connection)
    before = database.read_bytes(), beside(database, "-wal").read_bytes()
    kept = restore(database, backup, ignore, keep=True)
    assert kept == beside(database, ".before-restore")
    assert (kept.read_bytes(), beside(kept, "-wal").read_bytes()) == before
    assert (usernames(database), usernames(kept)) == (["ann"], ["ann", "bob"])
    assert not list(database.parent.glob("*.part"))


def test_what_the_file_system_refuses_is_told_in_words(
    connection: SqliteConnection, database: Path, target: Path
) -> None:
    target.parent.rmdir()
    with pytest.raises(CopyRefused, match=f"backup to {target} failed.*No such file"):
        take(database, target)


def test_a_database_that_is_a_link_is_replaced_where_the_link_leads(
    backup: Path, connection: SqliteConnection, database: Path, tmp_path: Path
) -> None:
    crash(database, connection)
    link = tmp_path / "link.db"
    link.symlink_to(database)
    assert restore(link, backup, ignore, keep=True) == beside(database, ".before-restore")
    assert link.readlink() == database
    assert usernames(database) == ["ann"]
    assert not beside(database, "-wal").exists()


def test_nothing_is_restored_under_a_running_server(backup: Path, connection: SqliteConnection, database: Path) -> None:
    with hold_lock(database), pytest.raises(DatabaseInUse):
        restore(database, backup, ignore, keep=True)
    assert usernames(database) == ["ann", "bob"]


def test_a_backup_of_an_older_version_is_brought_up_to_date(database: Path, target: Path) -> None:
    with closing(sqlite3.connect(target)) as old:
        for statement in statements(Path(__file__).with_name("schema_1.sql").read_text(encoding="utf-8")):
            old.execute(statement)
        old.execute("PRAGMA application_id = 0x67616D65")
        old.execute("PRAGMA user_version = 1")
    restore(database, target, ignore, keep=True)
    with closing(open_reader(database)) as reader:
        assert find_faults(reader) == []
    with closing(sqlite3.connect(target)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)


def of_a_newer_version(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA user_version = 99")


def of_another_program(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA application_id = 1")


def with_a_fault(backup: Path) -> None:
    with closing(open_unshared(backup)) as connection:
        make_game(connection, broadcasts=3)
        connection.execute("DELETE FROM broadcasts WHERE seq = 2")


def cut(backup: Path) -> None:
    os.truncate(backup, backup.stat().st_size // 8192 * 4096)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (of_a_newer_version, "has version 99"),
        (of_another_program, "another program"),
        (with_a_fault, "not sound"),
        (cut, r"not sound|malformed"),
        (lambda backup: os.truncate(backup, 0), "is empty"),
        (lambda backup: backup.write_bytes(b"no database " * 1000), "cannot be opened as a database"),
        (lambda backup: backup.unlink(), "no backup at"),
        (lambda backup: beside(backup, "-wal").write_bytes(b"x"), "log of another database"),
    ],
)
def test_what_is_no_sound_backup_changes_nothing(
    backup: Path, connection: SqliteConnection, database: Path, spoil: Callable[[Path], Any], reason: str
) -> None:
    spoil(backup)
    before = names_in(database.parent)
    with pytest.raises((CopyRefused, IncompatibleDatabase), match=reason):
        restore(database, backup, ignore, keep=True)
    assert usernames(database) == ["ann", "bob"]
    assert names_in(database.parent) - {"game.db.lock"} == before


@pytest.mark.parametrize("suffix", ["", "-wal", ".part"])
def test_a_database_is_not_restored_from_itself(connection: SqliteConnection, database: Path, suffix: str) -> None:
    with pytest.raises(CopyRefused, match="itself"):
        restore(database, beside(database, suffix), ignore, keep=True)


class Cut(BaseException):
    """The process ends here."""


@pytest.fixture(params=range(14))
def last_step(backup: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many changes of the folder, and waits for the disk, are carried out."""
    left = [request.param]

    def cut_off(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def step(*arguments: Any, **options: Any) -> Any:
            if not left[0]:
                raise Cut
            left[0] -= 1
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, step)

    for owner, name in ((os, "link"), (os, "fsync"), (Path, "rename"), (Path, "unlink")):
        cut_off(owner, name)


def test_a_restore_cut_short_leaves_one_database_or_the_other_or_says_what_to_do(
    backup: Path, connection: SqliteConnection, database: Path, tmp_path: Path, last_step: None
) -> None:
    crash(database, connection)
    with suppress(Cut):
        restore(database, backup, ignore, keep=True)
    second = beside(database, ".before-restore")
    if second.exists() and second.samefile(database):
        with pytest.raises(FileRefused, match=r"second name \(.*before-restore\)"):  # cut before the copy had its name
            locate(database)
        shutil.copy(database, tmp_path / "copy")
        (tmp_path / "copy").replace(second)  # no second name any more
    locate(database)
    try:
        require_own_log(database)
    except IncompatibleDatabase:
        beside(database, "-wal").replace(beside(database, ".log"))  # as it says
        assert usernames(database) == ["ann"]
        assert usernames(beside(database, ".before-restore")) == ["ann", "bob"]
    with closing(open_writer(database)) as opened:
        assert find_faults(opened) == []
    assert usernames(database) in (["ann"], ["ann", "bob"])


# A database put by hand beside the log of another life


@pytest.fixture
def mixed(connection: SqliteConnection, database: Path, target: Path) -> Path:
    """A database that a backup was copied over by hand, after a crash; its log is that of the later state."""
    make_user(connection, "ann")
    take(database, target)
    for number in range(500):
        make_user(connection, f"checkpointed{number}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    make_user(connection, "bob")
    crash(database, connection)
    shutil.copyfile(target, database)
    return database


def test_sqlite_itself_mixes_a_database_with_the_log_of_another_life_and_no_check_sees_it(mixed: Path) -> None:
    with closing(open_writer(mixed)) as connection:
        assert connection.execute("SELECT max(id) FROM users").fetchone() == (1,)
        assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'users'").fetchone() == (502,)
        assert find_faults(connection) == []


def test_a_backup_beside_the_log_of_another_life_is_refused_and_both_stay_as_they_are(
    mixed: Path, target: Path
) -> None:
    log = beside(mixed, "-wal").read_bytes()
    with pytest.raises(IncompatibleDatabase, match=r"delete .*game\.db-wal to"):
        require_own_log(mixed)
    assert mixed.read_bytes() == target.read_bytes()
    assert beside(mixed, "-wal").read_bytes() == log


def test_a_backup_beside_the_log_of_another_life_is_refused_through_a_link(mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(mixed)
    with pytest.raises(IncompatibleDatabase, match="is a backup"):
        require_own_log(tmp_path / "link.db")


@pytest.mark.parametrize("lose", [Path.unlink, lambda file: os.truncate(file, 0)], ids=["missing", "empty"])
def test_a_log_whose_database_is_gone_is_not_thrown_after_it(mixed: Path, lose: Callable[[Path], None]) -> None:
    lose(mixed)
    with pytest.raises(IncompatibleDatabase, match="missing or empty"):
        require_own_log(mixed)


def test_a_restore_sets_right_what_was_copied_by_hand(mixed: Path, target: Path) -> None:
    restore(mixed, target, ignore, keep=True)
    require_own_log(mixed)
    assert usernames(mixed) == ["ann"]


def test_no_crash_looks_like_a_database_copied_by_hand(
    connection: SqliteConnection, database: Path, target: Path
) -> None:
    crash(database, connection)
    require_own_log(database)
    take(database, target)
    restore(database, target, ignore, keep=False)
    with closing(open_writer(database)) as again:
        require_own_log(database)
        make_user(again, "ann")
        crash(database, again)
    require_own_log(database)
    assert usernames(database) == ["ann"]
