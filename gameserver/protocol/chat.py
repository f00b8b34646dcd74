"""The chat of games, and its moderation (protocol, "Chat")."""

from typing import Self

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.fields import ChatText, Description, MuteSeconds, Names, PageSize, UserId, Uuid


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the chat of a game, whose id is its ``channel``; ``received_at`` is in epoch milliseconds."""

    message_id: str
    sender: str
    sender_id: int
    text: str
    received_at: int
    channel: str


@message
class NewTextMessage(ChatMessage, Message, tag=901, frozen=True, kw_only=True):
    """Somebody has written in the chat of a game, whose id is the ``channel``."""


@message
class TextMessageSent(Message, tag=900, frozen=True):
    """The message is in the chat of each game, under an id of its own in each, in their order."""

    message_ids: list[str]


@operation(
    by=Role.USER,
    kind=Kind.WRITE,
    replies=[TextMessageSent],
    broadcasts=[NewTextMessage],
    errors=[ErrorCode.NOT_AUTHORIZED, ErrorCode.NOT_FOUND, ErrorCode.GAME_CLOSED, ErrorCode.CONFLICT],
)
class TextMessage(Request, tag=900, frozen=True):
    """Write in the chat of one or several games that the user has joined, or of all of them; in all or in none.

    ``rate_limited``: the user, or everybody in one of the games, has written too much of late.
    """

    text: ChatText
    targets: Names | None = None


@message
class ChatHistory(Message, tag=902, frozen=True):
    """The newest messages of the chat, or of what is older than ``before``, oldest first."""

    channel: str
    messages: list[ChatMessage]

    def cut(self, share: float) -> Self:
        """Leave out the older messages."""
        return msgspec.structs.replace(self, messages=first_part(self.messages[::-1], share)[::-1])


@operation(by=Role.USER, kind=Kind.READ, replies=[ChatHistory], errors=[ErrorCode.NOT_FOUND], for_views=True)
class GetChatHistory(Request, tag=902, frozen=True):
    """Read the chat of a game; ``before`` takes the id of a message, such as the first that has been read."""

    channel: Uuid
    limit: PageSize = 100
    before: Uuid | None = None


@message
class TextMessageRemovalDone(Message, tag=903, frozen=True):
    """The message is gone."""

    message_id: str


@message
class TextMessageRemoved(Message, tag=9031, frozen=True):
    """A message has been removed from the chat of a game."""

    message_id: str
    channel: str
    reason: str | None


@operation(
    by=Role.GAME_OR_SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[TextMessageRemovalDone],
    broadcasts=[TextMessageRemoved],
    errors=[ErrorCode.CONFLICT],
)
class RemoveTextMessage(Request, tag=903, frozen=True):
    """Remove a message from the chat of a game; its text is erased."""

    message_id: Uuid
    reason: Description | None = None


@message
class UserMuted(Message, tag=904, frozen=True):
    """Until when the user may not write in the game, in epoch milliseconds; null if the user may."""

    game_id: str
    user_id: int
    username: str
    until: int | None
    reason: str | None


@message
class YouWereMuted(Message, tag=9041, frozen=True):
    """Until when the user who is told may not write in the game, in epoch milliseconds; null if the user may."""

    game_id: str
    until: int | None
    reason: str | None


@operation(by=Role.GAME_OR_SOURCE_ADMIN, kind=Kind.WRITE, replies=[UserMuted], broadcasts=[YouWereMuted])
class MuteUser(Request, tag=904, frozen=True):
    """Let a user not write in the chat of a game for some time; a new time replaces the old one."""

    game_id: Uuid
    user_id: UserId
    duration_s: MuteSeconds
    reason: Description | None = None
