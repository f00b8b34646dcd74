"""Joining and leaving games, and who is present in them (protocol, "Joining and presence")."""

from enum import StrEnum

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Epoch, Sequence, Uuid


class RoleInGame(StrEnum):
    """A role that a user has in a game."""

    GAME_ADMIN = "game_admin"
    SOURCE_ADMIN = "source_admin"


@message
class GameJoined(Message, tag=333, frozen=True):
    """The connection receives the game's broadcasts after ``seq``; if ``recovered``, those it missed come first.

    ``roles`` are those that the user has in the game, none for a view key; ``subscribers`` counts the connections that
    have joined the game, this one included. ``epoch`` is another once the server has been restored from a backup: seqs
    and versions from before mean nothing any more.
    """

    game_id: str
    seq: int
    recovered: bool
    roles: list[RoleInGame]
    subscribers: int
    epoch: str


@message
class UserJoinedGame(Message, tag=470, frozen=True):
    """A user's first connection joined the game."""

    game_id: str
    user_id: int
    user_name: str


@message
class UserLeftGame(Message, tag=480, frozen=True):
    """A user's last connection left the game."""

    game_id: str
    user_id: int
    user_name: str


@message
class PresenceUpdate(Message, tag=471, frozen=True):
    """The number of connections to a large game, and of users who joined and left since the last update."""

    game_id: str
    subscribers: int
    joined: int
    left: int


@operation(
    by=Role.USER,
    kind=Kind.CONNECTION,
    replies=[GameJoined],
    broadcasts=[UserJoinedGame, PresenceUpdate],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.GAME_CLOSED],
    for_views=True,
)
class JoinGame(Request, tag=363, frozen=True):
    """Subscribe to a game's broadcasts; with ``after_seq``, those after it are sent first.

    None are if ``epoch`` is another than the server's.
    """

    game_id: Uuid
    after_seq: Sequence | None = None
    epoch: Epoch | None = None


@message
class GameLeft(Message, tag=334, frozen=True):
    """The connection no longer receives the game's broadcasts."""

    game_id: str


@operation(
    by=Role.USER,
    kind=Kind.CONNECTION,
    replies=[GameLeft],
    broadcasts=[UserLeftGame, PresenceUpdate],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
    for_views=True,
)
class LeaveGame(Request, tag=364, frozen=True):
    """Unsubscribe from a game's broadcasts."""

    game_id: Uuid
