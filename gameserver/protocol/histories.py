"""What has become of a user's bets: games, statistics, points by day, and the bets that run (protocol, "Histories")."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from gameserver.domain.money import DEFAULT_CURRENCY
from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Currency, Days, PageSize, UserId, Uuid
from gameserver.protocol.receipts import ShownTransfer


class PlayedGame(msgspec.Struct, frozen=True, kw_only=True):
    """The user's part in a game: all bets, running ones included, and what those that have ended come to.

    ``joined`` is when the user's first bet was placed, ``rank`` the user's rank in the game, of ``ranked`` users.
    """

    game_id: str
    game_name: str
    joined: int
    bets: int
    staked: Decimal
    won: int
    lost: int
    net: Decimal
    rank: int | None
    ranked: int
    closed_at: int | None

    @property
    def id(self) -> str:
        """What the next page begins after."""
        return self.game_id


@message
class MyHistory(Message, tag=820, frozen=True):
    """The games in which the user has bet, newest first; ``next`` is the ``after`` of the next page, or null."""

    cuts: ClassVar[tuple[str, ...]] = ("games",)

    games: list[PlayedGame]
    next: str | None


@operation(by=Role.USER, kind=Kind.READ, replies=[MyHistory], errors=[ErrorCode.NOT_FOUND])
class GetMyHistory(Request, tag=820, frozen=True):
    """List the games in which the user has bet, in one currency or in all."""

    limit: PageSize = 100
    after: Uuid | None = None
    currency: Currency | None = None


class StatisticsShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a user's bets that have ended come to: the others than ``won`` and ``lost`` were ``refunded``.

    ``win_rate`` is the share of ``won`` in won and lost, ``best_win`` the most won by one bet above its stake, and
    ``average_reaction_ms`` the time from the start of a pool to the user's first bet in it; null where there is none.
    """

    games: int
    bets: int
    won: int
    lost: int
    refunded: int
    staked: Decimal
    net: Decimal
    best_win: Decimal
    average_stake: Decimal | None
    win_rate: Decimal | None
    average_reaction_ms: int | None


@message
class UserStatistics(Message, tag=830, frozen=True):
    """The statistics of a user in a currency, by type of game, and in every currency there is."""

    user_id: int
    username: str
    currency: str
    games: int
    bets: int
    won: int
    lost: int
    refunded: int
    staked: Decimal
    net: Decimal
    best_win: Decimal
    average_stake: Decimal | None
    win_rate: Decimal | None
    average_reaction_ms: int | None
    by_currency: dict[str, StatisticsShown]
    by_type: dict[str, StatisticsShown]


@operation(
    by=Role.USER, kind=Kind.READ, replies=[UserStatistics], errors=[ErrorCode.NOT_FOUND, ErrorCode.NOT_AUTHORIZED]
)
class GetUserStatistics(Request, tag=830, frozen=True):
    """Read what the user's bets that have ended come to, or those of a friend, whom ``user_id`` names."""

    user_id: UserId | None = None
    currency: Currency = DEFAULT_CURRENCY


class PointsAt(msgspec.Struct, frozen=True):
    """What points a user had at a time."""

    at: int
    points: Decimal


@message
class MyPointsHistory(Message, tag=831, frozen=True):
    """The user's points on the days on which they have changed, each after the last change of the day."""

    currency: str
    points: list[PointsAt]


@operation(by=Role.USER, kind=Kind.READ, replies=[MyPointsHistory])
class GetMyPointsHistory(Request, tag=831, frozen=True):
    """Read how the user's points have changed in the last ``days``, today included."""

    days: Days = 30
    currency: Currency = DEFAULT_CURRENCY


class RunningBet(msgspec.Struct, frozen=True, kw_only=True):
    """A bet that is running, as in bet_receipt, with the names of its game and pool."""

    bet_id: str
    pool_id: str
    game_id: str
    target: str
    amount: Decimal
    placed_at: int
    status: str
    transfers: list[ShownTransfer]
    game_name: str
    description: str

    @property
    def id(self) -> str:
        """What the next page begins after."""
        return self.bet_id


@message
class MyRunningBets(Message, tag=3537, frozen=True):
    """The user's running bets, newest first; ``next`` is the ``after`` of the next page, or null."""

    cuts: ClassVar[tuple[str, ...]] = ("bets",)

    bets: list[RunningBet]
    next: str | None


@operation(by=Role.USER, kind=Kind.READ, replies=[MyRunningBets], errors=[ErrorCode.NOT_FOUND])
class ListMyRunningBets(Request, tag=3890, frozen=True):
    """List the user's running bets in all games."""

    limit: PageSize = 100
    after: Uuid | None = None
