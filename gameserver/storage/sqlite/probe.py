"""Whether the database can be written: found by writing."""

from gameserver.storage.connection import Connection


def write_nothing_new(connection: Connection) -> None:
    """Write a page as it is, so that the commit has something to put on disk; an empty one always succeeds."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version}")
