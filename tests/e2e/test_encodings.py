"""What commands write and read is UTF-8 in files whatever the locale, and on terminals what they can show."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import PROGRAM, TIMEOUT_S, add_user, environment, playing, run, serving

NAMES = {"source_name": "Größe", "game_name": "Côte d'Ivoire - 日本", "description": "Wer schießt? ⚽"}
LOCALES = {
    "Latin-1": {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    "ASCII": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "UTF-8": {"PYTHONUTF8": "1"},
}

in_every_locale = pytest.mark.parametrize("locale", LOCALES)


def run_in(locale: str, *arguments: str | bytes | Path, stdin: bytes = b"", stdout: Any = subprocess.PIPE) -> Any:
    """Run a command in a process of its own, under a locale; what it writes is bytes."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(LOCALES[locale]),
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=False,
    )


class Played:
    """A game with names of all kinds, in a database without a server."""

    def __init__(self, database: Path) -> None:
        self.database = database
        ann = add_user(database, "ann", provider=True)["session_key"]
        bob = add_user(database, "bob")["session_key"]
        with serving(database) as server, playing(server.url, ann) as admin, playing(server.url, bob) as player:
            source = admin.call(365, source_name=NAMES["source_name"])["source_id"]
            targets: dict[str, Any] = {"actions": ["Goal"], "targets": ["Côte d'Ivoire", "日本"]}
            created = admin.call(370, source_id=source, game_name=NAMES["game_name"], type="football", **targets)
            self.game: str = created["game_id"]
            admin.call(616, game_id=self.game)
            pool = admin.call(
                385,
                game_id=self.game,
                description=NAMES["description"],
                action_id="goal",
                targets=["Côte d'Ivoire", "日本"],
            )
            assert player.call(392, pool_id=pool["pool_id"], target="日本", amount=5)["res"] == 356
            assert server.stop() == 0


@pytest.fixture
def played(database: Path) -> Played:
    """A game that was played."""
    return Played(database)


def test_an_export_is_the_same_utf_8_in_every_locale_into_a_pipe_and_a_file(played: Played, tmp_path: Path) -> None:
    exports = []
    for locale in LOCALES:
        piped = run_in(locale, "export", played.game, "--db", played.database)
        assert (piped.returncode, piped.stderr) == (0, b"")
        with (tmp_path / "game.jsonl").open("wb") as file:
            assert run_in(locale, "export", played.game, "--db", played.database, stdout=file).returncode == 0
        exports += [piped.stdout, (tmp_path / "game.jsonl").read_bytes()]
    texts = [export.decode("utf-8").rpartition('{"fact": "outcome"')[0] for export in exports]
    assert len(set(texts)) == 1
    assert "日本" in texts[0]


@in_every_locale
def test_an_export_is_replayed_in_every_locale_from_a_file_and_from_a_pipe(
    played: Played, tmp_path: Path, locale: str
) -> None:
    exported = run_in(locale, "export", played.game, "--db", played.database).stdout
    (tmp_path / "game.jsonl").write_bytes(exported)
    for arguments, stdin in (((tmp_path / "game.jsonl",), b""), (("-",), exported)):
        done = run_in(locale, "replay", *arguments, "--verify", stdin=stdin)
        assert (done.returncode, done.stderr) == (0, b"")


