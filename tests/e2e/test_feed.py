"""``gameserver feed``, as a command."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import gameserver.feed
from tests.support.process import (
    PROGRAM,
    TIMEOUT_S,
    Player,
    ServerProcess,
    add_user,
    environment,
    playing,
    run,
    serving,
)

FINAL = Path(gameserver.feed.__file__).with_name("world_cup_final_2022.jsonl")


@pytest.fixture
def process(database: Path) -> Iterator[ServerProcess]:
    """A running server."""
    with serving(database) as server:
        yield server


@pytest.fixture
def admin(process: ServerProcess, database: Path) -> Iterator[Player]:
    """A provider."""
    with playing(process.url, add_user(database, "dev", provider=True)["session_key"]) as player:
        yield player


@pytest.fixture
def game(admin: Player) -> str:
    """A game of the provider's; its id."""
    return new_game(admin)


def new_game(admin: Player) -> str:
    source = admin.call(365, source_name="Cup")["source_id"]
    contents: dict[str, Any] = {"actions": "Goal", "targets": "Argentina:Messi,France:Mbappé"}
    game = str(admin.call(370, source_id=source, game_name="Final", type="football", **contents)["game_id"])
    assert admin.call(616, game_id=game)["res"] == 640
    return game


def test_the_final_is_fed_and_again_without_repeating_anything(
    process: ServerProcess, database: Path, admin: Player, game: str
) -> None:
    flags = ("--speed", "100000", "--url", process.url, "--db", database)
    first = run("feed", game, FINAL, *flags)
    count = len(FINAL.read_text(encoding="utf-8").splitlines())
    assert (first.code, first.stderr) == (0, f"1 added, {count - 3} registered, 1 amended, 1 voided\n")
    state = admin.call(372, game_id=game)["game_state"]
    assert (state["goal"]["argentina"], state["goal"]["france"]) == (3, 3)
    again = run("feed", game, FINAL, *flags)
    assert (again.code, again.stderr) == (0, f"1 added, {count - 1} known\n")
    assert admin.call(372, game_id=game)["game_state"] == state


def test_what_is_not_mapped_is_told_with_its_line_and_the_code_says_so(
    process: ServerProcess, database: Path, game: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.csv"
    file.write_text("event,type,team,player\n1,Goal,Argentina,Messi\n2,Goal,Peru,\n3,Goal\n4,Goal,France,Mbappé\n")
    maps = ("--map", "id=event", "--map", "action=type", "--map", "target=team:player")
    done = run("feed", game, file, *maps, "--url", process.url, "--db", database)
    assert done.code == 1
    assert [json.loads(line)["line"] for line in done.stdout.splitlines()] == [2, 5]
    *told, summary = done.stderr.splitlines()
    assert [line.removeprefix(f"{file}:").partition(":")[0] for line in told] == ["3", "4"]
    assert "'Peru'" in told[0]
    assert summary == "2 registered, 2 not mapped"


def test_standard_input_feeds_a_game_as_it_comes(process: ServerProcess, database: Path, game: str) -> None:
    with subprocess.Popen(
        [*PROGRAM, "feed", game, "-", "--url", process.url, "--db", str(database)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as feeding:
        assert feeding.stdin is not None
        assert feeding.stdout is not None
        for line, sent in enumerate(({"id": "g1", "action": "Goal", "target": "France"}, {"void": "g1"}), 1):
            feeding.stdin.write(json.dumps(sent) + "\n")
            feeding.stdin.flush()
            assert json.loads(feeding.stdout.readline())["line"] == line
        feeding.stdin.close()
        assert feeding.wait(TIMEOUT_S) == 0


def test_a_feed_outlasts_a_server_that_is_killed_and_started_again(database: Path) -> None:
    key = add_user(database, "dev", provider=True)["session_key"]
    with serving(database) as server, playing(server.url, key) as admin:
        game, url, port = new_game(admin), server.url, str(server.address[1])
        feed = [*PROGRAM, "feed", game, "-", "--url", url, "--key", key]
        with (
            ExitStack() as servers,
            subprocess.Popen(
                feed, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as feeding,
        ):
            assert feeding.stdin is not None
            assert feeding.stdout is not None
            for number in (1, 2, 3):
                if number == 2:
                    server.kill()
                sent = {"id": f"g{number}", "action": "Goal", "target": "France"}
                feeding.stdin.write(json.dumps(sent) + "\n")
                feeding.stdin.flush()
                if number == 2:
                    servers.enter_context(serving(database, "--port", port))
                assert json.loads(feeding.stdout.readline())["did"] == "registered"
            feeding.stdin.close()
            assert feeding.wait(TIMEOUT_S) == 0
            with playing(url, key) as admin:
                assert admin.call(372, game_id=game)["game_state"]["goal"]["france"] == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("missing.jsonl",), "missing.jsonl cannot be read"),
        (("-", "--map", "nothing=x"), "the names are"),
    ],
)
def test_a_feed_that_cannot_begin_says_why(
    process: ServerProcess, database: Path, game: str, arguments: tuple[str, ...], reason: str
) -> None:
    done = run("feed", game, *arguments, "--url", process.url, "--db", database)
    assert (done.code, done.stdout, reason in done.stderr) == (1, "", True)


def test_a_feed_into_a_game_that_does_not_exist_says_so(process: ServerProcess, database: Path, admin: Player) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    done = run("feed", unknown, FINAL, "--url", process.url, "--db", database)
    assert (done.code, "not_found" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
