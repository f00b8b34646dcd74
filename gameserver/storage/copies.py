"""Copying a database whole into a file that takes its name only when it is complete and on disk."""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gameserver.storage.check import find_faults
from gameserver.storage.connection import LOGS, beside, open_reader, open_unshared

PAGES_A_STEP = 256

OnProgress = Callable[[int, int], None]  # bytes copied, bytes in all


class CopyRefused(Exception):
    """A backup or restore that was not begun or given up; the text says why. What was there is as it was."""


class Copy:
    """``TARGET.part``, which becomes ``TARGET`` or stays apart. See `writing`."""

    def __init__(self, target: Path, descriptor: int) -> None:
        self.target = target
        self.part = beside(target, ".part")
        self._descriptor = descriptor

    def fill(self, source: sqlite3.Connection, on_progress: OnProgress) -> None:
        """Copy all of a database that is in a transaction, as one file that needs nothing beside it.

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
        """What is wrong with the copy: see `find_faults`."""
        with closing(open_reader(self.part)) as connection:
            connection.execute("BEGIN")
            return find_faults(connection)

    def sync(self) -> None:
        """Have the copy on disk."""
        os.fsync(self._descriptor)

    def put_in_place(self) -> None:
        """Give the copy, which is on disk, its name, in place of what has that name."""
        self.part.rename(self.target)
        sync_folder(self.target)


@contextmanager
def writing(target: Path, like: Path) -> Iterator[Copy]:
    """An empty ``TARGET.part``, whatever an earlier run left there, for those who may read ``like``, or else private.

    It is removed if an exception ends the block. Raises `CopyRefused` if another process is writing it.
    """
    part = beside(target, ".part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CopyRefused(f"another process is writing {part}; try again when it has ended") from None
        if not _is_named(descriptor, part):
            raise CopyRefused(f"another process has just written {target}; try again")
        os.ftruncate(descriptor, 0)
        if like.exists():
            _belong_like(descriptor, like.stat())
        remove_logs(part)
        try:
            yield Copy(target, descriptor)
        except BaseException:
            part.unlink(missing_ok=True)
            remove_logs(part)
            raise
    finally:
        os.close(descriptor)


def _belong_like(descriptor: int, other: os.stat_result) -> None:
    os.fchmod(descriptor, stat.S_IMODE(other.st_mode))
    if os.geteuid() == 0:
        os.fchown(descriptor, other.st_uid, other.st_gid)


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def remove_logs(file: Path) -> None:
    """Remove the logs that SQLite keeps beside a database, which nobody may have open."""
    for suffix in LOGS:
        beside(file, suffix).unlink(missing_ok=True)


def sync_folder(file: Path) -> None:
    """Have the names in a file's folder on disk."""
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
