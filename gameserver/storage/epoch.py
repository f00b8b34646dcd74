"""The epoch of a database: what a server has told of it holds until a backup is put in its place."""

import secrets

from gameserver.storage.connection import Connection


def adopt_epoch(connection: Connection) -> str:
    """The epoch of a database that a server opens, which is made if there is none.

    The caller holds a transaction, in which `gameserver.storage.secret.adopt_secret` has been called.
    """
    connection.execute("UPDATE identity SET epoch = ? WHERE epoch IS NULL", (secrets.token_hex(8),))
    return get_epoch(connection)


def get_epoch(connection: Connection) -> str:
    """The epoch of a database that a server has opened."""
    (epoch,) = connection.execute("SELECT epoch FROM identity").fetchone()
    return str(epoch)
