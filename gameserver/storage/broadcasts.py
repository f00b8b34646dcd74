"""The log of each game's durable broadcasts (protocol, "Sequence and recovery")."""

from typing import NamedTuple

from gameserver.storage.connection import Connection


class LoggedBroadcast(NamedTuple):
    """A broadcast as it was sent."""

    seq: int
    sent_at: int
    body: bytes


def insert_broadcast(connection: Connection, game_id: int, sent_at: int, body: bytes) -> int:
    """Log a broadcast under the game's next seq, which is returned."""
    (seq,) = connection.execute("UPDATE games SET seq = seq + 1 WHERE id = ? RETURNING seq", (game_id,)).fetchone()
    connection.execute(
        "INSERT INTO broadcasts (game_id, seq, sent_at, body) VALUES (?, ?, ?, ?)",
        (game_id, seq, sent_at, body),
    )
    return int(seq)


def list_broadcasts(
    connection: Connection, game_id: int, after_seq: int, up_to_seq: int, max_bytes: int
) -> list[LoggedBroadcast]:
    """The broadcasts with ``after_seq < seq <= up_to_seq``: at least one, then while ``max_bytes`` allow."""
    found: list[LoggedBroadcast] = []
    for row in connection.execute(
        "SELECT seq, sent_at, body FROM broadcasts WHERE game_id = ? AND seq > ? AND seq <= ? ORDER BY seq",
        (game_id, after_seq, up_to_seq),
    ):
        found.append(LoggedBroadcast(*row))
        max_bytes -= len(found[-1].body)
        if max_bytes <= 0:
            break
    return found


def first_logged_seq(connection: Connection, game_id: int) -> int | None:
    """The oldest seq the log still holds."""
    seq: int | None = connection.execute("SELECT min(seq) FROM broadcasts WHERE game_id = ?", (game_id,)).fetchone()[0]
    return seq


def delete_first_broadcasts(connection: Connection, game_id: int, limit: int) -> int:
    """Remove up to ``limit`` broadcasts of a game, the oldest first; returns how many."""
    return connection.execute(
        "DELETE FROM broadcasts WHERE id IN (SELECT id FROM broadcasts WHERE game_id = ? ORDER BY seq LIMIT ?)",
        (game_id, limit),
    ).rowcount
