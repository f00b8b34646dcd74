"""Whom users have blocked."""

from typing import NamedTuple

from gameserver.storage.connection import Connection


class Blocked(NamedTuple):
    """A user whom another has blocked, and since when in epoch ms."""

    user_id: int
    username: str
    blocked_at: int


def is_blocked(connection: Connection, user_id: int, other_id: int) -> bool:
    """Whether a user has blocked another."""
    query = "SELECT 1 FROM blocks WHERE user_id = ? AND blocked_id = ?"
    return connection.execute(query, (user_id, other_id)).fetchone() is not None


def count_blocked(connection: Connection, user_id: int) -> int:
    """How many users a user has blocked, which is bounded."""
    count: int = connection.execute("SELECT count(*) FROM blocks WHERE user_id = ?", (user_id,)).fetchone()[0]
    return count


def insert_block(connection: Connection, user_id: int, blocked_id: int, now_ms: int) -> None:
    """Let a user block another."""
    connection.execute(
        "INSERT INTO blocks (user_id, blocked_id, blocked_at) VALUES (?, ?, ?)", (user_id, blocked_id, now_ms)
    )


def delete_block(connection: Connection, user_id: int, blocked_id: int) -> bool:
    """Let a user block another no longer; returns whether that was so."""
    cursor = connection.execute("DELETE FROM blocks WHERE user_id = ? AND blocked_id = ?", (user_id, blocked_id))
    return bool(cursor.rowcount)


def list_blocked_users(connection: Connection, user_id: int) -> list[Blocked]:
    """The users whom a user has blocked, by name."""
    rows = connection.execute(
        "SELECT blocked_id, username, blocked_at FROM blocks JOIN users ON users.id = blocked_id"
        " WHERE user_id = ? ORDER BY lower(username)",
        (user_id,),
    )
    return [Blocked(*row) for row in rows]


def list_blockers(connection: Connection, blocked_id: int) -> list[int]:
    """The ids of the users who have blocked a user."""
    rows = connection.execute("SELECT user_id FROM blocks WHERE blocked_id = ?", (blocked_id,))
    return [user_id for (user_id,) in rows]
