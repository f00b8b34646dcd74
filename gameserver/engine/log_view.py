"""What a connection reads of a game before it joins (protocol, "Joining and presence", "Sequence and recovery")."""

from typing import NamedTuple

from gameserver.errors import not_found
from gameserver.protocol.subscriptions import RoleInGame
from gameserver.storage.broadcasts import first_logged_seq
from gameserver.storage.connection import Connection
from gameserver.storage.games import Game, find_game, is_game_admin
from gameserver.storage.sources import is_source_admin
from gameserver.storage.users import User


class LogView(NamedTuple):
    """How far a game's log of broadcasts reaches, and the roles in the game of the user who joins it.

    ``first_seq`` is None where nothing of the log is left.
    """

    game_id: int
    closed: bool
    seq: int
    first_seq: int | None
    roles: list[RoleInGame]

    def reaches_back_to(self, after_seq: int) -> bool:
        """Whether the log holds every broadcast after ``after_seq``."""
        return self.first_seq is not None and after_seq >= self.first_seq - 1


def view_log(connection: Connection, game_uuid: str, user: User | None) -> LogView:
    """How far a game's log reaches, and the roles of ``user``, or nobody's. Raises `Rejected` (``not_found``)."""
    game = find_game(connection, game_uuid)
    if game is None:
        raise not_found("game_id", "game")
    roles = [] if user is None else _roles_in(connection, game, user)
    return LogView(game.id, game.closed_at is not None, game.seq, first_logged_seq(connection, game.id), roles)


def _roles_in(connection: Connection, game: Game, user: User) -> list[RoleInGame]:
    held = {
        RoleInGame.GAME_ADMIN: is_game_admin(connection, game.id, user.id),
        RoleInGame.SOURCE_ADMIN: is_source_admin(connection, game.source_id, user.id),
    }
    return [role for role, is_held in held.items() if is_held]
