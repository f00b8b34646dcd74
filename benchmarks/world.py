"""Databases to measure with: users with their keys, a source, games."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.history import History
from gameserver.admin.commands import AddUser, OpenSession
from gameserver.storage.users import User

SQUAD = [f"{team}:{number}" for team in ("Argentina", "Brazil") for number in range(1, 30)]
# With so many events before, the numbers in a broadcast keep their four digits.
PAST_EVENTS = 1_000


@dataclass(frozen=True)
class World:
    """A database file that no server has open, and what a client needs to know of it."""

    db: Path
    admin_key: str
    source_id: str
    player_keys: list[str]
    game_ids: list[str]
    pool_ids: list[str]

    def copy_to(self, directory: Path) -> Path:
        """A copy to serve from: the database and the secret its session keys are made with."""
        shutil.copytree(self.db.parent, directory)
        copy = directory / self.db.name
        write_out(copy)
        return copy


def write_out(path: Path) -> None:
    """Wait until a file is on disk, so that writing it disturbs no measurement."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class WorldMaker:
    """Fills a new database; `finish` it before use."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.db = directory / "bench.db"
        self.history = History(self.db)
        row = self.history.command(AddUser("admin", is_provider=True))
        self.admin = User(row["id"], "admin", True)
        self.source_id = self.history.request(self.admin, 365, source_name="bench")["source_id"]
        self._admin_key: str = row["session_key"]
        self._player_keys: list[str] = []
        self._game_ids: list[str] = []
        self._pool_ids: list[str] = []

    def add_players(self, count: int) -> None:
        """Users with plenty of points who are to connect."""
        self.history.bettors(count, "player")
        for number in range(count):
            key: str = self.history.command(OpenSession(f"player{number}"))["session_key"]
            self._player_keys.append(key)

    def add_game(self, targets: list[str], events: int = 0) -> str:
        """An open game without pools, in which so many goals have been; its id."""
        parameters: dict[str, Any] = {"type": "football", "actions": ["Goal", "Offside"], "targets": targets}
        game = self.history.request(
            self.admin, 370, source_id=self.source_id, game_name="Argentina - Brazil", **parameters
        )
        self.history.request(self.admin, 616, game_id=game["game_id"])
        for _ in range(events):
            self.history.request(self.admin, 395, game_id=game["game_id"], action_id="goal", target_id=targets[0])
        self._game_ids.append(game["game_id"])
        return str(game["game_id"])

    def add_game_with_pool(self) -> str:
        """An open game with a pool on its two teams; the pool's id."""
        game_id, pool_id = self.history.game_with_pool(self.admin, self.source_id)
        self._game_ids.append(game_id)
        self._pool_ids.append(pool_id)
        return pool_id

    def finish(self) -> World:
        """Commit it all."""
        self.history.close()
        write_out(self.db)
        return World(self.db, self._admin_key, self.source_id, self._player_keys, self._game_ids, self._pool_ids)
