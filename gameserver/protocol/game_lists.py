"""Lists of games: those of a source, and those a user administers (protocol, "Game sources and games")."""

from typing import ClassVar

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import ListedGames, PageSize, Uuid
from gameserver.protocol.match_clock import ClockReading


class AdministeredGame(msgspec.Struct, frozen=True):
    """A game in the list of those the user administers."""

    id: str
    name: str
    status: str
    closed_at: int | None
    cancelled_at: int | None


@message
class GamesIAmAdminOfList(Message, tag=620, frozen=True, omit_defaults=True):
    """The games the user is an admin of, newest first; ``next`` is present if more follow."""

    cuts: ClassVar[tuple[str, ...]] = ("games",)

    games: list[AdministeredGame]
    next: str | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[GamesIAmAdminOfList], errors=[ErrorCode.NOT_FOUND])
class ListGamesIAmAdminOf(Request, tag=610, frozen=True):
    """List the games the user is an admin of; ``after`` takes the ``next`` of the page before."""

    limit: PageSize = 1000
    after: Uuid | None = None


class GameEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A game in a list; of ``open_pools`` pools that are unresolved, ``hot_pools`` are hot."""

    status: str
    name: str
    type: str
    open_at: int
    live_start_at: int
    close_at: int | None
    currency: str
    hashtag: str | None
    subscribers: int
    score: dict[str, int] | None
    clock: ClockReading | None
    open_pools: int
    hot_pools: int
    closed_at: int | None
    cancelled_at: int | None
    held_at: int | None


@message
class GamesListForSource(Message, tag=345, frozen=True):
    """The games of a source by id, newest first; ``next`` is the ``after`` of the next page, or null."""

    cuts: ClassVar[tuple[str, ...]] = ("games",)

    source_id: str
    games: dict[str, GameEntry]
    next: str | None


@operation(by=Role.USER, kind=Kind.READ, replies=[GamesListForSource], errors=[ErrorCode.NOT_FOUND], for_views=True)
class ListGamesForSource(Request, tag=380, frozen=True):
    """List the games of a source: those that are open or closing, those that are closed, or all there have been."""

    source_id: Uuid
    status: ListedGames = "open"
    limit: PageSize = 100
    after: Uuid | None = None


class UpcomingGameEntry(msgspec.Struct, frozen=True):
    """An upcoming game in a list."""

    source_id: str
    game_name: str
    currency: str
    live_start_at: int
    open_at: int
    type: str
    hashtag: str | None


@message
class UpcomingGamesListForSource(Message, tag=3461, frozen=True):
    """The upcoming games of a source by id, newest first; ``next`` as in games_list_for_source."""

    cuts: ClassVar[tuple[str, ...]] = ("games",)

    source_id: str
    games: dict[str, UpcomingGameEntry]
    next: str | None


@operation(
    by=Role.USER, kind=Kind.READ, replies=[UpcomingGamesListForSource], errors=[ErrorCode.NOT_FOUND], for_views=True
)
class ListUpcomingGamesForSource(Request, tag=3811, frozen=True):
    """List the games of a source that are created and not yet opened."""

    source_id: Uuid
    limit: PageSize = 100
    after: Uuid | None = None
