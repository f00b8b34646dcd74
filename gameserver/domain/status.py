"""The status of a game (protocol, "Life of a game")."""

from enum import StrEnum
from typing import NamedTuple


class GameStatus(StrEnum):
    """The ``status`` of a game."""

    NOT_YET_ACTIVE = "betting_not_yet_active"
    PRE_GAME = "pre_game_betting_active"
    IN_PROGRESS = "game_in_progress_betting_active"
    CLOSING = "game_in_progress_betting_closed"
    CLOSED = "game_closed"


class GameTimes(NamedTuple):
    """The times that decide a game's status, in epoch milliseconds; None where something has not happened."""

    open_at: int
    live_start_at: int
    opened_at: int | None
    closing_at: int | None
    closed_at: int | None


def game_status(times: GameTimes, now_ms: int) -> GameStatus:
    """The status of a game at ``now_ms``."""
    if times.closed_at is not None:
        return GameStatus.CLOSED
    if times.closing_at is not None:
        return GameStatus.CLOSING
    if times.opened_at is None or now_ms < times.open_at:
        return GameStatus.NOT_YET_ACTIVE
    return GameStatus.PRE_GAME if now_ms < times.live_start_at else GameStatus.IN_PROGRESS
