"""What a source's games come to, summed over their pools."""

from typing import NamedTuple

from gameserver.storage.connection import Connection


class Turnover(NamedTuple):
    """The pools and bets in one currency, and where the stakes are; amounts in minor units.

    Of ``staked``, what is neither ``paid`` to winners nor ``refunded`` nor kept as ``takeout`` is in running bets.
    """

    currency: str
    pools: int
    bets: int
    staked: int
    paid: int
    refunded: int
    takeout: int


def count_games(connection: Connection, source_id: int) -> int:
    """The number of games that a source has had."""
    return int(connection.execute("SELECT count(*) FROM games WHERE source_id = ?", (source_id,)).fetchone()[0])


def count_bettors(connection: Connection, source_id: int) -> int:
    """The number of users who have bet in the games of a source."""
    row = connection.execute(
        "SELECT count(DISTINCT participations.user_id) FROM games JOIN pools ON pools.game_id = games.id"
        " JOIN participations ON participations.pool_id = pools.id WHERE games.source_id = ?",
        (source_id,),
    ).fetchone()
    return int(row[0])


def list_turnovers(connection: Connection, source_id: int) -> list[Turnover]:
    """What the pools of a source come to, by currency."""
    rows = connection.execute(
        "WITH ended AS (SELECT games.currency, pools.bet_count, pools.amount_total, s.id, s.takeout,"
        "  (SELECT sum(pot) FROM divisions WHERE settlement_id = s.id) AS paid,"
        "  (SELECT coalesce(sum(amount), 0) FROM bets WHERE pool_id = pools.id AND invalidated_by IS NOT NULL) AS late"
        "  FROM games JOIN pools ON pools.game_id = games.id LEFT JOIN settlements AS s ON s.id = settlement_id"
        "  WHERE games.source_id = ?)"
        " SELECT currency, count(*), sum(bet_count), sum(amount_total + late), sum(coalesce(paid, 0)),"
        " sum(late + CASE WHEN id IS NOT NULL AND paid IS NULL THEN amount_total ELSE 0 END), sum(coalesce(takeout, 0))"
        " FROM ended GROUP BY currency ORDER BY currency",
        (source_id,),
    )
    return list(map(Turnover._make, rows))
