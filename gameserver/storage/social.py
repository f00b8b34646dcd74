"""What is forgotten of a user whose account is deleted."""

from gameserver.storage.connection import Connection

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


def forget_social(connection: Connection, user_id: int) -> None:
    """Delete a user's lines in chats, and what makes others the user's friends, requesters or blocked."""
    for statement in _OF_USER:
        connection.execute(statement, (user_id,))
