"""A game that bets and events change, step by step, and all that a database file holds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.offline import Offline

BETTORS = ("ann", "bob", "cat")
CONTENTS = {"actions": ["Goal"], "targets": ["Argentina:1", "Argentina:2", "Brazil:7"]}
BETS = [("ann", "argentina", 10), ("bob", "brazil", 20), ("cat", "none", 5), ("ann", "brazil", 0.07)]


class Match:
    """An open game with takeout, its admin "fifa", and two pools that a goal settles at once."""

    def __init__(self, offline: Offline) -> None:
        self.offline = offline
        offline.add_user("fifa", provider=True)
        for name in BETTORS:
            offline.add_user(name)
        source = self._call("fifa", 365, source_name="Cup", takeout="0.05")["source_id"]
        game = self._call("fifa", 370, source_id=source, game_name="Final", type="football", **CONTENTS)
        self.game: str = game["game_id"]
        self._call("fifa", 616, game_id=self.game)
        teams, players = ["argentina", "brazil"], ["argentina:1", "brazil:7"]
        self.pools = [self._open_pool(teams), self._open_pool(players)]

    def _call(self, name: str, op: int, /, **parameters: Any) -> dict[str, Any]:
        reply = self.offline.call(name, op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    def _open_pool(self, targets: list[str]) -> str:
        pool = {"description": "Who scores?", "action_id": "goal", "targets": targets, "recreate_on_end": True}
        return str(self._call("fifa", 385, game_id=self.game, **pool)["pool_id"])

    def bet(self) -> Iterator[None]:
        """Place bets, one at each step."""
        for name, target, amount in BETS:
            self._call(name, 392, pool_id=self.pools[0], target=target, amount=amount)
            yield
        self._call("bob", 392, pool_id=self.pools[1], target="argentina:1", amount=2)
        yield

    def live(self) -> Iterator[None]:
        """Place bets, settle and void, one transaction at each step."""
        yield from self.bet()
        event = self._call("fifa", 395, **self.goal)
        yield
        self._call("fifa", 3951, game_id=self.game, event_id=event["event_id"])
        yield
        self._call("fifa", 395, **self.goal)
        yield

    @property
    def goal(self) -> dict[str, Any]:
        """The parameters of the event that settles both pools."""
        return {"game_id": self.game, "action_id": "goal", "target_id": "argentina:1"}


def contents_of(file: Path) -> str:
    """Every row of a database."""
    with closing(sqlite3.connect(file)) as connection:
        return "\n".join(connection.iterdump())
