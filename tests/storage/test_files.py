import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gameserver.storage import files
from gameserver.storage.files import (
    DatabaseInUse,
    FileRefused,
    believed_owners,
    beside,
    hold_lock,
    locate,
    open_to_others,
    sync_folder,
)
from gameserver.storage.sqlite.atomic_copy import CopyRefused, make_database, writing
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import IncompatibleDatabase
from tests.support.strangers import STRANGER, disguise, needs_root

# One file is one file


@pytest.fixture
def made(database: Path) -> Path:
    """A database."""
    make_database(database)
    return database


def test_every_path_of_a_file_leads_to_its_one_name(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made.parent
    (folder / "link.db").symlink_to(made.name)
    (folder / "linked.db").symlink_to(folder / "link.db")
    (folder / "folder").symlink_to(folder, target_is_directory=True)
    monkeypatch.chdir(folder)
    for path in (
        folder / "link.db",
        folder / "linked.db",
        folder / "folder" / "game.db",
        Path("game.db"),
        Path("link.db"),
    ):
        assert locate(path) == made.resolve()


def test_a_link_to_a_database_that_is_still_to_be_made_leads_to_its_name(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("new.db")
    assert locate(tmp_path / "link.db") == (tmp_path / "new.db").resolve()


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


def test_the_lock_is_of_the_file_and_not_of_its_name(made: Path) -> None:
    (made.parent / "link.db").symlink_to(made)
    with hold_lock(made), pytest.raises(DatabaseInUse), hold_lock(made.parent / "link.db"):
        pass
    with hold_lock(made.parent / "link.db") as file:
        assert file == made.resolve()
    assert not beside(made.parent / "link.db", ".lock").exists()


def test_a_second_hard_link_is_refused_by_either_name_and_both_are_told(made: Path) -> None:
    other = made.parent / "other.db"
    other.hardlink_to(made)
    for name, told in ((made, other), (other, made)):
        with pytest.raises(FileRefused, match=f"second name.*{told}"):
            locate(name)
    other.unlink()
    assert locate(made) == made.resolve()


def test_a_hard_link_elsewhere_is_refused_too(made: Path) -> None:
    (made.parent / "elsewhere").mkdir()
    (made.parent / "elsewhere" / "game.db").hardlink_to(made)
    with pytest.raises(FileRefused, match="second name"):
        locate(made)


def test_a_database_that_is_a_mount_of_its_own_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = made.with_name("with a blank.db")
    made.rename(blank)
    mounts = tmp_path / "mountinfo"
    written = str(blank.resolve()).replace(" ", "\\040")
    mounts.write_text(f"61 43 254:0 / / rw - ext4 /dev/vda rw\n63 43 254:0 /data/x {written} rw - ext4 /dev/vda rw\n")
    assert locate(blank) == blank.resolve()
    monkeypatch.setattr(files, "MOUNTS", mounts)
    with pytest.raises(FileRefused, match=r"mounted by itself.*mount its folder"):
        locate(blank)
    mounts.write_text(f"63 43 254:0 /data {blank.parent.resolve()} rw - ext4 /dev/vda rw\n")
    assert locate(blank) == blank.resolve()
    mounts.unlink()
    assert locate(blank) == blank.resolve()


def test_what_can_be_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "notes.txt").touch()
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path, "is a folder"),
        (Path("/dev/null"), "not a regular file"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "circle", "circle"),
        (tmp_path / "notes.txt" / "game.db", "Not a directory"),
        (tmp_path / ("x" * 300), "too long"),
        (tmp_path / "a\0b", "null"),
    ):
        with pytest.raises(FileRefused, match=reason):
            locate(path)


def test_a_working_folder_that_is_gone_matters_to_a_relative_path_only(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made.parent / "gone").mkdir()
    monkeypatch.chdir(made.parent / "gone")
    (made.parent / "gone").rmdir()
    assert locate(made) == made.resolve()
    with pytest.raises(FileRefused, match="working folder does not exist any more"):
        locate(Path("game.db"))


# Whose files are believed


