"""What is forgotten of a user whose account is deleted, and who is to be told."""

from gameserver.storage.connection import Connection
from gameserver.storage.friend_requests import SHOWN

_OF_USER = (
    "DELETE FROM chat_lines WHERE sender_id = ?",
    "DELETE FROM chat_paces WHERE user_id = ?",
    "DELETE FROM mutes WHERE user_id = ?",
    "DELETE FROM friendships WHERE (user_id, friend_id) IN"
    " (SELECT friend_id, user_id FROM friendships WHERE user_id = ?)",
    "DELETE FROM friendships WHERE user_id = ?",
    "DELETE FROM friend_requests WHERE sender_id = ?",
    "DELETE FROM friend_requests WHERE receiver_id = ?",
    "DELETE FROM blocks WHERE user_id = ?",
    "DELETE FROM blocks WHERE blocked_id = ?",
)


def list_acquainted(connection: Connection, user_id: int, now_ms: int) -> list[int]:
    """The ids of a user's friends, of who has asked the user to be one, and of who is shown that the user has asked."""
    rows = connection.execute(
        "SELECT friend_id FROM friendships WHERE user_id = ?"
        " UNION SELECT sender_id FROM friend_requests WHERE receiver_id = ? AND ended_at IS NULL"
        f" UNION SELECT receiver_id FROM friend_requests WHERE sender_id = ?{SHOWN} ORDER BY 1",
        (user_id, user_id, user_id, now_ms),
    )
    return [acquainted_id for (acquainted_id,) in rows]


def forget_social(connection: Connection, user_id: int) -> None:
    """Delete a user's lines in chats, and what makes others the user's friends, requesters or blocked."""
    for statement in _OF_USER:
        connection.execute(statement, (user_id,))
