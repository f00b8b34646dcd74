"""What each batch has to tell the users of all servers: rows in the order in which the batches were committed.

Only who holds the lock `TURN` adds a row, and holds it until the commit: so ids have no gap, and whoever has seen a row
has seen all rows before it.
"""

from collections.abc import Collection
from typing import NamedTuple

from gameserver.storage.connection import Connection
from gameserver.storage.postgres.connection import BEGIN_WRITING, PostgresConnection
from gameserver.storage.postgres.version import LOCK, TURN

CHANNEL = "gameserver"
_KEPT = 10_000  # a server that is further behind has missed something
_LISTED_AT_ONCE = 500


class News(NamedTuple):
    """What a batch has to tell; ``at_ms`` is the latest time of its jobs, ``node`` the server it ran in."""

    at_ms: int
    node: str
    body: bytes


class Announcement(NamedTuple):
    """News by the id of its row."""

    id: int
    at_ms: int
    node: str
    body: bytes


class Committed(NamedTuple):
    """A batch that is on disk: the id of its announcement, and those of others after the last that was known."""

    id: int
    before: list[Announcement]


def last_announcement(connection: Connection) -> int:
    """The id of the newest row; 0 before the first."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM announcements").fetchone()[0])


_LISTED = "SELECT id, at_ms, node, body FROM announcements WHERE id > {} ORDER BY id"
_TAKE_TURN = f"SELECT pg_advisory_xact_lock({TURN})"
_ADD = (
    "WITH added AS (INSERT INTO announcements (id, at_ms, node, body)"
    " SELECT coalesce(max(id), 0) + 1, ?, ?, ? FROM announcements RETURNING id)"
)


def list_announcements(connection: Connection, after: int) -> list[Announcement]:
    """The rows after one, up to a limit, in order."""
    query = f"{_LISTED.format('?')} LIMIT ?"
    return list(map(Announcement._make, connection.execute(query, (after, _LISTED_AT_ONCE))))


def begin_batch(
    connection: PostgresConnection, after: int, games: Collection[int] | None = None, *, is_alone: bool = True
) -> list[Announcement]:
    """Begin a transaction that has the database to itself, or some games, or shares these with others that do.

    Returns the rows after one in order; those of its games, or without games all, are what there will be before its
    own. The statements are sent as one, since a batch has enough to wait for; the last sees what was committed before
    the locks were had.
    """
    connection.confine(games, is_alone=is_alone)
    locks = [_lock(str(LOCK), is_alone=games is None)]
    locks += [_lock(f"{LOCK}, {game}", is_alone=is_alone) for game in sorted(games or ())]
    last = f"{_LISTED.format(int(after))} LIMIT {_LISTED_AT_ONCE}"
    rows = connection.execute_script("; ".join([BEGIN_WRITING, *locks, last]))
    found = list(map(Announcement._make, rows))
    while rows:
        rows = list_announcements(connection, found[-1].id)
        found += rows
    return found


def _lock(key: str, *, is_alone: bool) -> str:
    return f"SELECT pg_advisory_xact_lock{'' if is_alone else '_shared'}({key})"


def announce(connection: Connection, news: News) -> None:
    """Add a row, and wake the servers once it is committed, which must be soon: others wait to commit."""
    connection.execute(_TAKE_TURN)
    connection.execute(f"{_ADD} SELECT pg_notify('{CHANNEL}', id || ' ' || ?) FROM added", (*news, news.node))


def commit_batch(connection: PostgresConnection, after: int, news: News, *, wakes: bool) -> Committed:
    """Make the deferred changes, add a row, and commit; also returns the rows after one that are before it.

    All is sent at once, so that nobody waits for this server while it has its turn. If it ``wakes`` the other servers,
    they read the row at once: bets are so many that waking them for each batch would cost more than it is worth. Raises
    what a statement or the commit raises.
    """
    wake = f", pg_notify('{CHANNEL}', id || ' {news.node}')" if wakes else ""
    with connection.raw.pipeline():
        connection.execute(_TAKE_TURN)
        connection.make_deferred_changes()
        before = connection.execute(_LISTED.format("?"), (after,))
        added = connection.execute(f"{_ADD} SELECT id{wake} FROM added", news)
        connection.execute("COMMIT")
    return Committed(added.fetchone()[0], list(map(Announcement._make, before)))


def delete_old_announcements(connection: Connection) -> None:
    """Delete the rows that nobody should need any more."""
    connection.execute("DELETE FROM announcements WHERE id <= (SELECT max(id) FROM announcements) - ?", (_KEPT,))
