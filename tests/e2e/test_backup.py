"""Backups beside a server under load, processes that are killed, and the way back, from the command line."""

import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage.files import beside
from gameserver.storage.sqlite.connection import open_reader
from tests.support.process import (
    TIMEOUT_S,
    UNLIMITED,
    ServerProcess,
    add_user,
    environment,
    playing,
    run,
    run_process,
    serving,
)

# Runs a command whose process is killed when it has copied its first pages.
KILLED_WHILE_COPYING = """
import os, signal, sys
from gameserver.cli import files, main
from gameserver.progress import Progress
Progress.__call__ = lambda self, done, total: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""
CONNECTIONS = 3


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where backups go: a folder of its own."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "monday.db"


def games_in(file: Path) -> set[str]:
    with closing(open_reader(file)) as reader:
        return {uuid for (uuid,) in reader.execute("SELECT uuid FROM games")}


def is_sound(file: Path) -> bool:
    done = run("check", "--db", file)
    return (done.code, done.stdout) == (0, f"{file} is sound\n")


class Load:
    """Connections that create games, one after another, until told to stop. ``created`` holds what was acknowledged."""

    def __init__(self, server: ServerProcess, session_key: str) -> None:
        self.created: list[str] = []
        self._stop = threading.Event()
        self._more = threading.Semaphore(0)
        with playing(server.url, session_key) as player:
            source = player.call(365, source_name="Ours")["source_id"]
        self._threads = [
            threading.Thread(target=self._work, args=(server.url, session_key, source)) for _ in range(CONNECTIONS)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, url: str, session_key: str, source: str) -> None:
        with playing(url, session_key) as player:
            while not self._stop.is_set():
                reply = player.call(370, source_id=source, game_name="A - B", type="football", targets=["a:1", "b"])
                self.created.append(reply["game_id"])
                self._more.release()

    def wait_for(self, count: int) -> None:
        """Wait until so many more have been acknowledged."""
        for _ in range(count):
            assert self._more.acquire(timeout=TIMEOUT_S)

    def end(self) -> None:
        """Wait for the last replies."""
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()


def test_a_backup_under_load_is_sound_holds_what_was_acknowledged_and_holds_nobody_up(
    database: Path, target: Path
) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    with serving(database, *UNLIMITED) as server:
        load = Load(server, key)
        try:
            for _ in range(3):
                load.wait_for(50)
                before = set(load.created)
                done = run_process("backup", target, "--db", database)
                after = len(load.created)
                assert (done.code, done.stdout) == (0, f"{target} is a sound backup of {database}\n"), done.stderr
                assert before <= games_in(target)
                assert after > len(before), "nothing was written meanwhile"
                assert is_sound(target)
                assert [path.name for path in target.parent.iterdir()] == ["monday.db"]
        finally:
            load.end()
        assert server.stop() == 0
    assert games_in(target) <= set(load.created) == games_in(database)
    assert is_sound(database)


def test_a_backup_holds_no_secret(database: Path, target: Path) -> None:
    key = add_user(database, "ann")["session_key"]
    assert run("backup", target, "--db", database).code == 0
    content = target.read_bytes()
    assert beside(database, ".secret").read_bytes() not in content
    assert key.partition(".")[2].encode() not in content
    assert key.partition(".")[0].encode() in content


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_is_killed_while_it_copies_leaves_all_as_it_was(database: Path, target: Path, command: str) -> None:
    add_user(database, "ann")
    assert run("backup", target, "--db", database).code == 0
    add_user(database, "bob")
    before = target.read_bytes(), database.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_COPYING, command, str(target), "--db", str(database)],
        env=environment(),
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert (target.read_bytes(), database.read_bytes()) == before
    assert beside(target if command == "backup" else database, ".part").exists()
    assert run(command, target, "--db", database).code == 0
    assert not beside(target if command == "backup" else database, ".part").exists()
    assert is_sound(target)
    assert is_sound(database)


def test_a_backup_for_which_there_is_no_room_is_told_in_words_and_the_last_one_stays(
    database: Path, target: Path
) -> None:
    add_user(database, "ann")
    assert run("backup", target, "--db", database).code == 0
    before = target.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "gameserver", "backup", str(target), "--db", str(database)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"gameserver: the copy to {target}.part failed, nothing was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["monday.db"]


def test_after_a_restore_the_server_goes_on_from_the_backup_with_its_session_keys(database: Path, target: Path) -> None:
    ann = add_user(database, "ann", provider=True)["session_key"]
    assert run("backup", target, "--db", database).code == 0
    bob = add_user(database, "bob")["session_key"]
    new = run("user", "key", "ann", "--db", database)
    assert new.code == 0
    with serving(database) as server:
        done = run("restore", target, "--db", database)
        assert (done.code, done.stdout) == (1, "")
        assert "another gameserver is using" in done.stderr
        server.kill()
    done = run("restore", target, "--db", database)
    assert (done.code, done.stderr) == (0, "")
    assert f"is kept as {database}.before-restore" in done.stdout
    with serving(database) as server, playing(server.url, ann) as player:
        assert player.call(365, source_name="Ours")["res"] == 335
        refused = run_process("call", '{"op": 1}', "--url", server.url, "--key", bob, "--db", database)
        assert (refused.code, "401" in refused.stderr) == (1, True)
        assert server.stop() == 0
    assert is_sound(database)


@pytest.mark.parametrize("command", ["serve", "check", "backup", "user"])
def test_a_backup_copied_by_hand_over_a_killed_servers_database_is_refused_with_what_to_do(
    database: Path, target: Path, command: str
) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    assert run("backup", target, "--db", database).code == 0
    with serving(database) as server:
        with playing(server.url, key) as player:
            assert player.call(365, source_name="Ours")["res"] == 335
        server.kill()
    log = beside(database, "-wal").read_bytes()
    assert log
    database.write_bytes(target.read_bytes())
    arguments = {"serve": ("--port", "0"), "check": (), "backup": (beside(target, ".2"),), "user": ("add", "bob")}
    done = run(command, *arguments[command], "--db", database)
    assert (done.code, done.stdout) == (1, "")
    assert f"{database} is a backup" in done.stderr
    assert f"delete {database}-wal" in done.stderr
    assert "gameserver restore" in done.stderr
    assert (database.read_bytes(), beside(database, "-wal").read_bytes()) == (target.read_bytes(), log)


def test_faults_are_told_and_the_last_backup_stays(database: Path, target: Path) -> None:
    add_user(database, "ann")
    assert run("backup", target, "--db", database).code == 0
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO sessions VALUES ('x', 99, 1, 2, 0)")
        connection.commit()
    before = target.read_bytes()
    done = run("backup", target, "--db", database)
    assert (done.code, done.stdout) == (1, "")
    assert f"its copy is {target}.part, and {target} is unchanged" in done.stderr
    assert "row" in done.stderr.splitlines()[-1]
    assert target.read_bytes() == before
