"""The commands on a PostgreSQL database, and copying a file into one."""

import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gameserver.config import SECRET_VARIABLE
from gameserver.storage.files import hold_lock
from gameserver.storage.postgres.connection import open_reader
from tests.support.harness import START_MS, FakeClock, running_server
from tests.support.offline import SECRET, Offline
from tests.support.postgres import Cluster, find_binaries
from tests.support.process import Done, run
from tests.support.states import Match

VARIABLES = {SECRET_VARIABLE: SECRET.hex()}

Command = Callable[..., Done]


@pytest.fixture
def url(cluster: Cluster) -> str:
    """The URL of a database in which there is nothing."""
    return cluster.empty_database()


@pytest.fixture
def command(url: str) -> Command:
    """Run a command on that database, with the secret of its servers."""

    def run_on_database(*arguments: str | Path) -> Done:
        return run(*arguments, "--db", url, variables=VARIABLES)

    return run_on_database


@pytest.fixture
def match(database: Path) -> Match:
    """A file with a game that was bet on, settled, corrected and settled again."""
    with closing(Offline(database)) as offline:
        played = Match(offline)
        for _ in played.live():
            offline.now_ms += 1_000
    return played


def test_a_user_is_made_with_the_tables_and_credited(command: Command) -> None:
    missing = command("user", "add", "ann")
    assert (missing.code, "no gameserver in this database" in missing.stderr) == (1, True)
    made = command("user", "add", "ann", "--create", "--json")
    assert (made.code, json.loads(made.stdout)["id"]) == (0, 1)
    again = command("user", "add", "ANN")
    assert (again.code, "exists already" in again.stderr) == (1, True)
    credited = command("user", "credit", "ann", "2.50", "EUR")
    assert credited.stdout == "ann has 2.50 EUR available\n"
    assert command("source", "list").code == 0
    assert "is sound" in command("check").stdout


def test_a_secret_other_than_the_servers_makes_no_keys(url: str, command: Command) -> None:
    assert command("user", "add", "ann", "--create").code == 0
    other = run("user", "key", "ann", "--db", url, variables={SECRET_VARIABLE: "00" * 32})
    assert (other.code, "not the server's" in other.stderr) == (1, True)
    none = run("user", "key", "ann", "--db", url)
    assert (none.code, f"{SECRET_VARIABLE} must be set" in none.stderr) == (1, True)
    assert run("user", "credit", "ann", "1", "DON", "--db", url).code == 0


def test_a_server_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = run("check", "--db", f"postgresql:///games?host={tmp_path}")
    assert (done.code, "Traceback" in done.stderr, done.stderr.startswith("gameserver: ")) == (1, False, True)


@pytest.mark.parametrize("arguments", [["backup", "copy.db"], ["restore", "copy.db"]])
def test_what_is_done_to_files_is_refused(command: Command, arguments: list[str]) -> None:
    done = command(*arguments)
    assert (done.code, "has tools of its own" in done.stderr) == (1, True)


def test_a_file_is_copied_whole(database: Path, url: str, command: Command, match: Match) -> None:
    copied = run("migrate-to", url, "--db", database)
    assert (copied.code, "and sound" in copied.stdout) == (0, True), copied.stderr
    assert "is sound" in command("check").stdout
    of_file, of_copy = run("export", match.game, "--db", database), command("export", match.game)
    assert (of_file.code, of_file.stdout) == (of_copy.code, of_copy.stdout)
    again = run("migrate-to", url, "--db", database)
    assert (again.code, "tables of another program" in again.stderr) == (1, True)


async def test_a_server_goes_on_where_the_file_ended(
    database: Path, url: str, match: Match, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    assert run("migrate-to", url, "--db", database).code == 0
    monkeypatch.setenv(SECRET_VARIABLE, SECRET.hex())
    clock.time_ms = START_MS + 100_000
    async with running_server(url, clock) as server:
        zoe = await server.connect("zoe")
        joined = await zoe.call(363, game_id=match.game, after_seq=0)
        assert joined["recovered"]
        fifa = await server.new_key("fifa")
        admin = await server.connect(headers=[(b"Authorization", f"Bearer {fifa}".encode())])
        pool: dict[str, Any] = {
            "game_id": match.game,
            "description": "Next?",
            "action_id": "goal",
            "targets": ["argentina", "brazil"],
        }
        opened = await admin.call(385, **pool)
        assert (await zoe.call(392, pool_id=opened["pool_id"], target="argentina", amount=3))["res"] != 666
        assert (await admin.call(395, **match.goal))["res"] != 666
    assert "is sound" in run("check", "--db", url).stdout


def copy_by_dump(url: str, elsewhere: str, dump: Path) -> None:
    """Dump a database, and restore it in another."""
    binaries = find_binaries()
    assert binaries is not None
    subprocess.run([binaries / "pg_dump", "--format=custom", f"--file={dump}", url], check=True)
    program = binaries / "pg_restore"
    subprocess.run([program, "--exit-on-error", "--no-owner", f"--dbname={elsewhere}", dump], check=True)


async def test_a_dump_is_restored_elsewhere_as_the_same_game_in_another_epoch(
    database: Path,
    url: str,
    cluster: Cluster,
    command: Command,
    match: Match,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    async def epoch_at(database: str) -> str:
        async with running_server(database) as server:
            return server.context.store.epoch

    assert run("migrate-to", url, "--db", database).code == 0
    monkeypatch.setenv(SECRET_VARIABLE, SECRET.hex())
    epoch, elsewhere = await epoch_at(url), cluster.empty_database()
    copy_by_dump(url, elsewhere, tmp_path / "games.dump")
    assert "is sound" in run("check", "--db", elsewhere).stdout
    exported = run("export", match.game, "--db", elsewhere)
    assert (exported.code, exported.stdout) == (0, command("export", match.game).stdout)
    new = await epoch_at(elsewhere)
    assert new != epoch
    assert (await epoch_at(elsewhere), await epoch_at(url)) == (new, epoch)


def test_a_copy_that_is_not_sound_is_not_kept(database: Path, url: str, match: Match) -> None:
    with closing(Offline(database)) as offline:
        offline.connection.execute("UPDATE stakes SET amount = amount + 1 WHERE user_id = 2")
    done = run("migrate-to", url, "--db", database)
    assert (done.code, "the copy is not sound, and is not kept" in done.stderr) == (1, True)
    with open_reader(url) as connection:
        assert connection.execute("SELECT to_regclass('users')").fetchone() == (None,)


def test_a_file_in_use_is_not_copied(database: Path, url: str, match: Match) -> None:
    with hold_lock(database):
        done = run("migrate-to", url, "--db", database)
    assert (done.code, "another gameserver is using" in done.stderr) == (1, True)


def test_only_a_postgresql_database_is_copied_to(database: Path, match: Match) -> None:
    done = run("migrate-to", "other.db", "--db", database)
    assert (done.code, "is not the URL of a PostgreSQL database" in done.stderr) == (1, True)


def test_a_password_is_told_nobody(cluster: Cluster, command: Command, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER USER postgres PASSWORD 'secret'")
    assert command("user", "add", "ann", "--create").code == 0
    told = run("check", "--db", url.replace("postgres@", "postgres:secret@")).stdout
    assert ("secret" in told, "is sound" in told) == (False, True)
