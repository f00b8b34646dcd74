"""Reading leaderboards (protocol, "Leaderboards")."""

from gameserver.domain.money import DEFAULT_CURRENCY
from gameserver.engine.context import Reading
from gameserver.engine.leaderboards import (
    Ranking,
    Surroundings,
    list_ranking,
    list_ranking_among,
    list_tailored_ranking,
)
from gameserver.protocol.leaderboards import (
    GetFriendsLeaderboard,
    GetFriendsLeaderboardForGame,
    GetFriendsLeaderboardForGameSource,
    GetLeaderboard,
    GetLeaderboardForGame,
    GetLeaderboardForGameSource,
    GetUserTailoredLeaderboard,
    GetUserTailoredLeaderboardForGameSource,
    Leaderboard,
    LeaderboardForGame,
    LeaderboardForGameSource,
    LeaderboardForGameSourceTailored,
    LeaderboardForGameTailored,
    LeaderboardFriends,
    LeaderboardFriendsForGame,
    LeaderboardFriendsForGameSource,
    LeaderboardTailored,
)
from gameserver.storage.boards import Scope
from gameserver.storage.friends import list_friend_ids

_OfGame = GetLeaderboardForGame | GetUserTailoredLeaderboard | GetFriendsLeaderboardForGame
_OfSource = GetLeaderboardForGameSource | GetUserTailoredLeaderboardForGameSource | GetFriendsLeaderboardForGameSource


def get_leaderboard(reading: Reading, request: GetLeaderboard) -> Leaderboard:
    """Read a part of the ranking in all games."""
    scope = Scope(0, 0, request.game_type or "", request.currency)
    shown = range(request.start, request.end)
    return Leaderboard(**list_ranking(reading.connection, scope, reading.user.id, shown)._asdict())


def get_leaderboard_for_game_source(reading: Reading, request: GetLeaderboardForGameSource) -> LeaderboardForGameSource:
    """Read a part of the ranking in the games of a source."""
    ranking = list_ranking(
        reading.connection, _source_scope(reading, request), reading.user.id, range(request.start, request.end)
    )
    return LeaderboardForGameSource(source_id=request.source_id, **ranking._asdict())


def get_leaderboard_for_game(reading: Reading, request: GetLeaderboardForGame) -> LeaderboardForGame:
    """Read a part of the ranking in a game."""
    scope = _game_scope(reading, request, request.game_id)
    ranking = list_ranking(reading.connection, scope, reading.user.id, range(request.start, request.end))
    return LeaderboardForGame(game_id=request.game_id, **ranking._asdict())


def get_user_tailored_leaderboard(
    reading: Reading, request: GetUserTailoredLeaderboard
) -> LeaderboardTailored | LeaderboardForGameTailored:
    """Read the user's own part of the ranking in all games, or in one."""
    shown = Surroundings(request.top_count, request.bottom_count, request.surrounding_count)
    if request.game_id is None:
        scope = Scope(0, 0, request.game_type or "", request.currency or DEFAULT_CURRENCY)
        ranking = list_tailored_ranking(reading.connection, scope, reading.user.id, shown)
        return LeaderboardTailored(**ranking._asdict())
    scope = _game_scope(reading, request, request.game_id)
    ranking = list_tailored_ranking(reading.connection, scope, reading.user.id, shown)
    return LeaderboardForGameTailored(game_id=request.game_id, **ranking._asdict())


def get_user_tailored_leaderboard_for_game_source(
    reading: Reading, request: GetUserTailoredLeaderboardForGameSource
) -> LeaderboardForGameSourceTailored:
    """Read the user's own part of the ranking in the games of a source."""
    shown = Surroundings(request.top_count, request.bottom_count, request.surrounding_count)
    scope = _source_scope(reading, request)
    ranking = list_tailored_ranking(reading.connection, scope, reading.user.id, shown)
    return LeaderboardForGameSourceTailored(source_id=request.source_id, **ranking._asdict())


def get_friends_leaderboard(reading: Reading, request: GetFriendsLeaderboard) -> LeaderboardFriends:
    """Rank the user and the user's friends by all games."""
    scope = Scope(0, 0, request.game_type or "", request.currency)
    return LeaderboardFriends(**_among_friends(reading, scope)._asdict())


def get_friends_leaderboard_for_game_source(
    reading: Reading, request: GetFriendsLeaderboardForGameSource
) -> LeaderboardFriendsForGameSource:
    """Rank the user and the user's friends by the games of a source."""
    ranking = _among_friends(reading, _source_scope(reading, request))
    return LeaderboardFriendsForGameSource(source_id=request.source_id, **ranking._asdict())


def get_friends_leaderboard_for_game(
    reading: Reading, request: GetFriendsLeaderboardForGame
) -> LeaderboardFriendsForGame:
    """Rank the user and the user's friends by a game."""
    ranking = _among_friends(reading, _game_scope(reading, request, request.game_id))
    return LeaderboardFriendsForGame(game_id=request.game_id, **ranking._asdict())


def _among_friends(reading: Reading, scope: Scope) -> Ranking:
    friends = list_friend_ids(reading.connection, reading.user.id)
    return list_ranking_among(reading.connection, scope, reading.user.id, friends)


def _source_scope(reading: Reading, request: _OfSource) -> Scope:
    """The scope of a source that a request names. Raises ``not_found``."""
    source = reading.source(request, request.source_id)
    return Scope(source.id, 0, request.game_type or "", request.currency)


def _game_scope(reading: Reading, request: _OfGame, game_uuid: str) -> Scope:
    """The scope of a game that a request names. Raises ``not_found``."""
    game = reading.game(request, game_uuid)
    return Scope(0, game.id, "", request.currency or game.currency)
