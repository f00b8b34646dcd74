"""A test write, which shows whether the database can be written."""

from gameserver.storage.connection import Connection


def write_nothing_new(connection: Connection) -> None:
    """Write the schema version unchanged, so that the commit writes a page; an empty commit always succeeds."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version}")
