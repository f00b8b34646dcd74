"""The connection as the operations see it that concern the connection itself."""

from typing import Protocol

from gameserver.engine.sessions import Credentials, Login
from gameserver.protocol.declare import Message
from gameserver.protocol.games import JoinGame, LeaveGame
from gameserver.protocol.general import Limits, LogonRefusal
from gameserver.storage.users import User


class ClientConnection(Protocol):
    """What the handlers of `Kind.CONNECTION` operations need of a connection."""

    @property
    def user(self) -> User | None:
        """Who the connection acts for."""

    @property
    def limits(self) -> Limits:
        """The server's limits."""

    async def reply(self, message: Message) -> None:
        """Answer the request."""

    async def log_on(self, credentials: Credentials) -> Login | LogonRefusal:
        """Act for the user that the credentials prove, or say why not."""

    async def join(self, request: JoinGame) -> None:
        """Subscribe, and answer the request."""

    async def leave(self, request: LeaveGame) -> None:
        """End a subscription, and answer the request."""
