"""Opening database files: which files are accepted, and with which pragmas they are opened."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path

import msgspec

from gameserver.storage import shares, tallied
from gameserver.storage.connection import Connection, RowT, StorageBusy, StorageFailed, Values
from gameserver.storage.files import LOGS, PRIVATE, beside
from gameserver.storage.sqlite.json_rows import json_columns, json_rows, read_rows
from gameserver.storage.sqlite.migrations import (
    APPLICATION_ID,
    IncompatibleDatabase,
    find_changes_of_schema,
    is_current,
    migrate,
    require_known,
)

ENGINE_VERSION = sqlite3.sqlite_version
OLDEST_SQLITE = (3, 38, 0)  # the first with both STRICT tables and ->>
BUSY_TIMEOUT_MS = 5_000
_MOST_AS_VALUES = 256
WRITER_CACHE_KIB = 32_000  # at most: the indexes of a million bets do not fit into SQLite's own 2,000
# SQLite's file format, section 1.3
MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
WRITE_VERSION = 18  # the offset of 1, or 2 for a database with a write-ahead log
NO_WAL = 1
APPLICATION = slice(68, 72)
UNSET = bytes(4)
# SQLite's errors about the disk, the file or another program, as opposed to this server's SQL.
_OF_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


def is_of_surroundings(error: sqlite3.Error) -> bool:
    """Whether an error is caused by the disk, the file or another program, which an operator can mend."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _OF_SURROUNDINGS


@contextmanager
def failures_told() -> Iterator[None]:
    """Raise `StorageFailed`, or `StorageBusy`, in place of SQLite errors that an operator can mend."""
    try:
        yield
    except sqlite3.Error as error:
        if not is_of_surroundings(error):
            raise
        is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        raise (StorageBusy if is_busy else StorageFailed)(str(error)) from error


class SqliteConnection(sqlite3.Connection):
    """Implements `gameserver.storage.connection.Connection`.

    Many rows are passed to one statement: one that goes row by row releases and takes the interpreter's lock for each.
    Some are passed as values, of which there are so many as the next power of two has, so that few statements are to be
    compiled and kept; more as one JSON value, from which a column is read four times as slowly.
    """

    games: None = None  # whoever writes to a file has all of it

    def execute_many(self, sql: str, rows: Iterable[Values], /) -> None:
        """Execute a statement once for each row of values; for few rows."""
        self.executemany(sql, rows)

    def insert(self, sql: str, values: Values, /) -> int:
        """Execute an INSERT of one row, without RETURNING; returns the row's ``id``."""
        row_id = self.execute(sql, values).lastrowid
        assert row_id is not None
        return row_id

    def reserve_ids(self, table: str, count: int, /) -> Sequence[int]:
        """The ids that come next: nobody else writes."""
        (first,) = self.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()
        return range(first, first + count)

    def execute_with(self, sql: str, columns: Sequence[str], rows: Iterable[Values], /) -> sqlite3.Cursor:
        """Execute a statement once; it reads ``rows`` from a table named ``given``, with these columns."""
        return self.execute(*_given(sql, columns, rows))

    def list_rows_with(
        self, row: type[RowT], sql: str, columns: Sequence[str], rows: Iterable[Values], /
    ) -> list[RowT]:
        """Read many rows at once, as `list_rows` does; ``sql`` reads ``rows`` as in `execute_with`."""
        return self.list_rows(row, *_given(sql, columns, rows))

    def lock_rows(self, table: str, order: Sequence[str], values: Iterable[int], /) -> None:
        """Do nothing: nobody else writes."""

    def lock_settlements(self, pool_ids: Iterable[int], /) -> list[int]:
        """None: nobody else writes."""
        return []

    def defer(self, change: Callable[[Connection], object], /) -> None:
        """Make a change now: nobody else writes."""
        change(self)

    def try_alone(self) -> bool:
        """Whether nobody else writes: nobody does."""
        return True

    def together(self) -> AbstractContextManager[object]:
        """Do nothing: nothing is sent."""
        return nullcontext()

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Values], /) -> None:
        """Insert any number of rows in one statement."""
        names = ", ".join(columns)
        self.execute_with(f"INSERT INTO {table} ({names}) SELECT {names} FROM given", columns, rows)

    def update_many(self, table: str, columns: Sequence[str], key: Sequence[str], rows: Iterable[Values], /) -> None:
        """Set ``columns`` of many rows in one statement; each row of values has the columns first, then the key."""
        changes = ", ".join(f"{column} = given.{column}" for column in columns)
        matches = " AND ".join(f"{table}.{column} = given.{column}" for column in key)
        self.execute_with(f"UPDATE {table} SET {changes} FROM given WHERE {matches}", (*columns, *key), rows)

    def list_rows(self, row: type[RowT], sql: str, values: Values, /) -> list[RowT]:
        """Read many rows at once; ``sql`` selects the fields of ``row``, a named tuple, under their names."""
        (rows,) = self.execute(_listing(sql, row._fields), values).fetchone()  # type: ignore[attr-defined]
        return read_rows(rows, row)

    def list_columns(self, columns: Sequence[str], sql: str, values: Values, /) -> list[list[int]]:
        """Read columns of integers of many rows at once; ``sql`` selects them under these names."""
        fields = ", ".join(f"json_group_array({column})" for column in columns)
        row = self.execute(f"SELECT {fields} FROM ({sql})", values).fetchone()
        return [msgspec.json.decode(column, type=list[int]) for column in row]

    @property
    def damage(self) -> type[Exception]:
        """What is raised where the file cannot be read to its end."""
        return sqlite3.DatabaseError

    def has_current_schema(self) -> bool:
        """Whether the file has the newest schema version."""
        return is_current(self)

    def find_damage(self) -> Iterator[str]:
        """SQLite's own checks, and what is not as the schema has it."""
        for (line,) in self.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield f"integrity: {line}"
        for table, rowid, parent, _ in self.execute("PRAGMA foreign_key_check"):
            row = "a row" if rowid is None else f"row {rowid}"
            yield f"{row} of {table} refers to a row of {parent} that does not exist"
        if self.has_current_schema():
            yield from find_changes_of_schema(self)


