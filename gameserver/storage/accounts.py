"""Accounts: passwords, roles, bans, deleted users, and where users log in from."""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.storage.connection import Connection


def get_password_hash(connection: Connection, user_id: int) -> str | None:
    """The hash of a user's password; None for who has none."""
    row = connection.execute("SELECT password_hash FROM users WHERE id = ?", (user_id,)).fetchone()
    return row[0] if row else None


def update_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """Give a user a password, who is no guest from then on."""
    query = "UPDATE users SET password_hash = ?, is_guest = 0 WHERE id = ?"
    connection.execute(query, (password_hash, user_id))


def update_roles(connection: Connection, user_id: int, *, is_provider: bool, is_admin: bool) -> None:
    """Set a user's roles on the server."""
    query = "UPDATE users SET is_provider = ?, is_admin = ? WHERE id = ?"
    connection.execute(query, (is_provider, is_admin, user_id))


def has_other_admin(connection: Connection, user_id: int) -> bool:
    """Whether somebody else can administer the server: an admin who is neither banned nor deleted."""
    query = "SELECT 1 FROM users WHERE is_admin = 1 AND banned_at IS NULL AND deleted_at IS NULL AND id <> ? LIMIT 1"
    return connection.execute(query, (user_id,)).fetchone() is not None


def update_banned(connection: Connection, user_id: int, banned_at: int | None) -> None:
    """Ban a user, or lift the ban."""
    connection.execute("UPDATE users SET banned_at = ? WHERE id = ?", (banned_at, user_id))


def get_banned_at(connection: Connection, user_id: int) -> int | None:
    """Since when a user is banned; None if it is not."""
    row = connection.execute("SELECT banned_at FROM users WHERE id = ?", (user_id,)).fetchone()
    return row[0] if row else None


def update_deleted(connection: Connection, user_id: int, now_ms: int) -> None:
    """Mark a user as deleted, who has neither password nor role from then on."""
    connection.execute(
        "UPDATE users SET deleted_at = ?, password_hash = NULL, is_admin = 0, is_provider = 0 WHERE id = ?",
        (now_ms, user_id),
    )
    connection.execute("DELETE FROM login_addresses WHERE user_id = ?", (user_id,))


class _Guest(NamedTuple):
    id: int


def list_abandoned_guests(connection: Connection, user_ids: Iterable[int]) -> list[int]:
    """Those of the users who are guests without a session and without a bet."""
    found = connection.list_rows_with(
        _Guest,
        "SELECT DISTINCT users.id AS id FROM given JOIN users ON users.id = given.user_id"
        " WHERE is_guest = 1 AND deleted_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.user_id = users.id)"
        " AND NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.user_id = users.id AND kind = 'staked')",
        ("user_id",),
        [(user_id,) for user_id in user_ids],
    )
    return [guest.id for guest in found]


class ListedUser(NamedTuple):
    """A user as admins of the server see it; times are in epoch ms."""

    id: int
    username: str
    is_guest: int
    is_provider: int
    is_admin: int
    banned_at: int | None
    created_at: int
    last_seen_at: int | None


_LISTED = ", ".join(ListedUser._fields)


def get_listed_user(connection: Connection, user_id: int) -> ListedUser | None:
    """The user with this id; None if there is none, or it is deleted."""
    query = f"SELECT {_LISTED} FROM users WHERE id = ? AND deleted_at IS NULL"
    row = connection.execute(query, (user_id,)).fetchone()
    return ListedUser(*row) if row else None


def list_users(connection: Connection, beginning: str, after: str, limit: int) -> list[ListedUser]:
    """The users in order of their names, those whose names begin so, from the one after a name on."""
    # No name holds a character beyond "z" but "~" is one, so that this is above all that begin so.
    rows = connection.execute(
        f"SELECT {_LISTED} FROM users WHERE deleted_at IS NULL AND username > ? AND username >= ? AND username < ?"
        " ORDER BY username LIMIT ?",
        (after, beginning, beginning + "~", limit),
    )
    return [ListedUser(*row) for row in rows]


class Held(NamedTuple):
    """What a user has of a currency, in minor units."""

    user_id: int
    currency: str
    available: int
    staked: int


def list_held(connection: Connection, user_ids: Iterable[int]) -> list[Held]:
    """What users have, by currency in order of the currencies' names."""
    return connection.list_rows_with(
        Held,
        "SELECT given.user_id AS user_id, currency,"
        " sum(CASE kind WHEN 'available' THEN balance ELSE 0 END) AS available,"
        " sum(CASE kind WHEN 'staked' THEN balance ELSE 0 END) AS staked"
        " FROM given JOIN accounts ON accounts.user_id = given.user_id"
        " GROUP BY given.user_id, currency ORDER BY given.user_id, currency",
        ("user_id",),
        [(user_id,) for user_id in user_ids],
    )


def insert_login_address(connection: Connection, user_id: int, digest: bytes, now_ms: int) -> None:
    """Remember where a user has logged in from."""
    connection.execute(
        "INSERT INTO login_addresses VALUES (?, ?, ?)"
        " ON CONFLICT (user_id, address_digest) DO UPDATE SET seen_at = excluded.seen_at",
        (user_id, digest, now_ms),
    )


def has_login_address(connection: Connection, user_id: int, digest: bytes, since_ms: int) -> bool:
    """Whether a user has logged in from there since then."""
    query = "SELECT 1 FROM login_addresses WHERE user_id = ? AND address_digest = ? AND seen_at >= ?"
    return connection.execute(query, (user_id, digest, since_ms)).fetchone() is not None


def delete_old_login_addresses(connection: Connection, before_ms: int, limit: int) -> int:
    """Forget up to ``limit`` places where nobody has logged in from since then; returns how many."""
    return connection.execute(
        "DELETE FROM login_addresses WHERE (user_id, address_digest) IN"
        " (SELECT user_id, address_digest FROM login_addresses WHERE seen_at < ? LIMIT ?)",
        (before_ms, limit),
    ).rowcount
