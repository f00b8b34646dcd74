"""Who administers a game, and the list of one's games (protocol, "Roles")."""

from gameserver.config import Settings
from gameserver.engine.context import Change, Reading
from gameserver.engine.paging import page_start
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.games import (
    AdministeredGame,
    AppointAdminForGameByUsername,
    BecomeAnAdminForGame,
    BecomeAnAdminForGameFail,
    BecomeAnAdminForGameSuccess,
    GameAdminAppointed,
    GamesIAmAdminOfList,
    ListGamesIAmAdminOf,
)
from gameserver.storage.games import count_game_admins, insert_game_admin, is_game_admin, list_administered_games
from gameserver.storage.sources import is_source_admin
from gameserver.storage.users import find_user


def become_an_admin_for_game(
    change: Change, request: BecomeAnAdminForGame
) -> BecomeAnAdminForGameSuccess | BecomeAnAdminForGameFail:
    """Make a source admin an admin of the game."""
    game = change.game(request, request.game_id)
    connection, user_id = change.connection, change.user.id
    if not is_source_admin(connection, game.source_id, user_id):
        reason = f"this operation requires an admin of the source; {change.user.username} is not one"
        return BecomeAnAdminForGameFail(game_id=game.uuid, reason=reason)
    if not is_game_admin(connection, game.id, user_id):
        if count_game_admins(connection, game.id) >= change.settings.max_game_admins:
            return BecomeAnAdminForGameFail(game_id=game.uuid, reason=_admins_full(change.settings))
        insert_game_admin(connection, game.id, user_id)
    return BecomeAnAdminForGameSuccess(game_id=game.uuid)


def _admins_full(settings: Settings) -> str:
    return f"a game may have at most {settings.max_game_admins} admins, which this game has"


def appoint_admin_for_game_by_username(change: Change, request: AppointAdminForGameByUsername) -> GameAdminAppointed:
    """Make another user an admin of the game, and notify that user (640)."""
    appointed = find_user(change.connection, request.username)
    if appointed is None:
        raise not_found("username", "user")
    game = change.game(request, request.game_id)
    if not is_game_admin(change.connection, game.id, appointed.id):
        if count_game_admins(change.connection, game.id) >= change.settings.max_game_admins:
            raise Rejected(ErrorCode.CONFLICT, _admins_full(change.settings))
        insert_game_admin(change.connection, game.id, appointed.id)
    change.notify(appointed.id, BecomeAnAdminForGameSuccess(game_id=game.uuid))
    return GameAdminAppointed(game_id=game.uuid, username=appointed.username)


def list_games_i_am_admin_of(reading: Reading, request: ListGamesIAmAdminOf) -> GamesIAmAdminOfList:
    """List the games the user administers, newest first."""
    before = page_start(reading, request.after)
    found = list_administered_games(reading.connection, reading.user.id, before, request.limit + 1)
    page = found[: request.limit]
    return GamesIAmAdminOfList(
        games=[AdministeredGame(uuid, name) for _, uuid, name in page],
        next=page[-1][1] if len(found) > len(page) else None,
    )
