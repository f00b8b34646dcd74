"""Which engine a database is of, and how a server takes hold of it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gameserver.errors import OperatorError
from gameserver.storage.check import CheckedConnection
from gameserver.storage.files import hold_lock, locate
from gameserver.storage.secret import load_secret, require_no_stray_secret, secret_of_all_servers
from gameserver.storage.sqlite.connection import SqliteConnection, require_usable
from gameserver.storage.sqlite.migrations import require_current, require_known
from gameserver.storage.sqlite.reading import reading
from gameserver.storage.sqlite.store import SqliteStore
from gameserver.storage.store import Store, StoreOptions

_URL = re.compile(r"postgres(ql)?://")

OpenStore = Callable[[StoreOptions], Store]


class DatabaseMissing(OperatorError):
    """There is no database, or not one of the kind that is needed."""


class EngineMissing(OperatorError):
    """What a database needs is not installed."""


def is_url(database: str) -> bool:
    """Whether a database is named by the URL of a PostgreSQL server, not by a file."""
    return _URL.match(database) is not None


def require_postgres() -> None:
    """Raise `EngineMissing` if the programs for PostgreSQL are not installed."""
    try:
        import psycopg  # noqa: F401 - an extra that most servers do without
    except ImportError as error:
        text = f"PostgreSQL needs an extra: pip install 'gameserver[postgres]' ({error})"
        raise EngineMissing(text) from error


def require_url(database: str) -> None:
    """Raise `DatabaseMissing` unless a database is named by the URL of a PostgreSQL server, and `EngineMissing`."""
    if not is_url(database):
        raise DatabaseMissing(f"{database} is not the URL of a PostgreSQL database, such as postgresql://HOST/NAME")
    require_postgres()


def require_file(database: str) -> None:
    """Raise `DatabaseMissing` for a database that is no file."""
    if is_url(database):
        raise DatabaseMissing("this is done to a file, named with --db; a PostgreSQL database has tools of its own")


@contextmanager
def reading_current(database: str) -> Iterator[tuple[str, CheckedConnection]]:
    """The database's name for messages, and a connection that reads one state of it, which has the current schema.

    Raises `DatabaseMissing`, and what opening the database raises.
    """
    if is_url(database):
        require_postgres()
        from gameserver.storage.postgres import connection, direct

        with direct.reading(database) as reader:
            yield connection.without_password(database), reader
        return
    with reading_file(database) as (file, opened):
        require_current(file, opened)
        yield str(file), opened


@contextmanager
def reading_file(database: str) -> Iterator[tuple[Path, SqliteConnection]]:
    """A file's path and a connection that reads one state of it; older schema versions are accepted.

    Raises `DatabaseMissing`, and what opening the database raises.
    """
    require_file(database)
    file = locate(Path(database))
    if not file.exists():
        raise DatabaseMissing(f"there is no database at {file}; name one with --db")
    with reading(file) as connection:
        require_known(file, connection)
        yield file, connection


@contextmanager
def holding(database: str, given_secret: str | None) -> Iterator[tuple[bytes, OpenStore]]:
    """The secret of a database, and what opens its store. A file is locked until the block ends.

    Raises what opening the database raises, as kinds of `OperatorError`.
    """
    if is_url(database):
        require_postgres()
        from gameserver.storage.postgres.store import PostgresStore

        secret = secret_of_all_servers(given_secret)
        yield secret, partial(PostgresStore, database, secret)
        return
    file = locate(Path(database))
    require_usable(file)
    with hold_lock(file):
        if not given_secret:
            require_no_stray_secret(Path(database), file)
        secret = load_secret(file, given_secret)
        yield secret, partial(SqliteStore, file, secret)
