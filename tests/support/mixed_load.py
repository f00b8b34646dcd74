"""Clients who bet, open pools, register events, void and watch, all at once, and keep a log of what was answered."""

import json
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from gameserver.storage.broadcasts import unpack
from tests.support.process import (
    TIMEOUT_S,
    UNLIMITED,
    Countdown,
    Player,
    ServerProcess,
    add_user,
    playing,
    run,
    serving,
    until_the_server_is_gone,
)

TARGETS = ("argentina", "brazil", "none")
LEAVES = ("argentina:1", "argentina:2", "brazil:7")
OPEN_POOLS = 3
AT_ONCE = 8
# What the others' doings may bring upon a request.
REFUSALS = frozenset({"pool_resolved", "betting_blocked", "insufficient_funds", "conflict"})


@dataclass
class Request:
    """A request with a key, and its reply if one came."""

    key: str
    op: int
    parameters: dict[str, Any]
    reply: dict[str, Any] | None = None

    def send(self, player: Player) -> dict[str, Any]:
        """Send it, for the first time or again."""
        return player.call(self.op, header={"key": self.key}, **self.parameters)

    @property
    def accepted(self) -> dict[str, Any] | None:
        """Its reply, if it was carried out."""
        return self.reply if self.reply is not None and self.reply["res"] != 666 else None


def without_header(message: dict[str, Any]) -> dict[str, Any]:
    """What a message says, whenever it was sent and to whom."""
    return {name: value for name, value in message.items() if name != "response_header"}


@dataclass
class Game:
    """A game as its clients know it. ``heard`` are its broadcasts, each once and in order."""

    id: str
    host_key: str
    pools: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)

    def watch(self, url: str) -> None:
        """Hear every broadcast after the last one heard, until the server is gone."""
        with until_the_server_is_gone(), playing(url, self.host_key) as player:
            joined = player.call(363, game_id=self.id, after_seq=len(self.heard))
            assert joined["recovered"] is True
            while True:
                message = player.heard.pop(0) if player.heard else player.receive()
                if "seq" in message["response_header"]:
                    self.heard.append(message)
                    assert message["response_header"]["seq"] == len(self.heard)


@dataclass
class Actor:
    """A user with a log of requests, who asks as fast as he can whenever there is a server."""

    name: str
    session_key: str
    chance: random.Random
    games: list[Game]
    log: list[Request] = field(default_factory=list)
    close_code: int | None = None

    def act(self, url: str, countdown: Countdown) -> None:
        """First send again what got no reply, then go on until the server is gone."""
        with until_the_server_is_gone(), playing(url, self.session_key) as player:
            try:
                self.ask(player, [request for request in self.log if request.reply is None], countdown)
                while True:
                    requests = list(self.next_requests())
                    self.log += requests
                    if not requests:
                        assert player.call(1)["res"] == 1  # and notice that the server is gone
                    self.ask(player, requests, countdown)
            finally:
                self.close_code = player.close_code()

    def ask(self, player: Player, requests: list[Request], countdown: Countdown) -> None:
        """Send requests together, and take their replies."""
        waiting = {request.key: request for request in requests}
        try:
            for request in requests:
                header = {"id": request.key, "key": request.key}
                player.socket.send(json.dumps({"header": header, "op": request.op, **request.parameters}))
        except ConnectionClosed:
            pass  # what has been answered can still be read
        while waiting:
            reply = player.receive()
            answered = waiting.pop(reply["response_header"].get("id"), None)
            if answered is not None:
                assert reply["res"] != 666 or reply["code"] in REFUSALS, (answered, reply)
                answered.reply = reply
                self.learn(answered)
                countdown.acknowledge()

    def next_requests(self) -> Iterator[Request]:
        """What to ask next."""
        raise NotImplementedError

    def learn(self, answered: Request) -> None:
        """Take note of a reply."""

    def request(self, number: int, op: int, /, **parameters: Any) -> Request:
        """The next request but ``number``."""
        return Request(f"{self.name}-{len(self.log) + number}", op, parameters)


