"""Who may become an admin (protocol, "Roles")."""

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.bets import has_running_bet_in_source
from gameserver.storage.connection import Connection
from gameserver.storage.sources import (
    Source,
    insert_source_admin,
    is_source_admin,
)
from gameserver.storage.users import User


def make_source_admin(connection: Connection, source: Source, user: User) -> None:
    """Make a user an admin of the source, if it is none yet. Raises ``conflict`` for who has bets running in it."""
    if is_source_admin(connection, source.id, user.id):
        return
    if not source.admins_may_bet and has_running_bet_in_source(connection, user.id, source.id):
        raise bets_run(user, "source")
    insert_source_admin(connection, source.id, user.id)


def bets_run(user: User, where: str) -> Rejected:
    text = f"{user.username} has running bets in this {where}, whose admins may not bet"
    return Rejected(ErrorCode.CONFLICT, text)
