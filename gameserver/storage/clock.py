"""The latest moment that the database has recorded: the server's clock never steps back behind it."""

from gameserver.storage.connection import Connection

_RECORDS = (("broadcasts", "sent_at"), ("transfers", "made_at"), ("bets", "placed_at"), ("journal", "at"))


def last_recorded_at(connection: Connection) -> int:
    """The latest recorded time in epoch ms, read from the newest row of each table; 0 in a new database."""
    newest = 0
    for table, column in _RECORDS:
        row = connection.execute(f"SELECT {column} FROM {table} ORDER BY id DESC LIMIT 1").fetchone()
        newest = max(newest, row[0] if row else 0)
    return newest
