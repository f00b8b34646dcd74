"""Who is whose friend."""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.storage.connection import Connection


class Friend(NamedTuple):
    """An accepted friend, and when the friend was last seen in epoch ms."""

    user_id: int
    username: str
    last_seen_at: int | None


def are_friends(connection: Connection, user_id: int, other_id: int) -> bool:
    """Whether two users are accepted friends of each other."""
    query = "SELECT 1 FROM friendships WHERE user_id = ? AND friend_id = ?"
    return connection.execute(query, (user_id, other_id)).fetchone() is not None


def count_friends(connection: Connection, user_id: int) -> int:
    """The number of a user's accepted friends, which is bounded."""
    query = "SELECT count(*) FROM friendships WHERE user_id = ?"
    count: int = connection.execute(query, (user_id,)).fetchone()[0]
    return count


def insert_friendship(connection: Connection, user_id: int, other_id: int, now_ms: int) -> None:
    """Make two users friends of each other."""
    connection.execute_many(
        "INSERT INTO friendships (user_id, friend_id, since) VALUES (?, ?, ?)",
        [(user_id, other_id, now_ms), (other_id, user_id, now_ms)],
    )


def delete_friendship(connection: Connection, user_id: int, other_id: int) -> bool:
    """End the friendship of two users; returns whether they were friends."""
    cursor = connection.execute(
        "DELETE FROM friendships WHERE (user_id = ? AND friend_id = ?) OR (user_id = ? AND friend_id = ?)",
        (user_id, other_id, other_id, user_id),
    )
    return bool(cursor.rowcount)


def list_friend_ids(connection: Connection, user_id: int) -> list[int]:
    """The ids of a user's accepted friends, in order."""
    query = "SELECT friend_id FROM friendships WHERE user_id = ? ORDER BY friend_id"
    (friend_ids,) = connection.list_columns(("friend_id",), query, (user_id,))
    return friend_ids


def list_accepted_friends(connection: Connection, user_id: int) -> list[Friend]:
    """A user's accepted friends, by name."""
    rows = connection.execute(
        "SELECT users.id, username, last_seen_at FROM friendships JOIN users ON users.id = friend_id"
        " WHERE user_id = ? ORDER BY lower(username)",
        (user_id,),
    )
    return [Friend(*row) for row in rows]


def list_those_with_friends(connection: Connection, user_ids: Iterable[int]) -> list[int]:
    """Those of the users who have accepted friends."""
    rows = connection.execute_with(
        "SELECT user_id FROM given WHERE EXISTS (SELECT 1 FROM friendships WHERE friendships.user_id = given.user_id)",
        ("user_id",),
        [(user_id,) for user_id in user_ids],
    )
    return [user_id for (user_id,) in rows]
