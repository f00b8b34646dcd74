"""The log of each game's durable broadcasts (protocol, "Sequence and recovery").

What one change tells of a game is one row, compressed if it is several messages: of 40 about 20 pools a tenth is left.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gameserver.storage.connection import Connection

_ROWS_AT_ONCE = 100
_LEVEL = 1  # messages about pools are so alike that the quickest level does


class LoggedBroadcast(NamedTuple):
    """A durable broadcast: its ``seq``, when it was sent in epoch ms, and its JSON."""

    seq: int
    sent_at: int
    body: bytes


def insert_broadcasts(connection: Connection, game_id: int, sent_at: int, bodies: Sequence[bytes]) -> range:
    """Log broadcasts, at least one, under the game's next seqs, in order; returns these."""
    query = "UPDATE games SET seq = seq + ? WHERE id = ? RETURNING seq"
    last_seq = int(connection.execute(query, (len(bodies), game_id)).fetchone()[0])
    connection.execute(
        "INSERT INTO broadcasts (game_id, seq, messages, sent_at, bodies) VALUES (?, ?, ?, ?, ?)",
        (game_id, last_seq, len(bodies), sent_at, _pack(bodies)),
    )
    return range(last_seq - len(bodies) + 1, last_seq + 1)


def _pack(bodies: Sequence[bytes]) -> bytes:
    """Bodies as a row has them. None has a line break, being JSON without spaces."""
    return bodies[0] if len(bodies) == 1 else zlib.compress(b"\n".join(bodies), _LEVEL)


def unpack(last_seq: int, messages: int, packed: bytes) -> Iterable[tuple[int, bytes]]:
    """The seqs and bodies of a row that has so many messages, in order. Raises ValueError if it has not."""
    if messages == 1:
        return [(last_seq, packed)]
    try:
        bodies = zlib.decompress(packed).split(b"\n")
    except zlib.error as error:
        raise ValueError(f"messages cannot be read: {error}") from error
    if len(bodies) != messages:
        raise ValueError(f"there are {len(bodies)} messages, not {messages}")
    return enumerate(bodies, last_seq - messages + 1)


def list_broadcasts(
    connection: Connection, game_id: int, after_seq: int, up_to_seq: int, max_bytes: int
) -> list[LoggedBroadcast]:
    """The broadcasts with ``after_seq < seq <= up_to_seq``, ending where ``max_bytes`` are reached.

    It is at least one, if the log still has the first of them.
    """
    found: list[LoggedBroadcast] = []
    while after_seq < up_to_seq:
        rows = connection.execute(
            "SELECT seq, messages, sent_at, bodies FROM broadcasts WHERE game_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (game_id, after_seq, _ROWS_AT_ONCE),
        ).fetchall()
        for last_seq, messages, sent_at, packed in rows:
            for seq, message in unpack(last_seq, messages, packed):
                if seq > up_to_seq:
                    return found
                if seq > after_seq:
                    found.append(LoggedBroadcast(seq, sent_at, message))
                    max_bytes -= len(message)
                    if max_bytes <= 0:
                        return found
            after_seq = last_seq
        if len(rows) < _ROWS_AT_ONCE:
            break
    return found


def first_logged_seq(connection: Connection, game_id: int) -> int | None:
    """The oldest seq in the game's log; None if the log is empty."""
    query = "SELECT seq - messages + 1 FROM broadcasts WHERE game_id = ? ORDER BY seq LIMIT 1"
    row = connection.execute(query, (game_id,)).fetchone()
    return None if row is None else int(row[0])


def delete_first_broadcasts(connection: Connection, game_id: int, limit: int) -> int:
    """Remove the broadcasts of up to ``limit`` changes of a game, oldest first; returns of how many."""
    return connection.execute(
        "DELETE FROM broadcasts WHERE id IN (SELECT id FROM broadcasts WHERE game_id = ? ORDER BY seq LIMIT ?)",
        (game_id, limit),
    ).rowcount
