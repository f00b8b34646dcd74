"""Who is whose friend."""

from gameserver.storage.connection import Connection


def are_friends(connection: Connection, user_id: int, other_id: int) -> bool:
    """Whether two users are accepted friends of each other."""
    query = "SELECT 1 FROM friendships WHERE user_id = ? AND friend_id = ?"
    return connection.execute(query, (user_id, other_id)).fetchone() is not None


def list_friend_ids(connection: Connection, user_id: int) -> list[int]:
    """The ids of a user's accepted friends, in order."""
    query = "SELECT friend_id FROM friendships WHERE user_id = ? ORDER BY friend_id"
    return [friend_id for (friend_id,) in connection.execute(query, (user_id,))]


def delete_friendships(connection: Connection, user_id: int) -> None:
    """End all friendships of a user."""
    query = "SELECT friend_id FROM friendships WHERE user_id = ?"
    friends = [friend_id for (friend_id,) in connection.execute(query, (user_id,))]
    both_ways = [pair for friend_id in friends for pair in ((user_id, friend_id), (friend_id, user_id))]
    connection.execute_many("DELETE FROM friendships WHERE user_id = ? AND friend_id = ?", both_ways)
