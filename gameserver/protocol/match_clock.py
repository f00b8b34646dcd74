"""The clock of a match, which is only shown (protocol, "Match clock")."""

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import ElapsedMillis, Flag, Millis, Period, Uuid


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock of a match showed at a moment, and whether it was running."""

    period: str
    elapsed_ms: int
    is_running: bool
    at: int


@message
class MatchClockSet(ClockReading, Message, tag=3420, frozen=True, kw_only=True):
    """The clock is set."""

    game_id: str


@message
class MatchClock(ClockReading, Message, tag=3421, frozen=True, kw_only=True):
    """The clock has been set."""

    game_id: str


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[MatchClockSet],
    broadcasts=[MatchClock],
    errors=[ErrorCode.GAME_CLOSED],
)
class SetMatchClock(Request, tag=374, frozen=True):
    """Set what the clock of the match shows ``at`` a moment, or now. Nothing depends on it."""

    game_id: Uuid
    period: Period
    elapsed_ms: ElapsedMillis
    is_running: Flag
    at: Millis | None = None
