"""Events, the pools that they end, and resolutions by hand (protocol, "Events and settlement")."""

from decimal import Decimal
from typing import ClassVar, Self

import msgspec

from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.fields import ExternalId, Millis, Name, Names, SplitChoice, Text, Uuid
from gameserver.protocol.pools import NewBettingPool


class EndedPool(Message, frozen=True, kw_only=True, omit_defaults=True):
    """How a pool ended. ``winners`` and ``losers`` map user id to what was won or lost, net.

    ``prices`` is what one unit on each of the ``winning_targets`` that were backed was paid. Where there is one,
    ``winning_target`` and ``price`` are of it, else null.

    The three lists are cut at ``max_listed_bettors``; ``truncated`` and the counts are present if one is.
    ``usernames`` maps the ids of the users listed to their names, as many as a message can hold.
    """

    cuts: ClassVar[tuple[str, ...]] = ("usernames",)

    pool_id: str
    game_id: str
    event_id: str | None
    winning_target: str | None
    winning_targets: list[str]
    price: Decimal | None
    prices: dict[str, Decimal]
    description: str
    winners: dict[str, Decimal]
    losers: dict[str, Decimal]
    invalidated_bettors: list[int]
    usernames: dict[str, str]
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
    not hold it all, the targets added last are left out. ``score`` maps root target id to points; it is null where no
    action scores.
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
    score: dict[str, int] | msgspec.UnsetType | None = msgspec.UNSET
    external_id: str | msgspec.UnsetType | None = msgspec.UNSET


def require_event(game_id: str | None, action_id: str | None, pool_id: str | None) -> None:
    """Raise ``missing_parameter`` unless the parameters name an action of a game, or a pool."""
    for name, value in (("game_id", game_id), ("action_id", action_id)):
        if pool_id is None and value is None:
            text = f"{name} is required: an event takes game_id, action_id and target_id, or pool_id and target_id"
            raise Rejected(ErrorCode.MISSING_PARAMETER, text, name)


class EventParameters(Request, frozen=True, kw_only=True):
    """What happened in a game, or how a binary pool ends."""

    target_id: Name
    game_id: Uuid | None = None
    action_id: Name | None = None
    pool_id: Uuid | None = None
    happened_at: Millis | None = None
    description: Text | None = None
    external_id: ExternalId | None = None

    def __post_init__(self) -> None:
        require_event(self.game_id, self.action_id, self.pool_id)


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[NewGameEvent],
    broadcasts=[NewGameEvent, BetPoolResolved, NewBettingPool, BalanceUpdate],
    errors=[ErrorCode.GAME_NOT_OPEN, ErrorCode.GAME_CLOSED, ErrorCode.POOL_RESOLVED, ErrorCode.CONFLICT],
)
class RegisterGameEvent(EventParameters, tag=395, frozen=True):
    """Register what happened: ``game_id``, ``action_id`` and ``target_id``. Every pool it decides ends.

    The target may be any of the game's but ``none``: one with others below it means that who of them is not known.
    ``external_id`` is the id that a feed gives the event: if an event of the game that is not voided has it, the reply
    is that event's, ``repeated``, whoever sends it; if only voided ones do, ``conflict`` with the last's ``event_id``.

    Or resolve a binary pool by hand: ``pool_id``, and the winning label as ``target_id``. Registering the
    same thing twice makes two events (two goals are two goals), unless both requests carry the same
    ``header.key``.
    """


class PreviewedPool(msgspec.Struct, frozen=True):
    """How a pool would end.

    ``prices`` is what one unit on each of the ``winning_targets`` that were backed would be paid, ``price`` that of the
    only one (null if there are several, and on money-return), ``paid`` what the valid bets would be paid in all,
    ``recreated`` whether the pool would be recreated. ``winners`` and ``losers`` are those of the greatest net, 100 at
    most and fewer where a message could not hold them all; the counts are of all.
    """

    winning_target: str | None
    winning_targets: list[str]
    is_money_return: bool
    price: Decimal | None
    prices: dict[str, Decimal]
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
    """What registering the event would do, by pool id; ``untouched`` are the game's other open pools.

    ``score`` is as it would be then.
    """

    pools: dict[str, PreviewedPool]
    untouched: list[str]
    score: dict[str, int] | None

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
    errors=[
        ErrorCode.MISSING_PARAMETER,
        ErrorCode.GAME_NOT_OPEN,
        ErrorCode.GAME_CLOSED,
        ErrorCode.POOL_RESOLVED,
        ErrorCode.CONFLICT,
    ],
)
class PreviewGameEvent(Request, tag=3950, frozen=True, kw_only=True):
    """Read what registering an event, or resolving a pool by hand, would do. Nothing changes.

    The parameters are those of 395, or those of 3955: ``pool_id``, ``winners``, ``happened_at`` and ``split``.
    """

    target_id: Name | None = None
    game_id: Uuid | None = None
    action_id: Name | None = None
    pool_id: Uuid | None = None
    winners: Names | None = None
    split: SplitChoice | None = None
    happened_at: Millis | None = None
    description: Text | None = None
    external_id: ExternalId | None = None

    def __post_init__(self) -> None:
        if self.winners is not None:
            if self.pool_id is None:
                raise Rejected(ErrorCode.MISSING_PARAMETER, "pool_id is required with winners", "pool_id")
            if self.target_id is not None:
                raise invalid("target_id", "target_id and winners exclude each other")
        elif self.target_id is None:
            text = "target_id is required: the target of an event, or with pool_id the winning label; or send winners"
            raise Rejected(ErrorCode.MISSING_PARAMETER, text, "target_id")
        else:
            require_event(self.game_id, self.action_id, self.pool_id)

    @property
    def event(self) -> RegisterGameEvent | None:
        """The request whose effect is to be read; None if it is 3955."""
        if self.target_id is None:
            return None
        names = ("target_id", "game_id", "action_id", "pool_id", "happened_at", "description", "external_id")
        return RegisterGameEvent(**{name: getattr(self, name) for name in names})


@message
class BettingPoolResolved(Message, tag=3665, frozen=True):
    """The pool is resolved by hand; ``event_id`` takes it back (3951)."""

    pool_id: str
    game_id: str
    event_id: str
    winning_targets: list[str]
    prices: dict[str, Decimal]
    happened_at: int
    registered_at: int
    version: int


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingPoolResolved],
    broadcasts=[BetPoolResolved, NewBettingPool, BalanceUpdate],
    errors=[ErrorCode.POOL_RESOLVED],
)
class ResolveBettingPool(Request, tag=3955, frozen=True):
    """Resolve a pool of any type by hand, to one or several of its targets (a dead heat).

    ``split`` is how several winners share. ``profit``: their own stakes go back, and what remains after takeout is
    divided equally among the winning targets that anybody backed, and within each by stake. ``pot``: all valid stakes
    less takeout are shared among all winning stakes in proportion.
    """

    pool_id: Uuid
    winners: Names
    happened_at: Millis | None = None
    split: SplitChoice = "profit"

    def __post_init__(self) -> None:
        if not self.winners:
            text = "winners is required: the pool's targets that win, one or several"
            raise Rejected(ErrorCode.MISSING_PARAMETER, text, "winners")
