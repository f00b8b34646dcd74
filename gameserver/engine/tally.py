"""What the pools that a change ends, or opens again, come to for their users (protocol, "Leaderboards")."""

from collections.abc import Iterable

from gameserver.storage.boards import GamePoints, add_to_boards
from gameserver.storage.connection import Connection
from gameserver.storage.records import Record, add_to_records, list_records, renew_extremes

_SUMS = 8  # the fields of a record that are added up, after the ids of the user and the game
_NEVER = 2**53 - 1


class Tally:
    """The records of a change's pools by user and game, which are stored all at once at its end.

    A pool that is taken back and settled again comes to the difference.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int], list[int]] = {}
        self._extremes: dict[tuple[int, int], tuple[int, int]] = {}
        self._taken_back: dict[tuple[int, int], None] = {}

    def add(self, connection: Connection, pool_ids: Iterable[int]) -> None:
        """Add pools that have just been settled."""
        for record in list_records(connection, pool_ids):
            key = record[:2]
            self._count(record, 1)
            best_win, joined_at = self._extremes.get(key, (0, _NEVER))
            self._extremes[key] = max(best_win, record.best_win), min(joined_at, record.joined_at)

    def take_back(self, connection: Connection, pool_ids: Iterable[int]) -> None:
        """Take away pools whose settlements are about to be taken back."""
        for record in list_records(connection, pool_ids):
            self._count(record, -1)
            self._taken_back[record[:2]] = None

    def _count(self, record: Record, step: int) -> None:
        total = self._sums.setdefault(record[:2], [0] * _SUMS)
        for at, value in enumerate(record[2 : 2 + _SUMS]):
            total[at] += step * value

    def store(self, connection: Connection, now_ms: int) -> list[int]:
        """Add the records to what is kept of users, and their points to the leaderboards; the games whose changed."""
        records = [
            Record._make((*key, *total, *self._extremes.get(key, (0, _NEVER))))
            for key, total in self._sums.items()
            if any(total)
        ]
        if records:
            add_to_records(connection, records, now_ms)
        if self._taken_back:
            renew_extremes(connection, self._taken_back)
        moved = [GamePoints(*record[:2], record.net, record.pools) for record in records if record.net or record.pools]
        if moved:
            add_to_boards(connection, moved)
        return list(dict.fromkeys(points.game_id for points in moved))
