"""Game sources and their admins."""

from typing import NamedTuple

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


_COLUMNS = "id, uuid, name, description, takeout_millionths, closed_at"


def insert_source(
    connection: Connection, name: str, description: str | None, takeout_millionths: int, now_ms: int
) -> Source:
    """A new source, without admins."""
    uuid = new_uuid(now_ms)
    source_id = connection.insert(
        "INSERT INTO sources (uuid, name, description, takeout_millionths, created_at) VALUES (?, ?, ?, ?, ?)",
        (uuid, name, description, takeout_millionths, now_ms),
    )
    return Source(source_id, uuid, name, description, takeout_millionths, None)


def find_source(connection: Connection, uuid: str) -> Source | None:
    """The source of that id."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM sources WHERE uuid = ?", (uuid,)).fetchone()
    return Source(*row) if row else None


def get_source(connection: Connection, source_id: int) -> Source:
    """The source of that row, which exists."""
    return Source(*connection.execute(f"SELECT {_COLUMNS} FROM sources WHERE id = ?", (source_id,)).fetchone())


def update_source_closed(connection: Connection, source_id: int, now_ms: int) -> None:
    """Record that the source is closed."""
    connection.execute("UPDATE sources SET closed_at = ? WHERE id = ?", (now_ms, source_id))


def insert_source_admin(connection: Connection, source_id: int, user_id: int) -> None:
    """Make a user an admin of the source, if it is none yet."""
    connection.execute(
        "INSERT INTO source_admins (user_id, source_id) VALUES (?, ?) ON CONFLICT DO NOTHING", (user_id, source_id)
    )


def is_source_admin(connection: Connection, source_id: int, user_id: int) -> bool:
    """Whether the user is an admin of the source."""
    query = "SELECT 1 FROM source_admins WHERE user_id = ? AND source_id = ?"
    return connection.execute(query, (user_id, source_id)).fetchone() is not None


def list_administered_sources(connection: Connection, user_id: int, before: int | None, limit: int) -> list[Source]:
    """The sources a user is an admin of, newest first, those below the row ``before``."""
    columns = ", ".join(f"sources.{column.strip()}" for column in _COLUMNS.split(","))
    rows = connection.execute(
        f"SELECT {columns} FROM source_admins JOIN sources ON sources.id = source_id"
        " WHERE user_id = ? AND source_id < ? ORDER BY source_id DESC LIMIT ?",
        (user_id, before if before is not None else 2**62, limit),
    )
    return [Source(*row) for row in rows]


def list_sources(connection: Connection) -> list[tuple[Source, list[str]]]:
    """Every source with its admins' usernames, oldest first."""
    admins: dict[int, list[str]] = {}
    for source_id, username in connection.execute(
        "SELECT source_id, username FROM source_admins JOIN users ON users.id = user_id ORDER BY user_id"
    ):
        admins.setdefault(source_id, []).append(username)
    rows = connection.execute(f"SELECT {_COLUMNS} FROM sources ORDER BY id")
    return [(source, admins.get(source.id, [])) for source in (Source(*row) for row in rows)]