def _given(sql: str, columns: Sequence[str], rows: Iterable[Values]) -> tuple[str, Values]:
    """The statement that reads ``rows`` from the table ``given``, and its values."""
    rows, names = list(rows), tuple(columns)
    count = len(rows)
    if count == 1:  # for a lone change, the fastest of all
        return _reading_one(sql, names), rows[0]
    if count > _MOST_AS_VALUES and not any(isinstance(value, bytes) for value in rows[0]):  # JSON holds no bytes
        return _reading_json(sql, names), (json_rows(rows),)
    size = 1 << max(count - 1, 0).bit_length()
    filling = [None] * ((size - count) * len(names))
    return _reading_values(sql, names, size), [*chain.from_iterable(rows), *filling, count]


@lru_cache(512)
def _listing(sql: str, fields: tuple[str, ...]) -> str:
    return f"SELECT json_group_array(json_array({', '.join(fields)})) FROM ({sql})"


@lru_cache(512)
def _reading_json(sql: str, columns: tuple[str, ...]) -> str:
    return f"WITH given ({', '.join(columns)}) AS (SELECT {json_columns(len(columns))} FROM json_each(?)) {sql}"


@lru_cache(512)
def _reading_one(sql: str, columns: tuple[str, ...]) -> str:
    return f"WITH given ({', '.join(columns)}) AS (SELECT {', '.join('?' * len(columns))}) {sql}"


