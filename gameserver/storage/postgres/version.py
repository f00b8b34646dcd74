"""Which version of the schema a PostgreSQL database has, and the lock under which it is changed."""

from gameserver.storage.connection import Connection
from gameserver.storage.sqlite.migrations import MIGRATIONS as SQLITE_MIGRATIONS

# PostgreSQL knows the schema from this version on, and has its versions in common with SQLite.
FIRST_VERSION = 7
NEWEST_VERSION = len(SQLITE_MIGRATIONS) + 1

# Whoever changes the schema, or writes a batch, holds this advisory lock: "game" in ASCII.
LOCK = 0x67616D65


def schema_version(connection: Connection) -> int | None:
    """The version of the schema; None where there is none."""
    if connection.execute("SELECT to_regclass('schema_version')").fetchone()[0] is None:
        return None
    return int(connection.execute("SELECT version FROM schema_version").fetchone()[0])
