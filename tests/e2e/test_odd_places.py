"""Commands in odd places say in a sentence what is wrong, with their exit code, and do no harm."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver import cli
from gameserver.cli import foreground
from gameserver.storage.connection import Connection
from gameserver.storage.files import beside
from gameserver.storage.sqlite.atomic_copy import make_database
from gameserver.storage.sqlite.connection import open_reader, open_writer
from gameserver.storage.sqlite.migrations import MIGRATIONS, migrate
from tests.support.process import PROGRAM, TIMEOUT_S, Done, add_user, environment, playing, run, serving
from tests.support.strangers import STRANGER

SCHEMA_3 = Path(__file__).parents[1] / "storage" / "sqlite" / "schema_3.sql"

COMMANDS = [
    "serve --port 0 --log-level error",
    "user add bob",
    "user add bob --create",
    "user key ann",
    "user credit ann 5 DON",
    "source list",
    "source admin-add x ann",
    "check",
    "backup {folder}/backup.db",
    "restore {backup}",
    "export x",
    "call {{}}",
]


def contents_of(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def arguments_of(command: str, folder: Path, backup: Path = Path("/nowhere")) -> list[str]:
    return [part.format(folder=folder, backup=backup) for part in command.split()]


# What is no database


def foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (address TEXT)")


def foreign_with_a_log(file: Path) -> None:
    foreign(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "foreign": (foreign, "is a database of another program"),
    "foreign with a log": (foreign_with_a_log, "is a database of another program"),
    "a text": (lambda file: file.write_text("notes\n" * 100), "not a database|cannot be opened as a database"),
    "a folder": (Path.mkdir, "is a folder"),
    "empty": (Path.touch, "is empty|is not a database"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_database_stays_as_it_is_and_is_told(tmp_path: Path, command: str, kind: str) -> None:
    backup, folder = tmp_path / "backup.db", tmp_path / "data"
    make_database(backup)
    folder.mkdir()
    make, reason = WRONG[kind]
    make(folder / "game.db")
    before = contents_of(folder)
    done = run(*arguments_of(command, folder, backup), "--db", folder / "game.db")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert any(words in done.stderr for words in reason.split("|")), done.stderr
    assert contents_of(folder) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_device_is_no_database(tmp_path: Path, command: str) -> None:
    done = run(*arguments_of(command, tmp_path), "--db", "/dev/null")
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "/dev/null is not a regular file" in done.stderr
    assert not list(tmp_path.iterdir())
    assert not Path("/dev/null.lock").exists()


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if "--create" not in command and "serve" not in command]
)
def test_where_there_is_no_database_none_is_made(tmp_path: Path, command: str) -> None:
    done = run(*arguments_of(command, tmp_path), "--db", tmp_path / "data" / "game.db")
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "there is no " in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_database_is_made_by_user_add_if_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "data" / "game.db"
    assert run("user", "add", "ann", "--create", "--db", file).code == 0
    assert run("user", "add", "bob", "--create", "--db", file).code == 0
    assert run("check", "--db", file).code == 0


def test_a_database_that_was_cut_to_nothing_is_not_taken_for_a_new_one(database: Path) -> None:
    add_user(database, "ann")
    os.truncate(database, 0)
    for command in ("serve --port 0 --log-level error", "user add bob --create"):
        done = run(*command.split(), "--db", database)
        assert (done.code, done.stdout, "is empty" in done.stderr) == (1, "", True)


# An older file


@pytest.fixture
def older(database: Path) -> Path:
    """A database of the version before, in which there is ann."""
    with closing(open_writer(database)) as connection:
        migrate(connection, SCHEMA_3.read_text(encoding="utf-8"), MIGRATIONS[:2])
        connection.execute("INSERT INTO users (username, is_provider, created_at) VALUES ('ann', 0, 5)")
    return database


def version_of(file: Path) -> tuple[int, int]:
    with closing(open_reader(file)) as reader:
        (version,) = reader.execute("PRAGMA user_version").fetchone()
        (users,) = reader.execute("SELECT count(*) FROM users").fetchone()
    return version, users


def test_a_backup_is_taken_of_an_older_database_before_the_upgrade(older: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    done = run("backup", backup, "--db", older)
    assert (done.code, done.stdout) == (0, f"{backup} is a sound backup of {older}\n")
    assert version_of(backup) == version_of(older) == (3, 1)
    with serving(older) as server:
        assert server.stop() == 0
    assert version_of(older) == (len(MIGRATIONS) + 1, 1)
    assert run("restore", backup, "--db", older).code == 0
    assert run("check", "--db", older).code == 0


@pytest.mark.parametrize("command", ["check", "export x", "user add bob", "user key ann", "source list", "call {}"])
def test_other_commands_leave_an_older_database_as_it_is_and_say_what_to_do(older: Path, command: str) -> None:
    before = older.read_bytes()
    done = run(*command.split(), "--db", older)
    assert (done.code, done.stdout) == (1, "")
    assert "has schema version 3" in done.stderr
    assert "make a backup (gameserver backup), then start the server" in done.stderr
    assert older.read_bytes() == before


# Where nothing can be written


# Becomes another user once everything is loaded: the interpreter may be where nobody else may read.
AS_ANOTHER = """
import encodings.idna
import os, sys
from gameserver import cli
from gameserver.cli import foreground
os.chdir("/")
if int(sys.argv[1]):
    os.setgroups([])
    os.setgid(int(sys.argv[1]))
    os.setuid(int(sys.argv[1]))