@lru_cache(2_048)
def _reading_values(sql: str, columns: tuple[str, ...], size: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    rows = f"SELECT * FROM (VALUES {', '.join([row] * size)}) LIMIT ?"
    return f"WITH given ({', '.join(columns)}) AS ({rows}) {sql}"


def require_usable(file: Path) -> None:
    """Raise `IncompatibleDatabase` unless the file is missing or a database of this server with its own log.

    As with `require_database`, no connection of this process may be open.
    """
    require_own_log(file)
    if file.exists():
        require_database(file)


def require_database(file: Path) -> None:
    """Raise `IncompatibleDatabase` if the file is not a database of this server; the file is left untouched.

    SQLite would turn an empty file into a database, and would change another program's database by opening it. No
    connection of this process may be open: closing the file here drops SQLite's locks on it.
    """
    if not _read_header(file):
        raise IncompatibleDatabase(f"{file} is empty and not a database; to make a database there, remove it first")
    if not is_sqlite(file):
        raise IncompatibleDatabase(f"{file} cannot be opened as a database: it is not an SQLite file")
    require_own_kind(file)


def is_sqlite(file: Path) -> bool:
    """Whether a file begins with SQLite's header. No connection of this process may be open: see `require_database`."""
    return _read_header(file).startswith(MAGIC)


def require_own_kind(file: Path) -> None:
    """Raise `IncompatibleDatabase` for another program's database. A file that is damaged or no database passes.

    As with `require_database`, no connection of this process may be open.
    """
    header = _read_header(file)
    if not header.startswith(MAGIC) or header[APPLICATION] == APPLICATION_ID.to_bytes(4, "big"):
        return
    if header[APPLICATION] != UNSET or not _has_log(file):
        raise IncompatibleDatabase(f"{file} is a database of another program")
    with closing(open_reader(file)) as connection:  # the log may hold the application id
        require_known(file, connection)


def _read_header(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(HEADER_BYTES)
    except OSError as error:
        raise IncompatibleDatabase(f"{file} cannot be read: {error.strerror}") from error


def _has_log(file: Path) -> bool:
    try:
        return beside(file, "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def require_own_log(file: Path) -> None:
    """Raise `IncompatibleDatabase` for a log without its database, or a backup beside another database's log.

    SQLite takes whatever log lies there for the database's own, and mixes the two without a word. A database whose log
    holds anything says in its header that it has one, and said so on disk before the log was begun, so that no crash
    leaves it otherwise; what ``gameserver backup`` writes says that it has none. A copy made by other means may say
    that it has one, and is not recognised.

    No connection of this process may be open: closing the file here drops SQLite's locks on it.
    """
    file = file.resolve()  # as SQLite does before it looks for the log
    if not _has_log(file):
        return
    log = beside(file, "-wal")
    header = _read_header(file) if file.exists() else b""
    if not header:
        raise IncompatibleDatabase(
            f"{file} is missing or empty, but its log {log} exists, which SQLite would delete: bring the database"
            " back, or delete the log to start with a new database"
        )
    if header.startswith(MAGIC) and header[WRITE_VERSION] == NO_WAL:
        raise IncompatibleDatabase(
            f"{file} is a backup beside the log of another database, with which SQLite would mix it: delete {log} to"
            " use the backup alone, or put a backup in place with gameserver restore"
        )


def require_sqlite() -> None:
    """Raise `IncompatibleDatabase` if SQLite is too old for the schema and the queries."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE[:2]))
        raise IncompatibleDatabase(f"SQLite {sqlite3.sqlite_version} is too old; {oldest} or newer is needed")


def open_writer(file: Path) -> SqliteConnection:
    """Open the writing connection. Its commits are on disk when they return.

    Raises `IncompatibleDatabase` if the file is not a database or cannot have a write-ahead log.
    """
    require_sqlite()
    _shut_out_everybody(file)
    connection = open_unshared(file)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        _make_tables_of_changes(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise IncompatibleDatabase(f"{file} cannot be opened as a database: {error}") from error
    if mode != "wal":
        connection.close()
        raise IncompatibleDatabase(f"{file} is on a file system without shared memory; choose another place with --db")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
    return connection


def _make_tables_of_changes(connection: SqliteConnection) -> None:
    for table in (shares.TABLE, tallied.TABLE):
        connection.execute(f"{table} WITHOUT ROWID")


def open_reader(file: Path) -> SqliteConnection:
    """Open a read-only connection."""
    return _connect(f"{file.absolute().as_uri()}?mode=ro")


def open_unshared(file: Path) -> SqliteConnection:
    """Open a file that no other process has open, keeping its journal mode; it is made if missing."""
    # SQLite would make it with the process's umask; its logs get the permissions of the database.
    with suppress(OSError):  # it exists, or SQLite reports why it cannot be made
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
    return _connect(f"{file.absolute().as_uri()}?mode=rwc")


def _shut_out_everybody(file: Path) -> None:
    """Make files private that are open to everybody, as earlier versions made them; group permissions stay."""
    for path in (file, *(beside(file, suffix) for suffix in LOGS)):
        with suppress(OSError):  # missing, or on a file system without permissions
            if path.stat().st_mode & stat.S_IRWXO:
                path.chmod(PRIVATE)


def open_memory() -> SqliteConnection:
    """Open a new database in memory, with the current schema."""
    connection = _connect("file::memory:")
    migrate(connection)
    _make_tables_of_changes(connection)
    return connection


def _connect(uri: str) -> SqliteConnection:
    # Connections move between worker threads, one thread at a time.
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        factory=SqliteConnection,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    # What a statement or savepoint needs for a while, beyond 64 KiB, would go to a file elsewhere: a read-only root or
    # a process without descriptors has no place for it.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    return connection
