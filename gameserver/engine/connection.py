"""The interface of a connection for the operations that concern the connection itself."""

from typing import Protocol

from gameserver.engine.sessions import Credentials, Login
from gameserver.protocol.declare import Message
from gameserver.protocol.general import Limits, LogonRefusal
from gameserver.protocol.subscriptions import JoinGame, LeaveGame
from gameserver.storage.users import User


class ClientConnection(Protocol):
    """A client's connection, as the handlers of `Kind.CONNECTION` operations use it."""

    @property
    def user(self) -> User | None:
        """The user that is logged on, or None."""

    @property
    def limits(self) -> Limits:
        """The server's limits, which the reply to a logon has."""

    async def reply(self, message: Message) -> None:
        """Send the reply to the request."""

    async def log_on(self, credentials: Credentials) -> Login | LogonRefusal:
        """Log on the user that the credentials prove, or return why that failed."""

    async def join(self, request: JoinGame) -> None:
        """Subscribe to a game, and send the reply."""

    async def leave(self, request: LeaveGame) -> None:
        """Unsubscribe from a game, and send the reply."""
