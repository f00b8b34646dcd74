"""Session keys and login digests, checked against the live sessions (protocol, "Logging on")."""

from functools import partial
from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.credentials import digest_matches, session_id_of, session_key
from gameserver.storage.connection import Connection
from gameserver.storage.store import Store
from gameserver.storage.users import (
    Session,
    get_session,
    insert_session,
    list_live_sessions,
    spend_nonce,
)

HOUR_MS = 3_600_000


class Credentials(NamedTuple):
    """What a client logs on with: a session key, or a digest made with one."""

    key: str | None = None
    user_id: int = 0
    nonce: str = ""
    proof: str = ""


class NewSession(NamedTuple):
    """A session just made: its key, when it expires in epoch ms, and the ids of the sessions that it has ended."""

    key: str
    expires_at: int
    ended: list[str]


class Login(NamedTuple):
    """A logon that was accepted: the live session, and its key."""

    session: Session
    key: str


async def authenticate(store: Store, secret: bytes, credentials: Credentials, now_ms: int) -> Login | None:
    """The live session that the credentials prove, or None. A proof by digest spends its nonce."""
    if credentials.key is not None:
        session_id = session_id_of(secret, credentials.key)
        if session_id is None:
            return None
        found = await store.read(partial(get_session, session_id=session_id, now_ms=now_ms))
        return Login(found, credentials.key) if found is not None else None
    sessions = await store.read(partial(list_live_sessions, user_id=credentials.user_id, now_ms=now_ms))
    login = _matching(sessions, secret, credentials)
    if login is None:
        return None
    spend = partial(spend_nonce, session=login.session, nonce=credentials.nonce, now_ms=now_ms)
    return login if await store.write(spend, now_ms) else None


def _matching(sessions: list[Session], secret: bytes, credentials: Credentials) -> Login | None:
    found = None
    for session in sessions:
        key = session_key(secret, session.id)
        if digest_matches(credentials.proof, credentials.user_id, credentials.nonce, key):
            found = Login(session, key)
    return found


def new_session(
    connection: Connection, user_id: int, secret: bytes, settings: Settings, now_ms: int, *, is_view: bool = False
) -> NewSession:
    """Start a session of a user, or make a view key; the oldest of its sort ends beyond the limit."""
    hours = settings.view_key_days * 24 if is_view else settings.session_hours
    expires_at = now_ms + hours * HOUR_MS
    session_id, ended = insert_session(
        connection, user_id, now_ms, expires_at, settings.max_sessions_per_user, is_view=is_view
    )
    return NewSession(session_key(secret, session_id), expires_at, ended)