def test_an_export_that_an_editor_has_saved_again_is_replayed(played: Played, tmp_path: Path) -> None:
    exported = run("export", played.game, "--db", played.database).stdout
    saved = tmp_path / "saved.jsonl"
    saved.write_bytes(("\ufeff" + exported.replace("\n", "\r\n") + "\r\n\r\n").encode())
    assert run("replay", saved, "--verify").code == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"fact": "game"}\n'.encode("utf-16"), "UTF-16"),
        ('{"fact": "game"}\n'.encode("utf-16-le"), "UTF-16"),
        ('{"fact": "größe"}\n'.encode("latin-1"), "not UTF-8 from byte 13 on"),
        (b'{"fact": "game"}\nnonsense\n', "line 1: this is not a line of an export"),
        (b"[" * 100_000, "line 1: this is not a line of an export"),
        (b"", "not a complete export"),
        (b"5\n6\n", "line 1: this is not a line of an export"),
        (b'{"fact": "request", "op": 1}\n', "missing required field"),
        (b'{"fact": "outcome", "at": 1, "pools": [], "bets": [], "balances": []}\n', "not a complete export"),
    ],
)
def test_what_is_no_export_is_told_in_words(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "game.jsonl").write_bytes(content)
    done = run("replay", tmp_path / "game.jsonl")
    assert (done.code, done.stdout, "Traceback" in done.stderr) == (1, "", False)
    assert reason in done.stderr


@pytest.fixture
def provider(database: Path) -> Iterator[tuple[str, str]]:
    """The address of a server and the session key of a provider."""
    key = add_user(database, "ann", provider=True)["session_key"]
    with serving(database) as server:
        yield server.url, key


@in_every_locale
def test_call_prints_the_reply_as_json_in_every_locale(provider: tuple[str, str], locale: str) -> None:
    url, key = provider
    request = json.dumps({"op": 365, "source_name": "Größe 日本"})
    assert json.loads(run_in(locale, "call", request, "--url", url, "--key", key).stdout)["res"] == 335
    done = run_in(locale, "call", '{"op": 611}', "--url", url, "--key", key)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [source["name"] for source in json.loads(done.stdout.decode("utf-8"))["sources"]] == ["Größe 日本"]


@pytest.mark.parametrize("locale", ["C", "UTF-8"])
def test_call_takes_a_request_in_utf_8_in_every_locale(provider: tuple[str, str], locale: str) -> None:
    url, key = provider
    request = '{"op": 365, "source_name": "Größe"}'.encode()
    assert run_in(locale, "call", request, "--url", url, "--key", key).returncode == 0
    listed = json.loads(run_in(locale, "call", '{"op": 611}', "--url", url, "--key", key).stdout)
    assert [source["name"] for source in listed["sources"]] == ["Größe"]


@in_every_locale
def test_no_command_fails_for_having_to_tell_what_the_terminal_cannot_show(played: Played, locale: str) -> None:
    done = run_in(locale, "source", "list", "--db", played.database)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = {"UTF-8": "Größe".encode(), "Latin-1": "Größe".encode("latin-1")}.get(locale, rb"Gr\xf6\xdfe")
    assert shown in done.stdout
    odd = played.database.with_name("größe \udcff.db")
    played.database.rename(odd)
    assert run_in(locale, "check", "--db", odd).returncode == 0
    assert run_in(locale, "serve", "--help").returncode == 0


@pytest.mark.parametrize("name", [b"\xff", "é".encode()])
def test_a_name_that_is_no_text_is_refused_in_words(played: Played, name: bytes) -> None:
    for arguments in ((b"key", name), (b"add", name), (b"credit", name, b"5", b"DON")):
        done = run_in("C", "user", *arguments, "--db", played.database)
        assert (done.returncode, done.stdout, b"Traceback" in done.stderr) == (1, b"", False)


# What becomes of the output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_output_for_which_there_is_no_room_is_told_in_words(played: Played) -> None:
    for arguments in (("export", played.game), ("check",), ("source", "list")):
        with Path("/dev/full").open("wb") as full:
            done = run_in("UTF-8", *arguments, "--db", played.database, stdout=full)
        assert done.returncode == 1
        assert done.stderr == b"gameserver: standard output cannot be written: No space left on device\n"


def test_a_reader_that_goes_away_ends_a_command_without_a_word(played: Played) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run_in("UTF-8", "export", played.game, "--db", played.database, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_command_needs_no_output(played: Played) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&- <&-', "sh", *PROGRAM, "check", "--db", str(played.database)],
        env=environment(),
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0
