"""How a game ends, whoever or whatever ends it (contract, sections 5 and 6)."""

from gameserver.handlers.context import Change
from gameserver.handlers.registry import DAY_MS
from gameserver.protocol.games import GameClosed
from gameserver.storage.games import Game, update_game_closed
from gameserver.storage.timers import TimerKind, delete_timers_of_game, insert_timer


def close(change: Change, game: Game) -> GameClosed:
    """Close a game that is not closed, and tell its subscribers. Its log is kept ``game_log_days``."""
    update_game_closed(change.connection, game.id, change.now_ms)
    delete_timers_of_game(change.connection, game.id)
    kept_until = change.sent_at + change.settings.game_log_days * DAY_MS
    insert_timer(change.connection, kept_until, TimerKind.PURGE_LOG, game.id)
    closed = GameClosed(game_id=game.uuid)
    change.publish(game, closed)
    return closed
