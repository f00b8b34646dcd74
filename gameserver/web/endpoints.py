"""The table of endpoints. Each has its path without the last ``/``; it is answered with and without."""

from collections.abc import Mapping
from functools import partial

from gameserver.protocol.betting import PlaceBetInBettingPool
from gameserver.protocol.declare import Request
from gameserver.protocol.friends import ListFriends
from gameserver.protocol.game_lists import ListGamesForSource, ListUpcomingGamesForSource
from gameserver.protocol.games import GetGameDetails
from gameserver.protocol.histories import GetMyHistory, GetUserStatistics
from gameserver.protocol.leaderboards import (
    GetFriendsLeaderboard,
    GetFriendsLeaderboardForGame,
    GetFriendsLeaderboardForGameSource,
    GetLeaderboard,
    GetLeaderboardForGame,
    GetLeaderboardForGameSource,
    GetUserTailoredLeaderboard,
    GetUserTailoredLeaderboardForGameSource,
)
from gameserver.protocol.pools import (
    ListAllBettingPoolsForGame,
    ListMyOpenBettingPoolsForGame,
    ListMyResolvedPoolsForGame,
    ListMyRunningPoolsForGame,
)
from gameserver.protocol.sources import ListGameSources
from gameserver.web.accounts import ACCOUNTS
from gameserver.web.endpoint import Access, Endpoint
from gameserver.web.invitations import INVITATIONS
from gameserver.web.operations import call_any, change_by_path, list_by_path


def _read(path: str, request: type[Request], access: Access = Access.USER) -> Endpoint:
    return Endpoint(("GET",), path, partial(list_by_path, request=request), access, request)


def _change(path: str, request: type[Request], renamed: Mapping[str, str]) -> Endpoint:
    handle = partial(change_by_path, request=request, renamed=renamed)
    return Endpoint(("POST", "PUT"), path, handle, request=request, renamed=renamed)


_GAMES = "/r/sources/{source_id}/games"
_POOLS = f"{_GAMES}/active/{{game_id}}/pools"
_EVERYBODY, _FRIENDS = "/r/leaderboard/global", "/r/leaderboard/personal"
_IN_GAME, _IN_SOURCE, _OWN = "/game/{game_id}", "/source/{source_id}", "/{user_id}"

ENDPOINTS: tuple[Endpoint, ...] = (
    _read("/r/sources", ListGameSources, Access.READER),
    _read(f"{_GAMES}/active", ListGamesForSource, Access.READER),
    _read(f"{_GAMES}/upcoming", ListUpcomingGamesForSource, Access.READER),
    _read(f"{_GAMES}/active/{{game_id}}", GetGameDetails, Access.READER),
    _read(f"{_POOLS}/open", ListAllBettingPoolsForGame, Access.READER),
    _read(f"{_POOLS}/open/{{user_id}}", ListMyOpenBettingPoolsForGame),
    _read(f"{_POOLS}/running/{{user_id}}", ListMyRunningPoolsForGame),
    _read(f"{_POOLS}/resolved/{{user_id}}", ListMyResolvedPoolsForGame),
    _change(f"{_POOLS}/open/{{pool_id}}/predictions", PlaceBetInBettingPool, {"target_id": "target"}),
    _read(_EVERYBODY, GetLeaderboard, Access.READER),
    _read(_EVERYBODY + _OWN, GetUserTailoredLeaderboard),
    _read(_EVERYBODY + _IN_GAME, GetLeaderboardForGame, Access.READER),
    _read(_EVERYBODY + _IN_GAME + _OWN, GetUserTailoredLeaderboard),
    _read(_EVERYBODY + _IN_SOURCE, GetLeaderboardForGameSource, Access.READER),
    _read(_EVERYBODY + _IN_SOURCE + _OWN, GetUserTailoredLeaderboardForGameSource),
    *(_read(_FRIENDS + own, GetFriendsLeaderboard) for own in ("", _OWN)),
    *(_read(_FRIENDS + _IN_GAME + own, GetFriendsLeaderboardForGame) for own in ("", _OWN)),
    *(_read(_FRIENDS + _IN_SOURCE + own, GetFriendsLeaderboardForGameSource) for own in ("", _OWN)),
    _read("/r/friends", ListFriends),
    _read("/r/games/history/{user_id}", GetMyHistory),
    _read("/r/statistics/{user_id}", GetUserStatistics),
    *ACCOUNTS,
    *INVITATIONS,
    Endpoint(("POST",), "/r/call", call_any),
)
