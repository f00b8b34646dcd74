"""Returning the stakes of running bets, one by one or all of a user (protocol, "Bets")."""

from collections.abc import Sequence

from gameserver.engine.context import Change, PoolBet
from gameserver.storage.bets import Bet, list_running_pools, list_valid_bets_of_user, update_cancelled
from gameserver.storage.ledger import (
    AccountKind,
    Reason,
    Transfer,
    account_id,
    get_balances,
    insert_transfers,
    lock_accounts,
)
from gameserver.storage.pools import Pool, get_pool


def return_stakes(change: Change, user_id: int, pool: Pool, bets: Sequence[Bet]) -> None:
    """Cancel valid bets of a user in an open pool: their stakes are available again, and they no longer count."""
    lock_accounts(change.connection, [user_id])
    update_cancelled(change.connection, user_id, pool.id, bets, change.now_ms)
    staked, available = (
        account_id(change.connection, kind, pool.currency, user_id)
        for kind in (AccountKind.STAKED, AccountKind.AVAILABLE)
    )
    insert_transfers(
        change.connection,
        [Transfer(staked, available, bet.amount, Reason.REFUND, bet.id, None, change.now_ms) for bet in bets],
    )
    balances = get_balances(change.connection, user_id, pool.currency)
    change.effects.balances[user_id, pool.currency] = balances
    change.effects.bets.append(PoolBet(pool.game_uuid, pool.uuid, None))


def return_all_stakes(change: Change, user_id: int) -> int:
    """Return the stakes of all running bets of a user; how many they were."""
    count = 0
    for pool_id in list_running_pools(change.connection, user_id):
        pool, bets = get_pool(change.connection, pool_id), list_valid_bets_of_user(change.connection, user_id, pool_id)
        return_stakes(change, user_id, pool, bets)
        change.record_returned(pool.game_id, user_id, [bet.uuid for bet in bets])
        count += len(bets)
    return count
