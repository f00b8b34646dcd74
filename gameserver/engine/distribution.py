"""Distribution updates of open pools (protocol, "Distribution")."""

from collections.abc import Iterable

from gameserver.domain.money import to_units
from gameserver.engine.pools import sums_of
from gameserver.protocol.betting import BettingPoolBetsDistributionUpdate
from gameserver.protocol.codec import encode_body
from gameserver.protocol.pools import ShownBet
from gameserver.storage.connection import Connection
from gameserver.storage.pools import find_pool, list_all_open_pools, list_pool_targets


def distribution_update(
    connection: Connection, pool_uuid: str, new_bets: list[ShownBet], new_bets_count: int
) -> BettingPoolBetsDistributionUpdate | None:
    """The distribution of an open pool (361), or None if the pool is not open."""
    pool = find_pool(connection, pool_uuid)
    if pool is None or pool.settlement_id is not None:
        return None
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


def distribution_updates(due: Iterable[tuple[str, list[ShownBet], int]], connection: Connection) -> list[bytes | None]:
    """The bodies of updates (361), of pools given by id, new bets and their count; None for those that have ended."""
    found = [distribution_update(connection, *update) for update in due]
    return [None if update is None else encode_body(update) for update in found]


def open_distributions(connection: Connection, game_id: int) -> list[bytes]:
    """The bodies of updates (361) of all open pools of a game, without new bets."""
    found = [distribution_update(connection, pool.uuid, [], 0) for pool in list_all_open_pools(connection, game_id)]
    return [encode_body(update) for update in found if update is not None]
