"""Making admins of sources, and whom running bets keep from that (protocol, "Roles")."""

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.bets import has_running_bet_in_source
from gameserver.storage.connection import Connection
from gameserver.storage.sources import Source, insert_source_admin, is_source_admin
from gameserver.storage.users import User


def make_source_admin(connection: Connection, source: Source, user: User) -> None:
    """Make a user an admin of the source, if they are not one yet. Raises ``conflict`` for running bets in it."""
    if is_source_admin(connection, source.id, user.id):
        return
    if not source.admins_may_bet and has_running_bet_in_source(connection, user.id, source.id):
        raise running_bets_refusal(user, "source")
    insert_source_admin(connection, source.id, user.id)


def running_bets_refusal(user: User, where: str) -> Rejected:
    """The refusal to make a user with running bets an admin of the ``where``, a game or a source."""
    text = f"{user.username} has running bets in this {where}; its admins may not bet in it"
    return Rejected(ErrorCode.CONFLICT, text)
