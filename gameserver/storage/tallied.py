"""What the pools that a change ends, or opens again, come to by user and game.

It is kept in a table of the writing connection's own until the end of the change, when it is added to records and
leaderboards: of a pool with many bettors, none of it passes through Python.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.storage.connection import Connection

_NEVER = 2**53 - 1
SUMS = ("pools", "bets", "won", "lost", "refunded", "staked", "net", "reaction_ms")
_COLUMNS = ("game_id", "user_id", *SUMS, "best_win", "joined_at", "is_taken_back")

# Made with each connection that writes, since no other sees it. The fields are those of a record, where those of pools
# that are taken back have the sign reversed; its extremes are those of pools that are not.
TABLE = (
    f"CREATE TEMP TABLE tallied ({', '.join(f'{name} BIGINT NOT NULL' for name in _COLUMNS)},"
    " PRIMARY KEY (game_id, user_id))"
)
# Not so where a pool was taken back and settled again as before.
IS_CHANGED = " OR ".join(f"t.{name} <> 0" for name in SUMS)


class TalliedGame(NamedTuple):
    """A game with pools that were tallied: the number of users whose points or numbers of pools change.

    ``fewest_pools`` is below zero where it is less for anybody; ``is_taken_back``, whether any pool was.
    """

    game_id: int
    moved: int
    fewest_pools: int
    is_taken_back: int


def tally_pools(connection: Connection, pool_ids: Iterable[int], *, taken_back: bool = False) -> None:
    """Add ended pools, or take away those whose settlements are about to be taken back."""
    statement = _TAKE_BACK if taken_back else _ADD
    with connection.together():
        for pool_id in pool_ids:
            connection.execute(statement, (pool_id,))


def _adding(sign: int, best_win: str, joined_at: str, is_taken_back: int) -> str:
    """The statement that adds what an ended pool comes to, by user: by all that have stakes, if empty ones, in it."""
    won = "SELECT position FROM divisions WHERE settlement_id = (SELECT settlement_id FROM ended)"
    return (
        f"INSERT INTO tallied ({', '.join(_COLUMNS)})"
        " WITH ended AS MATERIALIZED (SELECT id, start_at, settlement_id,"
        "  (SELECT count(*) FROM divisions AS d WHERE d.settlement_id = pools.settlement_id) AS divided"
        "  FROM pools WHERE id = ?),"
        " staked AS (SELECT user_id, sum(bets) AS bets, sum(amount) AS amount,"
        f"  sum(CASE WHEN position IN ({won}) THEN bets ELSE 0 END) AS won"
        "  FROM stakes WHERE pool_id = (SELECT id FROM ended) GROUP BY user_id),"
        " p AS (SELECT p.*, start_at, divided, bets, amount, won FROM ended CROSS JOIN staked"
        "  CROSS JOIN participations AS p ON p.pool_id = ended.id AND p.user_id = staked.user_id)"
        f" SELECT game_id, user_id, {sign}, {sign} * (late_bets + bets), {sign} * won,"
        f" {sign} * CASE divided WHEN 0 THEN 0 ELSE bets - won END,"
        f" {sign} * (late_bets + CASE divided WHEN 0 THEN bets ELSE 0 END), {sign} * (late_amount + amount),"
        f" {sign} * net, {sign} * (first_bet_at - start_at), {best_win}, {joined_at}, {is_taken_back}"
        " FROM p WHERE true ON CONFLICT (game_id, user_id) DO UPDATE"
        f" SET {', '.join(f'{name} = tallied.{name} + excluded.{name}' for name in SUMS)},"
        " best_win = CASE WHEN excluded.best_win > tallied.best_win THEN excluded.best_win ELSE tallied.best_win END,"
        " joined_at = CASE WHEN excluded.joined_at < tallied.joined_at THEN excluded.joined_at"
        "  ELSE tallied.joined_at END,"
        " is_taken_back = CASE WHEN excluded.is_taken_back = 1 THEN 1 ELSE tallied.is_taken_back END"
    )


_ADD = _adding(1, "best_win", "first_bet_at", 0)
_TAKE_BACK = _adding(-1, "0", str(_NEVER), 1)


def list_tallied_games(connection: Connection) -> list[TalliedGame]:
    """The games with pools that were tallied."""
    return connection.list_rows(
        TalliedGame,
        "SELECT game_id, sum(CASE WHEN net <> 0 OR pools <> 0 THEN 1 ELSE 0 END) AS moved,"
        " min(pools) AS fewest_pools, max(is_taken_back) AS is_taken_back FROM tallied GROUP BY game_id",
        (),
    )


def delete_tallied(connection: Connection) -> None:
    """Begin anew."""
    connection.execute("DELETE FROM tallied")
