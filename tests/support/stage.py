"""A server with a game on it, and visitors who watch and play it in a browser."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.browser import Visitor
from tests.support.process import UNLIMITED, Player, ServerProcess, add_user, playing, run, serving

Visit = Callable[..., Visitor]
GAME = {
    "game_name": "Argentina - Brazil",
    "type": "football",
    "actions": ["Goal", "Yellow card"],
    "targets": ["Argentina", "Brazil", "Argentina:Messi", "Argentina:Paredes", "Brazil:Neymar"],
    "scores": {"Goal": 1},
}


class Stage:
    """A game and its admin, who acts over a WebSocket of another stack."""

    def __init__(self, database: Path | str, url: str, admin: Player) -> None:
        self.database = database
        self.url = url
        self.admin = admin
        self._keys: dict[str, str] = {}
        self.source = str(self.ask(365, source_name="World Cup")["source_id"])
        self.game = str(self.ask(370, source_id=self.source, **GAME)["game_id"])
        self.ask(616, game_id=self.game)

    @property
    def origin(self) -> str:
        """The address of the console."""
        return "http://" + urlsplit(self.url).netloc

    def ask(self, op: int, **parameters: Any) -> dict[str, Any]:
        """What the admin is answered; never a refusal."""
        reply = self.admin.call(op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    def open_pool(self, description: str = "Who scores next?", **parameters: Any) -> str:
        """A new pool of the game on its two sides; its id."""
        if parameters.get("pool_type") not in (3, 4):
            parameters = {"action_id": "goal", "targets": ["Argentina", "Brazil"], **parameters}
        return str(self.ask(385, game_id=self.game, description=description, **parameters)["pool_id"])

    def lock(self, pool: str) -> None:
        """Let a pool take no more bets from a moment that comes at once, and is still to come on a slow machine."""
        ahead_ms = 50
        while True:
            reply = self.admin.call(3852, pool_id=pool, stop_accepting_bets_at=self.now() + ahead_ms)
            if reply["res"] != 666:
                return
            assert reply.get("field") == "stop_accepting_bets_at", reply
            ahead_ms *= 2

    def goal(self, target: str = "argentina:messi", **parameters: Any) -> str:
        """A goal; its id."""
        return str(self.ask(395, game_id=self.game, action_id="goal", target_id=target, **parameters)["event_id"])

    def enliven(self) -> None:
        """Pools in several states, events, bets, settlements."""
        settled = self.open_pool("Who scores first?")
        for name, target in (("kasia", "argentina"), ("nadia", "brazil"), ("nadia", "argentina")):
            self.bet(name, settled, target, 20)
        self.goal()
        self.ask(395, game_id=self.game, action_id="yellow-card", target_id="brazil:neymar")
        self.ask(374, game_id=self.game, period="1H", elapsed_ms=20 * 60_000, is_running=True)
        hot = self.open_pool("Does Neymar score the penalty?", pool_type=3, is_hot=True)
        self.ask(3852, pool_id=hot, stop_accepting_bets_at=self.now() + 600_000)
        running = self.open_pool("Who scores next?")
        paused = self.open_pool("Who is booked next?", action_id="yellow-card", targets=["Argentina", "Brazil"])
        for pool in (running, paused):
            self.bet("nadia", pool, "brazil", 12.5)
            self.bet("kasia", pool, "argentina", 40)
        self.ask(397, pool_id=paused)

    def now(self) -> int:
        """The time of the server."""
        return int(self.ask(1)["response_header"]["t"])

    def user(self, name: str) -> dict[str, Any]:
        """A new user with a session key."""
        return add_user(self.database, name)

    def key(self, name: str) -> str:
        """A session key of a new user or one of before, the same each time."""
        if name not in self._keys:
            self._keys[name] = key_of(self.database, name)
        return self._keys[name]

    def bet(self, name: str, pool: str, target: str, amount: float) -> None:
        """A bet of a new user or one of before."""
        with playing(self.url, self.key(name)) as player:
            reply = player.call(392, pool_id=pool, target=target, amount=amount)
            assert reply["res"] == 356, reply

    def enter(self, visit: Visit, name: str, place: str = "", **options: Any) -> Visitor:
        """A visitor who has signed in, at a place of the console."""
        return self.sign_in(visit(self.origin, **options), name, place)

    def sign_in(self, visitor: Visitor, name: str, place: str = "") -> Visitor:
        """Make a visitor a user, and bring it to a place of the console."""
        cookie = {"name": "session", "value": self.key(name), "url": self.origin, "httpOnly": True}
        visitor.context.add_cookies([cookie])  # type: ignore[list-item]
        visitor.go(place)
        return visitor

    def play(self, visit: Visit, name: str, tab: str = "", **options: Any) -> Visitor:
        """A visitor who has signed in and is in the game."""
        visitor = self.enter(visit, name, f"game/{self.game}{tab and '/'}{tab}", **options)
        visitor.see(".board")
        return visitor


def key_of(database: Path | str, name: str) -> str:
    """A session key of a user, who is made if there is none of that name."""
    done = run("user", "add", name, "--json", "--db", database)
    if done.code != 0:
        done = run("user", "key", name, "--json", "--db", database)
    key: str = json.loads(done.stdout)["session_key"]
    return key


@contextmanager
def staged(database: Path | str, url: str) -> Iterator[Stage]:
    """A stage on a server that runs on a database."""
    with playing(url, key_of(database, "dev")) as admin:
        yield Stage(database, url, admin)


class MortalStage(NamedTuple):
    """A stage on a server process, which a test may kill and start again."""

    stage: Stage
    server: ServerProcess

    def again(self) -> AbstractContextManager[ServerProcess]:
        """Another server in the place of the one that was killed."""
        flags = (*UNLIMITED, "--port", str(self.server.address[1]))
        return serving(self.stage.database, *flags, folder=self.server.log.parent)
