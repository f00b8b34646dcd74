"""Requests to be somebody's friend, open ones and those that ended of late."""

from typing import NamedTuple

from gameserver.storage.connection import Connection

DECLINED_MS = 30 * 86_400_000  # for which a declined sender is not shown again, and ended requests are remembered


class FriendRequest(NamedTuple):
    """An open request; its receiver is shown it from ``shown_at`` on, in epoch ms."""

    id: int
    sender_id: int
    receiver_id: int
    shown_at: int


class ShownRequest(NamedTuple):
    """An open request as one of the two sees it: the other user, and when it was made in epoch ms."""

    id: int
    user_id: int
    username: str
    requested_at: int


_COLUMNS = ", ".join(FriendRequest._fields)
# Of the open requests to a user, those that the user is shown; the value is the time.
SHOWN = (
    " AND ended_at IS NULL AND shown_at <= ?"
    " AND NOT EXISTS (SELECT 1 FROM blocks WHERE user_id = receiver_id AND blocked_id = sender_id)"
)


def find_open_request(connection: Connection, sender_id: int, receiver_id: int) -> FriendRequest | None:
    """The open request of one user to another, shown or not; None if there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM friend_requests WHERE sender_id = ? AND receiver_id = ? AND ended_at IS NULL",
        (sender_id, receiver_id),
    ).fetchone()
    return FriendRequest(*row) if row else None


def is_shown(connection: Connection, request: FriendRequest, now_ms: int) -> bool:
    """Whether the receiver of an open request is shown it."""
    query = f"SELECT 1 FROM friend_requests WHERE id = ?{SHOWN}"
    return connection.execute(query, (request.id, now_ms)).fetchone() is not None


def insert_request(
    connection: Connection, sender_id: int, receiver_id: int, now_ms: int, shown_at: int
) -> FriendRequest:
    """Store a request, of which there is none open between the two."""
    request_id = connection.insert(
        "INSERT INTO friend_requests (sender_id, receiver_id, requested_at, shown_at) VALUES (?, ?, ?, ?)",
        (sender_id, receiver_id, now_ms, shown_at),
    )
    return FriendRequest(request_id, sender_id, receiver_id, shown_at)


def update_ended(connection: Connection, request_id: int, now_ms: int, *, is_declined: bool = False) -> None:
    """End an open request, however it came to its end; one that was declined is remembered."""
    connection.execute(
        "UPDATE friend_requests SET ended_at = ?, is_declined = ? WHERE id = ?", (now_ms, is_declined, request_id)
    )


def last_declined_at(connection: Connection, sender_id: int, receiver_id: int) -> int | None:
    """When a user last declined a request of another, in epoch ms, as far as that is remembered."""
    query = "SELECT max(ended_at) FROM friend_requests WHERE sender_id = ? AND receiver_id = ? AND is_declined = 1"
    declined_at: int | None = connection.execute(query, (sender_id, receiver_id)).fetchone()[0]
    return declined_at


def count_open_requests_of(connection: Connection, sender_id: int) -> int:
    """The number of open requests that a user has made, which is bounded."""
    query = "SELECT count(*) FROM friend_requests WHERE sender_id = ? AND ended_at IS NULL"
    count: int = connection.execute(query, (sender_id,)).fetchone()[0]
    return count


def nth_newest_requested_at(connection: Connection, sender_id: int, n: int) -> int | None:
    """When a user made the ``n``-th newest request, open or ended, in epoch ms; None if there were not so many."""
    row = connection.execute(
        "SELECT requested_at FROM friend_requests WHERE sender_id = ? ORDER BY requested_at DESC LIMIT 1 OFFSET ?",
        (sender_id, n - 1),
    ).fetchone()
    return row[0] if row else None


def list_requests_from(connection: Connection, sender_id: int) -> list[ShownRequest]:
    """The open requests that a user has made, newest first."""
    rows = connection.execute(
        "SELECT friend_requests.id, receiver_id, username, requested_at FROM friend_requests"
        " JOIN users ON users.id = receiver_id WHERE sender_id = ? AND ended_at IS NULL"
        " ORDER BY friend_requests.id DESC",
        (sender_id,),
    )
    return [ShownRequest(*row) for row in rows]


def list_requests_to(
    connection: Connection, receiver_id: int, now_ms: int, limit: int, *, skipped: int = 0
) -> list[ShownRequest]:
    """The open requests that a user is shown, newest first, without the first that are ``skipped``."""
    rows = connection.execute(
        "SELECT friend_requests.id, sender_id, username, requested_at FROM friend_requests"
        f" JOIN users ON users.id = sender_id WHERE receiver_id = ?{SHOWN}"
        " ORDER BY friend_requests.id DESC LIMIT ? OFFSET ?",
        (receiver_id, now_ms, limit, skipped),
    )
    return [ShownRequest(*row) for row in rows]


def delete_ended_requests(connection: Connection, ended_before: int, limit: int) -> int:
    """Remove up to ``limit`` requests that ended before a time in epoch ms; returns the number removed."""
    return connection.execute(
        "DELETE FROM friend_requests WHERE id IN"
        " (SELECT id FROM friend_requests WHERE ended_at < ? ORDER BY ended_at LIMIT ?)",
        (ended_before, limit),
    ).rowcount
