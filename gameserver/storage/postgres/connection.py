"""Connections to a PostgreSQL database, by psycopg, which speak the SQL of the storage's topics."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, lru_cache
from typing import Any, cast

import msgspec
import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PipelineStatus, TransactionStatus

from gameserver.storage import shares, tallied
from gameserver.storage.connection import Connection, Result, RowT, StorageBusy, StorageFailed, Values
from gameserver.storage.postgres.adaptation import adapt
from gameserver.storage.postgres.translation import portable_joins, trigger_names
from gameserver.storage.postgres.version import LOCK, NEWEST_VERSION, SETTLING, schema_version
from gameserver.storage.sqlite.migrations import IncompatibleDatabase, schema_text

OLDEST_SERVER = 14_00_00
# What an URL need not say.
_DEFAULTS = {"application_name": "gameserver", "connect_timeout": "5", "client_encoding": "utf8"}
# A process that stands still inside a transaction, or whose machine has gone, loses its locks after this long.
_IDLE_TIMEOUT_S = 10
_LOCK_TIMEOUT_S = 10  # of waiting for another process's batch
_TYPES = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea"}


@contextmanager
def failures_told() -> Iterator[None]:
    """Raise `StorageFailed`, or `StorageBusy`, in place of PostgreSQL's errors that an operator can mend."""
    try:
        yield
    except psycopg.OperationalError as error:
        is_busy = isinstance(error, errors.LockNotAvailable)
        raise (StorageBusy if is_busy else StorageFailed)(str(error).strip()) from error


