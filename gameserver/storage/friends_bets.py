"""The bets of a user's friends."""

from typing import NamedTuple

from gameserver.storage.bet_chains import chain, newest_bet
from gameserver.storage.bets import Bet
from gameserver.storage.connection import Connection


class FriendsBet(NamedTuple):
    """A bet of a friend, with the friend's name, the target's id and the wire id of the pool."""

    bet: Bet
    username: str
    target: str
    pool_uuid: str


_BET = ", ".join(f"bets.{field}" for field in Bet._fields)


def list_bets_of_friends(
    connection: Connection, user_id: int, game_id: int, limit: int, *, pool_id: int | None = None
) -> list[FriendsBet]:
    """The newest bets of a user's friends in a game, or in one of its pools, those in open pools first.

    Bets that were cancelled are left out. The order of the joins keeps to the friends' part in the game.
    """
    in_pool, values = ("", ()) if pool_id is None else (" AND p.pool_id = ?", (pool_id,))
    heads = (
        f"SELECT ({newest_bet('p.user_id', 'p.pool_id')}) FROM friendships CROSS JOIN participations AS p"
        f" WHERE friendships.user_id = ? AND p.user_id = friend_id AND p.game_id = ?{in_pool}"
    )
    rows = connection.execute(
        f"{chain(heads, 'bets.cancelled_at IS NULL')}"
        " SELECT (SELECT username FROM users WHERE users.id = bets.user_id), (SELECT t.key FROM pool_targets AS t"
        f"  WHERE t.pool_id = bets.pool_id AND t.position = bets.position), pools.uuid, {_BET}"
        " FROM chain AS bets CROSS JOIN pools ON pools.id = bets.pool_id WHERE bets.cancelled_at IS NULL"
        " ORDER BY CASE pools.status WHEN 'open' THEN 0 ELSE 1 END, bets.id DESC LIMIT ?",
        (user_id, game_id, *values, limit, limit),
    )
    return [FriendsBet(Bet(*row[3:]), *row[:3]) for row in rows]
