"""Which version of the schema a PostgreSQL database has, and the locks under which it is changed."""

from gameserver.storage.connection import Connection

# PostgreSQL knows the schema from SQLite's version 7 on, and counts its own versions from there.
FIRST_VERSION = 7
NEWEST_VERSION = 11

# Whoever changes the schema or writes holds this advisory lock, "game" in ASCII: alone, or with others who change other
# games. Those hold, beside the number, the row ids of their games: alone, or with others who write sets in them.
LOCK = 0x67616D65
# Who commits a batch that is told of holds this one until that is done.
TURN = LOCK + 1
# Who settles beside others holds this one from the first settlement on: the common accounts, the leaderboards and what
# is kept of users are changed by one at a time.
SETTLING = LOCK + 2


def schema_version(connection: Connection) -> int | None:
    """The version of the schema; None where there is none."""
    if connection.execute("SELECT to_regclass('schema_version')").fetchone()[0] is None:
        return None
    return int(connection.execute("SELECT version FROM schema_version").fetchone()[0])
