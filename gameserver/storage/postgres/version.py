"""Which version of the schema a PostgreSQL database has, and the locks under which it is changed."""

from gameserver.storage.connection import Connection
from gameserver.storage.sqlite.migrations import MIGRATIONS as SQLITE_MIGRATIONS

# PostgreSQL knows the schema from this version on, and has its versions in common with SQLite.
FIRST_VERSION = 7
NEWEST_VERSION = len(SQLITE_MIGRATIONS) + 1

# Whoever changes the schema or writes holds this advisory lock, "game" in ASCII: alone, or with others who place bets.
LOCK = 0x67616D65
# Who commits a batch that is told of holds this one until that is done.
TURN = LOCK + 1


def schema_version(connection: Connection) -> int | None:
    """The version of the schema; None where there is none."""
    if connection.execute("SELECT to_regclass('schema_version')").fetchone()[0] is None:
        return None
    return int(connection.execute("SELECT version FROM schema_version").fetchone()[0])
