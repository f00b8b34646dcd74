"""Listing games (protocol, "Game sources and games")."""

from gameserver.domain.status import game_status
from gameserver.engine.context import Reading
from gameserver.engine.details import clock_of
from gameserver.errors import not_found
from gameserver.protocol.game_lists import (
    AdministeredGame,
    GameEntry,
    GamesIAmAdminOfList,
    GamesListForSource,
    ListGamesForSource,
    ListGamesIAmAdminOf,
    ListUpcomingGamesForSource,
    UpcomingGameEntry,
    UpcomingGamesListForSource,
)
from gameserver.storage.games import Listed, find_game, list_administered_games, list_games
from gameserver.storage.pools import count_pools
from gameserver.storage.scores import list_score


def list_games_i_am_admin_of(reading: Reading, request: ListGamesIAmAdminOf) -> GamesIAmAdminOfList:
    """List the games the user administers, newest first."""
    before = _cursor(reading, request.after)
    found = list_administered_games(reading.connection, reading.user.id, before, request.limit + 1)
    page = found[: request.limit]
    return GamesIAmAdminOfList(
        games=[
            AdministeredGame(
                game.uuid, game.name, game_status(game.times, reading.now_ms), game.closed_at, game.cancelled_at
            )
            for game in page
        ],
        next=page[-1].uuid if len(found) > len(page) else None,
    )


def list_games_for_source(reading: Reading, request: ListGamesForSource) -> GamesListForSource:
    """List a source's games, newest first."""
    source = reading.source(request, request.source_id)
    before = _cursor(reading, request.after, source.id)
    found = list_games(reading.connection, source.id, Listed(request.status), before, request.limit + 1)
    page = found[: request.limit]
    scores = list_score(reading.connection, [game.id for game in page])
    pools = count_pools(reading.connection, [game.id for game in page])
    return GamesListForSource(
        source_id=source.uuid,
        games={
            game.uuid: GameEntry(
                status=game_status(game.times, reading.now_ms),
                name=game.name,
                type=game.type,
                open_at=game.open_at,
                live_start_at=game.live_start_at,
                close_at=game.close_at,
                currency=game.currency,
                hashtag=game.hashtag,
                subscribers=reading.audience.subscribers_of(game.uuid),
                score=scores.get(game.id),
                clock=clock_of(game),
                open_pools=pools[game.id].open_pools if game.id in pools else 0,
                hot_pools=pools[game.id].hot_pools if game.id in pools else 0,
                closed_at=game.closed_at,
                cancelled_at=game.cancelled_at,
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
    found = list_games(reading.connection, source.id, Listed.UPCOMING, before, request.limit + 1)
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
