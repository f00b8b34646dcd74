"""Voiding and amending events, and voiding pools (protocol, "Corrections")."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.betting import BalanceUpdate, BettingPoolBetsDistributionUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.events import BetPoolResolved
from gameserver.protocol.fields import Flag, Millis, Name, Text, Uuid
from gameserver.protocol.pools import NewBettingPool
from gameserver.protocol.steering import BettingInPoolAllowed, BettingInPoolBlocked


@message
class GameEventVoided(Message, tag=3661, frozen=True, omit_defaults=True):
    """The event is void. ``pools`` maps each pool it had ended to ``reopened`` or ``voided``.

    ``versions`` maps each pool to its version. A reopened pool is also broadcast by a 352 and a 361. ``action_id`` and
    the three after it are those of the event, counts and score as they are without it; null for a manual resolution.
    The reply alone has ``overdrawn``: user id to how far the available balance is below zero, because the user had
    spent what was taken back; as many users as a message can hold.
    """

    cuts: ClassVar[tuple[str, ...]] = ("overdrawn",)

    event_id: str
    game_id: str
    reason: str | None
    pools: dict[str, str]
    versions: dict[str, int]
    action_id: str | None
    target_id: str | None
    current_count: dict[str, int] | None
    score: dict[str, int] | None
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
    """Void an event, and take back the settlement of every pool it ended.

    With ``keep_blocked`` the pools that open again stay blocked.
    """

    game_id: Uuid
    event_id: Uuid
    reason: Text | None = None
    keep_blocked: Flag = False


@message
class GameEventAmended(Message, tag=3664, frozen=True, omit_defaults=True):
    """An event is void, and registered anew as corrected; this is told in place of the 3661 and the 366.

    ``pools`` maps each pool concerned to ``resettled`` (both decide it), ``resolved`` (only the corrected one),
    ``reopened``, ``blocked`` (open again, and no bets taken) or ``voided``; 362, 352 and 361 follow. The fields of 366
    are those of the corrected event. ``overdrawn`` is as in 3661.
    """

    cuts: ClassVar[tuple[str, ...]] = ("overdrawn",)

    event_id: str
    voided_event_id: str
    game_id: str
    action_id: str
    target_id: str
    target_display_name: str
    description: str | None
    current_count: dict[str, int]
    score: dict[str, int] | None
    external_id: str | None
    happened_at: int
    registered_at: int
    pools: dict[str, str]
    versions: dict[str, int]
    overdrawn: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[GameEventAmended],
    broadcasts=[
        GameEventAmended,
        BetPoolResolved,
        NewBettingPool,
        BettingInPoolBlocked,
        BettingInPoolAllowed,
        BettingPoolBetsDistributionUpdate,
        BalanceUpdate,
    ],
    errors=[ErrorCode.CONFLICT],
)
class AmendGameEvent(Request, tag=3954, frozen=True):
    """Correct an event in one step: what is given replaces what it was, and pools are settled as if it always had been.

    Nobody can bet in between. The corrected event has a new id and keeps its ``external_id``.
    """

    event_id: Uuid
    action_id: Name | None = None
    target_id: Name | None = None
    happened_at: Millis | None = None
    description: Text | None = None


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
