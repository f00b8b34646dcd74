"""What the servers on the database have in common: who is connected to each, unless it is silent, and the time."""

from collections.abc import Callable

from gameserver.storage.connection import Connection
from gameserver.storage.peers import ClockReading

_GONE_S = 5
_FORGOTTEN_S = 60
_READINGS = 3


def exchange_presence(connection: Connection, node: str, body: bytes) -> list[bytes]:
    """Tell the others who is connected here; returns what each of them tells."""
    connection.execute(
        "INSERT INTO nodes (id, seen_at, body) VALUES (?, now(), ?)"
        " ON CONFLICT (id) DO UPDATE SET seen_at = now(), body = excluded.body",
        (node, body),
    )
    rows = connection.execute(
        f"SELECT body FROM nodes WHERE id <> ? AND seen_at > now() - interval '{_GONE_S} s'", (node,)
    ).fetchall()
    connection.execute(f"DELETE FROM nodes WHERE seen_at < now() - interval '{_FORGOTTEN_S} s'")
    return [told for (told,) in rows]


def leave(connection: Connection, node: str) -> None:
    """Tell the others that this server stops."""
    connection.execute("DELETE FROM nodes WHERE id = ?", (node,))


def read_clock(connection: Connection, monotonic_s: Callable[[], float]) -> ClockReading:
    """What the database's clock shows: of some readings, the one that took the least time."""
    return min(_read_clock(connection, monotonic_s) for _ in range(_READINGS))[1]


def _read_clock(connection: Connection, monotonic_s: Callable[[], float]) -> tuple[float, ClockReading]:
    began_s = monotonic_s()
    (shown_s,) = connection.execute("SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8)").fetchone()
    took_s = monotonic_s() - began_s
    return took_s, ClockReading(shown_s, began_s + took_s / 2)
