"""Friends, requests to be friends, and blocking (protocol, "Friends")."""

from enum import StrEnum

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import UserId, Username


class FriendChange(StrEnum):
    """What has changed between the user who is told and another."""

    REQUEST_SENT = "request_sent"
    REQUEST_RECEIVED = "request_received"
    ACCEPTED = "accepted"
    REMOVED = "removed"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"


@message
class FriendsChanged(Message, tag=466, frozen=True):
    """Something has changed between the user and another.

    ``removed``: a friend is none any more, or a request of either has come to nothing.
    """

    user_id: int
    username: str
    change: FriendChange


@message
class FriendRequested(Message, tag=462, frozen=True):
    """The user is asked to be a friend, by this request or an earlier one."""

    user_id: int
    username: str


@message
class FriendAccepted(Message, tag=465, frozen=True):
    """The two users are friends."""

    user_id: int
    username: str


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[FriendRequested, FriendAccepted],
    broadcasts=[FriendsChanged],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class AddFriend(Request, tag=462, frozen=True):
    """Ask another user to be a friend; if that user has asked already, accept.

    ``rate_limited``: the user has made ``max_friend_requests_per_h`` requests within an hour.
    """

    username: Username


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[FriendAccepted],
    broadcasts=[FriendsChanged],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class AcceptFriend(Request, tag=465, frozen=True):
    """Accept the request of another user to be a friend."""

    user_id: UserId


@message
class FriendRemoved(Message, tag=463, frozen=True):
    """The two users are no friends, and have not asked to be."""

    user_id: int
    username: str


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[FriendRemoved],
    broadcasts=[FriendsChanged],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class RemoveFriend(Request, tag=463, frozen=True):
    """Be friends no more; decline the request of another user, or withdraw one's own."""

    user_id: UserId


class FriendEntry(msgspec.Struct, frozen=True):
    """A friend in a list: whether connected, in which games that are not closed, and when last seen, in epoch ms."""

    user_id: int
    username: str
    online: bool
    games: list[str]
    last_seen_at: int | None


class OtherUser(msgspec.Struct, frozen=True):
    """Another user in a list: who has asked, was asked or was blocked, and when in epoch milliseconds."""

    user_id: int
    username: str
    at: int


@message
class FriendsList(Message, tag=464, frozen=True):
    """The user's friends by name; the open requests of others (``incoming``) and the user's own, newest first."""

    friends: list[FriendEntry]
    incoming: list[OtherUser]
    outgoing: list[OtherUser]


@operation(by=Role.USER, kind=Kind.READ, replies=[FriendsList])
class ListFriends(Request, tag=464, frozen=True):
    """List the user's friends, and the open requests to be friends."""


@message
class UserBlocked(Message, tag=467, frozen=True):
    """The user is blocked."""

    user_id: int
    username: str


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[UserBlocked],
    broadcasts=[FriendsChanged],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class BlockUser(Request, tag=467, frozen=True):
    """Block another user: no requests and no chat of that user any more, who is not told, and a friend no longer."""

    user_id: UserId


@message
class UserUnblocked(Message, tag=468, frozen=True):
    """The user is no longer blocked."""

    user_id: int
    username: str


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[UserUnblocked],
    broadcasts=[FriendsChanged],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class UnblockUser(Request, tag=468, frozen=True):
    """Block another user no longer."""

    user_id: UserId


@message
class BlockedList(Message, tag=469, frozen=True):
    """The users whom the user has blocked, by name, and when."""

    users: list[OtherUser]


@operation(by=Role.USER, kind=Kind.READ, replies=[BlockedList])
class ListBlocked(Request, tag=469, frozen=True):
    """List the users whom the user has blocked."""
