"""The interface of a connection for the operations that concern the connection itself."""

from typing import Protocol

from gameserver.engine.sessions import Credentials, Login, NewSession
from gameserver.protocol.declare import Message
from gameserver.protocol.general import Limits, LogonRefusal
from gameserver.protocol.sessions import EndSession
from gameserver.protocol.subscriptions import JoinGame, LeaveGame
from gameserver.storage.users import Session


class ClientConnection(Protocol):
    """A client's connection, as the handlers of `Kind.CONNECTION` operations use it."""

    @property
    def session(self) -> Session | None:
        """The session that the connection has logged on with, or None before."""

    @property
    def limits(self) -> Limits:
        """The server's limits, which the reply to a logon has."""

    async def reply(self, message: Message) -> None:
        """Send the reply to the request."""

    async def log_on(self, credentials: Credentials) -> Login | LogonRefusal:
        """Log on the user that the credentials prove, or return why that failed."""

    async def create_view_key(self) -> NewSession:
        """Make a view key of the user; the oldest one ends beyond the limit."""

    async def list_sessions(self) -> list[Session]:
        """The user's live sessions, newest first."""

    async def revoke(self, request: EndSession) -> None:
        """End a session of the user, and send the reply before its connections are closed. Raises ``not_found``."""

    async def join(self, request: JoinGame) -> None:
        """Subscribe to a game, and send the reply."""

    async def leave(self, request: LeaveGame) -> None:
        """Unsubscribe from a game, and send the reply."""