class Bettor(Actor):
    """Bets in the pools that are open, some bets at once."""

    def next_requests(self) -> Iterator[Request]:
        """Bets."""
        pools = [pool for game in self.games for pool in tuple(game.pools)]
        for number in range(self.chance.choice((1, AT_ONCE)) if pools else 0):
            amount = self.chance.randint(1, 40) / 100
            pool, target = self.chance.choice(pools), self.chance.choice(TARGETS)
            yield self.request(number, 392, pool_id=pool, target=target, amount=amount)


class Host(Actor):
    """Opens pools in a game, lets things happen, and takes them back."""

    def next_requests(self) -> Iterator[Request]:
        """One request."""
        game = self.games[0]
        events = [request.accepted["event_id"] for request in self.log if request.op == 395 and request.accepted]
        what = self.chance.random()
        if len(game.pools) < OPEN_POOLS:
            options = {"action_id": "goal", "targets": ["argentina", "brazil"]}
            yield self.request(0, 385, game_id=game.id, description="Who?", **options)
        elif what < 0.3:
            yield self.request(0, 395, game_id=game.id, action_id="goal", target_id=self.chance.choice(LEAVES))
        elif what < 0.45 and events:
            yield self.request(0, 3951, game_id=game.id, event_id=self.chance.choice(events[-3:]))
        elif what < 0.55:
            yield self.request(0, 3952, pool_id=self.chance.choice(game.pools))
        else:
            op = self.chance.choice((397, 398))
            yield self.request(0, op, pool_id=self.chance.choice(game.pools))

    def learn(self, answered: Request) -> None:
        """Keep the list of open pools true, as far as one's own doings go."""
        game, reply = self.games[0], answered.accepted
        if answered.op == 385 and reply:
            game.pools.append(reply["pool_id"])
        elif answered.op == 395 and reply:
            game.pools.clear()
        elif answered.op == 3951 and reply:
            game.pools += [pool for pool, became in reply["pools"].items() if became == "reopened"]
        elif answered.op == 3952 and answered.parameters["pool_id"] in game.pools:
            game.pools.remove(answered.parameters["pool_id"])


@dataclass
class Load:
    """A database file, and the clients of whatever server runs on it."""

    file: Path
    games: list[Game]
    actors: list[Actor]

    @contextmanager
    def running(self, acknowledged: int) -> Iterator[ServerProcess]:
        """A server from the moment on at which so many requests were answered; it must be ended within."""
        countdown = Countdown(acknowledged)
        with serving(self.file, *UNLIMITED) as server:
            threads = [
                threading.Thread(target=actor.act, args=(server.url, countdown), daemon=True) for actor in self.actors
            ]
            threads += [threading.Thread(target=game.watch, args=(server.url,), daemon=True) for game in self.games]
            for thread in threads:
                thread.start()
            countdown.wait()
            yield server
            for thread in threads:
                thread.join(TIMEOUT_S)
                assert not thread.is_alive()

    def finish(self) -> None:
        """On a new server, send again what got no reply."""
        with serving(self.file, *UNLIMITED) as server:
            for actor in self.actors:
                with playing(server.url, actor.session_key) as player:
                    actor.ask(player, [request for request in actor.log if request.reply is None], Countdown(0))
            assert server.stop() == 0

    def done(self, op: int) -> list[tuple[Request, dict[str, Any]]]:
        """The requests of one kind that were acknowledged, with their replies."""
        found = [request for actor in self.actors for request in actor.log if request.op == op]
        return [(request, request.accepted) for request in found if request.accepted]

    def unanswered(self) -> list[Request]:
        """The requests that got no reply."""
        return [request for actor in self.actors for request in actor.log if request.reply is None]

    def query(self, sql: str, *values: str) -> list[Any]:
        """Rows of the file."""
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(sql, values).fetchall()

    def stored_replies(self) -> dict[str, dict[str, Any]]:
        """Key → the reply that is stored under it."""
        return {key: json.loads(body) for key, body in self.query("SELECT key, body FROM stored_replies")}


