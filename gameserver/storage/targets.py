"""A game's actions and nested targets."""

from collections.abc import Iterable, Mapping

from gameserver.domain.targets import TargetRow
from gameserver.storage.connection import Connection


def list_actions(connection: Connection, game_id: int) -> dict[str, str]:
    """A game's actions: action id → name, in the order sent."""
    return dict(connection.execute("SELECT key, name FROM actions WHERE game_id = ? ORDER BY id", (game_id,)))


def list_action_rows(connection: Connection, game_id: int) -> list[tuple[str, int]]:
    """A game's actions: wire id and row id, in the order sent."""
    return connection.execute("SELECT key, id FROM actions WHERE game_id = ? ORDER BY id", (game_id,)).fetchall()


def get_action_key(connection: Connection, action_id: int) -> str:
    """The id of the action with this row id, which must exist."""
    key: str = connection.execute("SELECT key FROM actions WHERE id = ?", (action_id,)).fetchone()[0]
    return key


def insert_actions(connection: Connection, game_id: int, actions: Mapping[str, str]) -> None:
    """Add actions to a game; existing ones are left unchanged."""
    connection.execute_many(
        "INSERT INTO actions (game_id, key, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(game_id, key, name) for key, name in actions.items()],
    )


def list_target_rows(connection: Connection, game_id: int) -> list[TargetRow]:
    """A game's targets, parents before their children, otherwise in the order sent."""
    fields = "id AS number, parent_id AS parent, key AS id, display_name"
    query = f"SELECT {fields} FROM targets WHERE game_id = ? ORDER BY targets.id"
    return connection.list_rows(TargetRow, query, (game_id,))


def next_target_number(connection: Connection) -> int:
    """The id of the next target row."""
    number: int = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM targets").fetchone()[0]
    return number


def insert_target_rows(connection: Connection, game_id: int, rows: Iterable[TargetRow]) -> None:
    """Add targets numbered from `next_target_number` on."""
    columns = ("game_id", "id", "parent_id", "key", "display_name")
    connection.insert_many("targets", columns, [(game_id, *row) for row in rows])


def find_action_id(connection: Connection, game_id: int, key: str) -> int | None:
    """The row id of a game's action; None if there is no such action."""
    row = connection.execute("SELECT id FROM actions WHERE game_id = ? AND key = ?", (game_id, key)).fetchone()
    return int(row[0]) if row else None


def find_target(connection: Connection, game_id: int, target_id: str) -> TargetRow | None:
    """A game's target by its id, a path such as ``argentina:1``; None if there is none."""
    path = find_target_path(connection, game_id, target_id)
    return path[-1] if path else None


def find_target_path(connection: Connection, game_id: int, target_id: str) -> list[TargetRow]:
    """The rows from the root to a target, which is the last; empty if there is no such target."""
    path: list[TargetRow] = []
    for key in target_id.split(":"):
        parent = path[-1].number if path else None
        # Two statements, since each needs an index of its own.
        within = ("parent_id IS NULL AND game_id", game_id) if parent is None else ("parent_id", parent)
        row = connection.execute(
            f"SELECT id, parent_id, key, display_name FROM targets WHERE {within[0]} = ? AND key = ?",
            (within[1], key),
        ).fetchone()
        if row is None:
            return []
        path.append(TargetRow._make(row))
    return path


def get_target_path(connection: Connection, target_id: int) -> list[TargetRow]:
    """The rows from the root to the target with this row id, which must exist and comes last."""
    rows = connection.execute(
        "WITH RECURSIVE up (id, parent_id, key, display_name) AS ("
        " SELECT id, parent_id, key, display_name FROM targets WHERE id = ?"
        " UNION ALL SELECT targets.id, targets.parent_id, targets.key, targets.display_name"
        " FROM targets JOIN up ON targets.id = up.parent_id"
        ") SELECT id, parent_id, key, display_name FROM up ORDER BY id",
        (target_id,),
    )
    return list(map(TargetRow._make, rows))
