"""The schema's versions: making a new database, and migrating an older one.

``schema.sql`` is the newest schema. Each change of it after a release comes with a migration here that
turns a file of version N into one of version N + 1; ``PRAGMA user_version`` holds the version.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from gameserver.errors import OperatorError
from gameserver.storage.sqlite.version_5 import insert_divisions
from gameserver.storage.sqlite.version_7 import update_best_wins

logger = logging.getLogger(__name__)

Migration = Callable[[sqlite3.Connection], object]

# Marks a database file as gameserver's: "game" in ASCII.
APPLICATION_ID = 0x67616D65


def _run_script(name: str) -> Migration:
    """A migration that runs an SQL script beside this module."""

    def migration(connection: sqlite3.Connection) -> None:
        for statement in statements(Path(__file__).with_name(name).read_text(encoding="utf-8")):
            connection.execute(statement)

    return migration


def _to_version_5(connection: sqlite3.Connection) -> None:
    _run_script("version_5.sql")(connection)
    insert_divisions(connection)
    _run_script("version_5_rules.sql")(connection)


def _to_version_7(connection: sqlite3.Connection) -> None:
    _run_script("version_7.sql")(connection)
    update_best_wins(connection)
    _run_script("version_7_records.sql")(connection)


# MIGRATIONS[i] turns version i + 1 into i + 2.
MIGRATIONS: tuple[Migration, ...] = (
    *(_run_script(f"version_{number}.sql") for number in (2, 3, 4)),
    _to_version_5,
    _run_script("version_6.sql"),
    _to_version_7,
    *(_run_script(f"version_{number}.sql") for number in (8, 9, 10)),
)


class IncompatibleDatabase(OperatorError):
    """The file cannot be used by this version of the server; the text says why."""


def schema_text() -> str:
    """The text of schema.sql: beside this module in a wheel, at the top of a source tree."""
    packaged = Path(__file__).with_name("schema.sql")
    source = packaged if packaged.exists() else Path(__file__).parents[3] / "schema.sql"
    return source.read_text(encoding="utf-8")


def statements(script: str) -> list[str]:
    """The single statements of an SQL script. (``executescript`` would commit an open transaction.)"""
    parts: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            parts.append(pending)
            pending = ""
    return parts


def require_known(file: Path, connection: sqlite3.Connection) -> int:
    """The schema version of a database. Raises `IncompatibleDatabase` if it is newer, or not this server's database."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise IncompatibleDatabase(f"{file} cannot be read as a database: {error}") from error
    if application != APPLICATION_ID:
        raise IncompatibleDatabase(f"{file} is a database of another program")
    newest = len(MIGRATIONS) + 1
    if version > newest:
        raise IncompatibleDatabase(f"{file} has version {version}; this server knows up to {newest}")
    return int(version)


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether a database has the newest schema version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version) == len(MIGRATIONS) + 1


def require_current(file: Path, connection: sqlite3.Connection) -> None:
    """Raise `IncompatibleDatabase` if a database does not have the newest schema version."""
    version, newest = require_known(file, connection), len(MIGRATIONS) + 1
    if version != newest:
        raise IncompatibleDatabase(
            f"{file} has schema version {version}, and this program needs {newest}: make a backup (gameserver backup),"
            " then start the server, which migrates the database"
        )


def migrate(
    connection: sqlite3.Connection, schema: str | None = None, migrations: Sequence[Migration] = MIGRATIONS
) -> int | None:
    """Create the schema in an empty file, or run the migrations an older file lacks, in one transaction.

    Returns the older version that the file had; None if it had none, or had the newest. Raises `IncompatibleDatabase`
    for a file of a newer version and for one that is no gameserver's.
    """
    newest = len(migrations) + 1
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != APPLICATION_ID:
            raise IncompatibleDatabase("the file is a database of another program")
        if version > newest:
            raise IncompatibleDatabase(f"the database has version {version}; this server knows up to {newest}")
        if not tables:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for statement in statements(schema or schema_text()):
                connection.execute(statement)
        else:
            if version != newest:
                logger.info("bringing the database from version %d to version %d", version, newest)
            for migration in migrations[version - 1 :]:
                migration(connection)
        connection.execute(f"PRAGMA user_version = {newest}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return version if tables and version != newest else None


def find_changes_of_schema(connection: sqlite3.Connection) -> Iterator[str]:
    """What a database of the newest version lacks of the schema, or has otherwise, a sentence each."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh)
        expected = _schema_of(fresh)
    found = _schema_of(connection)
    for (kind, name), sql in expected.items():
        if (kind, name) not in found:
            yield f"the {kind} {name} is missing"
        elif kind != "table" and found[kind, name] != sql:  # a table has another text if it was altered
            yield f"the {kind} {name} is not that of this version"
    for kind, name in found:
        if kind == "trigger" and (kind, name) not in expected:
            yield f"the trigger {name} is none of this version"


def _schema_of(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name")
    return {(kind, name): " ".join(sql.split()) for kind, name, sql in rows}
