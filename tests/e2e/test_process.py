import json
import re
import shlex
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gameserver.cli import main, make_parser
from gameserver.storage.files import hold_lock
from tests.support.process import TIMEOUT_S, ServerProcess, add_user, playing, run, run_process, serving
from tests.support.wire import CLOSE, frame, plain, request_head


@pytest.fixture
def process(database: Path) -> Iterator[ServerProcess]:
    """A running server."""
    with serving(database) as server:
        yield server


def call(server: ServerProcess, file: Path, request: str, *flags: str) -> tuple[int, Any]:
    done = run("call", request, "--url", server.url, "--db", file, *flags)
    return done.code, json.loads(done.stdout)


# Starting and stopping


def test_the_only_line_on_stdout_says_where_the_server_is(process: ServerProcess) -> None:
    assert re.fullmatch(r"serving on ws://127\.0\.0\.1:[1-9]\d*/\n", process.first_line)
    assert process.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_end_says_1001_and_exits_with_0_and_starts_again(
    database: Path, process: ServerProcess, number: signal.Signals
) -> None:
    user = add_user(database, "ann", provider=True)
    with playing(process.url, user["session_key"]) as ann, playing(process.url, user["session_key"]) as idle:
        source = ann.call(365, source_name="Ours")["source_id"]
        assert process.stop(number) == 0
        assert (ann.close_code(), idle.close_code()) == (1001, 1001)
    with serving(database) as again, playing(again.url, user["session_key"]) as ann:
        assert [entry["id"] for entry in ann.call(611)["sources"]] == [source]
    assert "Traceback" not in process.log.read_text()


def test_a_connection_without_a_request_does_not_hold_up_the_end(database: Path) -> None:
    with (
        serving(database, "--handshake-timeout-s", "1000", "--shutdown-timeout-s", "1000") as server,
        socket.create_connection(server.address, timeout=TIMEOUT_S),
    ):
        assert server.stop() == 0


def opened(server: ServerProcess) -> socket.socket:
    """A WebSocket connection of nobody yet."""
    client = socket.create_connection(server.address, timeout=TIMEOUT_S)
    client.sendall(request_head())
    assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
    return client


def answer(server: ServerProcess, request: bytes) -> bytes:
    """All that the server sends to a request before it closes."""
    with socket.create_connection(server.address, timeout=TIMEOUT_S) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_a_server_that_stops_says_so_until_its_last_connection_has_ended(database: Path) -> None:
    patience = ("--close-timeout-s", "1000", "--shutdown-timeout-s", "1000")
    with serving(database, *patience) as server, opened(server) as client:
        server.tell(signal.SIGTERM)
        close = client.recv(4096)
        assert close[2:4] == (1001).to_bytes(2)
        assert answer(server, plain("GET", "/healthz")).endswith(b'{"status":"draining"}')
        assert answer(server, request_head()).startswith(b"HTTP/1.1 503 ")
        assert server.running
        client.sendall(frame(CLOSE, close[2:4]))
        assert server.stop() == 0


def test_a_connection_that_does_not_end_is_cut_off_after_the_time_for_shutting_down(database: Path) -> None:
    patience = ("--close-timeout-s", "1000", "--shutdown-timeout-s", "0.1")
    with serving(database, *patience) as server, opened(server) as client:
        assert server.stop() == 0
        assert client.recv(4096)[2:4] == (1001).to_bytes(2)


def test_a_second_server_on_the_same_file_is_refused_in_words(database: Path, process: ServerProcess) -> None:
    done = run_process("serve", "--port", "0", "--db", database)
    assert (done.code, done.stdout) == (1, "")
    assert str(database) in done.stderr
    assert "another gameserver" in done.stderr
    assert "Traceback" not in done.stderr
    assert call(process, database, '{"op": 1}', "--key", add_user(database, "ann")["session_key"])[0] == 0