sys.exit(cli.main(sys.argv[2:]))
"""


def run_as_another(*arguments: str | Path, folder: Path) -> Done:
    """Run a command as a user who may read a folder and not write in it."""
    user = STRANGER if os.geteuid() == 0 else 0
    done = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER, str(user), *map(str, arguments)],
        env=environment({"TMPDIR": str(folder.parent / "temporary")}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def unwritable() -> Iterator[Path]:
    """A folder for a database, in one that everybody may enter, and where ``close_off`` lets nobody write."""
    top = Path("/var/tmp") / f"gameserver-test-{os.getpid()}"
    (top / "temporary").mkdir(parents=True)
    (top / "data").mkdir()
    top.chmod(0o755)
    (top / "temporary").chmod(0o777)
    try:
        yield top / "data"
    finally:
        (top / "data").chmod(0o700)
        shutil.rmtree(top)


def close_off(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o600 if path.suffix in (".secret", ".lock") else 0o444)
    folder.chmod(0o555)


def crashed(database: Path) -> None:
    """Leave a database whose log holds bob, as a power cut does."""
    with serving(database) as server:
        add_user(database, "bob")
        server.kill()
    assert beside(database, "-wal").stat().st_size


@pytest.mark.parametrize("missing", [None, "-shm"])
@pytest.mark.parametrize("leave", [lambda database: None, crashed], ids=["closed", "crashed"])
def test_a_database_is_read_where_nothing_can_be_written(
    unwritable: Path, leave: Callable[[Path], None], missing: str | None
) -> None:
    database, target = unwritable / "game.db", unwritable.parent / "temporary" / "backup.db"
    add_user(database, "ann")
    leave(database)
    if missing is not None:
        beside(database, missing).unlink(missing_ok=True)
    close_off(unwritable)
    before = contents_of(unwritable)
    done = run_as_another("check", "--db", database, folder=unwritable)
    assert (done.code, done.stdout, done.stderr) == (0, f"{database} is sound\n", "")
    done = run_as_another("backup", target, "--db", database, folder=unwritable)
    assert (done.code, done.stderr) == (0, "")
    done = run_as_another("export", "x", "--db", database, folder=unwritable)
    assert (done.code, done.stderr) == (1, "gameserver: game_id does not name an existing game\n")
    assert contents_of(unwritable) == before
    assert [path.name for path in target.parent.iterdir()] == ["backup.db"]
    unwritable.chmod(0o700)
    shutil.copy(target, unwritable / "read.db")
    assert version_of(unwritable / "read.db")[1] == (1 if leave is not crashed else 2)


def test_a_log_that_cannot_be_read_is_told_and_not_left_out(unwritable: Path) -> None:
    database = unwritable / "game.db"
    add_user(database, "ann")
    crashed(database)
    close_off(unwritable)
    unwritable.chmod(0o755)
    beside(database, "-shm").unlink()
    beside(database, "-wal").chmod(0)
    unwritable.chmod(0o555)
    done = run_as_another("check", "--db", database, folder=unwritable)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert f"Permission denied: '{database}-wal'" in done.stderr


@pytest.mark.parametrize(
    "command", ["serve --port 0 --log-level error", "user add bob", "user key ann", "source list", "call {{}}"]
)
def test_what_needs_to_write_says_where_it_may_not(unwritable: Path, command: str) -> None:
    database = unwritable / "game.db"
    add_user(database, "ann")
    close_off(unwritable)
    before = contents_of(unwritable)
    if os.geteuid() != 0:
        beside(database, ".lock").chmod(0o400)
    done = run_as_another(*arguments_of(command, unwritable), "--db", database, folder=unwritable)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert f"{database}.lock cannot be opened: Permission denied" in done.stderr
    assert contents_of(unwritable) == before


# What has been taken away


def test_a_socket_that_was_removed_is_told_and_nothing_is_done_beside_the_server(database: Path) -> None:
    key = add_user(database, "ann")["session_key"]
    with serving(database) as server:
        beside(database, ".sock").unlink()
        done = run("user", "add", "bob", "--db", database)
        assert (done.code, done.stdout) == (1, "")
        assert f"does not answer at {database}.sock" in done.stderr
        assert "removed" in done.stderr
        with playing(server.url, key) as player:
            assert player.call(1)["res"] == 1
        assert server.stop() == 0
    assert add_user(database, "bob")["id"] == 2


def test_a_working_folder_that_was_removed_matters_to_relative_paths_only(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(database, "ann")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run("user", "add", "bob", "--db", database).code == 0
    assert run("check", "--db", database).code == 0
    with serving(database):
        assert run("user", "add", "carl", "--db", database).code == 0
    for command in (
        "serve --port 0 --log-level error",
        "check",
        "user add dora",
        "user add dora --create",
        "backup b.db",
        "source list",
    ):
        done = run(*command.split(), "--db", "game.db")
        assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert "working folder does not exist any more" in done.stderr
    done = run("backup", "b.db", "--db", database)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr


# Expected faults and bugs


@pytest.mark.parametrize(
    "bug", [ValueError("of a bug"), OSError("of a bug"), KeyError("of a bug"), sqlite3.ProgrammingError("of a bug")]
)
def test_a_bug_shows_its_traceback_and_exits_with_3(
    database: Path, bug: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(database, "ann")

    async def serve(*arguments: object) -> None:
        raise bug

    def command(*arguments: object) -> None:
        raise bug

    monkeypatch.setattr(foreground, "serve", serve)
    monkeypatch.setattr(cli.users, "control", command)
    monkeypatch.setattr(cli.files, "find_faults", command)
    for arguments in ("serve --port 0 --log-level error", "user key ann", "check"):
        done = run(*arguments.split(), "--db", database)
        assert (done.code, done.stdout) == (3, "")
        assert "Traceback (most recent call last)" in done.stderr
        assert f"{type(bug).__name__}: " in done.stderr


def test_sql_that_is_wrong_is_a_bug_and_a_full_disk_is_none(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_user(database, "ann")

    def wrong(connection: Connection, *_: object) -> list[str]:
        return list(connection.execute("SELECT missing FROM users"))

    def read_only(connection: Connection, *_: object) -> list[str]:
        return list(connection.execute("DELETE FROM users"))

    monkeypatch.setattr(cli.files, "find_faults", wrong)
    done = run("check", "--db", database)
    assert (done.code, "Traceback" in done.stderr, "no such column" in done.stderr) == (3, True, True)
    monkeypatch.setattr(cli.files, "find_faults", read_only)
    done = run("check", "--db", database)
    assert (done.code, done.stderr) == (1, "gameserver: attempt to write a readonly database\n")


@pytest.mark.parametrize(
    "url", ["nonsense", "http://127.0.0.1:1/", "ws://", "ws://:1/", "ws://a:b/", "ws://a..b/", "ws://127.0.0.1:99999/"]
)
def test_an_address_that_is_none_is_told_in_words(database: Path, url: str) -> None:
    done = run("call", '{"op": 1}', "--key", "x.y", "--url", url, "--db", database)
    assert (done.code, done.stdout, done.stderr) == (
        1,
        "",
        f"gameserver: {url} is not a server's address, such as ws://127.0.0.1:9999/\n",
    )


@pytest.mark.parametrize("key", ["", "größe", "a b", "a\nb", "\udcff"])
def test_a_key_that_is_none_is_told_in_words(database: Path, key: str) -> None:
    done = run("call", '{"op": 1}', "--key", key, "--db", database)
    assert (done.code, done.stdout, "not a session key" in done.stderr) == (1, "", True)


@pytest.mark.parametrize("request_text", ['{"op": "\\ud800"}', "[" * 100_000, '{"a": "\udcff"}'])
def test_a_request_that_is_none_is_told_in_words(database: Path, request_text: str) -> None:
    done = run("call", request_text, "--key", "x.y", "--db", database)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr


def test_an_interrupted_command_ends_at_once_without_a_traceback(database: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        command = subprocess.Popen(
            [*PROGRAM, "call", '{"op": 1}', "--key", "x.y", "--url", url],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        silent.settimeout(TIMEOUT_S)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(16)  # a handshake, that is not answered
            command.send_signal(signal.SIGINT)
            _, told = command.communicate(timeout=TIMEOUT_S)
        assert (command.returncode, told) == (130, "")
