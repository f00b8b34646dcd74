"""A game's actions and nested targets."""

import sqlite3
from collections.abc import Iterable, Mapping

from gameserver.domain.targets import TargetRow


def list_actions(connection: sqlite3.Connection, game_id: int) -> dict[str, str]:
    """Action id → name, in the order sent."""
    return dict(connection.execute("SELECT key, name FROM actions WHERE game_id = ? ORDER BY id", (game_id,)))


def insert_actions(connection: sqlite3.Connection, game_id: int, actions: Mapping[str, str]) -> None:
    """Add actions; those that are there stay as they are."""
    connection.executemany(
        "INSERT INTO actions (game_id, key, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(game_id, key, name) for key, name in actions.items()],
    )


def list_target_rows(connection: sqlite3.Connection, game_id: int) -> list[TargetRow]:
    """A game's targets, parents before their children, otherwise in the order sent."""
    rows = connection.execute(
        "SELECT id, parent_id, key, display_name FROM targets WHERE game_id = ? ORDER BY id", (game_id,)
    )
    return list(map(TargetRow._make, rows))


def next_target_number(connection: sqlite3.Connection) -> int:
    """The id of the next target row."""
    number: int = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM targets").fetchone()[0]
    return number


def insert_target_rows(connection: sqlite3.Connection, game_id: int, rows: Iterable[TargetRow]) -> None:
    """Add targets numbered from `next_target_number` on."""
    connection.executemany(
        "INSERT INTO targets (game_id, id, parent_id, key, display_name) VALUES (?, ?, ?, ?, ?)",
        [(game_id, *row) for row in rows],
    )
