"""Game sources and their admins."""

from typing import Any, NamedTuple

from gameserver.storage.connection import Connection
from gameserver.storage.ids import new_uuid


class Source(NamedTuple):
    """A game source."""

    id: int
    uuid: str
    name: str
    description: str | None
    takeout_millionths: int
    closed_at: int | None
    opened_by: int | None  # a user's id
    admins_may_bet: bool


_COLUMNS = ", ".join(Source._fields)


def _source(row: tuple[Any, ...]) -> Source:
    return Source._make((*row[:-1], bool(row[-1])))


def insert_source(
    connection: Connection,
    name: str,
    description: str | None,
    takeout_millionths: int,
    now_ms: int,
    *,
    opened_by: int | None = None,
    admins_may_bet: bool = False,
) -> Source:
    """Store a new source, without admins, and return it."""
    uuid = new_uuid(now_ms)
    source_id = connection.insert(
        "INSERT INTO sources (uuid, name, description, takeout_millionths, created_at, opened_by, admins_may_bet)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (uuid, name, description, takeout_millionths, now_ms, opened_by, admins_may_bet),
    )
    return get_source(connection, source_id)


def find_source(connection: Connection, uuid: str) -> Source | None:
    """The source with this wire id; None if there is none."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM sources WHERE uuid = ?", (uuid,)).fetchone()
    return _source(row) if row else None


def get_source(connection: Connection, source_id: int) -> Source:
    """The source with this row id, which must exist."""
    return _source(connection.execute(f"SELECT {_COLUMNS} FROM sources WHERE id = ?", (source_id,)).fetchone())


class SourceChange(NamedTuple):
    """The new values of a source's fields; None leaves a field unchanged."""

    name: str | None
    description: str | None
    takeout_millionths: int | None
    admins_may_bet: bool | None


def update_source(connection: Connection, source_id: int, change: SourceChange) -> None:
    """Change a source's fields; a new takeout applies to pools opened later."""
    columns = ", ".join(f"{column} = coalesce(?, {column})" for column in SourceChange._fields)
    connection.execute(f"UPDATE sources SET {columns} WHERE id = ?", (*change, source_id))


def update_source_closed(connection: Connection, source_id: int, now_ms: int) -> None:
    """Mark the source as closed."""
    connection.execute("UPDATE sources SET closed_at = ? WHERE id = ?", (now_ms, source_id))


def insert_source_admin(connection: Connection, source_id: int, user_id: int) -> None:
    """Make a user an admin of the source; no effect if the user is one already."""
    connection.execute(
        "INSERT INTO source_admins (user_id, source_id) VALUES (?, ?)"
        " ON CONFLICT (user_id, source_id) DO UPDATE SET removed_at = NULL",
        (user_id, source_id),
    )


def update_source_admin_removed(connection: Connection, source_id: int, user_id: int, now_ms: int) -> bool:
    """Remove a user from the source's admins; returns whether the user was one."""
    cursor = connection.execute(
        "UPDATE source_admins SET removed_at = ? WHERE user_id = ? AND source_id = ? AND removed_at IS NULL",
        (now_ms, user_id, source_id),
    )
    return bool(cursor.rowcount)


def is_source_admin(connection: Connection, source_id: int, user_id: int) -> bool:
    """Whether the user is an admin of the source."""
    query = "SELECT 1 FROM source_admins WHERE user_id = ? AND source_id = ? AND removed_at IS NULL"
    return connection.execute(query, (user_id, source_id)).fetchone() is not None


def list_source_admins(connection: Connection, source_id: int) -> list[int]:
    """The ids of the users who are admins of the source."""
    query = "SELECT user_id FROM source_admins WHERE source_id = ? AND removed_at IS NULL"
    return [user_id for (user_id,) in connection.execute(query, (source_id,))]


def list_administered_sources(connection: Connection, user_id: int, before: int | None, limit: int) -> list[Source]:
    """A page of the sources a user is an admin of, newest first, with row ids below ``before``."""
    columns = ", ".join(f"sources.{column.strip()}" for column in _COLUMNS.split(","))
    rows = connection.execute(
        f"SELECT {columns} FROM source_admins JOIN sources ON sources.id = source_id"
        " WHERE user_id = ? AND source_id < ? AND removed_at IS NULL ORDER BY source_id DESC LIMIT ?",
        (user_id, before if before is not None else 2**62, limit),
    )
    return [_source(row) for row in rows]


class ListedSource(NamedTuple):
    """An open source, and how many of its games are open."""

    id: int
    uuid: str
    name: str
    description: str | None
    games: int


def list_open_sources(connection: Connection, before: int | None, limit: int) -> list[ListedSource]:
    """A page of the sources that are open, newest first, with row ids below ``before``."""
    rows = connection.execute(
        "SELECT id, uuid, name, description, (SELECT count(*) FROM games WHERE games.source_id = sources.id"
        "  AND games.opened_at IS NOT NULL AND games.closed_at IS NULL)"
        " FROM sources WHERE id < ? AND closed_at IS NULL ORDER BY id DESC LIMIT ?",
        (before if before is not None else 2**62, limit),
    )
    return list(map(ListedSource._make, rows))


def list_sources(connection: Connection) -> list[tuple[Source, list[str]]]:
    """Every source with its admins' usernames, oldest first."""
    admins: dict[int, list[str]] = {}
    for source_id, username in connection.execute(
        "SELECT source_id, username FROM source_admins JOIN users ON users.id = user_id"
        " WHERE removed_at IS NULL ORDER BY user_id"
    ):
        admins.setdefault(source_id, []).append(username)
    rows = connection.execute(f"SELECT {_COLUMNS} FROM sources ORDER BY id")
    return [(source, admins.get(source.id, [])) for source in map(_source, rows)]
