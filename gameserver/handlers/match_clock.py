"""Setting the clock of a match (protocol, "Match clock")."""

from gameserver.engine.context import Change
from gameserver.engine.preconditions import require_not_closed
from gameserver.protocol.match_clock import MatchClock, MatchClockSet, SetMatchClock
from gameserver.storage.games import Clock, update_clock


def set_match_clock(change: Change, request: SetMatchClock) -> MatchClockSet:
    """Set what the clock shows, and tell the game's subscribers."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    at = change.now_ms if request.at is None else request.at
    clock = Clock(request.period, request.elapsed_ms, request.is_running, at)
    update_clock(change.connection, game.id, clock)
    change.publish(game, MatchClock(game_id=game.uuid, **clock._asdict()))
    return MatchClockSet(game_id=game.uuid, **clock._asdict())
