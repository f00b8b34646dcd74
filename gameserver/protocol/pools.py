"""Operations on betting pools (protocol, "Betting pools")."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Self

import msgspec

from gameserver.domain.pools import PoolType
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.fields import (
    ABSENT_NUMBER,
    Flag,
    Millis,
    Name,
    Names,
    Number,
    PageSize,
    PoolTypeNumber,
    SettleDelayMillis,
    Text,
    UnlistedTargetChoice,
    Uuid,
)


class TargetSums(msgspec.Struct, frozen=True):
    """The valid bets on a target; ``to_win_if_backed`` is the return per unit of one whole unit more on it.

    No bets are taken on a target that is not ``is_active``.
    """

    display_name: str
    backing_people: int
    backing_money: Decimal
    to_win_if_backed: Decimal
    is_active: bool


class ShownBet(msgspec.Struct, frozen=True):
    """A bet as others see it: ``user_id`` and ``username`` are there for the admins of the game alone."""

    bet_id: str
    target: str
    amount: Decimal
    placed_at: int
    user_id: int | msgspec.UnsetType = msgspec.UNSET
    username: str | msgspec.UnsetType = msgspec.UNSET

    def without_user(self) -> Self:
        """The bet as it is shown to everybody else."""
        return msgspec.structs.replace(self, user_id=msgspec.UNSET, username=msgspec.UNSET)


class TargetSumsWithBets(TargetSums, frozen=True):
    """The valid bets on a target, with the latest of them, newest first."""

    bets: list[ShownBet]


class PoolObject(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a pool, whether it stands in a list or is a message of its own.

    ``version`` grows with each change of the pool: of two states of it, the one with the greater version is the newer.
    """

    pool_id: str
    game_id: str
    description: str
    type: int
    action_id: str
    target_level: int
    participants: int
    amount_total: Decimal
    bet_count: int
    distribution: Mapping[str, TargetSums]
    is_blocked: bool
    is_hot: bool
    start_at: int
    finish_at: int | None
    stop_accepting_bets_at: int | None
    recreate_on_end: bool
    unlisted_target: str
    status: str
    takeout: Decimal
    min_stake: Decimal
    max_stake: Decimal | None
    is_cancellable: bool
    settle_delay_ms: int
    recreated_from: str | None
    version: int


class Pending(msgspec.Struct, frozen=True):
    """When a pool is to be blocked, allowed and hot, by an order for itself or for its action; null where it is not."""

    block_at: int | None
    allow_at: int | None
    hot_at: int | None


class PoolReading(PoolObject, frozen=True, kw_only=True):
    """The state of a pool as it is read; ``pending`` is there for the admins of its game alone.

    The other fields come once the pool has ended: ``prices`` is what one unit on each of the ``winning_targets`` was
    paid, ``price`` that of the only one, null on money-return.
    """

    pending: Pending | msgspec.UnsetType = msgspec.UNSET
    winning_target: str | msgspec.UnsetType | None = msgspec.UNSET
    winning_targets: list[str] | msgspec.UnsetType = msgspec.UNSET
    event_id: str | msgspec.UnsetType | None = msgspec.UNSET
    price: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    prices: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET
    is_money_return: bool | msgspec.UnsetType = msgspec.UNSET
    resolved_at: int | msgspec.UnsetType | None = msgspec.UNSET


class MyBet(msgspec.Struct, frozen=True):
    """A bet of the user's own, with what has become of it; ``payout`` is null until the pool is settled."""

    bet_id: str
    target: str
    amount: Decimal
    placed_at: int
    status: str
    payout: Decimal | None


class PoolView(PoolReading, frozen=True, kw_only=True, omit_defaults=True):
    """A pool in a list.

    ``user_backed`` (target id to amount), ``my_bets`` (the latest 100, newest first) and, once the pool has ended,
    ``total_winnings`` come in the user's own lists.
    """

    user_backed: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET
    my_bets: list[MyBet] | msgspec.UnsetType = msgspec.UNSET
    total_winnings: Decimal | msgspec.UnsetType = msgspec.UNSET


