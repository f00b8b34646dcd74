"""The table of endpoints. Each has its path without the last ``/``; it is answered with and without."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from functools import partial
from typing import NamedTuple

from starlette.responses import Response

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
from gameserver.web.call import HttpCall
from gameserver.web.operations import call_any, change_by_path, list_by_path


class Access(Enum):
    """Who may use an endpoint."""

    ANYONE = "anybody"
    READER = "anybody where `public_reads` is set, else a user"
    USER = "a user"


class Endpoint(NamedTuple):
    """An endpoint: ``handle`` answers, or raises `Rejected`.

    ``request`` is the operation that it carries out, None if it is none. A ``{user_id}`` in the path must be that of
    the user who asks.
    """

    methods: tuple[str, ...]
    path: str
    handle: Callable[[HttpCall], Awaitable[Response]]
    access: Access = Access.USER
    request: type[Request] | None = None


def _read(path: str, request: type[Request], access: Access = Access.USER) -> Endpoint:
    return Endpoint(("GET",), path, partial(list_by_path, request=request), access, request)


def _change(path: str, request: type[Request], renamed: Mapping[str, str]) -> Endpoint:
    handle = partial(change_by_path, request=request, renamed=renamed)
    return Endpoint(("POST", "PUT"), path, handle, request=request)


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
