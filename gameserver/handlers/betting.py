"""Placing bets, and reading balances (protocol, "Bets")."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.money import read_amount, to_units
from gameserver.domain.targets import target_key
from gameserver.engine.bet_placement import PlacedBet, Proposal, place_bets
from gameserver.engine.context import Change, PoolBet, Reading
from gameserver.errors import Rejected
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
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import get_balances


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
    new_bet = NewBet(bet.uuid, bet.user_id, target_id, shown, bet.placed_at)
    change.effects.bets.append(PoolBet(subject.game_uuid, pool_uuid, new_bet))
    return BetPlacedInBettingPool(
        pool_id=pool_uuid, bet_id=bet.uuid, target=target_id, amount=shown, placed_at=bet.placed_at
    )


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
