"""Reading what is kept of users: their games, their statistics, their points by day, and their running bets."""

from typing import NamedTuple

from gameserver.storage.bet_chains import IS_VALID, chain, newest_bet
from gameserver.storage.bets import Bet
from gameserver.storage.connection import Connection
from gameserver.storage.records import DAY_MS


class GameHistory(NamedTuple):
    """A user's part in a game, in minor units: what has ended of it, and what is in open pools, late bets included.

    ``joined_at`` and ``first_running_at`` are when the first bets of both were placed, if there are any.
    """

    game_id: int
    game_uuid: str
    name: str
    currency: str
    closed_at: int | None
    bets: int
    won: int
    lost: int
    staked: int
    net: int
    joined_at: int | None
    running_bets: int
    running_staked: int
    first_running_at: int | None


def list_game_histories(
    connection: Connection, user_id: int, currency: str | None, before_id: int, limit: int
) -> list[GameHistory]:
    """A user's parts in games with a lower row id, the newest games first; in one currency, or in all.

    Whoever takes part in a pool has a part in its game, so that no more games are looked at than there are on the page.
    """
    # Not as a join, for which PostgreSQL may go through all games.
    has_currency = " AND coalesce((SELECT 1 FROM games WHERE games.id = p.game_id AND games.currency = ?), 0) <> 0"
    in_currency, value = ("", ()) if currency is None else (has_currency, (currency,))
    next_game = (
        "(SELECT p.game_id FROM participations AS p"
        f" WHERE p.user_id = ? AND p.game_id < {{}}{in_currency} ORDER BY p.game_id DESC LIMIT 1)"
    )
    return connection.list_rows(
        GameHistory,
        f"WITH RECURSIVE mine (game_id, number) AS (SELECT {next_game.format('?')}, 1"
        f"  UNION ALL SELECT {next_game.format('mine.game_id')}, number + 1 FROM mine"
        "   WHERE mine.game_id IS NOT NULL AND number < ?)"
        " SELECT games.id AS game_id, games.uuid AS game_uuid, games.name AS name, games.currency AS currency,"
        " closed_at, coalesce(r.bets, 0) AS bets, coalesce(won, 0) AS won, coalesce(lost, 0) AS lost,"
        " coalesce(r.staked, 0) AS staked, coalesce(net, 0) AS net, joined_at,"
        " coalesce(running.bets, 0) AS running_bets, coalesce(running.staked, 0) AS running_staked, first_running_at"
        " FROM mine CROSS JOIN games LEFT JOIN game_records AS r ON r.user_id = ? AND r.game_id = games.id"
        " LEFT JOIN (SELECT p.game_id, min(p.first_bet_at) AS first_running_at, sum(p.late_bets + coalesce("
        "   (SELECT sum(s.bets) FROM stakes AS s WHERE s.user_id = p.user_id AND s.pool_id = p.pool_id), 0)) AS bets,"
        "   sum(p.late_amount + coalesce((SELECT sum(s.amount) FROM stakes AS s"
        "    WHERE s.user_id = p.user_id AND s.pool_id = p.pool_id), 0)) AS staked"
        "   FROM mine AS played CROSS JOIN pools CROSS JOIN participations AS p"
        "   WHERE pools.game_id = played.game_id AND pools.status = 'open'"
        "   AND p.user_id = ? AND p.pool_id = pools.id GROUP BY p.game_id"
        "  ) AS running ON running.game_id = games.id"
        " WHERE games.id = mine.game_id AND (joined_at IS NOT NULL OR first_running_at IS NOT NULL)"
        " ORDER BY games.id DESC",
        (user_id, before_id, *value, user_id, *value, limit, user_id, user_id),
    )


class Statistics(NamedTuple):
    """What a user's bets in pools that have ended come to in a currency and a type of game; money in minor units.

    ``best_win`` is the most won by one bet, ``reaction_ms`` the sum of the times from the start of each pool to the
    user's first bet.
    """

    currency: str
    type: str
    games: int
    pools: int
    bets: int
    won: int
    lost: int
    refunded: int
    staked: int
    net: int
    reaction_ms: int
    best_win: int


def list_statistics(connection: Connection, user_id: int) -> list[Statistics]:
    """A user's statistics by currency and type of game."""
    return connection.list_rows(
        Statistics,
        "SELECT currency, type, games, pools, bets, won, lost, refunded, staked, net, reaction_ms,"
        " coalesce((SELECT max(best_win) FROM game_records AS g WHERE g.user_id = r.user_id"
        "  AND g.currency = r.currency AND g.type = r.type AND best_win > 0), 0) AS best_win"
        " FROM user_records AS r WHERE user_id = ? ORDER BY currency, type",
        (user_id,),
    )


class DayOfPoints(NamedTuple):
    """A day on which a user's points have changed, the last time at ``at_ms``, by ``net`` minor units."""

    at_ms: int
    net: int


def list_days_of_points(connection: Connection, user_id: int, currency: str, since_ms: int) -> list[DayOfPoints]:
    """The days on which a user's points have changed since that time, in order."""
    rows = connection.execute(
        "SELECT at_ms, net FROM points_by_day WHERE user_id = ? AND currency = ? AND day >= ? ORDER BY day",
        (user_id, currency, since_ms // DAY_MS),
    )
    return [DayOfPoints(*row) for row in rows]


def get_points(connection: Connection, user_id: int, currency: str) -> int:
    """A user's points in a currency, in minor units."""
    query = "SELECT coalesce(sum(net), 0) FROM user_records WHERE user_id = ? AND currency = ?"
    (points,) = connection.execute(query, (user_id, currency)).fetchone()
    return int(points)


def list_running_bets(connection: Connection, user_id: int, before_id: int, limit: int) -> list[Bet]:
    """A user's running bets with a lower row id, newest first; in the pool of the bet with that id, those before it."""
    heads = (
        "SELECT CASE p.pool_id WHEN of_page.pool_id THEN of_page.previous_id"
        f"  ELSE ({newest_bet('p.user_id', 'p.pool_id')}) END"
        " FROM participations AS p LEFT JOIN bets AS of_page ON of_page.id = ? AND of_page.user_id = p.user_id"
        " WHERE p.user_id = ? AND p.is_running = 1"
    )
    is_wanted = f"bets.id < ? AND {IS_VALID}"
    rows = connection.execute(
        f"{chain(heads, is_wanted)} SELECT {', '.join(Bet._fields)} FROM chain AS bets"
        f" WHERE {is_wanted} ORDER BY id DESC LIMIT ?",
        (before_id, before_id, user_id, before_id, limit, before_id, limit),
    )
    return [Bet(*row) for row in rows]
