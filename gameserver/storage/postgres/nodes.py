"""What the servers on the database have in common: who is connected to each, what one leaves locked, and the time.

A server that is silent has gone.
"""

from collections.abc import Callable

from gameserver.storage.connection import Connection
from gameserver.storage.peers import ClockReading

_GONE_S = 5
_FORGOTTEN_S = 60
_STILL_S = 10  # PostgreSQL's own timeout does not run among statements that were sent together, nor after them
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


def end_who_stands_still(connection: Connection, still_s: float = _STILL_S) -> int:
    """End the connections that hold a batch's lock but have sent nothing for so long; returns how many there were."""
    ended = connection.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        " AND xact_start IS NOT NULL AND wait_event_type = 'Client'"
        " AND clock_timestamp() - state_change > CAST(? AS float8) * interval '1 s'"
        " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)",
        (still_s,),
    )
    return int(ended.fetchone()[0])


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
