"""Calling a game off, opening it again, and what closing it would do (protocol, "Closing a game")."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.betting import BalanceUpdate, BettingPoolBetsDistributionUpdate
from gameserver.protocol.corrections import BettingPoolVoided
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Flag, Millis, Text, Uuid
from gameserver.protocol.games import GameClosed
from gameserver.protocol.pools import NewBettingPool
from gameserver.protocol.steering import BettingInPoolBlocked


@message
class GameCancelled(Message, tag=376, frozen=True, omit_defaults=True):
    """The game is called off, and closed. ``pools`` maps each pool that is void to the amount given back.

    ``overdrawn`` is as in 3661.
    """

    cuts: ClassVar[tuple[str, ...]] = ("overdrawn",)

    game_id: str
    reason: str | None
    pools: dict[str, Decimal]
    overdrawn: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET


@operation(
    by=Role.GAME_OR_SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameCancelled],
    broadcasts=[BettingPoolVoided, GameClosed, BalanceUpdate],
    errors=[ErrorCode.CONFLICT],
)
class CancelGame(Request, tag=376, frozen=True):
    """Call a game off: every unresolved pool is voided, with ``include_resolved`` every resolved one too.

    A closed game can be called off with ``include_resolved`` alone. With ``preview`` nothing changes.
    """

    game_id: Uuid
    reason: Text | None = None
    include_resolved: Flag = False
    preview: Flag = False


@message
class GameReopened(Message, tag=378, frozen=True, omit_defaults=True):
    """The game is open again. ``pools`` maps each pool that its close had settled to ``reopened`` or ``kept``.

    A pool is kept as it is if its ``finish_at`` has passed. Whoever has a bet in the game, or runs it or its source, is
    told without having joined. Clients join anew. ``overdrawn`` is as in 3661.
    """

    cuts: ClassVar[tuple[str, ...]] = ("overdrawn",)
    for_watchers: ClassVar[bool] = True
    resumes_subscriptions: ClassVar[bool] = True

    game_id: str
    close_at: int | None
    pools: dict[str, str]
    overdrawn: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameReopened],
    broadcasts=[
        GameReopened,
        NewBettingPool,
        BettingInPoolBlocked,
        BettingPoolBetsDistributionUpdate,
        BalanceUpdate,
    ],
    errors=[ErrorCode.CONFLICT, ErrorCode.SOURCE_CLOSED],
)
class ReopenGame(Request, tag=378, frozen=True):
    """Take back a close made by mistake, within ``game_log_days``, or free a game that is closing.

    What closing has settled is taken back, and the pools open again and blocked. A ``close_at`` that has passed is
    dropped. With ``preview`` nothing changes.
    """

    game_id: Uuid
    close_at: Millis | None = None
    preview: Flag = False


def is_preview(request: Request) -> bool:
    """Whether a request only asks what a change would do, and changes nothing."""
    return isinstance(request, CancelGame | ReopenGame) and request.preview


class ClosingPool(msgspec.Struct, frozen=True):
    """What closing would do to a pool: ``resolves`` to ``none``, or ``remains`` to be resolved by hand.

    ``price`` is what one unit on ``none`` would be paid (null on money-return), ``paid`` what the valid bets would be
    paid in all; both are null if the pool remains.
    """

    outcome: str
    price: Decimal | None
    paid: Decimal | None
    winners_count: int
    participants: int
    amount_total: Decimal


@message
class CloseGamePreview(Message, tag=3411, frozen=True):
    """What closing the game would do, by pool id."""

    pools: dict[str, ClosingPool]


@operation(by=Role.GAME_OR_SOURCE_ADMIN, kind=Kind.READ, replies=[CloseGamePreview], errors=[ErrorCode.GAME_CLOSED])
class PreviewCloseGame(Request, tag=3751, frozen=True):
    """Read what closing the game would do. Nothing changes."""

    game_id: Uuid
