"""Which games jobs change, found before their batch begins: a row stays in its game for good."""

from collections.abc import Iterable

from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Subject

_KEPT = 10_000

_GAMES = {
    "games": "SELECT uuid, id FROM games",
    "pools": "SELECT uuid, game_id FROM pools",
    "events": "SELECT uuid, game_id FROM events",
    "bets": "SELECT bets.uuid, game_id FROM bets JOIN pools ON pools.id = pool_id",
}


class GameFinder:
    """Finds the games of subjects, and keeps some thousands of them."""

    def __init__(self) -> None:
        self._games: dict[Subject, int] = {}

    def find(self, connection: Connection, subjects: Iterable[Subject]) -> set[int]:
        """The row ids of the games of subjects, of those that there are."""
        subjects = dict.fromkeys(subjects)
        unknown: dict[str, list[tuple[str]]] = {}
        for subject in subjects:
            if subject not in self._games:
                unknown.setdefault(subject.table, []).append((subject.uuid,))
        if len(self._games) > _KEPT:
            self._games = {subject: game for subject, game in self._games.items() if subject in subjects}
        for table, uuids in unknown.items():
            named = f"{_GAMES[table]} WHERE {table}.uuid IN (SELECT given.uuid FROM given)"
            for uuid, game_id in connection.execute_with(named, ("uuid",), uuids):
                self._games[Subject(table, uuid)] = game_id
        return {self._games[subject] for subject in subjects if subject in self._games}
