"""``gameserver call``: requests by name, from standard input, and what is heard while following."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from gameserver.admin.call import CallFailed, read_request
from gameserver.cli.completion import complete_request
from gameserver.config import Settings
from gameserver.embedding import running
from tests.support.process import (
    PROGRAM,
    TIMEOUT_S,
    Done,
    ServerProcess,
    add_user,
    environment,
    run,
    run_process,
    serving,
)


@pytest.mark.parametrize(
    ("words", "request_sent"),
    [
        (['{"op": 1}'], {"op": 1}),
        ([' {"op": 1, "header": {"id": 7}}'], {"op": 1, "header": {"id": 7}}),
        (["ping"], {"op": 1}),
        (["365", "source_name=World Cup"], {"op": 365, "source_name": "World Cup"}),
        (["99999"], {"op": 99999}),
        (["get_my_current_balance", "currency="], {"op": 800, "currency": ""}),
        (
            ["place_bet_in_betting_pool", "target=a=b", "amount=10", "header.key=k"],
            {"op": 392, "target": "a=b", "amount": "10", "header": {"key": "k"}},
        ),
        (
            ["create_and_open_game", 'scores={"Goal": 1}', 'targets=["A", "B"]', "actions=Goal,Card"],
            {"op": 370, "scores": {"Goal": 1}, "targets": ["A", "B"], "actions": "Goal,Card"},
        ),
    ],
)
def test_a_request_is_an_object_or_an_operation_with_its_parameters(
    words: list[str], request_sent: dict[str, Any]
) -> None:
    assert read_request(words) == request_sent


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["plce_bet_in_betting_pool", "amount=1"], "did you mean place_bet_in_betting_pool?"),
        (["ping", "amount"], "'amount' is no parameter"),
        (["ping", "=1"], "'=1' is no parameter"),
        (["create_game", "scores={Goal: 1}"], "is not JSON"),
        (['{"op": 1}', "id=1"], "no operation"),
        (["ping", "x=\udcff"], "UTF-8"),
    ],
)
def test_what_is_no_request_is_told_in_words(words: list[str], reason: str) -> None:
    with pytest.raises(CallFailed, match=reason.replace("?", r"\?")):
        read_request(words)


@pytest.fixture
def process(database: Path) -> Iterator[ServerProcess]:
    """A running server with a provider."""
    add_user(database, "ann", provider=True)
    with serving(database) as server:
        yield server


def caller(process: ServerProcess, database: Path, *words: str) -> list[str]:
    return ["call", *words, "--url", process.url, "--db", str(database), "--as", "ann"]


def fed(process: ServerProcess, database: Path, lines: str) -> Done:
    """What comes of requests on standard input."""
    done = subprocess.run(
        [*PROGRAM, *caller(process, database, "-")],
        env=environment(),
        input=lines,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_an_operation_is_called_by_name(process: ServerProcess, database: Path) -> None:
    done = run(*caller(process, database, "open_game_source", "source_name=World Cup", "admins_may_bet=true"))
    assert (done.code, json.loads(done.stdout)["res"]) == (0, 335)
    done = run(*caller(process, database, "open_game_source", "sauce_name=World Cup"))
    assert (done.code, json.loads(done.stdout)["field"]) == (1, "sauce_name")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_server_of_the_database_is_called_wherever_it_listens(database: Path, host: str) -> None:
    ann = add_user(database, "ann")
    with serving(database, "--host", host):
        for flags in (("--as", "ann"), ("--key", ann["session_key"])):
            done = run("call", "ping", "--db", str(database), *flags)
            assert (done.code, json.loads(done.stdout)["res"]) == (0, 1), done.stderr


def test_a_key_made_for_a_call_is_sent_to_no_other_server_than_that_of_the_database(database: Path) -> None:
    add_user(database, "ann")
    done = run("call", "ping", "--db", str(database), "--as", "ann")
    text = "gameserver: no server runs on the database: start it, or name another with --url\n"
    assert (done.code, done.stdout, done.stderr) == (1, "", text)


async def test_a_server_without_a_port_is_called_only_where_the_url_says(database: Path, tmp_path: Path) -> None:
    add_user(database, "ann")
    async with running(Settings(db=str(database), host=f"unix:{tmp_path / 'clients'}")):
        done = await trio.to_thread.run_sync(run_process, "call", "ping", "--db", str(database), "--as", "ann")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == "gameserver: the server of the database listens at no port: name where it is with --url\n"


def test_requests_on_standard_input_are_answered_a_line_each(process: ServerProcess, database: Path) -> None:
    done = fed(process, database, '{"op": 1}\n\nopen_game_source source_name="World Cup"\nlist_game_sources limit=10\n')
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.code, done.stderr) == (0, "")
    assert [reply["res"] for reply in replies] == [1, 335, 346]
    assert [source["name"] for source in replies[2]["sources"]] == ["World Cup"]


def test_a_line_that_is_no_request_is_told_with_its_number_and_the_others_are_sent(
    process: ServerProcess, database: Path
) -> None:
    done = fed(process, database, "ping\nnonsense\n{'op': 1}\nopen_game_source 'x\nping\n")
    assert (done.code, len(done.stdout.splitlines())) == (1, 2)
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["line 2", "line 3", "line 4"]
    assert fed(process, database, "ping\nget_game_details game_id=x\n").code == 1


def test_follow_prints_what_is_broadcast_until_interrupted(process: ServerProcess, database: Path) -> None:
    source = json.loads(run(*caller(process, database, "open_game_source", "source_name=Cup")).stdout)["source_id"]
    new = ("create_and_open_game", f"source_id={source}", "game_name=Final", "type=football")
    game = json.loads(run(*caller(process, database, *new)).stdout)["game_id"]
    with subprocess.Popen(
        [*PROGRAM, *caller(process, database, "join_game", f"game_id={game}", "--follow")],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["res"] == 333
        assert run(*caller(process, database, "update_game_details", f"game_id={game}", "actions=Goal")).code == 0
        assert json.loads(following.stdout.readline())["res"] == 342
        following.send_signal(signal.SIGINT)
        assert following.wait(TIMEOUT_S) == 130


def test_following_ends_with_the_server_and_says_so(process: ServerProcess, database: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, *caller(process, database, "ping", "--follow")],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert json.loads(following.stdout.readline())["res"] == 1
        assert process.stop() == 0
        assert following.wait(TIMEOUT_S) == 1
        assert following.stderr.read() == "gameserver: the connection to the server is lost\n"


# Completion


class Words:
    """What argcomplete has parsed so far."""

    def __init__(self, *words: str) -> None:
        self.request = list(words)


def test_operations_and_then_their_parameters_are_completed() -> None:
    assert "place_bet_in_betting_pool" in complete_request("place", Words())  # type: ignore[arg-type]
    words = Words("place_bet_in_betting_pool", "amount=1")
    assert complete_request("", words) == ["pool_id=", "target="]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("gameserver ca", ["call "]),
        ("gameserver call place_b", ["place_bet_in_betting_pool"]),
        ("gameserver call place_bet_in_betting_pool am", ["amount="]),
        ("gameserver call ping --fol", ["--follow "]),
    ],
)
def test_the_shell_completes_with_argcomplete(tmp_path: Path, line: str, completed: list[str]) -> None:
    found = tmp_path / "completions"
    variables = {
        "_ARGCOMPLETE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_COMP_WORDBREAKS": " ",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(found),
        "_ARGCOMPLETE_IFS": "\n",
    }
    subprocess.run(PROGRAM, env={**os.environ, **variables}, timeout=TIMEOUT_S, check=False, capture_output=True)
    assert [text.strip() for text in found.read_text().split("\n")] == [text.strip() for text in completed]
