"""Who administers sources and games (contract, section 5)."""

import sqlite3

from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.handlers.context import Change
from gameserver.handlers.registry import handles
from gameserver.handlers.states import require_source_open
from gameserver.protocol.roles import (
    AddSourceAdmin,
    AppointAdminForGameByUsername,
    BecomeAnAdminForGame,
    BecomeAnAdminForGameFail,
    BecomeAnAdminForGameSuccess,
    GameAdminAppointed,
    GameAdminRemoved,
    RemoveGameAdmin,
    RemoveSourceAdmin,
    SourceAdminAdded,
    SourceAdminRemoved,
)
from gameserver.storage.bets import has_running_bet_in_game, has_running_bet_in_source
from gameserver.storage.games import (
    Game,
    count_appointed_admins,
    insert_game_admin,
    is_game_admin,
    update_game_admin_removed,
)
from gameserver.storage.sources import (
    Source,
    get_source,
    insert_source_admin,
    is_source_admin,
    update_source_admin_removed,
)
from gameserver.storage.users import User, find_user


@handles(AddSourceAdmin)
def add_source_admin(change: Change, request: AddSourceAdmin) -> SourceAdminAdded:
    """Make a user an admin of the source."""
    user = _named(change, request.username)
    source = change.source(request, request.source_id)
    require_source_open(source)
    make_source_admin(change.connection, source, user)
    return SourceAdminAdded(source_id=source.uuid, username=user.username)


def make_source_admin(connection: sqlite3.Connection, source: Source, user: User) -> None:
    """Make a user an admin of the source, if it is none yet. Raises ``conflict`` for who has bets running in it."""
    if is_source_admin(connection, source.id, user.id):
        return
    if not source.admins_may_bet and has_running_bet_in_source(connection, user.id, source.id):
        raise _bets_run(user, "source")
    insert_source_admin(connection, source.id, user.id)


def _bets_run(user: User, where: str) -> Rejected:
    text = f"{user.username} has running bets in this {where}, whose admins may not bet"
    return Rejected(ErrorCode.CONFLICT, text)


def _named(change: Change, username: str) -> User:
    user = find_user(change.connection, username)
    if user is None:
        raise not_found("username", "user")
    return user


@handles(RemoveSourceAdmin)
def remove_source_admin(change: Change, request: RemoveSourceAdmin) -> SourceAdminRemoved:
    """Take source admin away from a user, and tell it."""
    user = _named(change, request.username)
    source = change.source(request, request.source_id)
    _require_not_opener(source, user)
    if not update_source_admin_removed(change.connection, source.id, user.id, change.now_ms):
        raise Rejected(ErrorCode.CONFLICT, f"{user.username} is no admin of this source")
    removed = SourceAdminRemoved(source_id=source.uuid, username=user.username)
    change.notify(user.id, removed)
    return removed


def _require_not_opener(source: Source, user: User) -> None:
    if source.opened_by == user.id:
        raise Rejected(ErrorCode.CONFLICT, f"{user.username} has opened the source, and cannot be removed")


@handles(BecomeAnAdminForGame)
def become_an_admin_for_game(
    change: Change, request: BecomeAnAdminForGame
) -> BecomeAnAdminForGameSuccess | BecomeAnAdminForGameFail:
    """Make a source admin an admin of the game."""
    game = change.game(request, request.game_id)
    if not is_source_admin(change.connection, game.source_id, change.user.id):
        reason = "only an admin of the game's source may become an admin of the game"
        return BecomeAnAdminForGameFail(game_id=game.uuid, reason=reason)
    try:
        _make_game_admin(change, game, change.user)
    except Rejected as rejected:
        return BecomeAnAdminForGameFail(game_id=game.uuid, reason=rejected.text)
    return BecomeAnAdminForGameSuccess(game_id=game.uuid)


def _make_game_admin(change: Change, game: Game, user: User) -> None:
    """Make a user an admin of the game, if it is none yet. Raises ``conflict``; a source admin always finds room."""
    connection, most = change.connection, change.settings.max_game_admins
    if is_game_admin(connection, game.id, user.id):
        return
    source = get_source(connection, game.source_id)
    if not source.admins_may_bet and has_running_bet_in_game(connection, user.id, game.id):
        raise _bets_run(user, "game")
    if count_appointed_admins(connection, game) >= most and not is_source_admin(connection, source.id, user.id):
        raise Rejected(ErrorCode.CONFLICT, f"the game has {most} admins, and may not have more")
    insert_game_admin(connection, game.id, user.id)


@handles(AppointAdminForGameByUsername)
def appoint_admin_for_game_by_username(change: Change, request: AppointAdminForGameByUsername) -> GameAdminAppointed:
    """Make another user an admin of the game, and tell it."""
    appointed = _named(change, request.username)
    game = change.game(request, request.game_id)
    _make_game_admin(change, game, appointed)
    change.notify(appointed.id, BecomeAnAdminForGameSuccess(game_id=game.uuid))
    return GameAdminAppointed(game_id=game.uuid, username=appointed.username)


@handles(RemoveGameAdmin)
def remove_game_admin(change: Change, request: RemoveGameAdmin) -> GameAdminRemoved:
    """Take game admin away from a user, and tell it."""
    user = _named(change, request.username)
    game = change.game(request, request.game_id)
    _require_not_opener(get_source(change.connection, game.source_id), user)
    if not update_game_admin_removed(change.connection, game.id, user.id, change.now_ms):
        raise Rejected(ErrorCode.CONFLICT, f"{user.username} is no admin of this game")
    removed = GameAdminRemoved(game_id=game.uuid, username=user.username)
    change.notify(user.id, removed)
    return removed
