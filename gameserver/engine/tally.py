"""What the pools that a change ends, or opens again, come to for their users (protocol, "Leaderboards")."""

from collections.abc import Iterable

from gameserver.storage.boards import add_to_boards
from gameserver.storage.connection import Connection
from gameserver.storage.records import add_to_records
from gameserver.storage.tallied import delete_tallied, list_tallied_games, tally_pools


class Tally:
    """What a change's pools come to by user and game, which is stored all at once at its end.

    A pool that is taken back and settled again comes to the difference.
    """

    def __init__(self) -> None:
        self._is_empty = True

    def add(self, connection: Connection, pool_ids: Iterable[int]) -> None:
        """Add pools that have just been settled."""
        tally_pools(connection, pool_ids)
        self._is_empty = False

    def take_back(self, connection: Connection, pool_ids: Iterable[int]) -> None:
        """Take away pools whose settlements are about to be taken back."""
        tally_pools(connection, pool_ids, taken_back=True)
        self._is_empty = False

    def store(self, connection: Connection, now_ms: int) -> list[int]:
        """Add it to what is kept of users, and points to the leaderboards; returns the games whose have changed."""
        if self._is_empty:
            return []
        games = list_tallied_games(connection)
        for game in games:
            add_to_records(connection, game, now_ms)
            if game.moved:
                add_to_boards(connection, game)
        delete_tallied(connection)
        self._is_empty = True
        return [game.game_id for game in games if game.moved]
