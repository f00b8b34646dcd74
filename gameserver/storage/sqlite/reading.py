"""Reading a database from a command, with or without a running server, also on read-only file systems."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gameserver.storage.files import FileRefused, beside
from gameserver.storage.sqlite.connection import (
    SqliteConnection,
    failures_told,
    is_of_surroundings,
    open_reader,
    open_unshared,
    require_usable,
)
from gameserver.storage.sqlite.migrations import IncompatibleDatabase

_COPIED = ("", "-wal", "-journal")
_NEEDS_WRITING = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


@contextmanager
def reading(file: Path) -> Iterator[SqliteConnection]:
    """Yield a connection in one read transaction. Raises `IncompatibleDatabase`, `FileRefused` and `StorageFailed`.

    SQLite needs an index file to read a database with a log. Where it is missing and cannot be made, as on a read-only
    mount, a copy is read. (SQLite's ``immutable`` would not read the log, and would mix two states if a server of
    another user began to write.)
    """
    require_usable(file)
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(closing(open_reader(file)))
            _begin(connection)
        except sqlite3.DatabaseError as error:
            if not is_of_surroundings(error):
                raise
            if error.sqlite_errorcode & 0xFF not in _NEEDS_WRITING:
                raise IncompatibleDatabase(f"{file} cannot be read: {error}") from error
            connection = stack.enter_context(closing(open_unshared(_copy(file, stack))))
            _begin(connection)
        with failures_told():
            yield connection


def _begin(connection: SqliteConnection) -> None:
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # what BEGIN alone does not: take the snapshot


def _copy(file: Path, stack: ExitStack) -> Path:
    try:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        before = _state(file)
        for suffix in _COPIED:
            if beside(file, suffix).exists():
                shutil.copyfile(beside(file, suffix), beside(folder / file.name, suffix))
        if _state(file) != before:
            raise FileRefused(
                f"{file} is being written, and this user may not share its log: run this as the server's user"
            )
    except OSError as error:
        raise FileRefused(
            f"nothing can be written beside {file}, and reading a copy of it elsewhere failed: {error};"
            " set TMPDIR to another folder"
        ) from error
    return folder / file.name


def _state(file: Path) -> list[tuple[int, int, int] | None]:
    def state(path: Path) -> tuple[int, int, int] | None:
        if not path.exists():
            return None
        status = path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns

    return [state(beside(file, suffix)) for suffix in _COPIED]
