"""Blocking and allowing betting, and hot pools (protocol, "Blocking, allowing, hot pools").

A request for a later moment is answered at once and broadcast when it takes effect; a newer one replaces it.
"""

from gameserver.errors import ErrorCode, invalid
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Flag, Millis, Name, Uuid


@message
class BettingInPoolBlocked(Message, tag=368, frozen=True):
    """The pool accepts no bets from this moment on."""

    pool_id: str
    blocked_at: int
    version: int


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingInPoolBlocked],
    broadcasts=[BettingInPoolBlocked],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.POOL_RESOLVED],
)
class BlockBettingInBettingPool(Request, tag=397, frozen=True):
    """Stop a pool from accepting bets, now or at ``block_at``."""

    pool_id: Uuid
    block_at: Millis | None = None


@message
class BettingInPoolAllowed(Message, tag=369, frozen=True):
    """The pool accepts bets again from this moment on."""

    pool_id: str
    allowed_at: int
    version: int


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingInPoolAllowed],
    broadcasts=[BettingInPoolAllowed],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.POOL_RESOLVED, ErrorCode.CONFLICT, ErrorCode.BETTING_ENDED],
)
class AllowBettingInBettingPool(Request, tag=398, frozen=True):
    """Let a pool accept bets again, now or at ``allow_at``."""

    pool_id: Uuid
    allow_at: Millis | None = None


@message
class BettingForGameAndActionBlocked(Message, tag=370, frozen=True):
    """The game's pools on the action accept no bets from this moment on; each has a 368 of its own."""

    game_id: str
    action_id: str
    blocked_at: int


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingForGameAndActionBlocked],
    broadcasts=[BettingForGameAndActionBlocked, BettingInPoolBlocked],
    errors=[ErrorCode.GAME_CLOSED],
)
class BlockBettingForGameAndAction(Request, tag=3975, frozen=True):
    """Stop the pools on an action from accepting bets, now or at ``block_at``: those that are unresolved then."""

    game_id: Uuid
    action_id: Name
    block_at: Millis | None = None


@message
class BettingForGameAndActionAllowed(Message, tag=371, frozen=True):
    """The game's pools on the action accept bets again from this moment on; each has a 369 of its own."""

    game_id: str
    action_id: str
    allowed_at: int


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingForGameAndActionAllowed],
    broadcasts=[BettingForGameAndActionAllowed, BettingInPoolAllowed],
    errors=[ErrorCode.GAME_CLOSED, ErrorCode.CONFLICT],
)
class AllowBettingForGameAndAction(Request, tag=3985, frozen=True):
    """Let the pools on an action accept bets again, now or at ``allow_at``: those that are unresolved then."""

    game_id: Uuid
    action_id: Name
    allow_at: Millis | None = None


@message
class BettingForGameHeld(Message, tag=3681, frozen=True):
    """The game is held: its unresolved ``pools`` accept no bets from this moment on; each has a 368 of its own."""

    game_id: str
    pools: list[str]


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingForGameHeld],
    broadcasts=[BettingForGameHeld, BettingInPoolBlocked],
    errors=[ErrorCode.GAME_CLOSED],
)
class HoldBettingForGame(Request, tag=3976, frozen=True):
    """Stop all pools of a game from accepting bets, those too that open while the game is held."""

    game_id: Uuid


@message
class BettingForGameReleased(Message, tag=3691, frozen=True):
    """The game is no longer held: the ``pools`` accept bets again that are not blocked otherwise; each has a 369."""

    game_id: str
    pools: list[str]


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[BettingForGameReleased],
    broadcasts=[BettingForGameReleased, BettingInPoolAllowed],
    errors=[ErrorCode.GAME_CLOSED],
)
class ReleaseBettingForGame(Request, tag=3986, frozen=True):
    """End the hold of a game: its pools accept bets again, but for those that are blocked otherwise."""

    game_id: Uuid


@message
class HotBettingPoolSuggested(Message, tag=367, frozen=True, omit_defaults=True):
    """A pool is hot, named by ``pool_id``; or, in the reply to 3961, the ``pools`` on an action and target are.

    ``hot_since`` is null once the pool is no longer hot.
    """

    hot_since: int | None
    pool_id: str | None = None
    version: int | None = None
    game_id: str | None = None
    action_id: str | None = None
    target_id: str | None = None
    pools: list[str] | None = None


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[HotBettingPoolSuggested],
    broadcasts=[HotBettingPoolSuggested],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.POOL_RESOLVED],
)
class SuggestHotBettingPool(Request, tag=396, frozen=True):
    """Mark a pool as hot, now or at ``likely_to_happen_at``, or with ``is_hot`` false as hot no longer."""

    pool_id: Uuid
    likely_to_happen_at: Millis | None = None
    is_hot: Flag = True

    def __post_init__(self) -> None:
        if not self.is_hot and self.likely_to_happen_at is not None:
            text = "likely_to_happen_at is accepted for a pool that becomes hot; with is_hot false leave it out"
            raise invalid("likely_to_happen_at", text)


@operation(
    by=Role.GAME_ADMIN,
    kind=Kind.WRITE,
    replies=[HotBettingPoolSuggested],
    broadcasts=[HotBettingPoolSuggested],
    errors=[ErrorCode.GAME_CLOSED],
)
class SuggestHotBettingPoolForActionAndTarget(Request, tag=3961, frozen=True):
    """Mark the unresolved pools on an action that hold a target as hot, now or at ``likely_to_happen_at``."""

    game_id: Uuid
    action_id: Name
    target_id: Name
    likely_to_happen_at: Millis | None = None
