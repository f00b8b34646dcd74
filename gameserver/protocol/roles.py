"""Operations on the admins of sources and games (protocol, "Roles")."""

from typing import ClassVar

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Username, Uuid


@message
class SourceAdminAdded(Message, tag=337, frozen=True):
    """The user is an admin of the source, now or already before."""

    source_id: str
    username: str


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[SourceAdminAdded],
    errors=[ErrorCode.SOURCE_CLOSED, ErrorCode.CONFLICT],
)
class AddSourceAdmin(Request, tag=367, frozen=True):
    """Make another user an admin of the source.

    A user with running bets in it is refused, unless the source has ``admins_may_bet``.
    """

    source_id: Uuid
    username: Username


@message
class SourceAdminRemoved(Message, tag=338, frozen=True):
    """The user is no longer an admin of the source. The user is notified by the same message."""

    source_id: str
    username: str


@operation(by=Role.SOURCE_ADMIN, kind=Kind.WRITE, replies=[SourceAdminRemoved], errors=[ErrorCode.CONFLICT])
class RemoveSourceAdmin(Request, tag=368, frozen=True):
    """Remove an admin of the source, other than the user who opened it.

    The user stays an admin of the games that they became an admin of, until remove_game_admin (618).
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
    """Become an admin of the game, as an admin of its source. A repetition succeeds.

    A user with running bets in the game does not become its admin, unless the source has ``admins_may_bet``.
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
    """Make another user an admin of the game, who is notified by become_an_admin_for_game_success.

    Besides the admins of its source a game has at most ``max_game_admins``. A user with running bets in the game is
    refused, unless the source has ``admins_may_bet``.
    """

    game_id: Uuid
    username: Username


@message
class GameAdminRemoved(Message, tag=618, frozen=True):
    """The user is no longer an admin of the game. The user is notified by the same message."""

    game_id: str
    username: str


@operation(by=Role.SOURCE_ADMIN, kind=Kind.WRITE, replies=[GameAdminRemoved], errors=[ErrorCode.CONFLICT])
class RemoveGameAdmin(Request, tag=618, frozen=True):
    """Remove an admin of the game, other than the user who opened its source."""

    game_id: Uuid
    username: Username