def test_a_port_that_is_taken_is_refused_in_words(database: Path, tmp_path: Path, process: ServerProcess) -> None:
    port = process.url.rstrip("/").rpartition(":")[2]
    done = run_process("serve", "--port", port, "--db", tmp_path / "other.db")
    assert (done.code, done.stdout) == (1, "")
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_listens_at_several_addresses_and_a_unix_socket(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "clients"
    with serving(database, "--host", f"127.0.0.1,127.0.0.2,unix:{path}") as server:
        *urls, last = server.first_line.removeprefix("serving on ").split()
        assert last == f"ws+unix:{path}"
        assert len({url.rpartition(":")[2] for url in urls}) == 1
        key = add_user(database, "ann")["session_key"]
        for url in urls:
            with playing(url, key) as player:
                assert player.call(1)["res"] == 1
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(path))
            with playing("ws://localhost/", key, sock=stream) as player:
                assert player.call(611)["res"] == 621
        server.kill()
    with serving(database, "--host", f"127.0.0.1,unix:{path}") as server:  # in spite of what was left behind
        assert server.stop() == 0
    assert not path.exists()


def test_a_server_uses_the_socket_that_systemd_opened(database: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        number, url = opened.fileno(), f"ws://127.0.0.1:{opened.getsockname()[1]}/"
        with serving(database, inherits=number) as server:
            assert server.first_line == f"serving on {url}\n"
            opened.close()
            with playing(url, add_user(database, "ann")["session_key"]) as player:
                assert player.call(1)["res"] == 1
            assert server.stop() == 0


def test_healthz_and_metrics_are_served_on_the_same_port(process: ServerProcess) -> None:
    url = process.url.replace("ws:", "http:")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url + "healthz", timeout=5) as response:
        assert (response.status, json.load(response)) == (200, {"status": "ok"})
    with opener.open(url + "metrics", timeout=5) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"\ngameserver_connections 0.0\n" in response.read()


def test_the_log_as_json_is_one_object_a_line_from_start_to_end(database: Path) -> None:
    ann = add_user(database, "ann")
    with serving(database, "--log-format", "json", "--log-level", "debug", "--max-connections", "100") as server:
        with playing(server.url, ann["session_key"]) as player:
            assert player.call(1)["res"] == 1
        port = server.address[1]
        assert server.stop() == 0
    entries = [json.loads(line) for line in server.log.read_text().splitlines()]
    events = [entry["event"] for entry in entries if "event" in entry]
    assert events == ["serving", "opened", "closed", "stopping", "stopped"]
    by_event = {entry["event"]: entry for entry in entries if "event" in entry}
    serving_at = [by_event["serving"][name] for name in ("database", "host", "port", "tls")]
    assert serving_at == [str(database), "127.0.0.1", port, False]
    assert [by_event["closed"][name] for name in ("connection", "user", "code")] == [1, ann["id"], 1000]
    assert by_event["stopping"]["signal"] == "SIGTERM"


def test_systemd_is_told_of_every_step(database: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(TIMEOUT_S)
        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}

        def hear(state: str) -> None:
            while (told := manager.recv(4096).decode().split("\n")[0]) != state:
                assert told == "WATCHDOG=1"

        with serving(database, variables=variables) as server:
            for state in ("READY=1", "WATCHDOG=1", "WATCHDOG=1"):
                hear(state)
            server.tell(signal.SIGHUP)
            for state in ("RELOADING=1", "READY=1"):
                hear(state)
            server.tell(signal.SIGTERM)
            hear("STOPPING=1")
            assert server.stop() == 0


def test_serve_dev_says_on_stderr_how_to_connect(database: Path) -> None:
    with serving(database, "--dev") as server:
        key = re.search(r"Bearer (\S+)", server.log.read_text())
        assert key is not None
        with playing(server.url, key[1]) as dev:
            assert dev.call(365, source_name="Mine")["res"] == 335
        assert f"http://127.0.0.1:{urlsplit(server.url).port}/#/key/{key[1]}" in server.log.read_text()
        assert server.stop() == 0


def test_a_server_that_listens_everywhere_shows_players_the_way_in(database: Path) -> None:
    with serving(database, "--host", "0.0.0.0") as server:
        told = server.log.read_text()
        place = re.search(r"come in at (http://\S+/#/play)", told)
        assert place is not None
        assert place[1].endswith(f":{urlsplit(server.url).port}/#/play")
        assert "\N{FULL BLOCK}" in told
        assert server.stop() == 0


