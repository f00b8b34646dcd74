"""What became of a game's pools, for exports and replays."""

from typing import NamedTuple

from gameserver.storage.connection import Connection


class PoolOutcome(NamedTuple):
    """The outcome of a pool."""

    status: str
    amount_total: int
    participants: int
    winning_target: str | None
    takeout: int | None
    is_money_return: int | None


def list_pool_outcomes(connection: Connection, game_id: int) -> list[PoolOutcome]:
    """The outcomes of a game's pools, in the order opened."""
    rows = connection.execute(
        "SELECT status, amount_total, participants, t.key, takeout, CASE WHEN s.id IS NOT NULL THEN"
        "  CASE WHEN EXISTS (SELECT 1 FROM divisions WHERE settlement_id = s.id) THEN 0 ELSE 1 END END FROM pools"
        " LEFT JOIN settlements AS s ON s.id = settlement_id"
        " LEFT JOIN pool_targets AS t ON t.pool_id = pools.id AND t.position = s.position"
        " WHERE game_id = ? ORDER BY pools.id",
        (game_id,),
    )
    return list(map(PoolOutcome._make, rows))


def list_pool_takeouts(connection: Connection, game_id: int) -> list[int]:
    """The takeouts of a game's pools, in millionths, in the order opened."""
    rows = connection.execute("SELECT takeout_millionths FROM pools WHERE game_id = ? ORDER BY id", (game_id,))
    return [row[0] for row in rows]
