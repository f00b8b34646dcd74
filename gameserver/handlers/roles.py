"""Making and removing admins of sources and games (protocol, "Roles")."""

from gameserver.engine.context import Change
from gameserver.engine.preconditions import require_source_open
from gameserver.engine.roles import make_source_admin, running_bets_refusal
from gameserver.errors import ErrorCode, Rejected, not_found
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
from gameserver.storage.bets import has_running_bet_in_game
from gameserver.storage.games import (
    Game,
    count_appointed_admins,
    insert_game_admin,
    is_game_admin,
    update_game_admin_removed,
)
from gameserver.storage.sources import Source, get_source, is_source_admin, update_source_admin_removed
from gameserver.storage.users import User, find_user


def add_source_admin(change: Change, request: AddSourceAdmin) -> SourceAdminAdded:
    """Make a user an admin of the source."""
    user = _require_user(change, request.username)
    source = change.source(request, request.source_id)
    require_source_open(source)
    make_source_admin(change.connection, source, user)
    return SourceAdminAdded(source_id=source.uuid, username=user.username)


def _require_user(change: Change, username: str) -> User:
    """The user of that name. Raises ``not_found``."""
    user = find_user(change.connection, username)
    if user is None:
        raise not_found("username", "user")
    return user


def remove_source_admin(change: Change, request: RemoveSourceAdmin) -> SourceAdminRemoved:
    """Remove an admin of a source, and notify that user."""
    user = _require_user(change, request.username)
    source = change.source(request, request.source_id)
    _require_not_opener(source, user)
    if not update_source_admin_removed(change.connection, source.id, user.id, change.now_ms):
        raise Rejected(ErrorCode.CONFLICT, f"{user.username} is not an admin of this source")
    removed = SourceAdminRemoved(source_id=source.uuid, username=user.username)
    change.notify(user.id, removed)
    return removed


def _require_not_opener(source: Source, user: User) -> None:
    """Raise ``conflict`` for the user who opened the source."""
    if source.opened_by == user.id:
        raise Rejected(ErrorCode.CONFLICT, f"{user.username} opened the source, and cannot be removed as an admin")


def become_an_admin_for_game(
    change: Change, request: BecomeAnAdminForGame
) -> BecomeAnAdminForGameSuccess | BecomeAnAdminForGameFail:
    """Make a source admin an admin of the game."""
    game = change.game(request, request.game_id)
    if not is_source_admin(change.connection, game.source_id, change.user.id):
        reason = f"this operation requires an admin of the source; {change.user.username} is not one"
        return BecomeAnAdminForGameFail(game_id=game.uuid, reason=reason)
    try:
        _make_game_admin(change, game, change.user)
    except Rejected as rejected:
        return BecomeAnAdminForGameFail(game_id=game.uuid, reason=rejected.text)
    return BecomeAnAdminForGameSuccess(game_id=game.uuid)


def _make_game_admin(change: Change, game: Game, user: User) -> None:
    """Make a user an admin of the game, if they are not one yet.

    Raises ``conflict`` for running bets, and at the limit, which does not hold for admins of the source.
    """
    connection, limit = change.connection, change.settings.max_game_admins
    if is_game_admin(connection, game.id, user.id):
        return
    source = get_source(connection, game.source_id)
    if not source.admins_may_bet and has_running_bet_in_game(connection, user.id, game.id):
        raise running_bets_refusal(user, "game")
    if count_appointed_admins(connection, game) >= limit and not is_source_admin(connection, source.id, user.id):
        raise Rejected(ErrorCode.CONFLICT, f"a game may have at most {limit} admins besides those of its source")
    insert_game_admin(connection, game.id, user.id)


def appoint_admin_for_game_by_username(change: Change, request: AppointAdminForGameByUsername) -> GameAdminAppointed:
    """Make another user an admin of the game, and notify that user."""
    appointed = _require_user(change, request.username)
    game = change.game(request, request.game_id)
    _make_game_admin(change, game, appointed)
    change.notify(appointed.id, BecomeAnAdminForGameSuccess(game_id=game.uuid))
    return GameAdminAppointed(game_id=game.uuid, username=appointed.username)


def remove_game_admin(change: Change, request: RemoveGameAdmin) -> GameAdminRemoved:
    """Remove an admin of a game, and notify that user."""
    user = _require_user(change, request.username)
    game = change.game(request, request.game_id)
    _require_not_opener(get_source(change.connection, game.source_id), user)
    if not update_game_admin_removed(change.connection, game.id, user.id, change.now_ms):
        raise Rejected(ErrorCode.CONFLICT, f"{user.username} is not an admin of this game")
    removed = GameAdminRemoved(game_id=game.uuid, username=user.username)
    change.notify(user.id, removed)
    return removed
