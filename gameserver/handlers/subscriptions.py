"""Joining and leaving games (protocol, "Joining and presence")."""

from gameserver.engine.connection import ClientConnection
from gameserver.protocol.subscriptions import JoinGame, LeaveGame


async def join_game(connection: ClientConnection, request: JoinGame) -> None:
    """Subscribe the connection to a game."""
    await connection.join(request)


async def leave_game(connection: ClientConnection, request: LeaveGame) -> None:
    """Unsubscribe the connection from a game."""
    await connection.leave(request)
