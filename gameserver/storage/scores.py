"""The points of actions, and the score that events make of them.

A root target's score is its own ``points`` and the game's ``points_to_all``. An action of negative points takes them
from the former and adds as many to the latter, so that an event changes two rows however many root targets there are.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gameserver.domain.targets import NONE_ID
from gameserver.storage.connection import Connection


def list_scores(connection: Connection, game_id: int) -> dict[str, int]:
    """Action id → points, of a game's actions that score."""
    query = "SELECT key, points FROM actions WHERE game_id = ? AND points IS NOT NULL ORDER BY id"
    return dict(connection.execute(query, (game_id,)))


def get_points(connection: Connection, action_id: int) -> int:
    """What an event of the action with this row id scores."""
    row = connection.execute("SELECT coalesce(points, 0) FROM actions WHERE id = ?", (action_id,)).fetchone()
    return int(row[0])


class _Scored(NamedTuple):
    """The score of a root target; a game that has none has one row without."""

    game_id: int
    target_id: str | None
    points: int | None


def list_score(connection: Connection, game_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """The scores of games by row id, each root target id → points; a game without scores has none."""
    score: dict[int, dict[str, int]] = {}
    rows = connection.list_rows_with(
        _Scored,
        "SELECT games.id AS game_id, targets.key AS target_id, targets.points + points_to_all AS points"
        " FROM given JOIN games ON games.id = given.game_id AND points_to_all IS NOT NULL"
        f" LEFT JOIN targets ON targets.game_id = games.id AND parent_id IS NULL AND key <> '{NONE_ID}'"
        " ORDER BY targets.id",
        ("game_id",),
        [(game_id,) for game_id in game_ids],
    )
    for game_id, target_id, points in rows:
        of_game = score.setdefault(game_id, {})
        if target_id is not None and points is not None:
            of_game[target_id] = points
    return score


def get_score(connection: Connection, game_id: int) -> dict[str, int] | None:
    """The score of one game; None without scores."""
    return list_score(connection, [game_id]).get(game_id)


def count_points(connection: Connection, game_id: int, action_id: int, root_id: int, step: int) -> None:
    """Add what an event by a root target, or below it, scores: ``step`` is 1, or -1 for a voided event."""
    points = get_points(connection, action_id)
    if points:
        connection.execute("UPDATE targets SET points = points + ? WHERE id = ?", (points * step, root_id))
    if points < 0:
        connection.execute("UPDATE games SET points_to_all = points_to_all - ? WHERE id = ?", (points * step, game_id))


def update_scores(connection: Connection, game_id: int, scores: Mapping[str, int]) -> None:
    """Set the points of a game's actions, by action id, and count the score anew."""
    connection.execute("UPDATE actions SET points = NULL WHERE game_id = ? AND points IS NOT NULL", (game_id,))
    connection.execute_many(
        "UPDATE actions SET points = ? WHERE game_id = ? AND key = ?",
        [(points, game_id, key) for key, points in scores.items()],
    )
    connection.execute("UPDATE targets SET points = 0 WHERE game_id = ? AND points <> 0", (game_id,))
    connection.execute(
        "UPDATE targets SET points = counted.points FROM"
        " (SELECT target_id, sum(actions.points * count) AS points FROM event_counts"
        "  JOIN actions ON actions.id = action_id WHERE event_counts.game_id = ? GROUP BY target_id) AS counted"
        " WHERE targets.id = counted.target_id AND parent_id IS NULL AND counted.points IS NOT NULL",
        (game_id,),
    )
    connection.execute(
        "UPDATE games SET points_to_all = CASE WHEN ? = 1 THEN coalesce("
        " (SELECT sum(-actions.points * count) FROM event_counts JOIN actions ON actions.id = action_id"
        "  JOIN targets ON targets.id = target_id AND parent_id IS NULL"
        "  WHERE event_counts.game_id = games.id AND actions.points < 0), 0) END WHERE id = ?",
        (bool(scores), game_id),
    )
