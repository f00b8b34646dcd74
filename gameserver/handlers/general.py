"""The operations of the connection itself (contract, section 4), and joining and leaving games."""

from gameserver.errors import ErrorCode, Rejected
from gameserver.handlers.registry import Conversation, Credentials, handles
from gameserver.protocol.games import JoinGame, LeaveGame
from gameserver.protocol.general import (
    GetOpcodes,
    Logon,
    LogonFail,
    LogonFailAlreadyLoggedIn,
    LogonRefusal,
    LogonSuccess,
    Opcodes,
    Ping,
    Pong,
)
from gameserver.protocol.registry import OPCODES, RESPONSE_CODES

_PONG = Pong()
_OPCODES = Opcodes(opcodes=OPCODES, response_codes=RESPONSE_CODES)


@handles(Ping)
async def ping(conversation: Conversation, request: Ping) -> None:
    """Say that the server is there."""
    await conversation.reply(_PONG)


@handles(GetOpcodes)
async def get_opcodes(conversation: Conversation, request: GetOpcodes) -> None:
    """List the codes."""
    await conversation.reply(_OPCODES)


@handles(Logon)
async def logon(conversation: Conversation, request: Logon) -> None:
    """Let the connection act for the user it proves to be."""
    if conversation.user is not None:
        already = LogonFailAlreadyLoggedIn(user_id=conversation.user.id, username=conversation.user.username)
        await conversation.reply(already)
        return
    login = await conversation.log_on(_credentials(request))
    if isinstance(login, LogonRefusal):
        await conversation.reply(LogonFail(reason=login))
        return
    user = login.session.user
    await conversation.reply(
        LogonSuccess(session_key=login.key, user_id=user.id, username=user.username, limits=conversation.limits)
    )


def _credentials(request: Logon) -> Credentials:
    if request.id is None or request.n is None or request.h is None:
        if not request.header.session_key:
            text = "header.session_key is required: a session key; or the parameters id, n and h"
            raise Rejected(ErrorCode.MISSING_PARAMETER, text, "header.session_key")
        return Credentials(key=request.header.session_key)
    return Credentials(user_id=request.id, nonce=request.n, proof=request.h)


@handles(JoinGame)
async def join_game(conversation: Conversation, request: JoinGame) -> None:
    """Subscribe the connection to a game."""
    await conversation.join(request)


@handles(LeaveGame)
async def leave_game(conversation: Conversation, request: LeaveGame) -> None:
    """End the connection's subscription to a game."""
    await conversation.leave(request)
