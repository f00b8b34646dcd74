"""Opening the database file: pragmas, the lock that one server holds, and the file's companions."""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gameserver.storage.migrations import IncompatibleDatabase, migrate

OLDEST_SQLITE = (3, 38, 0)  # the first with both STRICT tables and ->>
BUSY_TIMEOUT_MS = 5_000
WRITER_CACHE_KIB = 32_000  # at most: the indexes of a million bets do not fit into SQLite's own 2,000
SECRET_BYTES = 32
# SQLite's file format, section 1.3
HEADER_BYTES = 100
WRITE_VERSION = 18  # the offset of 1, or 2 for a database with a write-ahead log
NO_WAL = 1
LOGS = ("-wal", "-shm", "-journal")  # what SQLite itself keeps beside a database
MAX_SOCKET_PATH_BYTES = 103  # the smallest limit of the systems we know, less the final zero


class DatabaseInUse(Exception):
    """Another process has the database open for writing."""


def beside(file: Path, suffix: str) -> Path:
    """A companion of the database file: ``FILE.lock``, ``FILE.sock``, ``FILE.secret``."""
    return file.with_name(file.name + suffix)


def control_address(file: Path) -> str:
    """Where the server of ``file`` takes commands: the path of ``FILE.sock``, in the shorter of its spellings.

    Raises `IncompatibleDatabase` if even that is longer than the system allows for a socket.
    """
    path = beside(file, ".sock").absolute()
    address = min(str(path), os.path.relpath(path), key=len)
    if len(os.fsencode(address)) > MAX_SOCKET_PATH_BYTES:
        raise IncompatibleDatabase(f"the path of {file} is too long for a socket beside it; choose a shorter one")
    return address


@contextmanager
def hold_lock(file: Path) -> Iterator[None]:
    """Be the only process that writes to ``file``. Raises `DatabaseInUse`.

    The lock is on a file of its own: closing any descriptor of the database would drop SQLite's locks.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(beside(file, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseInUse(
                f"another gameserver is using {file}; stop it first, or choose another file with --db"
            ) from None
        yield
    finally:
        os.close(descriptor)


def require_own_log(file: Path) -> None:
    """Raise `IncompatibleDatabase` for a log without its database, and a backup put beside the log of another.

    SQLite takes whatever log lies there for the database's own, and mixes the two without a word. A database whose log
    holds anything says in its header that it has one, and said so on disk before the log was begun, so that no crash
    leaves it otherwise; what ``gameserver backup`` writes says that it has none. A copy made by other means may say
    that it has one, and is not recognised.

    No connection of this process may be open: to close the file as is done here drops SQLite's locks on it.
    """
    file = file.resolve()  # as SQLite does, before it looks beside it
    log = beside(file, "-wal")
    if not log.exists() or not log.stat().st_size:
        return
    header = b""
    if file.exists():
        with file.open("rb") as stream:
            header = stream.read(HEADER_BYTES)
    if not header:
        raise IncompatibleDatabase(
            f"{file} is missing or empty, and its log {log} is there, which SQLite would delete: bring the database"
            " back, or delete the log to begin anew"
        )
    if header.startswith(b"SQLite format 3\0") and header[WRITE_VERSION] == NO_WAL:
        raise IncompatibleDatabase(
            f"{file} is a backup, put there beside the log of another database, with which SQLite would mix it:"
            f" delete {log} if what is in {file} alone is wanted, or put another there with gameserver restore"
        )


def open_writer(file: Path) -> sqlite3.Connection:
    """The connection that changes the database. Its commits are on disk when they return."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise IncompatibleDatabase(f"SQLite {sqlite3.sqlite_version} is too old; 3.38 or newer is needed")
    connection = open_unshared(file)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise IncompatibleDatabase(f"{file} cannot be opened as a database: {error}") from error
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
    return connection


def open_reader(file: Path) -> sqlite3.Connection:
    """A connection that cannot change the database."""
    return _connect(f"{file.absolute().as_uri()}?mode=ro")


def open_unshared(file: Path) -> sqlite3.Connection:
    """A connection to a file that nobody else has open, in whatever journal mode it is; it is made if missing."""
    return _connect(f"{file.absolute().as_uri()}?mode=rwc")


def open_memory() -> sqlite3.Connection:
    """A new database that lives in memory, with its schema."""
    connection = _connect("file::memory:")
    migrate(connection)
    return connection


def _connect(uri: str) -> sqlite3.Connection:
    # Connections move between worker threads, one thread at a time.
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    # What a statement or savepoint needs for a while, beyond 64 KiB, would go to a file elsewhere: a read-only root or
    # a process without descriptors has no place for it.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    return connection


def load_secret(file: Path, environment: str | None) -> bytes:
    """The server's secret: from the environment as hex, or from ``FILE.secret``, made if it is missing.

    Raises ValueError for one that is not at least 32 bytes.
    """
    if environment:
        try:
            secret = bytes.fromhex(environment)
        except ValueError:
            raise ValueError("GAMESERVER_SECRET must be hexadecimal digits, 64 or more") from None
    else:
        path = beside(file, ".secret")
        if not path.exists():
            _make_secret(path)
        secret = path.read_bytes()
    if len(secret) < SECRET_BYTES:
        raise ValueError(f"the server's secret must be at least {SECRET_BYTES} bytes")
    return secret


def _make_secret(path: Path) -> None:
    """Write a new secret under its name only when it is whole and on disk."""
    unfinished = path.with_name(path.name + ".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_bytes(SECRET_BYTES))
        stream.flush()
        os.fsync(descriptor)
    unfinished.rename(path)
