"""How the money behind the targets of a pool has grown (protocol, "History of a pool")."""

from gameserver.domain.money import to_units
from gameserver.engine.context import Reading
from gameserver.protocol.pool_history import BettingPoolHistory, GetBettingPoolHistory
from gameserver.storage.backing_history import get_last_bet_at, list_records
from gameserver.storage.pools import list_pool_targets


def get_betting_pool_history(reading: Reading, request: GetBettingPoolHistory) -> BettingPoolHistory:
    """Read how the money behind the targets of a pool has grown."""
    pool = reading.pool(request, request.pool_id)
    targets = list_pool_targets(reading.connection, pool.id)
    shown: dict[int, dict[int, int]] = {pool.start_at: {}}
    for record in list_records(reading.connection, pool.id):
        shown.setdefault(record.at, {})[record.position] = record.amount
    last_bet_at = get_last_bet_at(reading.connection, pool.id)
    if last_bet_at is not None:
        shown[last_bet_at] = {target.position: target.backing_money for target in targets}
    return BettingPoolHistory(
        pool_id=pool.uuid,
        at=list(shown),
        backing_money={
            target.key: [to_units(backed.get(target.position, 0), pool.currency) for backed in shown.values()]
            for target in targets
        },
    ).thin(request.points)
