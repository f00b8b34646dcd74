"""Operations on who administers sources and games (contract, section 5)."""

from typing import ClassVar

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Username, Uuid


@message
class SourceAdminAdded(Message, tag=337, frozen=True):
    """The user is now an admin of the source; also if it was one before."""

    source_id: str
    username: str


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[SourceAdminAdded],
    errors=[ErrorCode.SOURCE_CLOSED, ErrorCode.CONFLICT],
)
class AddSourceAdmin(Request, tag=367, frozen=True):
    """Make another user an admin of the source; not one with running bets in it, unless ``admins_may_bet``."""

    source_id: Uuid
    username: Username


@message
class SourceAdminRemoved(Message, tag=338, frozen=True):
    """The user is no longer an admin of the source; the user is told too."""

    source_id: str
    username: str


@operation(by=Role.SOURCE_ADMIN, kind=Kind.WRITE, replies=[SourceAdminRemoved], errors=[ErrorCode.CONFLICT])
class RemoveSourceAdmin(Request, tag=368, frozen=True):
    """Take source admin away from a user; not from the one who opened the source.

    Of the games that the user has taken game admin of, the user stays an admin until remove_game_admin (618).
    """

    source_id: Uuid
    username: Username


@message
class BecomeAnAdminForGameSuccess(Message, tag=640, frozen=True):
    """The user is an admin of the game."""

    game_id: str


@message
class BecomeAnAdminForGameFail(Message, tag=645, frozen=True):
    """The user did not become an admin of the game."""

    is_success: ClassVar[bool] = False

    game_id: str
    reason: str


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[BecomeAnAdminForGameSuccess, BecomeAnAdminForGameFail],
    errors=[ErrorCode.NOT_FOUND],
)
class BecomeAnAdminForGame(Request, tag=616, frozen=True):
    """Take game admin, as an admin of its source. Asking twice succeeds.

    Who has running bets in the game does not become its admin, unless the source has ``admins_may_bet``.
    """

    game_id: Uuid


@message
class GameAdminAppointed(Message, tag=617, frozen=True):
    """The named user is an admin of the game."""

    game_id: str
    username: str


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameAdminAppointed],
    errors=[ErrorCode.CONFLICT],
)
class AppointAdminForGameByUsername(Request, tag=617, frozen=True):
    """Make another user an admin of the game; it is told by become_an_admin_for_game_success.

    Besides admins of its source a game has at most ``max_game_admins``. Who has running bets in it is refused as
    in become_an_admin_for_game.
    """

    game_id: Uuid
    username: Username


@message
class GameAdminRemoved(Message, tag=618, frozen=True):
    """The user is no longer an admin of the game; the user is told too."""

    game_id: str
    username: str


@operation(by=Role.SOURCE_ADMIN, kind=Kind.WRITE, replies=[GameAdminRemoved], errors=[ErrorCode.CONFLICT])
class RemoveGameAdmin(Request, tag=618, frozen=True):
    """Take game admin away from a user; not from the one who opened the game's source."""

    game_id: Uuid
    username: Username
