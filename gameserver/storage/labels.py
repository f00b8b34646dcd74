"""What has been set of a game's targets and actions: names, symbols, colours, and whether bets are taken on them."""

from collections.abc import Mapping

from gameserver.domain.targets import TargetLabel, TargetRow
from gameserver.storage.connection import Connection

_FIELDS = ", ".join(TargetLabel._fields)


def list_labels(connection: Connection, game_id: int) -> dict[int, TargetLabel]:
    """The labels of a game's targets, by row id; of most targets nothing is set."""
    rows = connection.execute(f"SELECT target_id, {_FIELDS} FROM target_labels WHERE game_id = ?", (game_id,))
    return {
        row: TargetLabel._make((*fields, None if is_active is None else bool(is_active)))
        for row, *fields, is_active in rows
    }


def shown_name(connection: Connection, target: TargetRow) -> str:
    """The name by which a target is shown."""
    query = "SELECT display_name FROM target_labels WHERE target_id = ? AND display_name IS NOT NULL"
    row = connection.execute(query, (target.number,)).fetchone()
    return target.display_name if row is None else str(row[0])


def update_labels(connection: Connection, game_id: int, labels: Mapping[int, TargetLabel]) -> None:
    """Set the labels of targets, by row id."""
    columns = ("target_id", "game_id", *TargetLabel._fields)
    names = ", ".join(columns)
    changes = ", ".join(f"{field} = excluded.{field}" for field in TargetLabel._fields)
    connection.execute_with(
        f"INSERT INTO target_labels ({names}) SELECT {names} FROM given WHERE true"
        f" ON CONFLICT (target_id) DO UPDATE SET {changes}",
        columns,
        [(target_id, game_id, *label) for target_id, label in labels.items()],
    )


def update_active_targets(connection: Connection, game_id: int) -> None:
    """Bring up to date which targets bets are taken on: none whose label says otherwise, nor any below it."""
    connection.execute(
        "WITH RECURSIVE inactive (id) AS ("
        " SELECT target_id FROM target_labels WHERE game_id = ? AND is_active = 0"
        " UNION SELECT targets.id FROM inactive JOIN targets ON targets.parent_id = inactive.id"
        ") UPDATE targets SET is_active = 1 - is_active"
        " WHERE game_id = ? AND is_active = CASE WHEN id IN (SELECT id FROM inactive) THEN 1 ELSE 0 END",
        (game_id, game_id),
    )


def update_action_names(connection: Connection, game_id: int, names: Mapping[str, str]) -> None:
    """Rename actions, by action id."""
    connection.execute_many(
        "UPDATE actions SET name = ? WHERE game_id = ? AND key = ?",
        [(name, game_id, key) for key, name in names.items()],
    )
