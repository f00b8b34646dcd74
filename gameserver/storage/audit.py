"""The audit: who has done what with the power of an admin."""

from typing import NamedTuple

from gameserver.storage.connection import Connection

_PER_MS = 1_000


class NewEntry(NamedTuple):
    """An act: of the user, or if there is none of the command line, in a source or a game if it concerns one."""

    at: int
    user_id: int | None
    op: int | None
    name: str
    parameters: str
    source_id: int | None
    game_id: int | None


def insert_entry(connection: Connection, entry: NewEntry) -> None:
    """Record an act, in the transaction that carries it out; a game's is its source's too."""
    at, user_id, op, name, parameters, source_id, game_id = entry
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM audit").fetchone()
    connection.execute(
        "INSERT INTO audit (id, at, user_id, op, name, parameters, source_id, game_id)"
        " VALUES (?, ?, ?, ?, ?, ?, coalesce(?, (SELECT source_id FROM games WHERE id = ?)), ?)",
        (max(at * _PER_MS, newest + 1), at, user_id, op, name, parameters, source_id, game_id, game_id),
    )


class Entry(NamedTuple):
    """An act as it is shown."""

    id: int
    at: int
    user_id: int | None
    username: str | None
    op: int | None
    name: str
    parameters: str
    game_uuid: str | None


def first_id_at(at: int) -> int:
    """The least id that an entry of this time can have."""
    return at * _PER_MS


def list_entries(
    connection: Connection,
    *,
    user_id: int | None,
    source_id: int | None,
    game_id: int | None,
    before: int | None,
    limit: int,
) -> list[Entry]:
    """The newest entries below an id, newest first, of a user, a source or a game where one is given."""
    given = {"user_id = ?": user_id, "source_id = ?": source_id, "game_id = ?": game_id, "id < ?": before}
    conditions = {f"audit.{condition}": value for condition, value in given.items() if value is not None}
    rows = connection.execute(
        "SELECT audit.id, at, audit.user_id, users.username, op, audit.name, parameters, games.uuid FROM audit"
        " LEFT JOIN users ON users.id = audit.user_id LEFT JOIN games ON games.id = audit.game_id"
        f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY audit.id DESC LIMIT ?",
        (*conditions.values(), limit),
    )
    return [Entry(*row) for row in rows]


def delete_old_entries(connection: Connection, before_ms: int, limit: int) -> int:
    """Delete up to ``limit`` entries from before a time; returns how many."""
    return connection.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ? ORDER BY id LIMIT ?)",
        (first_id_at(before_ms), limit),
    ).rowcount
