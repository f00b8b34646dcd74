"""Operations that concern the connection itself (protocol, "Identity")."""

from gameserver.engine.connection import ClientConnection
from gameserver.engine.sessions import Credentials
from gameserver.errors import ErrorCode, Rejected
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


async def ping(connection: ClientConnection, request: Ping) -> None:
    """Answer a ping."""
    await connection.reply(_PONG)


async def get_opcodes(connection: ClientConnection, request: GetOpcodes) -> None:
    """List the codes of operations, replies and broadcasts."""
    await connection.reply(_OPCODES)


async def logon(connection: ClientConnection, request: Logon) -> None:
    """Log the connection on as the user that its credentials prove."""
    if connection.session is not None:
        user = connection.session.user
        await connection.reply(LogonFailAlreadyLoggedIn(user_id=user.id, username=user.username))
        return
    login = await connection.log_on(_credentials(request))
    if isinstance(login, LogonRefusal):
        await connection.reply(LogonFail(reason=login))
        return
    user = login.session.user
    await connection.reply(
        LogonSuccess(session_key=login.key, user_id=user.id, username=user.username, limits=connection.limits)
    )


def _credentials(request: Logon) -> Credentials:
    if request.id is None or request.n is None or request.h is None:
        if not request.header.session_key:
            text = "header.session_key is required, or the parameters id, n and h"
            raise Rejected(ErrorCode.MISSING_PARAMETER, text, "header.session_key")
        return Credentials(key=request.header.session_key)
    return Credentials(user_id=request.id, nonce=request.n, proof=request.h)
