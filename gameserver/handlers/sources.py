"""Opening, updating, closing and listing game sources (protocol, "Game sources and games")."""

from gameserver.engine.closing import close, manual_pools_remain
from gameserver.engine.context import Change, Reading
from gameserver.engine.preconditions import require_source_open
from gameserver.errors import not_found
from gameserver.protocol.declare import ErrorReply
from gameserver.protocol.games import CloseGame
from gameserver.protocol.sources import (
    CloseGameSource,
    GameSourceClosed,
    GameSourceOpened,
    GameSourcesIAmAdminOfList,
    GameSourceUpdated,
    ListGameSourcesIAmAdminOf,
    OpenGameSource,
    SourceEntry,
    UpdateGameSource,
)
from gameserver.storage.games import list_unclosed_games
from gameserver.storage.sources import (
    SourceChange,
    find_source,
    insert_source,
    insert_source_admin,
    list_administered_sources,
    update_source,
    update_source_closed,
)


def open_game_source(change: Change, request: OpenGameSource) -> GameSourceOpened:
    """Open a source; the user who opens it is its first admin."""
    change.admit(request)
    source = insert_source(
        change.connection,
        request.source_name,
        request.description,
        request.takeout_millionths,
        change.now_ms,
        opened_by=change.user.id,
        admins_may_bet=request.admins_may_bet,
    )
    insert_source_admin(change.connection, source.id, change.user.id)
    return GameSourceOpened(source_id=source.uuid)


def update_game_source(change: Change, request: UpdateGameSource) -> GameSourceUpdated:
    """Change the given properties of a source."""
    source = change.source(request, request.source_id)
    require_source_open(source)
    given = SourceChange(request.source_name, request.description, request.takeout_millionths, request.admins_may_bet)
    update_source(change.connection, source.id, given)
    return GameSourceUpdated(source_id=source.uuid)


def close_game_source(change: Change, request: CloseGameSource) -> GameSourceClosed | ErrorReply:
    """Close every game of a source, then the source itself."""
    source = change.source(request, request.source_id)
    require_source_open(source)
    remaining: list[str] = []
    for game in list_unclosed_games(change.connection, source.id):
        remaining += close(change, game)
        change.record(game.id, CloseGame(game_id=game.uuid))
    if remaining:
        return manual_pools_remain(request, remaining)
    update_source_closed(change.connection, source.id, change.now_ms)
    return GameSourceClosed(source_id=source.uuid)


def list_game_sources_i_am_admin_of(reading: Reading, request: ListGameSourcesIAmAdminOf) -> GameSourcesIAmAdminOfList:
    """List the user's sources, newest first."""
    before = None
    if request.after is not None:
        cursor = find_source(reading.connection, request.after)
        if cursor is None:
            raise not_found("after", "game source")
        before = cursor.id
    found = list_administered_sources(reading.connection, reading.user.id, before, request.limit + 1)
    page = found[: request.limit]
    return GameSourcesIAmAdminOfList(
        sources=[SourceEntry(source.uuid, source.name, source.description) for source in page],
        next=page[-1].uuid if len(found) > len(page) else None,
    )
