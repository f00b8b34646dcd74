"""Copies of a database that get their final name only once they are complete and on disk."""

import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from gameserver.errors import OperatorError
from gameserver.storage.check import find_faults
from gameserver.storage.files import LOGS, PRIVATE, beside, give_to_owner, open_believed, sync_folder
from gameserver.storage.sqlite.connection import open_reader, open_unshared
from gameserver.storage.sqlite.migrations import is_current, migrate

PAGES_A_STEP = 256

OnProgress = Callable[[int, int], None]  # bytes copied, bytes in all


class CopyRefused(OperatorError):
    """A backup or restore that was not started or was given up, and changed nothing; the text says why."""


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Raise `CopyRefused` in place of an OSError; ``what`` begins its text."""
    try:
        yield
    except OSError as error:
        raise CopyRefused(f"{what}: {error}") from error


class Copy:
    """An unfinished copy, ``TARGET.part``, which `put_in_place` renames to ``TARGET``. See `writing`."""

    def __init__(self, target: Path, descriptor: int) -> None:
        self.target = target
        self.part = beside(target, ".part")
        self._descriptor = descriptor

    def fill(self, source: sqlite3.Connection, on_progress: OnProgress) -> None:
        """Copy the whole database of a connection in a transaction into one file that needs no companions.

        SQLite's backup begins again whenever another connection commits, and under load comes to no end, unless its
        source is inside a read transaction; then it copies that one state, and hinders no writer: only the log cannot
        be reset meanwhile. VACUUM INTO copies one state too, but cannot run inside a transaction, took three times as
        long (it builds every index anew) and tells of no progress. Raises `CopyRefused`.
        """

        def tell(_: int, left: int, total: int) -> None:
            on_progress((total - left) * page_bytes, total * page_bytes)

        page_bytes = int(source.execute("PRAGMA page_size").fetchone()[0])
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # what BEGIN alone does not: take the snapshot
        try:
            with closing(open_unshared(self.part)) as copy:
                copy.execute("PRAGMA journal_mode = OFF")
                copy.execute("PRAGMA synchronous = OFF")
                source.backup(copy, pages=PAGES_A_STEP, progress=tell)
                # Out of WAL mode: such a file opens where nothing can be written, and `require_own_log` knows it again.
                copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise CopyRefused(f"the copy to {self.part} failed, nothing was changed: {error}") from error

    def faults(self) -> list[str]:
        """The faults found in the copy by `find_faults`."""
        with closing(open_reader(self.part)) as connection:
            connection.execute("BEGIN")
            return find_faults(connection)

    def end_epoch(self) -> None:
        """Remove the epoch from a sound copy, so that a server that starts on it makes a new one."""
        with closing(open_unshared(self.part)) as connection:
            if is_current(connection):  # older versions have none
                connection.execute("UPDATE identity SET epoch = NULL")

    def fill_with_bytes(self, source: Path) -> None:
        """Copy a file byte by byte, whatever it contains."""
        with source.open("rb") as stream, os.fdopen(self._descriptor, "wb", closefd=False) as copy:
            shutil.copyfileobj(stream, copy)

    def sync(self) -> None:
        """Sync the copy to disk."""
        os.fsync(self._descriptor)

    def put_in_place(self) -> None:
        """Rename the synced copy to its target, replacing what is there."""
        self.part.rename(self.target)
        sync_folder(self.target)


@contextmanager
def writing(target: Path, like: Path) -> Iterator[Copy]:
    """Yield an empty ``TARGET.part`` with the permissions of ``like``; private if ``like`` is missing or open to all.

    What an earlier run left there is discarded, and the file is removed if the block raises. Raises `CopyRefused` if
    another process is writing it, `FileRefused` if it belongs to another user, and OSError.
    """
    part = beside(target, ".part")
    descriptor = open_believed(target, part, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CopyRefused(f"another process is writing {part}; try again when it has ended") from None
        if not _is_named(descriptor, part):
            raise CopyRefused(f"another process has just written {target}; try again")
        if os.fstat(descriptor).st_nlink > 1:
            raise CopyRefused(f"{part} is a hard link to another file, which would be overwritten: remove it")
        os.ftruncate(descriptor, 0)
        _belong_like(descriptor, like)
        remove_logs(part)
        try:
            yield Copy(target, descriptor)
        except BaseException:
            part.unlink(missing_ok=True)
            remove_logs(part)
            raise
    finally:
        os.close(descriptor)


def _belong_like(descriptor: int, file: Path) -> None:
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else PRIVATE
    with suppress(PermissionError):  # a file system without permissions
        os.fchmod(descriptor, PRIVATE if mode & stat.S_IRWXO else mode)
        give_to_owner(descriptor, file)


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def remove_logs(file: Path) -> None:
    """Remove SQLite's logs beside a database; no process may have it open."""
    for suffix in LOGS:
        beside(file, suffix).unlink(missing_ok=True)


def make_database(file: Path) -> None:
    """Make a new database, which gets its name once it is complete and on disk: an empty file is never a database."""
    with writing(file, file) as copy:
        with closing(open_unshared(copy.part)) as connection:
            migrate(connection)
        copy.sync()
        copy.put_in_place()