def build_load(file: Path, chance: random.Random, *, games: int = 2, bettors: int = 3) -> Load:
    """Games with a host each, and bettors, on a new file."""
    hosts = [add_user(file, f"host{number}", provider=True) for number in range(games)]
    players = [add_user(file, f"bettor{number}") for number in range(bettors)]
    opened: list[Game] = []
    with serving(file, *UNLIMITED) as server:
        for user in hosts:
            with playing(server.url, user["session_key"]) as player:
                source = player.call(365, source_name=user["username"], takeout="0.05")["source_id"]
                contents: dict[str, Any] = {"type": "football", "actions": "Goal", "targets": list(LEAVES)}
                game = player.call(370, source_id=source, game_name="A - B", **contents)["game_id"]
                assert player.call(616, game_id=game)["res"] == 640
                opened.append(Game(game, user["session_key"]))
        assert server.stop() == 0

    def actor(kind: type[Actor], user: dict[str, Any], its_games: list[Game]) -> Actor:
        return kind(user["username"], user["session_key"], random.Random(chance.random()), its_games)

    actors = [actor(Host, user, [game]) for user, game in zip(hosts, opened, strict=True)]
    return Load(file, opened, actors + [actor(Bettor, user, opened) for user in players])


def assert_nothing_is_lost(load: Load) -> None:
    """All that was acknowledged or broadcast is in the file, and nothing beyond it but what may be unanswered."""
    stored = load.stored_replies()
    for actor in load.actors:
        for request in actor.log:
            if request.accepted:
                assert stored[request.key] == without_header(request.accepted)
    unanswered = load.unanswered()
    for op, name, table in ((392, "bet_id", "bets"), (395, "event_id", "events"), (385, "pool_id", "pools")):
        on_disk = {uuid for (uuid,) in load.query(f"SELECT uuid FROM {table}")}
        acknowledged = {reply[name] for _, reply in load.done(op)}
        assert acknowledged <= on_disk
        assert len(on_disk - acknowledged) <= sum(1 for request in unanswered if request.op == op)
    assert_bets(load)
    voided = {uuid for (uuid,) in load.query("SELECT uuid FROM events WHERE voided_at IS NOT NULL")}
    assert {request.parameters["event_id"] for request, _ in load.done(3951)} <= voided
    for game in load.games:
        sql = "SELECT b.seq, messages, bodies FROM broadcasts AS b JOIN games ON games.id = game_id"
        rows = load.query(f"{sql} WHERE uuid = ? ORDER BY b.seq", game.id)
        logged = [json.loads(body) for row in rows for _, body in unpack(*row)]
        assert logged[: len(game.heard)] == [without_header(message) for message in game.heard]
    done = run("check", "--db", load.file)
    assert (done.code, done.stdout) == (0, f"{load.file} is sound\n")


def assert_bets(load: Load) -> None:
    """Each acknowledged bet is there as it was placed, and as much was staked for each bet there is."""
    rows = load.query(
        "SELECT b.uuid, pools.uuid, t.key, b.amount,"
        " (SELECT sum(amount) FROM transfers WHERE bet_id = b.id AND reason = 'stake')"
        " FROM bets AS b JOIN pools ON pools.id = b.pool_id"
        " JOIN pool_targets AS t ON t.pool_id = b.pool_id AND t.position = b.position"
    )
    assert all(amount == staked for *_, amount, staked in rows)
    on_disk = {row[0]: row[1:4] for row in rows}
    for request, reply in load.done(392):
        placed = request.parameters
        assert on_disk[reply["bet_id"]] == (placed["pool_id"], placed["target"], round(placed["amount"] * 100))
