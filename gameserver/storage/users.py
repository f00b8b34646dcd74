"""Users, their sessions, and the nonces spent at logon."""

import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from gameserver.storage.boards import rename
from gameserver.storage.connection import Connection


class User(NamedTuple):
    """A user; a provider may open game sources, an admin runs the server, a guest has no password.

    Who is banned cannot log on.
    """

    id: int
    username: str
    is_provider: bool
    is_admin: bool = False
    is_guest: bool = False
    is_banned: bool = False


NOBODY = User(0, "nobody", is_provider=False)


class Session(NamedTuple):
    """A live session: its user, and when it was made and expires in epoch ms.

    That of a view key (``is_view``) only reads what everybody may read.
    """

    id: str
    user: User
    created_at: int
    expires_at: int
    is_view: bool

    @property
    def reader(self) -> User:
        """Whose roles and part in things the replies to reads may show: nobody's for a view key."""
        return NOBODY if self.is_view else self.user


_USER = (
    "users.id, users.username, users.is_provider, users.is_admin, users.is_guest,"
    " users.banned_at IS NOT NULL AS is_banned"
)
_SESSION = f"""
    SELECT sessions.id, sessions.created_at, sessions.expires_at, sessions.is_view, {_USER}
    FROM sessions JOIN users ON users.id = sessions.user_id
"""


def insert_user(
    connection: Connection,
    username: str,
    is_provider: bool,
    now_ms: int,
    *,
    is_admin: bool = False,
    is_guest: bool = False,
    password_hash: str | None = None,
) -> User | None:
    """Store a new user and return it; None if the name is taken, regardless of case."""
    if is_name_taken(connection, username):
        return None
    user_id = connection.insert(
        "INSERT INTO users (username, is_provider, created_at, is_admin, is_guest, password_hash)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (username, is_provider, now_ms, is_admin, is_guest, password_hash),
    )
    return User(user_id, username, is_provider, is_admin, is_guest)


def is_name_taken(connection: Connection, username: str) -> bool:
    """Whether a user has this name, regardless of case, or has been given it when deleted."""
    return connection.execute("SELECT 1 FROM users WHERE username = ?", (username,)).fetchone() is not None


def find_user(connection: Connection, username: str) -> User | None:
    """The user with this name, regardless of case; None if there is none, or it is deleted."""
    query = f"SELECT {_USER} FROM users WHERE username = ? AND deleted_at IS NULL"
    row = connection.execute(query, (username,)).fetchone()
    return _user(row) if row else None


def find_user_by_id(connection: Connection, user_id: int) -> User | None:
    """The user with this id as it is now; None if there is none, or it is deleted."""
    query = f"SELECT {_USER} FROM users WHERE id = ? AND deleted_at IS NULL"
    row = connection.execute(query, (user_id,)).fetchone()
    return _user(row) if row else None


def update_username(connection: Connection, user_id: int, username: str) -> None:
    """Rename a user; the name must be free."""
    connection.execute("UPDATE users SET username = ? WHERE id = ?", (username, user_id))
    rename(connection, user_id, username)


class _Username(NamedTuple):
    id: int
    username: str


def list_usernames(connection: Connection, user_ids: Iterable[int]) -> dict[int, str]:
    """The names of users by id."""
    user_ids = tuple(user_ids)
    if not user_ids:
        return {}
    rows = connection.list_rows_with(
        _Username,
        "SELECT users.id AS id, username FROM given JOIN users ON users.id = given.user_id",
        ("user_id",),
        [(user_id,) for user_id in user_ids],
    )
    return {row.id: row.username for row in rows}


def _user(row: tuple[Any, ...]) -> User:
    return User(row[0], row[1], *map(bool, row[2:]))


def insert_session(
    connection: Connection, user_id: int, now_ms: int, expires_at: int, max_sessions: int, *, is_view: bool = False
) -> tuple[str, list[str]]:
    """Store a new session; returns its id, and the ids of those ended by it.

    These are the user's oldest beyond ``max_sessions``, of which view keys and all others are counted apart.
    """
    # A key that begins with "-" would be taken for a flag on the command line.
    session_id = secrets.token_urlsafe(12).replace("-", "_")
    connection.execute(
        "INSERT INTO sessions (id, user_id, created_at, expires_at, is_view) VALUES (?, ?, ?, ?, ?)",
        (session_id, user_id, now_ms, expires_at, is_view),
    )
    surplus = connection.execute(
        "SELECT id FROM sessions WHERE user_id = ? AND is_view = ? AND id <> ?"
        " ORDER BY rowid DESC LIMIT 1000000 OFFSET ?",
        (user_id, is_view, session_id, max_sessions - 1),
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


def delete_live_session(connection: Connection, user_id: int, session_id: str, now_ms: int) -> bool:
    """Delete a user's session; False if the user has no live one with this id."""
    found = get_session(connection, session_id, now_ms)
    if found is None or found.user.id != user_id:
        return False
    delete_sessions(connection, [session_id])
    return True


def get_session(connection: Connection, session_id: str, now_ms: int) -> Session | None:
    """The session with this id if it is live, else None."""
    row = connection.execute(
        f"{_SESSION} WHERE sessions.id = ? AND sessions.expires_at > ?", (session_id, now_ms)
    ).fetchone()
    return _session(row) if row else None


def list_live_sessions(connection: Connection, user_id: int, now_ms: int) -> list[Session]:
    """A user's live sessions, newest first."""
    rows = connection.execute(
        f"{_SESSION} WHERE sessions.user_id = ? AND sessions.expires_at > ?"
        " ORDER BY sessions.created_at DESC, sessions.id",
        (user_id, now_ms),
    )
    return [_session(row) for row in rows]


def _session(row: tuple[Any, ...]) -> Session:
    return Session(row[0], _user(row[4:]), row[1], row[2], bool(row[3]))


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


def delete_expired_sessions(connection: Connection, now_ms: int, limit: int) -> list[int]:
    """Remove up to ``limit`` expired sessions; returns the id of the user of each."""
    query = "SELECT id, user_id FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
    expired = connection.execute(query, (now_ms, limit)).fetchall()
    delete_sessions(connection, [session_id for session_id, _ in expired])
    return [user_id for _, user_id in expired]


def update_use(connection: Connection, seen_at: dict[int, int], expires_at: dict[str, int]) -> None:
    """Record when users were seen last, and until when sessions are valid now."""
    connection.update_many("users", ("last_seen_at",), ("id",), [(at, user_id) for user_id, at in seen_at.items()])
    renewed = [(at, session_id) for session_id, at in expires_at.items()]
    connection.update_many("sessions", ("expires_at",), ("id",), renewed)
