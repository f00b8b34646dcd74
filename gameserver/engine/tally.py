"""What the pools that a change ends, or opens again, come to for their users (protocol, "Leaderboards")."""

from collections.abc import Iterable

from gameserver.storage.boards import GamePoints, add_to_boards
from gameserver.storage.connection import Connection
from gameserver.storage.settlements import list_results


class Tally:
    """The results of a change's pools by user and game, which are stored all at once at its end.

    A pool that is taken back and settled again comes to the difference.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int], list[int]] = {}

    def add(self, connection: Connection, pool_ids: Iterable[int]) -> None:
        """Add the results of pools that have just been settled."""
        self._count(connection, pool_ids, 1)

    def take_back(self, connection: Connection, pool_ids: Iterable[int]) -> None:
        """Take away the results of pools whose settlements are about to be taken back."""
        self._count(connection, pool_ids, -1)

    def _count(self, connection: Connection, pool_ids: Iterable[int], step: int) -> None:
        for result in list_results(connection, pool_ids):
            total = self._sums.setdefault(result[:2], [0] * len(result[2:]))
            for at, value in enumerate(result[2:]):
                total[at] += step * value

    def store(self, connection: Connection) -> None:
        """Add the results to what is kept of users."""
        changed = [GamePoints(*user_and_game, *total) for user_and_game, total in self._sums.items() if any(total)]
        if changed:
            add_to_boards(connection, changed)
