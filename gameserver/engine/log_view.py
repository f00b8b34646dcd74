"""The state of a game's log, which a connection reads before it joins (protocol, "Sequence and recovery")."""

from typing import NamedTuple

from gameserver.errors import not_found
from gameserver.storage.broadcasts import first_logged_seq
from gameserver.storage.connection import Connection
from gameserver.storage.games import find_game


class LogView(NamedTuple):
    """How far a game's log of broadcasts reaches; ``first_seq`` is None where nothing of it is left."""

    game_id: int
    closed: bool
    seq: int
    first_seq: int | None

    def reaches_back_to(self, after_seq: int) -> bool:
        """Whether the log holds every broadcast after ``after_seq``."""
        return self.first_seq is not None and after_seq >= self.first_seq - 1


def view_log(connection: Connection, game_uuid: str) -> LogView:
    """How far a game's log reaches. Raises `Rejected` (``not_found``)."""
    game = find_game(connection, game_uuid)
    if game is None:
        raise not_found("game_id", "game")
    return LogView(game.id, game.closed_at is not None, game.seq, first_logged_seq(connection, game.id))
