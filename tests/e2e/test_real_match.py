from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import Player, ServerProcess, add_user, playing, run, serving

SQUAD = range(1, 27)
TEAMS = ("Argentina", "France")
PLAYERS = [f"{team}:{number}" for team in TEAMS for number in SQUAD]
DEEP = ["Argentina:10:Left foot:Penalty:Low corner", "Argentina:10:Left foot:Penalty:High corner"]
ACTIONS = ["Goal", "Yellow Card", "Red Card", "Corner", "Offside"]


class Match:
    """A server on a file, its users, and the connections to it."""

    def __init__(self, file: Path, stack: ExitStack) -> None:
        self.file = file
        self.keys = {name: add_user(file, name)["session_key"] for name in ("ann", "bob", "eve")}
        self.keys["fifa"] = add_user(file, "fifa", provider=True)["session_key"]
        self._stack = stack
        self.start()

    def start(self) -> None:
        """Start the server."""
        self.server: ServerProcess = self._stack.enter_context(serving(self.file))

    def connect(self, name: str, query: str = "") -> Player:
        """One more connection of a user."""
        return self._stack.enter_context(playing(self.server.url, self.keys[name], query))


@pytest.fixture
def match(database: Path) -> Iterator[Match]:
    """A server, and its users."""
    with ExitStack() as stack:
        yield Match(database, stack)


def details(player: Player, game: str) -> dict[str, Any]:
    reply = player.call(372, game_id=game)
    assert reply["res"] == 342, reply
    return reply


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [message["response_header"]["seq"] for message in messages]


def test_a_match_of_two_world_cup_squads_survives_a_kill_without_loss_or_gap(match: Match) -> None:
    fifa = match.connect("fifa")
    source = fifa.call(365, source_name="World Cup", takeout="0.05")["source_id"]
    watcher = match.connect("eve", f"?source={source}")

    # Created and then opened; another is created open.
    created = fifa.call(3701, source_id=source, game_name="Argentina - France", type="football")
    game = created["game_id"]
    assert game in fifa.call(3811, source_id=source)["games"]
    ann = match.connect("ann")
    assert ann.call(363, game_id=game)["seq"] == 1
    opened = fifa.call(3702, game_id=game, actions=ACTIONS, targets=PLAYERS)
    assert list(opened["targets"]) == ["argentina", "france", "none"]
    assert all(list(opened["targets"][team.lower()]["targets"]) == [str(n) for n in SQUAD] for team in TEAMS)
    other = fifa.call(370, source_id=source, game_name="Croatia - Morocco", type="football")["game_id"]
    told = watcher_hears(watcher, 3)
    assert [(message["res"], message["game_id"]) for message in told] == [(3401, game), (3402, game), (340, other)]

    # Joined, twice by one user, and updated.
    bob, bob_too = match.connect("bob"), match.connect("bob")
    for player in (bob, bob_too):
        assert player.call(363, game_id=game)["seq"] == 2
    for image in range(3):
        assert fifa.call(373, game_id=game, image_url=f"https://cup.example/{image}.png")["res"] == 343
    heard = {player: player.hear_until(5) for player in (ann, bob, bob_too)}
    assert seqs(heard[ann]) == [2, 3, 4, 5]
    assert heard[bob] == heard[bob_too] == heard[ann][1:]
    told_live = heard[ann]

    # Killed while bob is away, just after the last update was acknowledged.
    bob.socket.close()
    assert fifa.call(373, game_id=game, targets=DEEP, actions="Penalty")["res"] == 343
    assert fifa.call(373, game_id=game, targets=["Referee"])["res"] == 343
    match.server.kill()
    assert seqs(ann.hear_until_closed()) in ([], [6], [6, 7])
    assert run("check", "--db", match.file).code == 0
    match.start()

    # Nothing acknowledged is missing.
    fifa, ann, bob = (match.connect(name) for name in ("fifa", "ann", "bob"))
    found = details(fifa, game)
    assert (found["seq"], found["image_url"]) == (7, "https://cup.example/2.png")
    corners = found["targets"]["argentina"]["targets"]["10"]["targets"]["left-foot"]["targets"]["penalty"]["targets"]
    assert {node["display_name"] for node in corners.values()} == {"Low corner", "High corner"}
    assert {"penalty", "goal"} <= set(found["actions"])
    assert "referee" in found["targets"]
    assert set(fifa.call(380, source_id=source)["games"]) == {game, other}

    # Who comes back gets exactly what was missed, and then what comes.
    joined = bob.call(363, game_id=game, after_seq=5)
    assert (joined["recovered"], joined["seq"]) == (True, 7)
    assert ann.call(363, game_id=game, after_seq=0)["recovered"]
    assert fifa.call(373, game_id=game, targets=["Referee:Whistle"])["res"] == 343
    bob_missed, ann_missed = bob.hear_until(8), ann.hear_until(8)
    assert seqs(bob_missed) == [6, 7, 8]
    assert seqs(ann_missed) == list(range(1, 9))
    assert ann_missed[1:5] == told_live
    assert ann_missed[5:] == bob_missed

    # Closed.
    assert fifa.call(375, game_id=game)["res"] == 341
    for player in (ann, bob):
        last = player.hear_until(9)
        assert ([message["res"] for message in last], seqs(last)) == ([341], [9])
    assert fifa.call(373, game_id=game, targets=["late"])["code"] == "game_closed"
    assert ann.call(363, game_id=game)["code"] == "game_closed"
    assert ann.call(363, game_id=game, after_seq=7)["recovered"]
    assert seqs(ann.hear_until(9)) == [8, 9]
    assert set(fifa.call(380, source_id=source)["games"]) == {other}
    assert match.server.stop() == 0
    done = run("check", "--db", match.file)
    assert (done.code, done.stdout) == (0, f"{match.file} is sound\n")


def watcher_hears(watcher: Player, count: int) -> list[dict[str, Any]]:
    """The next so many broadcasts."""
    return [watcher.receive() for _ in range(count)]


def test_a_game_whose_close_at_passed_while_the_server_was_dead_is_closed_at_the_start(match: Match) -> None:
    fifa = match.connect("fifa")
    source = fifa.call(365, source_name="World Cup")["source_id"]
    now_ms = fifa.call(1)["response_header"]["t"]
    created = fifa.call(370, source_id=source, game_name="Short", type="football", close_at=now_ms + 400)
    match.server.kill()
    match.start()
    fifa = match.connect("fifa")
    fifa.call(363, game_id=created["game_id"], after_seq=1)
    closed = fifa.hear_until(2)[-1]
    assert closed["res"] == 341
    assert closed["response_header"]["t"] >= now_ms + 400
    assert details(fifa, created["game_id"])["status"] == "game_closed"


def test_the_deepest_target_allowed_survives_a_restart(match: Match) -> None:
    fifa = match.connect("fifa")
    source = fifa.call(365, source_name="World Cup")["source_id"]
    path = ":".join(["Level"] * 64)
    game = fifa.call(370, source_id=source, game_name="Deep", type="football", targets=[path])["game_id"]
    refused = fifa.call(373, game_id=game, targets=[path + ":Level"])
    assert (refused["code"], refused["field"]) == ("invalid_parameter", "targets")
    before = details(fifa, game)["targets"]
    assert match.server.stop() == 0
    match.start()
    assert details(match.connect("ann"), game)["targets"] == before
