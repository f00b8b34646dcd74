"""What is kept of users: what their bets in pools that have ended come to, by game, by type of game and by day."""

from typing import NamedTuple

from gameserver.storage.connection import Connection
from gameserver.storage.tallied import IS_CHANGED, SUMS, TalliedGame

DAY_MS = 86_400_000


class Record(NamedTuple):
    """What a user's part in pools of a game that have ended comes to; money in minor units.

    Of ``bets``, all that are not cancelled, some ``won`` and some ``lost``, the others were ``refunded``; ``staked`` is
    staked by all of them, ``net`` what the valid ones were paid less their stakes, ``best_win`` that of the best one;
    ``reaction_ms`` is the sum of the times from the start of each pool to the user's first bet, ``joined_at`` when the
    first of all was placed.
    """

    user_id: int
    game_id: int
    pools: int
    bets: int
    won: int
    lost: int
    refunded: int
    staked: int
    net: int
    reaction_ms: int
    best_win: int
    joined_at: int


_SUMS = SUMS[:-1]  # of a record by game


def add_to_records(connection: Connection, game: TalliedGame, at_ms: int) -> None:
    """Add what was tallied of a game to what is kept of users; it begins with a first pool and ends with the last."""
    _add_by_game(connection, game.game_id)
    _add_by_type(connection, game.game_id)
    if game.fewest_pools < 0:
        _delete_empty(connection, game.game_id)
    _add_by_day(connection, game.game_id, at_ms)
    if game.is_taken_back:
        _renew_extremes(connection, game.game_id)


def _add_by_game(connection: Connection, game_id: int) -> None:
    names = ", ".join(_SUMS)
    connection.execute(
        f"INSERT INTO game_records (user_id, game_id, currency, type, {names}, best_win, joined_at)"
        f" SELECT user_id, game_id, currency, type, {names}, best_win, joined_at FROM tallied AS t"
        f" JOIN games ON games.id = t.game_id WHERE t.game_id = ? AND ({IS_CHANGED})"
        " ON CONFLICT (user_id, game_id) DO UPDATE"
        f" SET {', '.join(f'{name} = game_records.{name} + excluded.{name}' for name in _SUMS)},"
        " best_win = CASE WHEN excluded.best_win > game_records.best_win THEN excluded.best_win"
        "  ELSE game_records.best_win END,"
        " joined_at = CASE WHEN excluded.joined_at < game_records.joined_at THEN excluded.joined_at"
        "  ELSE game_records.joined_at END",
        (game_id,),
    )


def _add_by_type(connection: Connection, game_id: int) -> None:
    """Add to the records by type of game, once those by game have been added to: the numbers of games follow them."""
    names = ("games", *SUMS)
    connection.execute(
        f"INSERT INTO user_records (user_id, currency, type, {', '.join(names)})"
        " SELECT t.user_id, r.currency, r.type, CASE WHEN t.pools > 0 AND r.pools = t.pools THEN 1"
        f"  WHEN t.pools < 0 AND r.pools = 0 THEN -1 ELSE 0 END, {', '.join(f't.{name}' for name in SUMS)}"
        " FROM tallied AS t JOIN game_records AS r ON r.user_id = t.user_id AND r.game_id = t.game_id"
        f" WHERE t.game_id = ? AND ({IS_CHANGED}) ON CONFLICT (user_id, currency, type) DO UPDATE"
        f" SET {', '.join(f'{name} = user_records.{name} + excluded.{name}' for name in names)}",
        (game_id,),
    )


def _delete_empty(connection: Connection, game_id: int) -> None:
    users = "user_id IN (SELECT t.user_id FROM tallied AS t WHERE t.game_id = ?)"
    connection.execute(f"DELETE FROM user_records WHERE pools = 0 AND {users}", (game_id,))
    connection.execute(f"DELETE FROM game_records WHERE pools = 0 AND game_id = ? AND {users}", (game_id, game_id))


def _add_by_day(connection: Connection, game_id: int, at_ms: int) -> None:
    connection.execute(
        "INSERT INTO points_by_day (user_id, currency, day, at_ms, net)"
        " SELECT t.user_id, currency, ?, ?, t.net FROM tallied AS t JOIN games ON games.id = t.game_id"
        " WHERE t.game_id = ? AND t.net <> 0 ON CONFLICT (user_id, currency, day) DO UPDATE"
        " SET at_ms = excluded.at_ms, net = points_by_day.net + excluded.net",
        (at_ms // DAY_MS, at_ms, game_id),
    )


def _renew_extremes(connection: Connection, game_id: int) -> None:
    """Find the best win and the first bet again of users of whom pools were taken back."""
    connection.execute(
        "UPDATE game_records SET best_win = found.best_win, joined_at = found.joined_at FROM ("
        "  SELECT p.user_id, p.game_id, max(p.best_win) AS best_win, min(p.first_bet_at) AS joined_at"
        "  FROM tallied AS t JOIN participations AS p ON p.user_id = t.user_id AND p.game_id = t.game_id"
        "  JOIN pools ON pools.id = p.pool_id"
        "  WHERE t.game_id = ? AND t.is_taken_back = 1 AND pools.status <> 'open' GROUP BY p.user_id, p.game_id"
        " ) AS found WHERE game_records.user_id = found.user_id AND game_records.game_id = found.game_id",
        (game_id,),
    )
