"""Checks that the state of a source, a game or a pool allows an operation."""

from gameserver.domain.pools import PoolStatus
from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.games import Game
from gameserver.storage.pools import Pool
from gameserver.storage.sources import Source


def require_source_open(source: Source) -> None:
    """Raise ``source_closed`` for a closed source."""
    if source.closed_at is not None:
        raise Rejected(ErrorCode.SOURCE_CLOSED, "this game source is closed")


def require_not_closed(game: Game) -> None:
    """Raise ``game_closed`` for a closed game."""
    if game.closed_at is not None:
        raise Rejected(ErrorCode.GAME_CLOSED, "this game is closed")


def require_not_closing(game: Game) -> None:
    """Raise ``conflict`` for a game that is closing: it waits for its binary pools to be resolved."""
    if game.closing_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this game is closing; only its binary pools can still be resolved")


def require_running(game: Game, now_ms: int) -> None:
    """Raise ``game_closed``, ``conflict`` or ``game_not_open`` unless the game is open."""
    require_not_closed(game)
    require_not_closing(game)
    if game.opened_at is None or now_ms < game.open_at:
        raise Rejected(ErrorCode.GAME_NOT_OPEN, f"this game is not open yet; its open_at is {game.open_at}")


def require_unresolved(pool: Pool) -> None:
    """Raise ``pool_resolved`` for a pool that has ended."""
    if pool.status is not PoolStatus.OPEN:
        raise Rejected(ErrorCode.POOL_RESOLVED, f"this pool is {pool.status.value}")
