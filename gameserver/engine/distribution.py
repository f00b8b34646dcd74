"""Distribution updates of open pools (protocol, "Distribution")."""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from gameserver.domain.money import to_units
from gameserver.engine.pools import sums_of
from gameserver.protocol.betting import BettingPoolBetsDistributionUpdate
from gameserver.protocol.codec import encode_body
from gameserver.protocol.pools import ShownBet
from gameserver.storage.bets import list_cancelled
from gameserver.storage.connection import Connection
from gameserver.storage.friends import list_friend_ids, list_those_with_friends
from gameserver.storage.games import list_game_admins
from gameserver.storage.pools import find_pool, list_all_open_pools, list_pool_targets


def distribution_update(
    connection: Connection, pool_uuid: str, new_bets: list[ShownBet], new_bets_count: int
) -> BettingPoolBetsDistributionUpdate | None:
    """The distribution of an open pool (361), or None if the pool is not open; cancelled bets are no new ones."""
    pool = find_pool(connection, pool_uuid)
    if pool is None or pool.settlement_id is not None:
        return None
    if pool.is_cancellable and new_bets:
        cancelled = list_cancelled(connection, [bet.bet_id for bet in new_bets])
        new_bets = [bet for bet in new_bets if bet.bet_id not in cancelled]
        new_bets_count -= len(cancelled)
    return BettingPoolBetsDistributionUpdate(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        target_level=pool.target_level,
        participants=pool.participants,
        amount_total=to_units(pool.amount_total, pool.currency),
        bet_count=pool.bet_count,
        version=pool.version,
        distribution=sums_of(pool, list_pool_targets(connection, pool.id)),
        new_bets=new_bets,
        new_bets_count=new_bets_count,
    )


class Updates(NamedTuple):
    """The bodies of distribution updates (361), None for pools that have ended.

    Those ``for_admins`` show who has bet; there are some only where there are ``admins`` to whom to send them.
    ``friends_of`` has, of each user who has bet and has friends, those among the subscribers.
    """

    for_all: list[bytes | None]
    for_admins: Sequence[bytes | None] = ()
    admins: frozenset[int] = frozenset()
    friends_of: Mapping[int, list[int]] = {}


def distribution_updates(
    due: Iterable[tuple[str, list[ShownBet], int]],
    bettors: Collection[int],
    game_uuid: str,
    subscribers: Container[int],
    connection: Connection,
) -> Updates:
    """The updates of pools of a game, each given by its id, new bets and their count, and the friends of bettors."""
    found = [distribution_update(connection, *update) for update in due]
    admins = frozenset(user_id for user_id in list_game_admins(connection, game_uuid) if user_id in subscribers)
    for_admins = [_body(update, with_users=True) for update in found] if admins else []
    friends_of = {
        bettor: [friend for friend in list_friend_ids(connection, bettor) if friend in subscribers]
        for bettor in (list_those_with_friends(connection, bettors) if bettors else ())
    }
    return Updates([_body(update) for update in found], for_admins, admins, friends_of)


def _body(update: BettingPoolBetsDistributionUpdate | None, *, with_users: bool = False) -> bytes | None:
    if update is None:
        return None
    if not with_users:
        update = msgspec.structs.replace(update, new_bets=[bet.without_user() for bet in update.new_bets])
    return encode_body(update)


def open_distributions(connection: Connection, game_id: int) -> list[bytes]:
    """The bodies of updates (361) of all open pools of a game, without new bets."""
    found = [distribution_update(connection, pool.uuid, [], 0) for pool in list_all_open_pools(connection, game_id)]
    return [encode_body(update) for update in found if update is not None]
