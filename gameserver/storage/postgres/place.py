"""Where a database is, by which it knows that it was restored elsewhere from a dump."""

from gameserver.storage.connection import Connection

# The cluster and the database in it: neither is the same again, and both stay when a standby takes over.
_PLACE = (
    "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid"
    " FROM pg_database WHERE datname = current_database()"
)


def adopt_place(connection: Connection) -> None:
    """Let the epoch of a database end that was made elsewhere: what it does not know any more has been told.

    The caller holds a transaction.
    """
    (place,) = connection.execute(_PLACE).fetchone()
    found = connection.execute("SELECT identifier FROM place").fetchone()
    if found is None:
        connection.execute("INSERT INTO place (identifier) VALUES (?)", (place,))
    elif found[0] != place:
        connection.execute("UPDATE place SET identifier = ?", (place,))
        connection.execute("UPDATE identity SET epoch = NULL")
