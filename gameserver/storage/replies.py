"""Replies stored under idempotency keys (protocol, "Idempotency")."""

from typing import NamedTuple

from gameserver.storage.connection import Connection


class StoredReply(NamedTuple):
    """A stored reply, and the digest of the request it answers."""

    digest: bytes
    body: bytes


def find_reply(connection: Connection, user_id: int, key: str, stored_since: int) -> StoredReply | None:
    """The reply stored under a user's key no earlier than a time in epoch ms; None if there is none."""
    row = connection.execute(
        "SELECT digest, body FROM stored_replies WHERE user_id = ? AND key = ? AND stored_at >= ?",
        (user_id, key, stored_since),
    ).fetchone()
    return StoredReply(*row) if row else None


def insert_reply(connection: Connection, user_id: int, key: str, reply: StoredReply, now_ms: int) -> None:
    """Store a reply, replacing an expired one under the same key."""
    connection.execute(
        "INSERT INTO stored_replies (user_id, key, digest, stored_at, body) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (user_id, key) DO UPDATE SET digest = excluded.digest, stored_at = excluded.stored_at,"
        " body = excluded.body",
        (user_id, key, reply.digest, now_ms, reply.body),
    )


def delete_old_replies(connection: Connection, stored_before: int, limit: int) -> int:
    """Remove up to ``limit`` replies stored before a time in epoch ms; returns the number removed."""
    return connection.execute(
        "DELETE FROM stored_replies WHERE (user_id, key) IN"
        " (SELECT user_id, key FROM stored_replies WHERE stored_at < ? ORDER BY stored_at LIMIT ?)",
        (stored_before, limit),
    ).rowcount