class PostgresConnection:
    """Implements `gameserver.storage.connection.Connection`.

    Many rows are passed as one array a column. Conditions and flags are 0 and 1, sums integers, as in SQLite.
    ``is_alone`` says whether the transaction has its ``games``, or the database, to itself, readers aside; ``deferred``
    are the changes to be made with its commit.
    """

    games: Collection[int] | None

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.raw = raw
        self.confine(None)
        raw.prepared_max = 1_000
        adapt(raw)

    def __enter__(self) -> "PostgresConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; what is not committed is rolled back."""
        self.raw.close()

    def confine(self, games: Collection[int] | None, *, is_alone: bool = True) -> None:
        """Note what the transaction that begins has to itself, once it has the locks."""
        self.games, self.is_alone = games, is_alone
        self.deferred: list[Callable[[Connection], object]] = []
        self._settling: set[int] = set()  # the pools of whose bettors the accounts are locked

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also one that has failed."""
        status = self.raw.info.transaction_status
        return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended, or hangs among statements sent together since it was cut."""
        return self.raw.closed or self.raw.info.pipeline_status != PipelineStatus.OFF

    def execute(self, sql: str, values: Values = (), /) -> Result:
        """Execute a statement."""
        return cast(Result, self.raw.execute(_numbered(sql), values))

    def execute_script(self, sql: str) -> list[Any]:
        """Execute statements as they are written, in which ``?`` is no placeholder; returns the rows of the last."""
        cursor = self.raw.execute(sql.encode())
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []

    def execute_many(self, sql: str, rows: Iterable[Values], /) -> None:
        """Execute a statement once for each row of values; for few rows."""
        for row in rows:
            self.execute(sql, row)

    def insert(self, sql: str, values: Values, /) -> int:
        """Execute an INSERT of one row, without RETURNING; returns the row's ``id``."""
        return int(self.execute(f"{sql} RETURNING id", values).fetchone()[0])

    def reserve_ids(self, table: str, count: int, /) -> Sequence[int]:
        """So many ids from the table's sequence."""
        query = "SELECT nextval(CAST(? AS regclass)) FROM generate_series(1, ?)"
        return [number for (number,) in self.execute(query, (f"{table}_id_seq", count))]

    def execute_with(self, sql: str, columns: Sequence[str], rows: Iterable[Values], /) -> Result:
        """Execute a statement once; it reads ``rows`` from a table named ``given``, with these columns."""
        rows = list(rows)
        if not rows:  # of no type
            return self.execute("SELECT 0 WHERE 1 = 0")
        arrays, types = _arrays(columns, rows)
        return self.execute(_reading(sql, tuple(columns), types), arrays)

    def list_rows_with(
        self, row: type[RowT], sql: str, columns: Sequence[str], rows: Iterable[Values], /
    ) -> list[RowT]:
        """Read many rows at once, as `list_rows` does; ``sql`` reads ``rows`` as in `execute_with`."""
        rows = list(rows)
        if not rows:
            return []
        arrays, types = _arrays(columns, rows)
        return self.list_rows(row, _reading(sql, tuple(columns), types), arrays)

    def lock_rows(self, table: str, order: Sequence[str], values: Iterable[int], /) -> None:
        """Lock rows, unless the transaction has all of them; statements from here on see them as they are then."""
        if self.games is not None:
            rows = f"SELECT 1 FROM {table} WHERE {order[0]} = ANY (CAST(? AS bigint[])) ORDER BY {', '.join(order)}"
            self.execute(f"{rows} FOR NO KEY UPDATE", (list(values),))

    def lock_settlements(self, pool_ids: Iterable[int], /) -> list[int]:
        """Have settlements to oneself, unless the transaction has everything; returns the pools not named before."""
        if self.games is None:
            return []
        added = [pool_id for pool_id in pool_ids if pool_id not in self._settling]
        if added and not self._settling:
            self.execute(f"SELECT pg_advisory_xact_lock({SETTLING})")
        self._settling.update(added)
        return added

    def forget_locks(self) -> None:
        """Note that locks are gone, since what was done under them was rolled back."""
        self._settling.clear()

    def defer(self, change: Callable[[Connection], object], /) -> None:
        """Make a change with the commit, or now if no other transaction changes the games of this one."""
        if self.is_alone:
            change(self)
        else:
            self.deferred.append(change)

    def make_deferred_changes(self) -> None:
        """Make the changes that were deferred."""
        deferred, self.deferred = self.deferred, []
        for change in deferred:
            change(self)

    def try_alone(self) -> bool:
        """Whether no other transaction changes the games of this one; if so, none does from here on."""
        if not self.is_alone and self.games is not None:
            locked = f"coalesce(bool_and(pg_try_advisory_xact_lock({LOCK}, game)), true)"
            tries = f"SELECT {locked} FROM unnest(CAST(? AS int[])) AS game"
            (self.is_alone,) = self.execute(tries, (list(self.games),)).fetchone()
            if self.is_alone:
                self.make_deferred_changes()
        return self.is_alone

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Values], /) -> None:
        """Insert any number of rows in one statement."""
        names = ", ".join(columns)
        self.execute_with(f"INSERT INTO {table} ({names}) SELECT {names} FROM given", columns, rows)

    def update_many(self, table: str, columns: Sequence[str], key: Sequence[str], rows: Iterable[Values], /) -> None:
        """Set ``columns`` of many rows in one statement; each row of values has the columns first, then the key."""
        rows = list(rows)
        if not rows:
            return
        changes = ", ".join(f"{column} = given.new_{column}" for column in columns)
        matches = " AND ".join(f"{table}.{column} = given.key_{column}" for column in key)
        arrays, types = _arrays((*columns, *key), rows)
        names = (*(f"new_{column}" for column in columns), *(f"key_{column}" for column in key))
        self.execute(_reading(f"UPDATE {table} SET {changes} FROM given WHERE {matches}", names, types), arrays)

    def list_rows(self, row: type[RowT], sql: str, values: Values, /) -> list[RowT]:
        """Read many rows at once; ``sql`` selects the fields of ``row``, a named tuple, under their names."""
        fields = ", ".join(row._fields)  # type: ignore[attr-defined]
        return msgspec.convert(self.execute(f"SELECT {fields} FROM ({sql}) AS listed", values).fetchall(), list[row])  # type: ignore[valid-type]

    def list_columns(self, columns: Sequence[str], sql: str, values: Values, /) -> list[list[int]]:
        """Read columns of integers of many rows at once; ``sql`` selects them under these names."""
        rows = self.execute(f"SELECT {', '.join(columns)} FROM ({sql}) AS listed", values).fetchall()
        return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]

    def together(self) -> AbstractContextManager[object]:
        """Send the statements of a block without waiting for their results; what they raise is raised at its end."""
        return self.raw.pipeline()

    @property
    def damage(self) -> type[Exception]:
        """What is raised where the database cannot be read to its end."""
        return psycopg.InternalError

    def has_current_schema(self) -> bool:
        """Whether the database has the newest schema version."""
        return schema_version(self) == NEWEST_VERSION

    def find_damage(self) -> Iterator[str]:
        """The triggers that are missing or disabled; that rows and keys are whole, PostgreSQL sees to."""
        if not self.has_current_schema():
            return
        found = self.execute(
            "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE NOT tgisinternal AND tgenabled <> 'D' AND relnamespace = current_schema()::regnamespace"
        )
        there = {name for (name,) in found}
        for name in trigger_names(schema_text()):
            if name not in there:
                yield f"the trigger {name} is missing or disabled: what it refuses is not refused"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, which is committed unless the block raises."""
        self.execute(BEGIN_WRITING)
        try:
            yield
        except BaseException:
            if self.in_transaction:
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator["PostgresConnection"]:
        """A transaction that reads one consistent state."""
        self.execute(BEGIN_READING)
        try:
            yield self
        finally:
            if self.in_transaction:
                self.execute("ROLLBACK")


BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@lru_cache(1024)
def _numbered(sql: str) -> bytes:
    """The statement with psycopg's placeholders, and with the few words that PostgreSQL has otherwise."""
    for theirs, ours in (("%", "%%"), ("?", "%s"), (" COLLATE BINARY", ' COLLATE "C"')):
        sql = sql.replace(theirs, ours)
    return portable_joins(sql).encode()


