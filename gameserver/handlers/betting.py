"""Placing bets, and reading balances (protocol, "Bets")."""

from gameserver.config import Settings
from gameserver.domain.money import read_amount, to_minor, to_units
from gameserver.domain.pools import require_accepting
from gameserver.domain.targets import target_key
from gameserver.engine.context import Change, Reading, Wager
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


def parse_target(request: PlaceBetInBettingPool, settings: Settings) -> str:
    return target_key(request.target, "target", settings.max_target_depth)


def place_bet_in_betting_pool(change: Change, request: PlaceBetInBettingPool, key: str) -> BetPlacedInBettingPool:
    """Take a bet: its stake leaves the available money in the same transaction."""
    units = read_amount(request.amount, "amount")
    offer = find_bet_context(change.connection, request.pool_id, key, change.user.id)
    if offer is None:
        raise not_found("pool_id", "pool")
    amount = to_minor(units, offer.currency, "amount")
    if offer.position is None:
        raise invalid("target", f"target names nothing that can be backed in this pool: {key[:80]!r}")
    if not offer.may_bet:
        text = f"{change.user.username} is or was an admin of this game or its source, who may not bet in it"
        raise Rejected(ErrorCode.NOT_AUTHORIZED, text)
    require_accepting(offer.status, offer.times, change.now_ms, is_blocked=offer.is_blocked)
    wallet = offer.wallet or get_wallet(change.connection, change.user.id, offer.currency)
    _require_funds(wallet.held.available, amount, offer.currency)
    bet = insert_bet(change.connection, offer.pool_id, change.user.id, offer.position, amount, change.now_ms)
    _count(change, offer, offer.position, amount)
    change.tell_balances(offer.currency, insert_stake(change.connection, wallet, amount, bet.id, change.now_ms))
    shown = to_units(amount, offer.currency)
    new_bet = NewBet(bet.uuid, change.user.id, key, shown, bet.placed_at)
    change.effects.wagers.append(Wager(offer.game_uuid, request.pool_id, new_bet))
    return BetPlacedInBettingPool(
        pool_id=request.pool_id, bet_id=bet.uuid, target=key, amount=shown, placed_at=bet.placed_at
    )


def _require_funds(available: int, amount: int, currency: str) -> None:
    if available < amount:
        has, asks = to_units(available, currency), to_units(amount, currency)
        raise Rejected(ErrorCode.INSUFFICIENT_FUNDS, f"available are {has} {currency}, asked for are {asks}", "amount")


def _count(change: Change, offer: BetContext, position: int, amount: int) -> None:
    """Add a bet to the sums of its user, its target and its pool."""
    connection, user_id, pool_id = change.connection, change.user.id, offer.pool_id
    new_backer = add_to_stake(connection, user_id, pool_id, position, amount)
    # Who has backed the target before is a participant already.
    new_participant = new_backer and insert_participation(connection, user_id, offer.game_id, pool_id)
    update_sums_for_bet(connection, pool_id, position, amount, new_participant=new_participant, new_backer=new_backer)


def get_my_current_balance(reading: Reading, request: GetMyCurrentBalance) -> YourCurrentBalance:
    """What the user has in all."""
    held = get_balances(reading.connection, reading.user.id, request.currency)
    return YourCurrentBalance(
        currency=request.currency, current_balance=to_units(held.available + held.staked, request.currency)
    )


def get_my_available_balance(reading: Reading, request: GetMyAvailableBalance) -> YourAvailableBalance:
    """What the user can stake."""
    held = get_balances(reading.connection, reading.user.id, request.currency)
    return YourAvailableBalance(currency=request.currency, available_balance=to_units(held.available, request.currency))


def get_my_exposure(reading: Reading, request: GetMyExposure) -> YourExposure:
    """What the user has staked."""
    held = get_balances(reading.connection, reading.user.id, request.currency)
    return YourExposure(currency=request.currency, exposure=to_units(held.staked, request.currency))
