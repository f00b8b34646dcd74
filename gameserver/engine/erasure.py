"""What is erased of a user who is deleted, beside the account itself: all that is between people."""

from gameserver.storage.connection import Connection
from gameserver.storage.friends import delete_friendships


def erase_social_life(connection: Connection, user_id: int) -> None:
    """Erase what a user who is deleted has with others: here belongs all that is kept of friends and chat."""
    delete_friendships(connection, user_id)
