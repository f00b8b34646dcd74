"""What each server on the database tells the others of who is connected to it; a server that is silent has gone."""

from gameserver.storage.connection import Connection

_GONE_S = 5
_FORGOTTEN_S = 60


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
