"""Opening, updating, closing, listing and summing up game sources (protocol, "Game sources and games")."""

from decimal import Decimal

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import MILLION
from gameserver.engine.closing import close, manual_pools_remain
from gameserver.engine.context import Change, Reading
from gameserver.engine.preconditions import require_source_open
from gameserver.errors import not_found
from gameserver.protocol.declare import ErrorReply
from gameserver.protocol.games import CloseGame
from gameserver.protocol.sources import (
    AdministeredSource,
    CloseGameSource,
    GameSourceClosed,
    GameSourceOpened,
    GameSourcesIAmAdminOfList,
    GameSourcesList,
    GameSourceUpdated,
    GetSourceReport,
    ListedSource,
    ListGameSources,
    ListGameSourcesIAmAdminOf,
    OpenGameSource,
    SourceReport,
    Turnover,
    UpdateGameSource,
)
from gameserver.storage.games import list_unclosed_games
from gameserver.storage.reports import count_bettors, list_source_sums
from gameserver.storage.sources import (
    SourceChange,
    find_source,
    insert_source,
    insert_source_admin,
    list_administered_sources,
    list_open_sources,
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
    change.source_id = source.id
    return GameSourceOpened(source_id=source.uuid)


def update_game_source(change: Change, request: UpdateGameSource) -> GameSourceUpdated:
    """Change the given properties of a source."""
    source = change.source(request, request.source_id)
    require_source_open(source)
    given = SourceChange(request.source_name, request.description, request.takeout_millionths, request.admins_may_bet)
    update_source(change.connection, source.id, given)
    change.effects.renamed_source = request.source_name is not None
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
    before = _cursor(reading, request.after)
    found = list_administered_sources(reading.connection, reading.user.id, before, request.limit + 1)
    page = found[: request.limit]
    return GameSourcesIAmAdminOfList(
        sources=[
            AdministeredSource(
                source.uuid,
                source.name,
                source.description,
                Decimal(source.takeout_millionths) / MILLION,
                source.admins_may_bet,
            )
            for source in page
        ],
        next=page[-1].uuid if len(found) > len(page) else None,
    )


def list_game_sources(reading: Reading, request: ListGameSources) -> GameSourcesList:
    """List the open sources, newest first."""
    found = list_open_sources(reading.connection, _cursor(reading, request.after), request.limit + 1)
    page = found[: request.limit]
    return GameSourcesList(
        sources=[ListedSource(source.uuid, source.name, source.description, source.games) for source in page],
        next=page[-1].uuid if len(found) > len(page) else None,
    )


def _cursor(reading: Reading, after: str | None) -> int | None:
    """The row below which a page begins, or None for the first page. Raises ``not_found``."""
    if after is None:
        return None
    source = find_source(reading.connection, after)
    if source is None:
        raise not_found("after", "game source")
    return source.id


def get_source_report(reading: Reading, request: GetSourceReport) -> SourceReport:
    """Sum up what a source's games have come to."""
    source = reading.source(request, request.source_id)
    found = list_source_sums(reading.connection, source.id)
    return SourceReport(
        source_id=source.uuid,
        games=sum(sums.games for sums in found),
        pools=sum(sums.pools for sums in found),
        bets=sum(sums.bets for sums in found),
        bettors=count_bettors(reading.connection, source.id),
        currencies={
            sums.currency: Turnover(
                turnover=to_units(sums.staked, sums.currency),
                paid=to_units(sums.paid, sums.currency),
                refunded=to_units(sums.refunded, sums.currency),
                takeout=to_units(sums.takeout, sums.currency),
            )
            for sums in found
        },
    )
