"""Events, settlements, corrections and receipts (protocol, "Events and settlement")."""

from decimal import Decimal
from typing import ClassVar, Self

import msgspec

from gameserver.errors import ErrorCode, Rejected
from gameserver.protocol.betting import BalanceUpdate, BettingPoolBetsDistributionUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.fields import Millis, Name, Text, Uuid
from gameserver.protocol.pools import NewBettingPool
from gameserver.protocol.steering import BettingInPoolAllowed, BettingInPoolBlocked


class EndedPool(Message, frozen=True, kw_only=True, omit_defaults=True):
    """How a pool ended. ``winners`` and ``losers`` map user id to what was won or lost, net.

    The three lists are cut at ``max_listed_bettors``; ``truncated`` and the counts are present if one is.
    """

    pool_id: str
    game_id: str
    event_id: str | None
    winning_target: str | None
    description: str
    winners: dict[str, Decimal]
    losers: dict[str, Decimal]
    invalidated_bettors: list[int]
    is_money_return: bool
    amount_total: Decimal
    participants: int
    version: int
    truncated: bool = False
    winners_count: int | msgspec.UnsetType = msgspec.UNSET
    losers_count: int | msgspec.UnsetType = msgspec.UNSET
    invalidated_count: int | msgspec.UnsetType = msgspec.UNSET


@message
class BetPoolResolved(EndedPool, tag=362, frozen=True, kw_only=True):
    """The pool is resolved by an event, by hand, or with its game (``event_id`` null)."""

    resolved_at: int


@message
class BetPoolExpired(EndedPool, tag=363, frozen=True, kw_only=True):
    """The time-based pool has ended at its ``finish_at``."""

    expired_at: int


@message
class NewGameEvent(Message, tag=366, frozen=True, omit_defaults=True):
    """An event has been registered; or, with ``pool_id``, a binary pool has been resolved by hand.

    ``current_count`` maps target id to how often this action has happened, ancestors included. Where a message could
    not hold it all, the targets added last are left out.
    """

    cuts: ClassVar[tuple[str, ...]] = ("current_count",)

    event_id: str
    target_id: str
    happened_at: int
    registered_at: int
    pool_id: str | msgspec.UnsetType = msgspec.UNSET
    game_id: str | msgspec.UnsetType = msgspec.UNSET
    action_id: str | msgspec.UnsetType = msgspec.UNSET
    target_display_name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    current_count: dict[str, int] | msgspec.UnsetType = msgspec.UNSET


class EventParameters(Request, frozen=True, kw_only=True):
    """What happened in a game, or how a binary pool ends."""

    target_id: Name
    game_id: Uuid | None = None
    action_id: Name | None = None
    pool_id: Uuid | None = None
    happened_at: Millis | None = None
    description: Text | None = None

    def __post_init__(self) -> None:
        for name in ("game_id", "action_id"):
            if self.pool_id is None and getattr(self, name) is None:
                text = f"{name} is required: an event takes game_id, action_id and target_id, or pool_id and target_id"
                raise Rejected(ErrorCode.MISSING_PARAMETER, text, name)


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[NewGameEvent],
    broadcasts=[NewGameEvent, BetPoolResolved, NewBettingPool, BalanceUpdate],
    errors=[ErrorCode.GAME_NOT_OPEN, ErrorCode.GAME_CLOSED, ErrorCode.POOL_RESOLVED, ErrorCode.CONFLICT],
)
class RegisterGameEvent(EventParameters, tag=395, frozen=True):
    """Register what happened: ``game_id``, ``action_id`` and a leaf ``target_id``. Every pool it decides ends.

    Or resolve a binary pool by hand: ``pool_id``, and the winning label as ``target_id``. Registering the
    same thing twice makes two events (two goals are two goals), unless both requests carry the same
    ``header.key``.
    """


class PreviewedPool(msgspec.Struct, frozen=True):
    """How a pool would end.

    ``price`` is what one unit on the winner would be paid (null on money-return), ``paid`` what the valid bets
    would be paid in all, ``recreated`` whether the pool would be recreated. ``winners`` and ``losers`` are
    those of the greatest net, 100 at most and fewer where a message could not hold them all; the counts are of all.
    """

    winning_target: str | None
    is_money_return: bool
    price: Decimal | None
    paid: Decimal
    takeout: Decimal
    winners_count: int
    losers_count: int
    late_bets: int
    late_amount: Decimal
    winners: dict[str, Decimal]
    losers: dict[str, Decimal]
    recreated: bool