@message
class BettingPoolCreated(Message, tag=350, frozen=True):
    """The pool is open."""

    pool_id: str
    game_id: str
    description: str
    type: int
    action_id: str


@message
class NewBettingPool(PoolObject, Message, tag=352, frozen=True, kw_only=True):
    """A pool has been opened or reopened: the pool object."""

    distribution: dict[str, TargetSums]


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingPoolCreated],
    broadcasts=[NewBettingPool],
    errors=[ErrorCode.GAME_NOT_OPEN, ErrorCode.GAME_CLOSED, ErrorCode.CONFLICT],
)
class CreateAndOpenBettingPool(Request, tag=385, frozen=True):
    """Open a betting pool.

    Types 1 and 2 are parimutuel, on an action and targets of one level; 3 and 4 binary, between two labels
    (yes and no if left out). Types 2 and 4 end at ``finish_at``. ``pool_type`` is another name of ``type``.
    ``unlisted_target``: what an event of this action on a target outside the pool does. A bet is of at least
    ``min_stake`` (the currency's minor unit if left out), and a user's running bets in the pool of at most
    ``max_stake`` together. With ``is_cancellable`` users may cancel their bets until the match begins. A
    time-based pool waits ``settle_delay_ms`` after its ``finish_at`` for events that happened before it. With
    ``recreate_on_end`` the pool opens anew when it ends, until ``max_unbacked_runs`` in a row have ended by time
    without a bet.
    """

    game_id: Uuid
    description: Text
    action_id: Name | None = None
    targets: Names = ""
    type: PoolTypeNumber | None = None
    pool_type: PoolTypeNumber | None = None
    start_at: Millis | None = None
    finish_at: Millis | None = None
    stop_accepting_bets_at: Millis | None = None
    is_blocked: Flag = False
    is_hot: Flag = False
    recreate_on_end: Flag = False
    unlisted_target: UnlistedTargetChoice = "stay_open"
    min_stake: Number = ABSENT_NUMBER
    max_stake: Number = ABSENT_NUMBER
    is_cancellable: Flag = False
    settle_delay_ms: SettleDelayMillis = 0

    def __post_init__(self) -> None:
        if None not in (self.type, self.pool_type) and self.type != self.pool_type:
            raise invalid("pool_type", "type and pool_type are two names of one parameter; send one of them")
        if not self.pool_kind.is_binary and self.action_id is None:
            text = "action_id is required for parimutuel pools: the id or the name of an action of the game"
            raise Rejected(ErrorCode.MISSING_PARAMETER, text, "action_id")

    @property
    def pool_kind(self) -> PoolType:
        """The type, under either name; parimutuel and event based if none is given."""
        return PoolType(self.type or self.pool_type or PoolType.PARIMUTUEL_EVENT)


class PoolsList(Message, frozen=True, kw_only=True):
    """Pools by id, newest first; ``next`` is the ``after`` of the next page, or null."""

    cuts: ClassVar[tuple[str, ...]] = ("pools_list",)

    game_id: str
    pools_list: dict[str, PoolView]
    next: str | None
    seq: int


class PoolsPage(Request, frozen=True, kw_only=True):
    """Which pools to list."""

    game_id: Uuid
    limit: PageSize = 100
    after: Uuid | None = None


@message
class AllBettingPoolsForGame(PoolsList, tag=3535, frozen=True):
    """The unresolved pools of a game, blocked ones and those not yet started included."""


@operation(by=Role.USER, kind=Kind.READ, replies=[AllBettingPoolsForGame], errors=[ErrorCode.NOT_FOUND], for_views=True)
class ListAllBettingPoolsForGame(PoolsPage, tag=387, frozen=True):
    """List the unresolved pools of a game."""


