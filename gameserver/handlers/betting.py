"""Placing bets, and reading balances (protocol, "Bets")."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.money import read_amount, to_units
from gameserver.domain.pools import require_accepting
from gameserver.domain.targets import target_key
from gameserver.engine.bet_placement import PlacedBet, Proposal, place_bets
from gameserver.engine.context import Change, PoolBet, Reading
from gameserver.engine.returning import return_stakes
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.betting import (
    BetCancelled,
    BetPlacedInBettingPool,
    CancelBet,
    GetMyAvailableBalance,
    GetMyCurrentBalance,
    GetMyExposure,
    PlaceBetInBettingPool,
    YourAvailableBalance,
    YourCurrentBalance,
    YourExposure,
)
from gameserver.protocol.pools import ShownBet
from gameserver.storage.bets import Bet, find_bet
from gameserver.storage.connection import Connection
from gameserver.storage.games import Game, get_game
from gameserver.storage.ledger import get_balances
from gameserver.storage.pools import Pool, get_pool


class Stake(NamedTuple):
    """What is staked, in units of a currency that is not known yet, and the id of the target that it backs."""

    units: Decimal | int
    target_id: str


def parse_stake(request: PlaceBetInBettingPool, settings: Settings) -> Stake:
    """The stake that the parameters describe. Raises `Rejected`."""
    units = read_amount(request.amount, "amount")
    return Stake(units, target_key(request.target, "target", settings.max_target_depth))


def place_bets_in_betting_pools(
    connection: Connection, calls: Sequence[tuple[Change, PlaceBetInBettingPool, Stake]]
) -> list[BetPlacedInBettingPool | Rejected]:
    """Place bets: their stakes leave the available balances in the same transaction."""
    proposals = [Proposal(change, request.pool_id, stake.target_id, stake.units) for change, request, stake in calls]
    return [
        decision if isinstance(decision, Rejected) else _placed(proposal, decision)
        for proposal, decision in zip(proposals, place_bets(connection, proposals), strict=True)
    ]


def _placed(proposal: Proposal, placed: PlacedBet) -> BetPlacedInBettingPool:
    change, pool_uuid, target_id, _ = proposal
    bet, subject = placed.row, placed.subject
    shown = to_units(bet.amount, subject.currency)
    change.set_own_balances(subject.currency, placed.balances)
    new_bet = ShownBet(bet.uuid, target_id, shown, bet.placed_at, bet.user_id, change.user.username)
    change.effects.bets.append(PoolBet(subject.game_uuid, pool_uuid, new_bet))
    return BetPlacedInBettingPool(
        pool_id=pool_uuid, bet_id=bet.uuid, target=target_id, amount=shown, placed_at=bet.placed_at
    )


def cancel_bet(change: Change, request: CancelBet) -> BetCancelled:
    """Cancel a bet of the user's own: its stake is available again."""
    bet = find_bet(change.connection, request.bet_id)
    if bet is None or bet.user_id != change.user.id:
        raise not_found("bet_id", "bet of yours")
    pool = get_pool(change.connection, bet.pool_id)
    game = get_game(change.connection, pool.game_id)
    change.game_id = game.id
    _require_cancellable(bet, pool, game, change.now_ms)
    return_stakes(change, bet.user_id, pool, [bet])
    return BetCancelled(
        bet_id=bet.uuid,
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        amount=to_units(bet.amount, pool.currency),
        cancelled_at=change.now_ms,
        version=get_pool(change.connection, pool.id).version,
    )


def _require_cancellable(bet: Bet, pool: Pool, game: Game, now_ms: int) -> None:
    """Raise `Rejected` unless the bet may be cancelled now."""
    if bet.cancelled_at is not None or bet.invalidated_by is not None:
        state = "cancelled already" if bet.cancelled_at is not None else "late and has been refunded"
        raise Rejected(ErrorCode.CONFLICT, f"this bet is {state}")
    if not pool.is_cancellable:
        raise Rejected(ErrorCode.CONFLICT, "bets in this pool cannot be cancelled")
    require_accepting(pool.status, pool.times, now_ms, is_blocked=pool.is_betting_blocked)
    if now_ms >= game.live_start_at:
        text = f"the match has begun: bets could be cancelled until {game.live_start_at}"
        raise Rejected(ErrorCode.BETTING_ENDED, text)


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
