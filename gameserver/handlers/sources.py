"""Opening, closing and listing game sources, and appointing their admins (protocol, "Game sources and games")."""

from gameserver.engine.closing import close, manual_pools_remain
from gameserver.engine.context import Change, Reading
from gameserver.engine.preconditions import require_source_open
from gameserver.errors import not_found
from gameserver.protocol.declare import ErrorReply
from gameserver.protocol.games import CloseGame
from gameserver.protocol.sources import (
    AddSourceAdmin,
    CloseGameSource,
    GameSourceClosed,
    GameSourceOpened,
    GameSourcesIAmAdminOfList,
    ListGameSourcesIAmAdminOf,
    OpenGameSource,
    SourceAdminAdded,
    SourceEntry,
)
from gameserver.storage.games import list_unclosed_games
from gameserver.storage.sources import (
    find_source,
    insert_source,
    insert_source_admin,
    list_administered_sources,
    update_source_closed,
)
from gameserver.storage.users import find_user


def open_game_source(change: Change, request: OpenGameSource) -> GameSourceOpened:
    """Open a source; the user who opens it is its first admin."""
    change.admit(request)
    source = insert_source(
        change.connection, request.source_name, request.description, request.takeout_millionths, change.now_ms
    )
    insert_source_admin(change.connection, source.id, change.user.id)
    return GameSourceOpened(source_id=source.uuid)


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


def add_source_admin(change: Change, request: AddSourceAdmin) -> SourceAdminAdded:
    """Make a user an admin of the source."""
    user = find_user(change.connection, request.username)
    if user is None:
        raise not_found("username", "user")
    source = change.source(request, request.source_id)
    require_source_open(source)
    insert_source_admin(change.connection, source.id, user.id)
    return SourceAdminAdded(source_id=source.uuid, username=user.username)
