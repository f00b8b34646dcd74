"""What a power cut may do at any moment under load: nothing to what was acknowledged, and nothing by halves."""

import random
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.mixed_load import Request, without_header
from tests.support.process import (
    TIMEOUT_S,
    UNLIMITED,
    Countdown,
    Player,
    add_user,
    playing,
    run,
    serving,
    until_the_server_is_gone,
)

CONNECTIONS = 4
MAX_REQUESTS = 500


@dataclass
class Worker:
    """A connection that creates games and updates each a few times, until the server is gone."""

    number: int
    source: str
    random: random.Random
    sent: list[Request] = field(default_factory=list)

    def next_request(self) -> Request:
        """Another game, or an update of the last."""
        key = f"w{self.number}-{len(self.sent)}"
        created = [request for request in self.sent if request.op == 370 and request.reply]
        if not created or self.random.random() < 0.3:
            parameters = {"source_id": self.source, "game_name": key, "type": "football", "targets": ["a:1", "b"]}
            return Request(key, 370, parameters)
        assert created[-1].reply is not None
        return Request(key, 373, {"game_id": created[-1].reply["game_id"], "targets": [key]})

    def work(self, url: str, session_key: str, countdown: Countdown) -> None:
        """Send request after request."""
        with until_the_server_is_gone(), playing(url, session_key) as player:
            for _ in range(MAX_REQUESTS):
                request = self.next_request()
                self.sent.append(request)
                request.reply = request.send(player)
                assert request.reply["res"] != 666, request.reply
                countdown.acknowledge()


def load_until_killed(file: Path, session_key: str, seed: int) -> list[Request]:
    """Everything that was sent to a server that was killed in the middle of it."""
    chance = random.Random(seed)
    with serving(file, *UNLIMITED) as server:
        with playing(server.url, session_key) as player:
            source = player.call(365, source_name="Ours")["source_id"]
        workers = [Worker(number, source, random.Random(chance.random())) for number in range(CONNECTIONS)]
        countdown = Countdown(chance.randint(1, 200))
        threads = [
            threading.Thread(target=worker.work, args=(server.url, session_key, countdown)) for worker in workers
        ]
        for thread in threads:
            thread.start()
        countdown.wait()
        server.kill()
        for thread in threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()
    return [request for worker in workers for request in worker.sent]


def resend(player: Player, sent: list[Request]) -> None:
    """Send again what was not acknowledged, and check that this and what was are carried out once."""
    for request in sent:
        if request.reply is None:
            request.reply = request.send(player)
            assert request.reply["res"] != 666, request.reply
        again = request.send(player)
        assert again["response_header"]["repeated"] is True
        assert without_header(again) == without_header(request.reply)


def games_of(player: Player, source: str) -> set[str]:
    found: set[str] = set()
    page = player.call(380, source_id=source, limit=1000)
    found |= set(page["games"])
    assert page["next"] is None
    return found


@pytest.mark.parametrize("seed", range(4))
def test_after_a_kill_under_load_what_was_acknowledged_is_there_and_the_rest_is_done_once(
    database: Path, seed: int
) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    sent = load_until_killed(database, key, seed)
    acknowledged = [request.reply["game_id"] for request in sent if request.op == 370 and request.reply]
    with serving(database, *UNLIMITED) as server, playing(server.url, key) as player:
        source = player.call(611)["sources"][0]["id"]
        assert set(acknowledged) <= games_of(player, source)
        resend(player, sent)
        games = {request.reply["game_id"]: request.key for request in sent if request.op == 370 and request.reply}
        assert games_of(player, source) == set(games)
        for game, name in games.items():
            updates = [request for request in sent if request.op == 373 and request.parameters["game_id"] == game]
            check_game(player, game, name, [request.key for request in updates])
        assert server.stop() == 0
    done = run("check", "--db", database)
    assert (done.code, done.stdout) == (0, f"{database} is sound\n")


def check_game(player: Player, game: str, name: str, updates: list[str]) -> None:
    """A game has every update, each once, in a log without a gap."""
    details = player.call(372, game_id=game)
    assert details["name"] == name
    assert set(details["targets"]) == {"a", "b", "none", *updates}
    assert details["seq"] == 1 + len(updates)
    assert player.call(363, game_id=game, after_seq=0)["recovered"]
    log = player.hear_until(details["seq"])
    assert [message["response_header"]["seq"] for message in log] == list(range(1, details["seq"] + 1))
    assert [message["res"] for message in log] == [340, *[342] * len(updates)]
    assert [list(message["targets"])[-1] for message in log[1:]] == updates
