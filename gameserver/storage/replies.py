"""Replies stored under idempotency keys (protocol, "Idempotency")."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gameserver.storage.connection import Connection, NotAlone


class StoredReply(NamedTuple):
    """A stored reply, and the digest of the request it answers."""

    digest: bytes
    body: bytes


class NewReply(NamedTuple):
    """A reply to be stored under a user's key; ``stored_at`` is in epoch ms."""

    user_id: int
    key: str
    digest: bytes
    stored_at: int
    body: bytes


def find_replies(connection: Connection, since_of: Mapping[tuple[int, str], int]) -> dict[tuple[int, str], StoredReply]:
    """The replies stored under users' keys, each no earlier than the time in epoch ms that its key is mapped to."""
    rows = connection.execute_with(
        "SELECT given.user_id, given.key, digest, body FROM given JOIN stored_replies AS stored"
        " ON stored.user_id = given.user_id AND stored.key = given.key AND stored_at >= since",
        ("user_id", "key", "since"),
        [(user_id, key, since) for (user_id, key), since in since_of.items()],
    )
    return {(user_id, key): StoredReply(digest, body) for user_id, key, digest, body in rows}


def insert_replies(connection: Connection, replies: Sequence[NewReply], kept_ms: int) -> None:
    """Store replies under keys that had none, or one that was kept for so long that it has expired.

    Raises `NotAlone` if one of the keys has been used beside this transaction, in another game.
    """
    names = ", ".join(NewReply._fields)
    stored = connection.execute_with(
        f"INSERT INTO stored_replies ({names}) SELECT {names} FROM given WHERE true"
        " ON CONFLICT (user_id, key) DO UPDATE SET digest = excluded.digest, stored_at = excluded.stored_at,"
        f" body = excluded.body WHERE stored_replies.stored_at < excluded.stored_at - {kept_ms} RETURNING 1",
        NewReply._fields,
        replies,
    ).fetchall()
    if len(stored) < len(replies):
        raise NotAlone


def delete_old_replies(connection: Connection, stored_before: int, limit: int) -> int:
    """Remove up to ``limit`` replies stored before a time in epoch ms; returns the number removed."""
    return connection.execute(
        "DELETE FROM stored_replies WHERE (user_id, key) IN"
        " (SELECT user_id, key FROM stored_replies WHERE stored_at < ? ORDER BY stored_at LIMIT ?)",
        (stored_before, limit),
    ).rowcount