@lru_cache(512)
def _reading(sql: str, columns: tuple[str, ...], types: tuple[str, ...]) -> str:
    arrays = ", ".join(f"CAST(? AS {type_}[])" for type_ in types)
    return f"WITH given ({', '.join(columns)}) AS (SELECT * FROM unnest({arrays})) {sql}"


def _arrays(columns: Sequence[str], rows: Iterable[Values]) -> tuple[list[list[Any]], tuple[str, ...]]:
    """The rows by columns, and the columns' types."""
    arrays = [list(column) for column in zip(*rows, strict=True)]
    types = tuple(map(_type_of, columns, arrays))
    for at, type_ in enumerate(types):
        if type_ == "bigint":  # flags among them
            arrays[at] = [None if value is None else int(value) for value in arrays[at]]
    return arrays, types


def _type_of(name: str, values: list[Any]) -> str:
    """The type of a column by its values; where there are none, by the columns of its name."""
    for value in values:
        if value is not None:
            return "text" if isinstance(value, str) else "bytea" if isinstance(value, bytes) else "bigint"
    return _types_by_name().get(name, "bigint")


@cache
def _types_by_name() -> dict[str, str]:
    found = re.findall(r"^    (\w+) (INTEGER|TEXT|BLOB)\b", schema_text(), re.M)
    return {name: _TYPES[type_] for name, type_ in found}


def open_writer(url: str) -> PostgresConnection:
    """Open a connection whose commits are on disk when they return.

    Raises `StorageFailed` if there is none, and `IncompatibleDatabase` for a server that is too old.
    """
    connection = _connect(url, {"target_session_attrs": "read-write"})
    connection.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_TIMEOUT_S}s'")
    connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT_S}s'")
    if connection.execute("SHOW synchronous_commit").fetchone()[0] == "off":
        connection.execute("SET synchronous_commit = on")
    for table in (shares.TABLE, tallied.TABLE):
        connection.execute(table)
    return connection


def truncate_own_tables(connection: PostgresConnection) -> None:
    """Give back the space of what was deleted in the tables of a writing connection's own, which nothing vacuums."""
    connection.execute("TRUNCATE shares, tallied")


def open_reader(url: str) -> PostgresConnection:
    """Open a connection to read with, to the server that is written to: what was acknowledged must be seen."""
    return _connect(url, {"target_session_attrs": "read-write"})


def _connect(url: str, defaults: dict[str, str]) -> PostgresConnection:
    given = conninfo_to_dict(url)
    conninfo = make_conninfo("", **{**_DEFAULTS, **defaults, **given})
    connection = PostgresConnection(psycopg.connect(conninfo, autocommit=True))
    version = connection.raw.info.server_version
    if version < OLDEST_SERVER:
        connection.close()
        text = f"PostgreSQL {version // 10_000} is too old; {OLDEST_SERVER // 10_000} or newer is needed"
        raise IncompatibleDatabase(text)
    connection.execute("SET jit = off")  # for small statements, compiling costs more than it saves
    return connection


def without_password(url: str) -> str:
    """The URL for messages and the log."""
    given = conninfo_to_dict(url)
    hosts, port, name = (given.get(part) for part in ("host", "port", "dbname"))
    return f"postgresql://{hosts or ''}{f':{port}' if port else ''}/{name or given.get('user') or ''}"


def size_bytes(connection: PostgresConnection) -> int:
    """The size of the database in bytes."""
    return int(connection.execute("SELECT pg_database_size(current_database())").fetchone()[0])
