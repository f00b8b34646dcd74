"""Placing bets, and balances (protocol, "Bets")."""

from decimal import Decimal
from typing import Self

import msgspec

from gameserver.domain.money import DEFAULT_CURRENCY
from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.fields import Currency, Name, Number, Uuid
from gameserver.protocol.pools import ShownBet, TargetSums
from gameserver.protocol.predictions import FriendBet


@message
class BetPlacedInBettingPool(Message, tag=356, frozen=True):
    """The bet is placed, and its stake is no longer available."""

    pool_id: str
    bet_id: str
    target: str
    amount: Decimal
    placed_at: int


@message
class BettingPoolBetsDistributionUpdate(Message, tag=361, frozen=True):
    """The distribution of a pool's stakes, and up to 50 of the bets since the last update."""

    pool_id: str
    game_id: str
    target_level: int
    participants: int
    amount_total: Decimal
    bet_count: int
    version: int
    distribution: dict[str, TargetSums]
    new_bets: list[ShownBet]
    new_bets_count: int

    def cut(self, share: float) -> Self:
        """Leave out the older of the new bets."""
        if not self.new_bets:
            return super().cut(share)
        return msgspec.structs.replace(self, new_bets=first_part(self.new_bets[::-1], share)[::-1])


@message
class BalanceUpdate(Message, tag=815, frozen=True):
    """The user's balances in a currency have changed: current is available and staked together."""

    current_balance: Decimal
    available_balance: Decimal
    currency: str


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[BetPlacedInBettingPool],
    broadcasts=[BettingPoolBetsDistributionUpdate, FriendBet, BalanceUpdate],
    errors=[
        ErrorCode.NOT_AUTHORIZED,
        ErrorCode.NOT_FOUND,
        ErrorCode.BETTING_BLOCKED,
        ErrorCode.POOL_RESOLVED,
        ErrorCode.BETTING_ENDED,
        ErrorCode.BETTING_NOT_STARTED,
        ErrorCode.STAKE_LIMIT,
        ErrorCode.INSUFFICIENT_FUNDS,
    ],
)
class PlaceBetInBettingPool(Request, tag=392, frozen=True):
    """Stake an amount, in units of the game's currency, on a target of a pool.

    ``stake_limit`` and ``insufficient_funds`` come with ``asked``, ``available``, ``min_stake``, ``max_stake`` and
    ``left``, which is what the user may still stake in the pool; the last two are left out where there is no limit.
    """

    pool_id: Uuid
    target: Name
    amount: Number


@message
class BetCancelled(Message, tag=3561, frozen=True):
    """The bet no longer counts, and its stake is available again."""

    bet_id: str
    pool_id: str
    game_id: str
    amount: Decimal
    cancelled_at: int
    version: int


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[BetCancelled],
    broadcasts=[BettingPoolBetsDistributionUpdate, BalanceUpdate],
    errors=[
        ErrorCode.NOT_FOUND,
        ErrorCode.CONFLICT,
        ErrorCode.BETTING_BLOCKED,
        ErrorCode.POOL_RESOLVED,
        ErrorCode.BETTING_ENDED,
    ],
)
class CancelBet(Request, tag=3921, frozen=True):
    """Cancel a bet of one's own: in a pool with ``is_cancellable``, while it takes bets and the match has not begun."""

    bet_id: Uuid


@message
class YourCurrentBalance(Message, tag=800, frozen=True):
    """Available and staked money together."""

    currency: str
    current_balance: Decimal


@operation(by=Role.USER, kind=Kind.READ, replies=[YourCurrentBalance])
class GetMyCurrentBalance(Request, tag=800, frozen=True):
    """Read what the user has, staked money included."""

    currency: Currency = DEFAULT_CURRENCY


@message
class YourAvailableBalance(Message, tag=810, frozen=True):
    """The money that can be staked."""

    currency: str
    available_balance: Decimal


@operation(by=Role.USER, kind=Kind.READ, replies=[YourAvailableBalance])
class GetMyAvailableBalance(Request, tag=810, frozen=True):
    """Read what the user can stake."""

    currency: Currency = DEFAULT_CURRENCY


@message
class YourExposure(Message, tag=840, frozen=True):
    """The money staked in running bets."""

    currency: str
    exposure: Decimal


@operation(by=Role.USER, kind=Kind.READ, replies=[YourExposure])
class GetMyExposure(Request, tag=840, frozen=True):
    """Read what the user has staked in running bets."""

    currency: Currency = DEFAULT_CURRENCY