def test_a_server_that_logs_json_prints_nothing_else(database: Path) -> None:
    with serving(database, "--host", "0.0.0.0", "--log-format", "json") as server:
        assert server.stop() == 0
        lines = server.log.read_text().splitlines()
    assert all(line.startswith("{") for line in lines), lines


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are notes, and not a database at all\n" * 100)
    done = run_process("serve", "--port", "0", "--db", file)
    assert (done.code, done.stdout) == (1, "")
    assert "cannot be opened as a database" in done.stderr
    assert file.read_text().startswith("these are notes")


# Users


def test_user_add_works_without_a_server_and_beside_one(database: Path) -> None:
    ann = add_user(database, "ann", provider=True)
    assert set(ann) == {"id", "username", "session_key"}
    with serving(database) as server:
        bob = add_user(database, "bob")
        assert (ann["id"], bob["id"]) == (1, 2)
        for user, code in ((ann, None), (bob, "not_authorized")):
            with playing(server.url, user["session_key"]) as player:
                assert player.call(365, source_name="Mine").get("code") == code


def test_user_add_prints_id_and_key_for_people_too(database: Path) -> None:
    done = run_process("user", "add", "ann", "--create", "--db", database)
    assert done.code == 0
    assert re.search(r"^id: 1$", done.stdout, re.M)
    assert re.search(r"^session_key: \S{20,}$", done.stdout, re.M)


NAMES_REFUSED = (("ANN", "already"), ("a b", "1 to 32"), ("x" * 33, "1 to 32"), ("", "1 to 32"))


@pytest.mark.parametrize("with_server", [False, True])
def test_a_name_that_is_taken_or_malformed_is_refused_in_words(database: Path, with_server: bool) -> None:
    add_user(database, "Ann")
    with serving(database) if with_server else nullcontext():
        for name, reason in NAMES_REFUSED:
            done = run("user", "add", name, "--json", "--db", database)
            assert (done.code, done.stdout) == (1, "")
            assert reason in done.stderr


def test_user_key_makes_a_new_key_and_ends_the_others_with_4002(database: Path, process: ServerProcess) -> None:
    old, other = add_user(database, "ann"), add_user(database, "bob")
    with playing(process.url, old["session_key"]) as ann, playing(process.url, other["session_key"]) as bob:
        done = run("user", "key", "Ann", "--json", "--db", database)
        new = json.loads(done.stdout)
        assert (new["id"], new["username"]) == (old["id"], "ann")
        assert ann.close_code() == 4002
        assert bob.call(1)["res"] == 1
    with playing(process.url, new["session_key"]) as ann:
        assert ann.call(611)["res"] == 621
    code, reply = call(process, database, '{"op": 1}', "--key", new["session_key"])
    assert (code, reply["res"]) == (0, 1)
    done = run_process("call", '{"op": 1}', "--url", process.url, "--key", old["session_key"], "--db", database)
    assert (done.code, "401" in done.stderr) == (1, True)


def test_user_key_without_a_server_ends_the_old_key(database: Path) -> None:
    old = add_user(database, "ann")
    new = json.loads(run("user", "key", "ann", "--json", "--db", database).stdout)
    with serving(database) as server:
        with playing(server.url, new["session_key"]) as ann:
            assert ann.call(1)["res"] == 1
        done = run_process("call", '{"op": 1}', "--url", server.url, "--key", old["session_key"], "--db", database)
    assert (done.code, "401" in done.stderr) == (1, True)


# Sources


def test_sources_are_listed_and_get_admins_beside_a_server(database: Path, process: ServerProcess) -> None:
    ann, bob = add_user(database, "ann", provider=True), add_user(database, "bob")
    with playing(process.url, ann["session_key"]) as player:
        source = player.call(365, source_name="World Cup")["source_id"]
    added = run("source", "admin-add", source, "bob", "--db", database)
    assert (added.code, added.stdout) == (0, f"bob is an admin of {source}\n")
    listed = run("source", "list", "--db", database)
    assert (listed.code, listed.stdout) == (0, f"{source}  World Cup  admins: ann, bob\n")
    with playing(process.url, bob["session_key"]) as player:
        reply = player.call(370, source_id=source, game_name="Final", type="football")
        assert reply["res"] == 340


