"""The commands on users, with and without a running server."""

import io
import json
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.engine.passwords import is_password
from tests.support.process import Done, add_user, playing, run, serving

PASSWORD = "correct hörse"


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Puts bytes on the standard input of the next command."""

    def put(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put


def row_of(file: Path, name: str) -> tuple[int, int, str | None, int | None]:
    """Whether a user is a provider and an admin, its password's hash, and since when it is banned."""
    query = "SELECT is_provider, is_admin, password_hash, banned_at FROM users WHERE username = ?"
    with closing(sqlite3.connect(file)) as connection:
        row: tuple[int, int, str | None, int | None] = connection.execute(query, (name,)).fetchone()
    return row


def test_a_user_is_made_with_roles_and_a_password(database: Path, type_in: Callable[[bytes], None]) -> None:
    type_in(f"{PASSWORD}\r\n".encode())
    done = run("user", "add", "ann", "--admin", "--password-stdin", "--json", "--create", "--db", database)
    assert set(json.loads(done.stdout)) == {"id", "username", "session_key"}
    is_provider, is_admin, password_hash, _ = row_of(database, "ann")
    assert (is_provider, is_admin) == (0, 1)
    assert is_password(PASSWORD, password_hash)
    assert PASSWORD not in done.stdout + done.stderr


def test_a_password_is_set_and_ends_the_sessions(database: Path, type_in: Callable[[bytes], None]) -> None:
    key = add_user(database, "ann")["session_key"]
    with serving(database) as server, playing(server.url, key) as ann:
        type_in(PASSWORD.encode())
        done = run("user", "password", "ANN", "--password-stdin", "--db", database)
        assert done == Done(0, "ann has a new password; all sessions have ended\n", "")
        ann.hear_until_closed()
        assert ann.close_code() == 4002
    assert is_password(PASSWORD, row_of(database, "ann")[2])


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "8 to 128"), (b"short\n", "8 to 128"), (b"\xff" * 9, "not UTF-8"), (b"a" * 129, "8 to")]
)
def test_a_password_that_is_none_is_refused_without_being_shown(
    database: Path, type_in: Callable[[bytes], None], content: bytes, told: str
) -> None:
    add_user(database, "ann")
    type_in(content)
    done = run("user", "password", "ann", "--password-stdin", "--db", database)
    assert (done.code, done.stdout) == (1, "")
    assert told in done.stderr
    assert row_of(database, "ann")[2] is None


def test_a_password_is_taken_from_standard_input_alone(database: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        run("user", "password", "ann", "--db", database)
    assert caught.value.code == 2


@pytest.mark.parametrize("runs", [True, False])
def test_a_user_is_banned_and_let_back(database: Path, runs: bool) -> None:
    add_user(database, "ann")

    def ban_and_unban() -> None:
        done = run("user", "ban", "Ann", "--db", database)
        assert done == Done(0, "ann is banned; all sessions have ended\n", "")
        assert row_of(database, "ann")[3] is not None
        refused = run("user", "key", "ann", "--db", database)
        assert (refused.code, refused.stderr) == (1, "gameserver: ann is banned and cannot log on\n")
        done = run("user", "unban", "ann", "--db", database)
        assert done == Done(0, "ann may log on again\n", "")
        assert row_of(database, "ann")[3] is None
        assert run("user", "key", "ann", "--db", database).code == 0

    if runs:
        with serving(database):
            ban_and_unban()
    else:
        ban_and_unban()


def test_an_unknown_user_is_neither_banned_nor_given_a_password(
    database: Path, type_in: Callable[[bytes], None]
) -> None:
    add_user(database, "ann")
    type_in(PASSWORD.encode())
    for command, *flags in (["ban"], ["unban"], ["password", "--password-stdin"]):
        done = run("user", command, "bob", *flags, "--db", database)
        assert (done.code, done.stderr) == (1, "gameserver: username does not name an existing user\n")


def test_the_developer_is_an_admin_of_the_server_also_in_an_older_database(database: Path) -> None:
    add_user(database, "dev")
    for _ in range(2):
        with serving(database, "--dev") as server:
            assert server.stop() == 0
        assert row_of(database, "dev")[:2] == (1, 1)


def test_a_password_leaves_no_trace_in_the_files_or_the_log_of_a_server(database: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def post(path: str, password: str) -> int:
        body = json.dumps({"username": "ann", "password": password}).encode()
        request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
        try:
            with opener.open(request, timeout=20) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    right, wrong, short = "correct-horse-battery", "wrong-horse-battery", "shorty7"
    with serving(database, "--log-level", "debug") as server:
        url = server.url.replace("ws:", "http:")
        assert [post("r/signup/", password) for password in (right, short)] == [200, 400]
        assert [post("r/login/", password) for password in (wrong, right, short)] == [401, 200, 401]
        files = b"".join(path.read_bytes() for path in database.parent.iterdir() if path.is_file())
        assert server.stop() == 0
    assert b"log-on failed" in (database.parent / "server.log").read_bytes()
    files += b"".join(path.read_bytes() for path in database.parent.iterdir() if path.is_file())
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in files
    for password in (right, wrong, short):
        assert password.encode() not in files


def test_a_source_is_listed_on_one_line_whatever_its_name_holds(database: Path) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    with serving(database) as server, playing(server.url, key) as ann:
        source = ann.call(365, source_name="Cup\x1b[31m\nX")["source_id"]
    assert run("source", "list", "--db", database) == Done(0, f"{source}  Cup\\x1b[31m\\nX  admins: ann\n", "")
