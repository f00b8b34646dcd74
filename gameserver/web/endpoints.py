"""The table of endpoints. Each has its path without the last ``/``; it is answered with and without."""

from collections.abc import Mapping
from functools import partial

from gameserver.protocol.betting import PlaceBetInBettingPool
from gameserver.protocol.declare import Request
from gameserver.protocol.game_lists import ListGamesForSource, ListUpcomingGamesForSource
from gameserver.protocol.pools import (
    ListAllBettingPoolsForGame,
    ListMyOpenBettingPoolsForGame,
    ListMyResolvedPoolsForGame,
    ListMyRunningPoolsForGame,
)
from gameserver.protocol.sources import ListGameSources
from gameserver.web.endpoint import Access, Endpoint
from gameserver.web.operations import call_any, change_by_path, list_by_path


def _read(path: str, request: type[Request], access: Access = Access.USER) -> Endpoint:
    return Endpoint(("GET",), path, partial(list_by_path, request=request), access, request)


def _change(path: str, request: type[Request], renamed: Mapping[str, str]) -> Endpoint:
    handle = partial(change_by_path, request=request, renamed=renamed)
    return Endpoint(("POST", "PUT"), path, handle, request=request, renamed=renamed)


_GAMES = "/r/sources/{source_id}/games"
_POOLS = f"{_GAMES}/active/{{game_id}}/pools"

ENDPOINTS: tuple[Endpoint, ...] = (
    _read("/r/sources", ListGameSources, Access.READER),
    _read(f"{_GAMES}/active", ListGamesForSource, Access.READER),
    _read(f"{_GAMES}/upcoming", ListUpcomingGamesForSource, Access.READER),
    _read(f"{_POOLS}/open", ListAllBettingPoolsForGame, Access.READER),
    _read(f"{_POOLS}/open/{{user_id}}", ListMyOpenBettingPoolsForGame),
    _read(f"{_POOLS}/running/{{user_id}}", ListMyRunningPoolsForGame),
    _read(f"{_POOLS}/resolved/{{user_id}}", ListMyResolvedPoolsForGame),
    _change(f"{_POOLS}/open/{{pool_id}}/predictions", PlaceBetInBettingPool, {"target_id": "target"}),
    Endpoint(("POST",), "/r/call", call_any),
)