def test_sources_are_listed_and_get_admins_without_a_server(database: Path) -> None:
    ann, _ = add_user(database, "ann", provider=True), add_user(database, "bob")
    with serving(database) as server:
        with playing(server.url, ann["session_key"]) as player:
            source = player.call(365, source_name="World Cup")["source_id"]
        assert server.stop() == 0
    assert run("source", "admin-add", source, "bob", "--db", database).code == 0
    assert run("source", "list", "--db", database).stdout.endswith("admins: ann, bob\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("user", "key", "nobody"), "user"),
        (("source", "admin-add", "00000000-0000-0000-0000-000000000000", "ann"), "source"),
        (("source", "admin-add", "nonsense", "ann"), "source"),
        (("call", '{"op": 1}', "--as", "nobody"), "user"),
    ],
)
def test_what_does_not_exist_is_named(database: Path, arguments: tuple[str, ...], reason: str) -> None:
    add_user(database, "ann")
    done = run(*arguments, "--db", database)
    assert (done.code, done.stdout, reason in done.stderr) == (1, "", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add", "ann"),
        ("user", "key", "ann"),
        ("source", "list"),
        ("source", "admin-add", "x", "ann"),
        ("check",),
        ("call", "{}"),
    ],
)
def test_a_command_on_a_file_that_does_not_exist_makes_none(database: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--db", database)
    assert (done.code, done.stdout, str(database) in done.stderr) == (1, "", True)
    assert not list(database.parent.iterdir())


# check


def test_check_finds_a_sound_file_sound_beside_a_server_and_without_one(database: Path) -> None:
    ann = add_user(database, "ann", provider=True)
    with serving(database) as server:
        with playing(server.url, ann["session_key"]) as player:
            source = player.call(365, source_name="World Cup")["source_id"]
            player.call(370, source_id=source, game_name="Final", type="football")
        beside = run("check", "--db", database)
        assert server.stop() == 0
    without = run("check", "--db", database)
    for done in (beside, without):
        assert (done.code, done.stdout) == (0, f"{database} is sound\n")


def test_check_says_what_is_wrong_with_a_file_and_exits_with_1(database: Path) -> None:
    add_user(database, "ann")
    data = database.read_bytes()
    database.write_bytes(data[: len(data) // 2])
    done = run("check", "--db", database)
    assert done.code == 1
    assert done.stdout or done.stderr
    assert "Traceback" not in done.stderr


# call


def test_call_prints_the_reply_and_exits_with_0_or_1(database: Path, process: ServerProcess) -> None:
    add_user(database, "ann", provider=True)
    code, reply = call(process, database, '{"op": 365, "source_name": "Ours"}', "--as", "ann")
    assert (code, reply["res"]) == (0, 335)
    code, reply = call(process, database, '{"op": 365, "source_name": ""}', "--as", "ann")
    assert (code, reply["res"], reply["field"]) == (1, 666, "source_name")


def test_call_ends_the_session_it_opened(database: Path, process: ServerProcess) -> None:
    ann = add_user(database, "ann")
    for _ in range(3):
        assert call(process, database, '{"op": 1}', "--as", "ann")[0] == 0
    with playing(process.url, ann["session_key"]) as player:
        assert player.call(1)["res"] == 1


def test_call_without_a_server_says_so(database: Path) -> None:
    ann = add_user(database, "ann")
    with serving(database) as server:
        url = server.url
    for flags in (("--key", ann["session_key"]), ("--as", "ann")):
        done = run("call", '{"op": 1}', "--url", url, "--db", database, *flags)
        assert (done.code, done.stdout) == (1, "")
        assert url in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("request_text", ["nonsense", "[]", "1.5", ""])
def test_call_refuses_what_is_no_json_object_in_words(database: Path, request_text: str) -> None:
    done = run("call", request_text, "--key", "x", "--db", database)
    assert (done.code, "JSON object" in done.stderr) == (1, True)


# Help and settings

COMMANDS = [
    [],
    ["serve"],
    ["user"],
    ["user", "add"],
    ["user", "key"],
    ["source"],
    ["source", "list"],
    ["source", "admin-add"],
    ["check"],
    ["call"],
    ["feed"],
    ["watch"],
    ["demo"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([*command, "--help"])
    assert exit_.value.code == 0
    output = capsys.readouterr()
    assert output.out.startswith(f"usage: {' '.join(['gameserver', *command])}")
    assert output.err == ""


@pytest.mark.parametrize("command", ["call", "feed", "demo"])
def test_the_examples_of_a_commands_help_are_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    examples = capsys.readouterr().out.partition("\nexamples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) > 2
    for example in examples:
        words = shlex.split(example.partition(" < ")[0].partition(" > ")[0])
        assert words[:2] == ["gameserver", command]
        assert callable(make_parser().parse_args(words[1:]).run)


@pytest.mark.parametrize("command", [[], ["user"], ["source"], ["sreve"], ["user", "add"], ["serve", "--prot", "1"]])
def test_a_command_that_is_not_understood_exits_with_2(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(command)
    assert exit_.value.code == 2
    assert "usage: gameserver" in capsys.readouterr().err


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(database: Path, tmp_path: Path) -> None:
    ann = add_user(database, "ann")
    config = tmp_path / "settings.toml"
    config.write_text("max_actions = 11\nmax_targets = 12\nmax_target_depth = 13\n")
    variables = {"GAMESERVER_MAX_TARGETS": "22", "GAMESERVER_MAX_TARGET_DEPTH": "23"}
    flags = ["--config", str(config), "--max-target-depth", "33"]
    with serving(database, *flags, variables=variables) as server, playing(server.url, None) as player:
        limits = player.call(100, header={"session_key": ann["session_key"]})["limits"]
    assert (limits["max_actions"], limits["max_targets"], limits["max_target_depth"]) == (11, 22, 33)
    assert limits["max_message_bytes"] == 262_144


@pytest.mark.parametrize(
    ("flags", "variables", "toml", "named"),
    [
        (["--max-targets", "0"], {}, None, ["max_targets", "--max-targets"]),
        (["--port", "70000"], {}, None, ["port", "--port"]),
        (["--ping-interval-s", "soon"], {}, None, ["ping_interval_s"]),
        (["--ping-interval-s", "nan"], {}, None, ["ping_interval_s"]),
        (["--log-level", "loud"], {}, None, ["log_level"]),
        (["--log-format", "xml"], {}, None, ["log_format"]),
        (["--trusted-proxies", "10.0.0.0/33"], {}, None, ["trusted_proxies", "10.0.0.0/33"]),
        ([], {"GAMESERVER_MAX_ACTIONS": "many"}, None, ["max_actions", "GAMESERVER_MAX_ACTIONS"]),
        ([], {"GAMESERVER_PORT": ""}, None, ["port", "GAMESERVER_PORT"]),
        ([], {}, "max_actoins = 5", ["max_actoins", "settings.toml"]),
        ([], {}, "max_actions = 0", ["max_actions", "settings.toml"]),
        ([], {}, "max_actions = true", ["max_actions", "settings.toml"]),
        ([], {}, "max_actions", ["settings.toml"]),
        (["--config", "missing.toml"], {}, None, ["missing.toml"]),
    ],
)
def test_a_bad_setting_is_named(
    database: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    variables: dict[str, str],
    toml: str | None,
    named: list[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if toml is not None:
        config = tmp_path / "settings.toml"
        config.write_text(toml)
        flags = [*flags, "--config", str(config)]
    with hold_lock(database):  # lest a setting that is accepted starts a server
        assert main(["serve", "--db", str(database), "--port", "0", *flags]) == 1
    error = capsys.readouterr().err
    assert all(word in error for word in named), error
