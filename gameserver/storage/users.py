"""Users, their sessions, and the nonces spent at logon."""

import secrets
from typing import NamedTuple

from gameserver.storage.connection import Connection


class User(NamedTuple):
    """A user; a provider may open game sources."""

    id: int
    username: str
    is_provider: bool


class Session(NamedTuple):
    """A live session: its user, and when it expires in epoch ms."""

    id: str
    user: User
    expires_at: int


_USER = "users.id, users.username, users.is_provider"


def insert_user(connection: Connection, username: str, is_provider: bool, now_ms: int) -> User | None:
    """Store a new user and return it; None if the name is taken, regardless of case."""
    if find_user(connection, username) is not None:
        return None
    user_id = connection.insert(
        "INSERT INTO users (username, is_provider, created_at) VALUES (?, ?, ?)",
        (username, is_provider, now_ms),
    )
    return User(user_id, username, is_provider)


def find_user(connection: Connection, username: str) -> User | None:
    """The user with this name, regardless of case; None if there is none."""
    row = connection.execute(f"SELECT {_USER} FROM users WHERE username = ?", (username,)).fetchone()
    return _user(row) if row else None


def _user(row: tuple[int, str, int]) -> User:
    return User(row[0], row[1], bool(row[2]))


def insert_session(
    connection: Connection, user_id: int, now_ms: int, expires_at: int, max_sessions: int
) -> tuple[str, list[str]]:
    """Store a new session; returns its id, and the ids of the oldest sessions that end beyond ``max_sessions``."""
    # A key that begins with "-" would be taken for a flag on the command line.
    session_id = secrets.token_urlsafe(12).replace("-", "_")
    connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (session_id, user_id, now_ms, expires_at))
    surplus = connection.execute(
        "SELECT id FROM sessions WHERE user_id = ? AND id <> ? ORDER BY rowid DESC LIMIT 1000000 OFFSET ?",
        (user_id, session_id, max_sessions - 1),
    ).fetchall()
    ended = [row[0] for row in surplus]
    delete_sessions(connection, ended)
    return session_id, ended


def list_session_ids(connection: Connection, user_id: int) -> list[str]:
    """The ids of all sessions of a user, expired ones included."""
    return [row[0] for row in connection.execute("SELECT id FROM sessions WHERE user_id = ?", (user_id,))]


def delete_sessions(connection: Connection, session_ids: list[str]) -> None:
    """Delete sessions, together with the nonces spent in them."""
    connection.execute_many("DELETE FROM sessions WHERE id = ?", [(session_id,) for session_id in session_ids])


def get_session(connection: Connection, session_id: str, now_ms: int) -> Session | None:
    """The session with this id if it is live, else None."""
    row = connection.execute(
        f"SELECT sessions.id, sessions.expires_at, {_USER} FROM sessions JOIN users ON users.id = user_id"
        " WHERE sessions.id = ? AND expires_at > ?",
        (session_id, now_ms),
    ).fetchone()
    return Session(row[0], _user(row[2:]), row[1]) if row else None


def list_live_sessions(connection: Connection, user_id: int, now_ms: int) -> list[Session]:
    """A user's live sessions."""
    rows = connection.execute(
        f"SELECT sessions.id, sessions.expires_at, {_USER} FROM sessions JOIN users ON users.id = user_id"
        " WHERE user_id = ? AND expires_at > ?",
        (user_id, now_ms),
    )
    return [Session(row[0], _user(row[2:]), row[1]) for row in rows]


def spend_nonce(connection: Connection, session: Session, nonce: str, now_ms: int) -> bool:
    """Record the nonce as spent; False if a live session has spent it already, or ``session`` has ended."""
    if get_session(connection, session.id, now_ms) is None:
        return False
    holder = connection.execute(
        "SELECT session_id FROM spent_nonces WHERE user_id = ? AND nonce = ?", (session.user.id, nonce)
    ).fetchone()
    if holder is not None and get_session(connection, holder[0], now_ms) is not None:
        return False
    connection.execute(
        "INSERT INTO spent_nonces VALUES (?, ?, ?)"
        " ON CONFLICT (user_id, nonce) DO UPDATE SET session_id = excluded.session_id",
        (session.user.id, nonce, session.id),
    )
    return True


def delete_expired_sessions(connection: Connection, now_ms: int, limit: int) -> int:
    """Remove up to ``limit`` expired sessions; returns the number removed."""
    return connection.execute(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? LIMIT ?)",
        (now_ms, limit),
    ).rowcount
