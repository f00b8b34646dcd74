"""Listing games (protocol, "Game sources and games")."""

from gameserver.domain.status import game_status
from gameserver.engine.context import Reading
from gameserver.errors import not_found
from gameserver.protocol.game_lists import (
    AdministeredGame,
    GamesIAmAdminOfList,
    GamesListForSource,
    ListGamesForSource,
    ListGamesIAmAdminOf,
    ListUpcomingGamesForSource,
    OpenGameEntry,
    UpcomingGameEntry,
    UpcomingGamesListForSource,
)
from gameserver.storage.games import find_game, list_administered_games, list_open_games, list_upcoming_games


def list_games_i_am_admin_of(reading: Reading, request: ListGamesIAmAdminOf) -> GamesIAmAdminOfList:
    """List the games the user administers, newest first."""
    before = _cursor(reading, request.after)
    found = list_administered_games(reading.connection, reading.user.id, before, request.limit + 1)
    page = found[: request.limit]
    return GamesIAmAdminOfList(
        games=[AdministeredGame(uuid, name) for _, uuid, name in page],
        next=page[-1][1] if len(found) > len(page) else None,
    )


def list_games_for_source(reading: Reading, request: ListGamesForSource) -> GamesListForSource:
    """List a source's open games, newest first."""
    source = reading.source(request, request.source_id)
    before = _cursor(reading, request.after, source.id)
    found = list_open_games(reading.connection, source.id, before, request.limit + 1)
    page = found[: request.limit]
    return GamesListForSource(
        source_id=source.uuid,
        games={
            game.uuid: OpenGameEntry(
                status=game_status(game.times, reading.now_ms),
                name=game.name,
                type=game.type,
                open_at=game.open_at,
                live_start_at=game.live_start_at,
                close_at=game.close_at,
                currency=game.currency,
                hashtag=game.hashtag,
                held_at=game.held_at,
            )
            for game in page
        },
        next=page[-1].uuid if len(found) > len(page) else None,
    )


def list_upcoming_games_for_source(reading: Reading, request: ListUpcomingGamesForSource) -> UpcomingGamesListForSource:
    """List a source's upcoming games, newest first."""
    source = reading.source(request, request.source_id)
    before = _cursor(reading, request.after, source.id)
    found = list_upcoming_games(reading.connection, source.id, before, request.limit + 1)
    page = found[: request.limit]
    return UpcomingGamesListForSource(
        source_id=source.uuid,
        games={
            game.uuid: UpcomingGameEntry(
                source_id=source.uuid,
                game_name=game.name,
                currency=game.currency,
                live_start_at=game.live_start_at,
                open_at=game.open_at,
                type=game.type,
                hashtag=game.hashtag,
            )
            for game in page
        },
        next=page[-1].uuid if len(found) > len(page) else None,
    )


def _cursor(reading: Reading, after: str | None, source_id: int | None = None) -> int | None:
    """The row below which a page begins, or None for the first page. Raises ``not_found``."""
    if after is None:
        return None
    game = find_game(reading.connection, after)
    if game is None or source_id not in (None, game.source_id):
        raise not_found("after", "game")
    return game.id
