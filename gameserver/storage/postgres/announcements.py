"""What each batch has to tell the users of all servers: rows in the order in which the batches were committed.

Only who holds the lock of `gameserver.storage.postgres.migrations` adds a row, so that ids have no gap, and whoever has
seen a row has seen all rows before it.
"""

from typing import NamedTuple

from gameserver.storage.connection import Connection
from gameserver.storage.postgres.connection import BEGIN_WRITING, PostgresConnection
from gameserver.storage.postgres.version import LOCK

CHANNEL = "gameserver"
_KEPT = 10_000  # a server that is further behind has missed something
_PURGED_EVERY = 1_000
_LISTED_AT_ONCE = 500


class Announcement(NamedTuple):
    """What a batch has to tell; ``at`` is the latest time of its jobs, in epoch ms, ``node`` the server it ran in."""

    id: int
    at: int
    node: str
    body: bytes


def last_announcement(connection: Connection) -> int:
    """The id of the newest row; 0 before the first."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM announcements").fetchone()[0])


_LISTED = "SELECT id, at, node, body FROM announcements WHERE id > {} ORDER BY id LIMIT {}"


def list_announcements(connection: Connection, after: int) -> list[Announcement]:
    """The rows after one, up to a limit, in order."""
    query = _LISTED.format("?", "?")
    return list(map(Announcement._make, connection.execute(query, (after, _LISTED_AT_ONCE))))


def begin_batch(connection: PostgresConnection, after: int) -> list[Announcement]:
    """Begin a transaction under the lock that lets one write at a time; returns the rows after one, which then are all.

    The statements are sent as one, since a batch has enough to wait for; the last sees what was committed before the
    lock was had.
    """
    last = _LISTED.format(int(after), _LISTED_AT_ONCE)
    rows = connection.execute_script(f"{BEGIN_WRITING}; SELECT pg_advisory_xact_lock({LOCK}); {last}")
    found = list(map(Announcement._make, rows))
    while rows:
        rows = list_announcements(connection, found[-1].id)
        found += rows
    return found


def insert_announcement(connection: Connection, new: Announcement) -> None:
    """Add a row and wake the servers once it is committed; now and then, delete rows that nobody should need."""
    connection.execute(
        "WITH added AS (INSERT INTO announcements (id, at, node, body) VALUES (?, ?, ?, ?))"
        f" SELECT pg_notify('{CHANNEL}', ?)",
        (*new, f"{new.id} {new.node}"),
    )
    if new.id % _PURGED_EVERY == 0:
        connection.execute("DELETE FROM announcements WHERE id <= ?", (new.id - _KEPT,))
