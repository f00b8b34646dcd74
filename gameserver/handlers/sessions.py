"""Making view keys, listing and ending sessions (protocol, "Sessions")."""

from gameserver.engine.connection import ClientConnection
from gameserver.protocol.sessions import (
    CreateViewKey,
    EndSession,
    ListMySessions,
    MySessionsList,
    SessionEntry,
    ViewKeyCreated,
)


async def create_view_key(connection: ClientConnection, request: CreateViewKey) -> None:
    """Make a view key of the user."""
    made = await connection.create_view_key()
    await connection.reply(ViewKeyCreated(session_key=made.key, expires_at=made.expires_at))


async def list_my_sessions(connection: ClientConnection, request: ListMySessions) -> None:
    """List the user's live sessions."""
    current = connection.session
    entries = [
        SessionEntry(
            session_id=session.id,
            created_at=session.created_at,
            expires_at=session.expires_at,
            is_current=current is not None and session.id == current.id,
            is_view=session.is_view,
        )
        for session in await connection.list_sessions()
    ]
    await connection.reply(MySessionsList(sessions=entries))


async def end_session(connection: ClientConnection, request: EndSession) -> None:
    """End one of the user's sessions."""
    await connection.revoke(request)
