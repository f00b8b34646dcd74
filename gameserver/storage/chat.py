"""The chat of games: its lines, how fast users write, and who is muted."""

from typing import NamedTuple

from gameserver.storage.connection import Connection
from gameserver.storage.ids import new_uuid


class ChatLine(NamedTuple):
    """A line in the chat of a game; ``text`` is None once it was removed. Its time is in epoch ms."""

    id: int
    uuid: str
    game_id: int
    sender_id: int
    sender: str
    text: str | None
    received_at: int


_LINES = (
    "SELECT chat_lines.id, uuid, game_id, sender_id, username, text, received_at FROM chat_lines"
    " JOIN users ON users.id = sender_id"
)
_LAST_ROW = 2**62


def insert_line(connection: Connection, game_id: int, sender_id: int, text: str, now_ms: int) -> str:
    """Store a new line; returns its wire id."""
    uuid = new_uuid(now_ms)
    connection.execute(
        "INSERT INTO chat_lines (uuid, game_id, sender_id, text, received_at) VALUES (?, ?, ?, ?, ?)",
        (uuid, game_id, sender_id, text, now_ms),
    )
    return uuid


def find_line(connection: Connection, uuid: str) -> ChatLine | None:
    """The line with this wire id, removed or not; None if there is none."""
    row = connection.execute(f"{_LINES} WHERE uuid = ?", (uuid,)).fetchone()
    return ChatLine(*row) if row else None


def erase_line(connection: Connection, line_id: int) -> None:
    """Remove a line from its game's chat, and its text from the database."""
    connection.execute("UPDATE chat_lines SET text = NULL WHERE id = ?", (line_id,))


def list_latest_lines(
    connection: Connection, game_id: int, reader_id: int, before: int | None, limit: int
) -> list[ChatLine]:
    """The newest lines of a game with row ids below ``before``, oldest first; none of whom the reader has blocked."""
    rows = connection.execute(
        f"{_LINES} WHERE game_id = ? AND chat_lines.id < ? AND text IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM blocks WHERE user_id = ? AND blocked_id = sender_id)"
        " ORDER BY chat_lines.id DESC LIMIT ?",
        (game_id, before if before is not None else _LAST_ROW, reader_id, limit),
    ).fetchall()
    return [ChatLine(*row) for row in reversed(rows)]


def nth_newest_received_at(connection: Connection, game_id: int, n: int) -> int | None:
    """When the ``n``-th newest line of a game came, removed ones included; None if there are not so many."""
    row = connection.execute(
        "SELECT received_at FROM chat_lines WHERE game_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?", (game_id, n - 1)
    ).fetchone()
    return row[0] if row else None


def get_used_until(connection: Connection, user_id: int) -> int:
    """Up to which time, in epoch ms, a user has used up what he may write."""
    row = connection.execute("SELECT used_until FROM chat_paces WHERE user_id = ?", (user_id,)).fetchone()
    return row[0] if row else 0


def update_used_until(connection: Connection, user_id: int, used_until: int) -> None:
    """Record up to which time a user has used up what he may write."""
    connection.execute(
        "INSERT INTO chat_paces (user_id, used_until) VALUES (?, ?)"
        " ON CONFLICT (user_id) DO UPDATE SET used_until = excluded.used_until",
        (user_id, used_until),
    )


def get_muted_until(connection: Connection, game_id: int, user_id: int) -> int:
    """Until when, in epoch ms, a user may not write in a game; a time that has passed if he may."""
    row = connection.execute(
        "SELECT muted_until FROM mutes WHERE user_id = ? AND game_id = ?", (user_id, game_id)
    ).fetchone()
    return row[0] if row else 0


def update_muted_until(connection: Connection, game_id: int, user_id: int, muted_until: int) -> None:
    """Set until when a user may not write in a game; a time that has passed lets him."""
    connection.execute(
        "INSERT INTO mutes (user_id, game_id, muted_until) VALUES (?, ?, ?)"
        " ON CONFLICT (user_id, game_id) DO UPDATE SET muted_until = excluded.muted_until",
        (user_id, game_id, muted_until),
    )


def delete_old_lines(connection: Connection, received_before: int, limit: int) -> int:
    """Remove up to ``limit`` lines received before a time in epoch ms; returns the number removed."""
    return connection.execute(
        "DELETE FROM chat_lines WHERE id IN"
        " (SELECT id FROM chat_lines WHERE received_at < ? ORDER BY received_at LIMIT ?)",
        (received_before, limit),
    ).rowcount


def delete_ended_mutes(connection: Connection, now_ms: int, limit: int) -> int:
    """Remove up to ``limit`` mutes that have ended; returns the number removed."""
    return connection.execute(
        "DELETE FROM mutes WHERE (user_id, game_id) IN"
        " (SELECT user_id, game_id FROM mutes WHERE muted_until <= ? ORDER BY muted_until LIMIT ?)",
        (now_ms, limit),
    ).rowcount
