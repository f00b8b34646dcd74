"""The log of each game's durable broadcasts (protocol, "Sequence and recovery")."""

from collections.abc import Sequence
from typing import NamedTuple

from gameserver.storage.connection import Connection

_READ_AT_ONCE = 100


class LoggedBroadcast(NamedTuple):
    """A durable broadcast: its ``seq``, when it was sent in epoch ms, and its JSON."""

    seq: int
    sent_at: int
    body: bytes


def insert_broadcasts(connection: Connection, game_id: int, sent_at: int, bodies: Sequence[bytes]) -> range:
    """Log broadcasts, at least one, under the game's next seqs, in order; returns these."""
    query = "UPDATE games SET seq = seq + ? WHERE id = ? RETURNING seq"
    last_seq = int(connection.execute(query, (len(bodies), game_id)).fetchone()[0])
    seqs = range(last_seq - len(bodies) + 1, last_seq + 1)
    rows = [(game_id, seq, sent_at, body) for seq, body in zip(seqs, bodies, strict=True)]
    connection.insert_many("broadcasts", ("game_id", "seq", "sent_at", "body"), rows)
    return seqs


def list_broadcasts(
    connection: Connection, game_id: int, after_seq: int, up_to_seq: int, max_bytes: int
) -> list[LoggedBroadcast]:
    """The broadcasts with ``after_seq < seq <= up_to_seq``, ending where ``max_bytes`` are reached.

    It is at least one, if the log still has the first of them.
    """
    found: list[LoggedBroadcast] = []
    # An engine may read all that a statement selects, whatever is asked for of it.
    for start in range(after_seq, up_to_seq, _READ_AT_ONCE):
        rows = connection.execute(
            "SELECT seq, sent_at, body FROM broadcasts WHERE game_id = ? AND seq > ? AND seq <= ? ORDER BY seq",
            (game_id, start, min(start + _READ_AT_ONCE, up_to_seq)),
        ).fetchall()
        for row in rows:
            found.append(LoggedBroadcast(*row))
            max_bytes -= len(found[-1].body)
            if max_bytes <= 0:
                return found
        if len(rows) < _READ_AT_ONCE:
            break
    return found


def first_logged_seq(connection: Connection, game_id: int) -> int | None:
    """The oldest seq in the game's log; None if the log is empty."""
    seq: int | None = connection.execute("SELECT min(seq) FROM broadcasts WHERE game_id = ?", (game_id,)).fetchone()[0]
    return seq


def delete_first_broadcasts(connection: Connection, game_id: int, limit: int) -> int:
    """Remove up to ``limit`` broadcasts of a game, oldest first; returns the number removed."""
    return connection.execute(
        "DELETE FROM broadcasts WHERE id IN (SELECT id FROM broadcasts WHERE game_id = ? ORDER BY seq LIMIT ?)",
        (game_id, limit),
    ).rowcount
