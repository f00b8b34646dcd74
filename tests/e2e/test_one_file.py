"""A database is one file, whatever it is called: no second name lets two programs write to it."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from gameserver.storage.files import beside
from gameserver.storage.sqlite.atomic_copy import make_database
from tests.support.process import add_user, playing, run, run_process, serving


def through_a_link(database: Path) -> Path:
    other = database.with_name("cur.db")
    other.symlink_to(database)
    return other


def through_a_linked_folder(database: Path) -> Path:
    folder = database.parent / "folder"
    folder.symlink_to(database.parent, target_is_directory=True)
    return folder / database.name


def by_a_second_hard_link(database: Path) -> Path:
    other = database.with_name("second.db")
    other.hardlink_to(database)
    return other


LINKS = [through_a_link, through_a_linked_folder]


@pytest.mark.parametrize("name_again", [*LINKS, by_a_second_hard_link])
def test_nothing_goes_ahead_by_another_name_beside_a_running_server(
    database: Path, name_again: Callable[[Path], Path]
) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    backup = database.parent / "backup.db"
    assert run("backup", backup, "--db", database).code == 0
    with serving(database) as server:
        other = name_again(database)
        for arguments in (("serve", "--port", "0"), ("restore", str(backup))):
            done = run_process(*arguments, "--db", other)
            assert (done.code, done.stdout, "Traceback" in done.stderr) == (1, "", False)
            assert str(database) in done.stderr
        with playing(server.url, key) as player:
            source = player.call(365, source_name="Ours")["source_id"]
        assert server.stop() == 0
    if name_again is by_a_second_hard_link:
        other.unlink()
    assert source in run("source", "list", "--db", database).stdout
    assert not list(database.parent.glob("cur.db.*"))
    assert not list(database.parent.glob("second.db.*"))


@pytest.mark.parametrize("name_again", LINKS)
def test_commands_by_another_name_reach_the_running_server(database: Path, name_again: Callable[[Path], Path]) -> None:
    add_user(database, "ann")
    other = name_again(database)
    with serving(database) as server:
        bob = add_user(other, "bob")
        with playing(server.url, bob["session_key"]) as player:
            assert player.call(1)["res"] == 1


@pytest.mark.parametrize("name_again", LINKS)
def test_a_server_by_another_name_keeps_all_companions_beside_the_file_and_measures_it(
    database: Path, name_again: Callable[[Path], Path]
) -> None:
    make_database(database)
    other = name_again(database)
    with serving(other) as server:
        ann = add_user(database, "ann")
        with playing(server.url, ann["session_key"]) as player:
            assert player.call(1)["res"] == 1
        names = {path.name for path in database.parent.iterdir()}
        assert {f"game.db{suffix}" for suffix in ("-wal", "-shm", ".lock", ".secret", ".sock")} <= names
        assert not {name for name in names if name.startswith("cur.db.")}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(server.url.replace("ws:", "http:") + "metrics", timeout=5) as response:
            metrics = dict(line.split(" ") for line in response.read().decode().splitlines() if line[0] != "#")
        assert float(metrics["gameserver_database_bytes"]) == database.stat().st_size
        assert float(metrics["gameserver_wal_bytes"]) == beside(database, "-wal").stat().st_size > 0
        assert server.stop() == 0


def test_a_secret_that_lies_beside_a_link_is_told_of_before_a_new_one_makes_its_keys_void(database: Path) -> None:
    key = add_user(database, "ann")["session_key"]
    other = through_a_link(database)
    beside(database, ".secret").rename(beside(other, ".secret"))  # where older versions had it
    done = run_process("serve", "--port", "0", "--db", other)
    move = f"mv {other}.secret {database}.secret"
    assert (done.code, done.stdout, move in done.stderr) == (1, "", True)
    assert not beside(database, ".secret").exists()
    beside(other, ".secret").rename(beside(database, ".secret"))  # as it says
    with serving(other) as server, playing(server.url, key) as player:
        assert player.call(1)["res"] == 1


@pytest.mark.parametrize("command", ["serve", "check", "backup", "user", "call"])
def test_a_second_hard_link_is_told_in_words_and_nothing_is_left_behind(database: Path, command: str) -> None:
    add_user(database, "ann")
    other = by_a_second_hard_link(database)
    before = {path.name for path in database.parent.iterdir()}
    arguments = {
        "serve": ("--port", "0"),
        "backup": (other.with_name("b.db"),),
        "user": ("key", "ann"),
        "call": ("{}",),
    }
    done = run(command, *arguments.get(command, ()), "--db", other)
    assert (done.code, done.stdout) == (1, "")
    assert "has a second name" in done.stderr
    assert str(database) in done.stderr
    assert {path.name for path in database.parent.iterdir()} == before
