"""Session keys and login digests, checked against the live sessions (protocol, "Logging on")."""

from functools import partial
from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.credentials import digest_matches, session_id_of, session_key
from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import Connection
from gameserver.storage.store import Store
from gameserver.storage.users import (
    Session,
    User,
    get_session,
    insert_session,
    list_live_sessions,
    spend_nonce,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


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

    @property
    def id(self) -> str:
        """The session's id."""
        return self.key.partition(".")[0]


class Login(NamedTuple):
    """A logon that was accepted: the live session, and its key."""

    session: Session
    key: str


async def authenticate(store: Store, secret: bytes, credentials: Credentials, now_ms: int) -> Login | None:
    """The live session that the credentials prove, or None. A proof by digest spends its nonce.

    Raises ``not_authorized`` if its user is banned.
    """
    login = await _find_login(store, secret, credentials, now_ms)
    if login is not None and login.session.user.is_banned:
        raise banned(login.session.user)
    return login


def banned(user: User) -> Rejected:
    """The refusal to log on a user who is banned."""
    return Rejected(ErrorCode.NOT_AUTHORIZED, f"{user.username} is banned from this server")


async def _find_login(store: Store, secret: bytes, credentials: Credentials, now_ms: int) -> Login | None:
    if credentials.key is not None:
        session_id = session_id_of(secret, credentials.key)
        if session_id is None:
            return None
        found = await store.read(partial(get_session, session_id=session_id, now_ms=now_ms))
        return Login(found, credentials.key) if found is not None else None
    sessions = await store.read(partial(list_live_sessions, user_id=credentials.user_id, now_ms=now_ms))
    login = _matching(sessions, secret, credentials)
    if login is None or login.session.user.is_banned:
        return login
    spend = partial(spend_nonce, session=login.session, nonce=credentials.nonce, now_ms=now_ms)
    return login if await store.write(spend, now_ms) else None


def _matching(sessions: list[Session], secret: bytes, credentials: Credentials) -> Login | None:
    found = None
    for session in sessions:
        key = session_key(secret, session.id)
        if digest_matches(credentials.proof, credentials.user_id, credentials.nonce, key):
            found = Login(session, key)
    return found


def session_ms(user: User, settings: Settings) -> int:
    """How long a session of a user is valid, that of a guest since its last use, in milliseconds."""
    return settings.guest_session_days * DAY_MS if user.is_guest else settings.session_hours * HOUR_MS


def renewed(session: Session, settings: Settings, now_ms: int) -> Session:
    """The session after its use now: that of a guest is valid longer, which is noted once a day."""
    if not session.user.is_guest or session.is_view:
        return session
    expires_at = now_ms + session_ms(session.user, settings)
    return session._replace(expires_at=expires_at) if expires_at - session.expires_at >= DAY_MS else session


def new_session(
    connection: Connection, user: User, secret: bytes, settings: Settings, now_ms: int, *, is_view: bool = False
) -> NewSession:
    """Start a session of a user, or make a view key; the oldest of its sort ends beyond the limit."""
    lifetime_ms = settings.view_key_days * DAY_MS if is_view else session_ms(user, settings)
    expires_at = now_ms + lifetime_ms
    session_id, ended = insert_session(
        connection, user.id, now_ms, expires_at, settings.max_sessions_per_user, is_view=is_view
    )
    return NewSession(session_key(secret, session_id), expires_at, ended)
