"""Replies stored under idempotency keys (protocol, "Idempotency")."""

import sqlite3
from typing import NamedTuple


class StoredReply(NamedTuple):
    """The reply to the request with this digest."""

    digest: bytes
    body: bytes


def find_reply(connection: sqlite3.Connection, user_id: int, key: str, stored_since: int) -> StoredReply | None:
    """The reply stored for a user's key since then."""
    row = connection.execute(
        "SELECT digest, body FROM stored_replies WHERE user_id = ? AND key = ? AND stored_at >= ?",
        (user_id, key, stored_since),
    ).fetchone()
    return StoredReply(*row) if row else None


def insert_reply(connection: sqlite3.Connection, user_id: int, key: str, reply: StoredReply, now_ms: int) -> None:
    """Store a reply; one under the same key that is too old is replaced."""
    connection.execute(
        "INSERT OR REPLACE INTO stored_replies (user_id, key, digest, stored_at, body) VALUES (?, ?, ?, ?, ?)",
        (user_id, key, reply.digest, now_ms, reply.body),
    )


def delete_old_replies(connection: sqlite3.Connection, stored_before: int, limit: int) -> int:
    """Remove up to ``limit`` replies stored before then; returns how many."""
    return connection.execute(
        "DELETE FROM stored_replies WHERE rowid IN"
        " (SELECT rowid FROM stored_replies WHERE stored_at < ? ORDER BY stored_at LIMIT ?)",
        (stored_before, limit),
    ).rowcount