@message
class YouOpenPoolsListForGame(PoolsList, tag=353, frozen=True):
    """The unresolved pools in which the user has no bet."""


@operation(by=Role.USER, kind=Kind.READ, replies=[YouOpenPoolsListForGame], errors=[ErrorCode.NOT_FOUND])
class ListMyOpenBettingPoolsForGame(PoolsPage, tag=388, frozen=True):
    """List the unresolved pools of a game in which the user has no bet."""


@message
class YourRunningPoolsForGame(PoolsList, tag=354, frozen=True):
    """The unresolved pools in which the user has a bet."""


@operation(by=Role.USER, kind=Kind.READ, replies=[YourRunningPoolsForGame], errors=[ErrorCode.NOT_FOUND])
class ListMyRunningPoolsForGame(PoolsPage, tag=389, frozen=True):
    """List the unresolved pools of a game in which the user has a bet."""


@message
class YourResolvedPoolsForGame(PoolsList, tag=355, frozen=True):
    """The ended pools in which the user had a bet; ``total_winnings`` is net."""


@operation(by=Role.USER, kind=Kind.READ, replies=[YourResolvedPoolsForGame], errors=[ErrorCode.NOT_FOUND])
class ListMyResolvedPoolsForGame(PoolsPage, tag=390, frozen=True):
    """List the ended pools of a game in which the user had a bet."""


@message
class ResolvedBettingPoolsForGame(PoolsList, tag=3536, frozen=True):
    """The ended pools of a game, with how they ended."""


@operation(
    by=Role.USER, kind=Kind.READ, replies=[ResolvedBettingPoolsForGame], errors=[ErrorCode.NOT_FOUND], for_views=True
)
class ListResolvedBettingPoolsForGame(PoolsPage, tag=3870, frozen=True):
    """List the ended pools of a game."""


@message
class BettingPoolUpdated(Message, tag=3852, frozen=True):
    """The pool is changed."""

    pool_id: str
    version: int


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingPoolUpdated],
    broadcasts=[NewBettingPool],
    errors=[ErrorCode.POOL_RESOLVED, ErrorCode.BETTING_ENDED, ErrorCode.CONFLICT],
)
class UpdateBettingPool(Request, tag=3852, frozen=True):
    """Change an open pool.

    ``start_at`` can be moved until it has come. A later ``stop_accepting_bets_at`` opens betting again. Changed limits
    of stakes hold for the bets to come. ``clear`` names properties to be set back to what they are by default:
    ``start_at`` (now), ``stop_accepting_bets_at``, ``recreate_on_end``, ``min_stake``, ``max_stake``.
    """

    pool_id: Uuid
    description: Text | None = None
    start_at: Millis | None = None
    finish_at: Millis | None = None
    stop_accepting_bets_at: Millis | None = None
    recreate_on_end: Flag | None = None
    min_stake: Number = ABSENT_NUMBER
    max_stake: Number = ABSENT_NUMBER
    clear: Names = ""


@message
class NewBettingPoolBetsDistribution(PoolReading, Message, tag=360, frozen=True, kw_only=True):
    """The pool object with the latest bets on each target: 100, or fewer where a message could not hold them all."""

    distribution: dict[str, TargetSumsWithBets]

    def cut(self, share: float) -> Self:
        """Leave out the older bets on each target."""
        if not any(sums.bets for sums in self.distribution.values()):
            return super().cut(share)
        cut = {
            key: msgspec.structs.replace(sums, bets=first_part(sums.bets, share)) if sums.bets else sums
            for key, sums in self.distribution.items()
        }
        return msgspec.structs.replace(self, distribution=cut)


@operation(
    by=Role.USER, kind=Kind.READ, replies=[NewBettingPoolBetsDistribution], errors=[ErrorCode.NOT_FOUND], for_views=True
)
class GetBettingPoolBetsDistribution(Request, tag=393, frozen=True):
    """Read a pool with its latest bets."""

    pool_id: Uuid
