"""Placing bets, and reading balances (protocol, "Bets")."""

from decimal import Decimal
from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.money import read_amount, to_minor, to_units
from gameserver.domain.pools import require_accepting
from gameserver.domain.targets import target_key
from gameserver.engine.context import Change, PoolBet, Reading
from gameserver.errors import ErrorCode, Rejected, invalid, not_found
from gameserver.protocol.betting import (
    BetPlacedInBettingPool,
    GetMyAvailableBalance,
    GetMyCurrentBalance,
    GetMyExposure,
    NewBet,
    PlaceBetInBettingPool,
    YourAvailableBalance,
    YourCurrentBalance,
    YourExposure,
)
from gameserver.storage.bets import BetContext, add_to_stake, find_bet_context, insert_bet, insert_participation
from gameserver.storage.ledger import get_balances, get_wallet, insert_stake
from gameserver.storage.pools import (
    update_sums_for_bet,
)


class _Stake(NamedTuple):
    """What is staked, in units of a currency that is not known yet, and the id of the target that it backs."""

    units: Decimal
    target_id: str


def parse_stake(request: PlaceBetInBettingPool, settings: Settings) -> _Stake:
    """The stake that the parameters describe. Raises `Rejected`."""
    units = read_amount(request.amount, "amount")
    return _Stake(units, target_key(request.target, "target", settings.max_target_depth))


def place_bet_in_betting_pool(change: Change, request: PlaceBetInBettingPool, stake: _Stake) -> BetPlacedInBettingPool:
    """Place a bet: its stake leaves the available balance in the same transaction."""
    key = stake.target_id
    context = find_bet_context(change.connection, request.pool_id, key, change.user.id)
    if context is None:
        raise not_found("pool_id", "pool")
    amount = to_minor(stake.units, context.currency, "amount")
    if context.position is None:
        raise invalid("target", f"this pool has no target {key[:80]!r}")
    if not context.may_bet:
        text = f"admins may not bet; {change.user.username} is or was an admin of this game or its source"
        raise Rejected(ErrorCode.NOT_AUTHORIZED, text)
    require_accepting(context.status, context.times, change.now_ms, is_blocked=context.is_blocked)
    wallet = context.wallet or get_wallet(change.connection, change.user.id, context.currency)
    _require_funds(wallet.held.available, amount, context.currency)
    bet = insert_bet(change.connection, context.pool_id, change.user.id, context.position, amount, change.now_ms)
    _count(change, context, context.position, amount)
    change.set_own_balances(context.currency, insert_stake(change.connection, wallet, amount, bet.id, change.now_ms))
    shown = to_units(amount, context.currency)
    new_bet = NewBet(bet.uuid, change.user.id, key, shown, bet.placed_at)
    change.effects.bets.append(PoolBet(context.game_uuid, request.pool_id, new_bet))
    return BetPlacedInBettingPool(
        pool_id=request.pool_id, bet_id=bet.uuid, target=key, amount=shown, placed_at=bet.placed_at
    )


def _require_funds(available: int, amount: int, currency: str) -> None:
    if available < amount:
        text = (
            f"insufficient funds: {to_units(available, currency)} {currency} available,"
            f" {to_units(amount, currency)} requested"
        )
        raise Rejected(ErrorCode.INSUFFICIENT_FUNDS, text, "amount")


def _count(change: Change, context: BetContext, position: int, amount: int) -> None:
    """Add a bet to the sums of its user, its target and its pool."""
    connection, user_id, pool_id = change.connection, change.user.id, context.pool_id
    new_backer = add_to_stake(connection, user_id, pool_id, position, amount)
    # Whoever has backed the target before is a participant already.
    new_participant = new_backer and insert_participation(connection, user_id, context.game_id, pool_id)
    update_sums_for_bet(connection, pool_id, position, amount, new_participant=new_participant, new_backer=new_backer)


def get_my_current_balance(reading: Reading, request: GetMyCurrentBalance) -> YourCurrentBalance:
    """Read what the user has, staked money included."""
    balances = get_balances(reading.connection, reading.user.id, request.currency)
    return YourCurrentBalance(
        currency=request.currency, current_balance=to_units(balances.available + balances.staked, request.currency)
    )


def get_my_available_balance(reading: Reading, request: GetMyAvailableBalance) -> YourAvailableBalance:
    """Read what the user can stake."""
    balances = get_balances(reading.connection, reading.user.id, request.currency)
    return YourAvailableBalance(
        currency=request.currency, available_balance=to_units(balances.available, request.currency)
    )


def get_my_exposure(reading: Reading, request: GetMyExposure) -> YourExposure:
    """Read what the user has staked in running bets."""
    balances = get_balances(reading.connection, reading.user.id, request.currency)
    return YourExposure(currency=request.currency, exposure=to_units(balances.staked, request.currency))
