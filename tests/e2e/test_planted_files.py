"""What another user puts beside the database, in a folder where others may write, forges and learns no session key."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gameserver.admin import control_socket as control_socket
from gameserver.storage.files import beside
from gameserver.storage.sqlite.atomic_copy import make_database
from tests.support.process import TIMEOUT_S, add_user, run, run_process, serving
from tests.support.strangers import STRANGER, needs_root

KNOWN = b"k" * 32

# Listens as another user, as if he had been able to put his socket there, and tells what he is sent.
AS_A_STRANGER = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    os.chmod(sys.argv[1], 0o666)
    os.seteuid(int(sys.argv[2]))
    listener.listen()
    print("listening", flush=True)
    connection, _ = listener.accept()
    print(connection.makefile().read())
"""


@needs_root
@pytest.mark.parametrize("suffix", ["", "-wal", "-journal", ".secret", ".secret.new", ".lock"])
def test_no_server_starts_with_a_planted_file(database: Path, suffix: str) -> None:
    if suffix != "":
        make_database(database)
    database.parent.chmod(0o1777)
    planted = beside(database, suffix)
    if suffix == "":
        make_database(planted)
    elif ".secret" in suffix:
        planted.write_bytes(KNOWN)
        planted.chmod(0o600)
    else:
        planted.touch()
    os.chown(planted, STRANGER, STRANGER)
    before = planted.read_bytes()
    done = run_process("serve", "--port", "0", "--db", database)
    assert (done.code, done.stdout) == (1, "")
    assert f"{planted} belongs to user {STRANGER}" in done.stderr
    assert "Traceback" not in done.stderr
    assert (planted.read_bytes(), planted.stat().st_uid) == (before, STRANGER)


@needs_root
def test_no_key_is_made_with_a_planted_secret(database: Path) -> None:
    add_user(database, "ann")
    database.parent.chmod(0o1777)
    secret = beside(database, ".secret")
    secret.write_bytes(KNOWN)
    os.chown(secret, STRANGER, STRANGER)
    done = run("user", "key", "ann", "--db", database)
    assert (done.code, done.stdout) == (1, "")
    assert f"belongs to user {STRANGER}" in done.stderr


@needs_root
def test_a_command_tells_nothing_to_a_planted_socket(database: Path) -> None:
    add_user(database, "ann")
    database.parent.chmod(0o1777)
    address = str(beside(database, ".sock"))
    with subprocess.Popen(
        [sys.executable, "-c", AS_A_STRANGER, address, str(STRANGER)], stdout=subprocess.PIPE, text=True
    ) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "listening\n"
        done = run("user", "key", "ann", "--db", database)
        assert (done.code, done.stdout) == (1, "")
        assert f"is a socket of user {STRANGER}" in done.stderr
        assert stranger.stdout.read() == "\n"
        assert stranger.wait(TIMEOUT_S) == 0


def test_a_command_asks_nothing_of_a_server_of_another_user(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_user(database, "ann")
    monkeypatch.setattr(control_socket, "peer_uid", lambda connection: STRANGER)
    with serving(database):
        done = run("user", "add", "bob", "--db", database)
        assert (done.code, done.stdout) == (1, "")
        assert f"is a socket of user {STRANGER}" in done.stderr
        monkeypatch.undo()
        assert json.loads(run("user", "add", "bob", "--json", "--db", database).stdout)["id"] == 2


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the system does not say so who is at the other end")
def test_the_system_knows_who_is_at_the_other_end_of_a_socket() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert control_socket.peer_uid(ours) == os.geteuid()


def test_the_server_warns_of_a_folder_in_which_others_may_write(database: Path) -> None:
    make_database(database)
    for mode, warned in ((0o755, False), (0o775, True), (0o1777, True)):
        database.parent.chmod(mode)
        with serving(database) as server:
            assert server.stop() == 0
        assert ("insecure_folder" in server.log.read_text()) is warned
        server.log.unlink()


# The secret that keys are made with

ENVIRONMENT = {"GAMESERVER_SECRET": "ab" * 32}


def test_another_secret_than_before_is_told_once_with_how_many_keys_are_void(database: Path) -> None:
    add_user(database, "ann")
    for variables, warned in ((ENVIRONMENT, True), (ENVIRONMENT, False), ({}, True)):
        with serving(database, variables=variables) as server:
            assert server.stop() == 0
        log = server.log.read_text()
        assert ("event=secret_changed keys=1" in log) is warned
        server.log.unlink()


@pytest.mark.parametrize("leave", [lambda secret: None, Path.unlink], ids=["another secret", "no secret"])
def test_no_worthless_key_is_made_without_the_secret_that_the_service_has(
    database: Path, leave: Callable[[Path], None]
) -> None:
    add_user(database, "ann")
    with serving(database, variables=ENVIRONMENT) as server:
        assert server.stop() == 0
    leave(beside(database, ".secret"))
    for arguments in (("user", "key", "ann"), ("user", "add", "bob"), ("call", '{"op": 1}', "--as", "ann")):
        done = run(*arguments, "--db", database)
        assert (done.code, done.stdout) == (1, "")
        assert "GAMESERVER_SECRET" in done.stderr
    for command in ("source list", "user credit ann 5 DON", "check"):
        assert run(*command.split(), "--db", database).code == 0
    assert "bob" not in run("source", "list", "--db", database).stdout


def test_keys_can_be_made_without_the_secret_while_the_service_runs(database: Path) -> None:
    add_user(database, "ann")
    with serving(database, variables=ENVIRONMENT) as server:
        key = json.loads(run("user", "key", "ann", "--json", "--db", database).stdout)["session_key"]
        assert run("call", '{"op": 1}', "--url", server.url, "--key", key).code == 0
