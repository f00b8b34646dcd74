"""A user's sessions, and view keys (protocol, "Sessions")."""

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import SessionId


@message
class ViewKeyCreated(Message, tag=101, frozen=True):
    """A new view key, and when it expires in epoch milliseconds."""

    session_key: str
    expires_at: int


@operation(by=Role.USER, kind=Kind.CONNECTION, replies=[ViewKeyCreated], errors=[ErrorCode.BUSY])
class CreateViewKey(Request, tag=101, frozen=True):
    """Make a session key that can only join games and read what everybody may read, for an overlay or a screen."""


class SessionEntry(msgspec.Struct, frozen=True):
    """A live session in a list; its times are in epoch milliseconds."""

    session_id: str
    created_at: int
    expires_at: int
    is_current: bool
    is_view: bool


@message
class MySessionsList(Message, tag=102, frozen=True):
    """The user's live sessions, newest first.

    A ``session_id`` is no key. ``is_current`` marks the session of this connection, ``is_view`` that of a view key.
    """

    sessions: list[SessionEntry]


@operation(by=Role.USER, kind=Kind.CONNECTION, replies=[MySessionsList])
class ListMySessions(Request, tag=102, frozen=True):
    """List the user's live sessions."""


@message
class SessionEnded(Message, tag=103, frozen=True):
    """The session has ended; its connections are closed with 4002."""

    session_id: str


@operation(by=Role.USER, kind=Kind.CONNECTION, replies=[SessionEnded], errors=[ErrorCode.NOT_FOUND, ErrorCode.BUSY])
class EndSession(Request, tag=103, frozen=True):
    """End one of the user's sessions; the connection's own one too, after the reply."""

    session_id: SessionId