@message
class GameEventPreview(Message, tag=3660, frozen=True):
    """What registering the event would do, by pool id; ``untouched`` are the game's other open pools."""

    pools: dict[str, PreviewedPool]
    untouched: list[str]

    def cut(self, share: float) -> Self:
        """Leave out the smallest winners and losers of each pool."""
        if not any(pool.winners or pool.losers for pool in self.pools.values()):
            return super().cut(share)
        cut = {
            pool_id: msgspec.structs.replace(
                pool,
                winners=first_part(pool.winners, share) if pool.winners else {},
                losers=first_part(pool.losers, share) if pool.losers else {},
            )
            for pool_id, pool in self.pools.items()
        }
        return msgspec.structs.replace(self, pools=cut)


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.READ,
    replies=[GameEventPreview],
    errors=[ErrorCode.GAME_NOT_OPEN, ErrorCode.GAME_CLOSED, ErrorCode.POOL_RESOLVED, ErrorCode.CONFLICT],
)
class PreviewGameEvent(EventParameters, tag=3950, frozen=True):
    """Read what registering an event would do. Nothing changes."""


@message
class GameEventVoided(Message, tag=3661, frozen=True, omit_defaults=True):
    """The event is void. ``pools`` maps each pool it had ended to ``reopened`` or ``voided``.

    ``versions`` maps each pool to its version. A reopened pool is also broadcast by a 352 and a 361.
    The reply alone has ``overdrawn``: user id to how far the available balance is below zero, because the user had
    spent what was taken back; as many users as a message can hold.
    """

    cuts: ClassVar[tuple[str, ...]] = ("overdrawn",)

    event_id: str
    game_id: str
    reason: str | None
    pools: dict[str, str]
    versions: dict[str, int]
    overdrawn: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[GameEventVoided],
    broadcasts=[
        GameEventVoided,
        NewBettingPool,
        BettingInPoolBlocked,
        BettingInPoolAllowed,
        BettingPoolBetsDistributionUpdate,
        BalanceUpdate,
    ],
    errors=[ErrorCode.CONFLICT],
)
class VoidGameEvent(Request, tag=3951, frozen=True):
    """Void an event, and take back the settlement of every pool it ended."""

    game_id: Uuid
    event_id: Uuid
    reason: Text | None = None


@message
class BettingPoolVoided(Message, tag=3662, frozen=True, omit_defaults=True):
    """The pool is void: all stakes have been returned. The reply alone has ``overdrawn``, as in 3661."""

    cuts: ClassVar[tuple[str, ...]] = ("overdrawn",)

    pool_id: str
    game_id: str
    reason: str | None
    amount_total: Decimal
    participants: int
    version: int
    overdrawn: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingPoolVoided],
    broadcasts=[BettingPoolVoided, BalanceUpdate],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class VoidBettingPool(Request, tag=3952, frozen=True):
    """Void a pool: all stakes are returned. If it is resolved, its settlement is taken back first."""

    pool_id: Uuid
    reason: Text | None = None


class ShownTransfer(msgspec.Struct, frozen=True):
    """Money moved for a bet between two kinds of account: its share of a transfer in the ledger."""

    debited: str
    credited: str
    amount: Decimal
    reason: str
    made_at: int


@message
class BetReceipt(Message, tag=3560, frozen=True, omit_defaults=True):
    """A bet with its outcome and what was moved for it.

    ``price`` is the payout per unit staked, ``takeout`` what the house kept of the whole pool.
    """

    bet_id: str
    pool_id: str
    game_id: str
    target: str
    amount: Decimal
    placed_at: int
    status: str
    transfers: list[ShownTransfer]
    payout: Decimal | msgspec.UnsetType = msgspec.UNSET
    price: Decimal | msgspec.UnsetType = msgspec.UNSET
    takeout: Decimal | msgspec.UnsetType = msgspec.UNSET
    event_id: str | msgspec.UnsetType | None = msgspec.UNSET
    settled_at: int | msgspec.UnsetType = msgspec.UNSET


@operation(by=Role.USER, kind=Kind.READ, replies=[BetReceipt], errors=[ErrorCode.NOT_FOUND])
class GetBetReceipt(Request, tag=391, frozen=True):
    """Read one of the user's own bets with what was moved for it in the ledger."""

    bet_id: Uuid
