"""Calling a game off (protocol, "Closing a game")."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.events import BettingPoolVoided
from gameserver.protocol.fields import Flag, Text, Uuid
from gameserver.protocol.games import GameClosed


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