def test_the_files_of_oneself_and_of_root_are_believed(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    assert believed_owners(made) == {0, STRANGER}


def test_root_believes_the_databases_owner_unless_everybody_may_have_put_it_there(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = made.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made.parent.chmod(0o770)
    assert believed_owners(made) == {0, owner}
    made.parent.chmod(0o1777)
    assert believed_owners(made) == {0}
    assert believed_owners(made.parent / "new" / "game.db") == {0}


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".lock"])
def test_a_file_of_another_user_beside_the_database_is_not_used(
    made: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = beside(made, suffix)
    planted.touch()
    disguise(planted, monkeypatch)
    with pytest.raises(FileRefused, match=f"{planted} belongs to user {STRANGER}"), hold_lock(made):
        pass


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal", ".lock"])
def test_a_link_or_a_pipe_beside_the_database_is_not_used(made: Path, suffix: str) -> None:
    planted, other = beside(made, suffix), made.parent / "other"
    other.write_text("mine")
    planted.symlink_to(other)
    with pytest.raises(FileRefused, match="is a link or not a regular file"), hold_lock(made):
        pass
    planted.unlink()
    os.mkfifo(planted)
    with pytest.raises(FileRefused, match="is a link or not a regular file"), hold_lock(made):
        pass
    assert other.read_text() == "mine"


def test_a_copy_is_not_written_into_a_file_of_another_user_or_over_another_file(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, other = tmp_path / "copy.db.part", tmp_path / "other"
    other.write_text("mine")
    part.hardlink_to(other)
    with pytest.raises(CopyRefused, match="hard link to another file"), writing(tmp_path / "copy.db", made):
        pass
    part.unlink()
    part.symlink_to(other)
    with pytest.raises(FileRefused, match="is a link"), writing(tmp_path / "copy.db", made):
        pass
    part.unlink()
    part.write_text("planted")
    disguise(part, monkeypatch)
    with pytest.raises(FileRefused, match=f"belongs to user {STRANGER}"), writing(tmp_path / "copy.db", made):
        pass
    assert (other.read_text(), part.read_text()) == ("mine", "planted")


@needs_root
def test_what_root_makes_beside_another_users_database_is_that_users(made: Path) -> None:
    os.chown(made, STRANGER, STRANGER)
    with hold_lock(made):
        lock = beside(made, ".lock").stat()
    assert (lock.st_uid, lock.st_gid) == (STRANGER, STRANGER)


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o700, False), (0o755, False), (0o770, True), (0o757, True), (0o1777, True)]
)
def test_a_folder_in_which_others_can_put_files_is_noticed(made: Path, mode: int, is_open: bool) -> None:
    made.parent.chmod(mode)
    assert open_to_others(made) == (made.parent if is_open else None)


def test_a_folder_further_up_is_noticed_if_others_can_replace_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "up" / "data" / "game.db"
    file.parent.mkdir(parents=True)
    (tmp_path / "up").chmod(0o777)
    assert open_to_others(file) == tmp_path / "up"
    (tmp_path / "up").chmod(0o1777)
    assert open_to_others(file) is None


@needs_root
def test_a_folder_of_another_user_is_noticed(made: Path) -> None:
    os.chown(made.parent, STRANGER, STRANGER)
    assert open_to_others(made) == made.parent


# Who may read


@pytest.fixture
def _open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("_open_umask")
@pytest.mark.parametrize("make", [make_database, lambda file: None], ids=["made whole", "made by SQLite"])
def test_a_database_and_its_log_are_private_from_the_beginning(database: Path, make: Callable[[Path], None]) -> None:
    make(database)
    with closing(open_writer(database)) as connection:
        connection.execute("CREATE TABLE a (b)")
        assert {mode_of(beside(database, suffix)) for suffix in ("", "-wal", "-shm")} == {0o600}


@pytest.mark.usefixtures("_open_umask")
def test_a_database_that_everybody_could_read_is_private_once_it_is_opened(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE a (b)")
        assert {mode_of(beside(database, suffix)) for suffix in ("", "-wal", "-shm")} == {0o644}
        with closing(open_writer(database)):
            assert {mode_of(beside(database, suffix)) for suffix in ("", "-wal", "-shm")} == {0o600}


def test_what_was_given_to_a_group_stays_given(made: Path) -> None:
    made.chmod(0o660)
    with closing(open_writer(made)) as connection:
        connection.execute("CREATE TABLE a (b)")
        assert {mode_of(beside(made, suffix)) for suffix in ("", "-wal", "-shm")} == {0o660}


@pytest.mark.usefixtures("_open_umask")
def test_new_folders_are_private_and_those_that_were_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(0o755)
    with hold_lock(tmp_path / "old" / "new" / "newer" / "game.db"):
        modes = [mode_of(tmp_path / name) for name in ("old", "old/new", "old/new/newer")]
    assert modes == [0o755, 0o700, 0o700]
    assert mode_of(tmp_path / "old/new/newer/game.db.lock") == 0o600


# Odd file systems


def refuse(number: int) -> Callable[..., None]:
    def operation(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    return operation


def test_a_file_system_without_locks_is_told_in_words(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    with pytest.raises(FileRefused, match="file system without locks"), hold_lock(made):
        pass


def test_a_file_system_that_syncs_no_folder_will_do_and_a_broken_one_will_not(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    sync_folder(made)
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        sync_folder(made)


def test_a_file_system_without_permissions_makes_no_copy_fail(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fchmod", refuse(errno.EPERM))
    with writing(tmp_path / "copy.db", made) as copy:
        copy.put_in_place()
    assert (tmp_path / "copy.db").exists()


def test_a_file_system_on_which_sqlite_can_keep_no_log_is_told_in_words(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def without_shared_memory(address: str, **options: Any) -> Any:
        return connect(f"{address}&vfs=unix-dotfile", **options)  # which has none either

    monkeypatch.setattr(sqlite3, "connect", without_shared_memory)
    with pytest.raises(IncompatibleDatabase, match="without shared memory"):
        open_writer(made)
