"""What is kept of users: what their bets in pools that have ended come to, by game, by type of game and by day."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gameserver.storage.connection import Connection

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


def list_records(connection: Connection, pool_ids: Iterable[int]) -> list[Record]:
    """The records of all who have taken part in ended pools, one for each pool."""
    return connection.list_rows_with(
        Record,
        "SELECT p.user_id AS user_id, p.game_id AS game_id, 1 AS pools, p.late_bets + coalesce(sum(s.bets), 0) AS bets,"
        " coalesce(sum(CASE WHEN d.position IS NULL THEN 0 ELSE s.bets END), 0) AS won,"
        " coalesce(sum(CASE WHEN ended.is_divided AND d.position IS NULL THEN s.bets ELSE 0 END), 0) AS lost,"
        " p.late_bets + coalesce(sum(CASE WHEN ended.is_divided THEN 0 ELSE s.bets END), 0) AS refunded,"
        " p.late_amount + coalesce(sum(s.amount), 0) AS staked, p.net AS net,"
        " p.first_bet_at - ended.start_at AS reaction_ms, p.best_win AS best_win, p.first_bet_at AS joined_at"
        " FROM (SELECT pools.id, start_at, settlement_id,"
        "  EXISTS (SELECT 1 FROM divisions WHERE settlement_id = pools.settlement_id) AS is_divided"
        "  FROM given JOIN pools ON pools.id = given.pool_id) AS ended"
        " JOIN participations AS p ON p.pool_id = ended.id"
        " LEFT JOIN stakes AS s ON s.user_id = p.user_id AND s.pool_id = p.pool_id"
        " LEFT JOIN divisions AS d ON d.settlement_id = ended.settlement_id AND d.position = s.position"
        " GROUP BY p.user_id, p.pool_id, ended.start_at",
        ("pool_id",),
        [(pool_id,) for pool_id in pool_ids],
    )


_SUMS = Record._fields[2:9]


def add_to_records(connection: Connection, added: Sequence[Record], at_ms: int) -> None:
    """Add to what is kept of users; it begins with their first pool and ends with their last."""
    _add_by_game(connection, added)
    _add_by_type(connection, added)
    ended = [record for record in added if record.pools < 0]
    if ended:
        _delete_empty(connection, ended)
    gained = [record for record in added if record.net]
    if gained:
        _add_by_day(connection, gained, at_ms)


def _add_by_game(connection: Connection, added: Sequence[Record]) -> None:
    names = ", ".join(_SUMS)
    connection.execute_with(
        f"INSERT INTO game_records (user_id, game_id, currency, type, {names}, best_win, joined_at)"
        f" SELECT user_id, game_id, currency, type, {names}, best_win, joined_at FROM given"
        " JOIN games ON games.id = given.game_id WHERE true ON CONFLICT (user_id, game_id) DO UPDATE"
        f" SET {', '.join(f'{name} = game_records.{name} + excluded.{name}' for name in _SUMS)},"
        " best_win = CASE WHEN excluded.best_win > game_records.best_win THEN excluded.best_win"
        "  ELSE game_records.best_win END,"
        " joined_at = CASE WHEN excluded.joined_at < game_records.joined_at THEN excluded.joined_at"
        "  ELSE game_records.joined_at END",
        Record._fields,
        added,
    )


def _add_by_type(connection: Connection, added: Sequence[Record]) -> None:
    """Add to the records by type of game, once those by game have been added to: the numbers of games follow them."""
    names = ("games", *_SUMS, "reaction_ms")
    sums = ", ".join(f"sum(given.{name})" for name in names[1:])
    connection.execute_with(
        f"INSERT INTO user_records (user_id, currency, type, {', '.join(names)})"
        " SELECT given.user_id, r.currency, r.type, sum(CASE WHEN given.pools > 0 AND r.pools = given.pools THEN 1"
        f"  WHEN given.pools < 0 AND r.pools = 0 THEN -1 ELSE 0 END), {sums} FROM given"
        " JOIN game_records AS r ON r.user_id = given.user_id AND r.game_id = given.game_id"
        " GROUP BY given.user_id, r.currency, r.type ON CONFLICT (user_id, currency, type) DO UPDATE"
        f" SET {', '.join(f'{name} = user_records.{name} + excluded.{name}' for name in names)}",
        Record._fields,
        added,
    )


def _delete_empty(connection: Connection, ended: Sequence[Record]) -> None:
    connection.execute_with(
        "DELETE FROM user_records WHERE pools = 0 AND user_id IN (SELECT given.user_id FROM given)",
        Record._fields,
        ended,
    )
    connection.execute_with(
        "DELETE FROM game_records WHERE pools = 0"
        " AND (user_id, game_id) IN (SELECT given.user_id, given.game_id FROM given)",
        Record._fields,
        ended,
    )


def _add_by_day(connection: Connection, gained: Sequence[Record], at_ms: int) -> None:
    connection.execute_with(
        "INSERT INTO points_by_day (user_id, currency, day, at_ms, net)"
        " SELECT given.user_id, currency, given.day, given.at_ms, sum(given.net) FROM given"
        " JOIN games ON games.id = given.game_id GROUP BY given.user_id, currency, given.day, given.at_ms"
        " ON CONFLICT (user_id, currency, day) DO UPDATE"
        " SET at_ms = excluded.at_ms, net = points_by_day.net + excluded.net",
        ("user_id", "game_id", "net", "day", "at_ms"),
        [(record.user_id, record.game_id, record.net, at_ms // DAY_MS, at_ms) for record in gained],
    )


def renew_extremes(connection: Connection, taken_back: Iterable[tuple[int, int]]) -> None:
    """Find the best win and the first bet of users in games again, given as their ids, where pools were taken back."""
    connection.execute_with(
        "UPDATE game_records SET best_win = found.best_win, joined_at = found.joined_at FROM ("
        "  SELECT p.user_id, p.game_id, max(p.best_win) AS best_win, min(p.first_bet_at) AS joined_at FROM given"
        "  JOIN participations AS p ON p.user_id = given.user_id AND p.game_id = given.game_id"
        "  JOIN pools ON pools.id = p.pool_id WHERE pools.status <> 'open' GROUP BY p.user_id, p.game_id"
        " ) AS found WHERE game_records.user_id = found.user_id AND game_records.game_id = found.game_id",
        ("user_id", "game_id"),
        taken_back,
    )
