"""Who comes in, or leaves, waits for no game that another server on the database has to itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher

from gameserver.engine import passwords
from gameserver.storage.postgres.announcements import begin_batch
from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from gameserver.storage.postgres.version import LOCK
from tests.support.harness import Server, running_server
from tests.support.http import HttpClient, client_of, content

HERE, PASSWORD = "127.0.0.1", "correct horse"


@pytest.fixture
def engine() -> str:
    """Only on a database server others write."""
    return "postgres"


@pytest.fixture
def other(location: str) -> Iterator[PostgresConnection]:
    """The connection of another server, for whom nobody waits long."""
    with open_writer(location) as connected:
        yield connected


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with as little work as argon2 can."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


async def come_and_go(server: Server, newcomer: str, known: str) -> list[int]:
    """The statuses of the answers to all that a crowd does about accounts: signing up, logging in, being a guest."""
    statuses = []
    for path, name in (("/r/signup/", newcomer), ("/r/login/", known), ("/r/guest/", None)):
        body = {} if name is None else {"username": name, "password": PASSWORD}
        response = await HttpClient(server, address=HERE).post(path, body)
        statuses.append(response.status)
        if response.status == 200:
            bearer = {"Authorization": f"Bearer {content(response)['user_session_key']}"}
            statuses.append((await HttpClient(server, bearer).post("/r/logout/", {})).status)
    return statuses


async def test_a_crowd_comes_and_goes_while_another_server_has_a_game_to_itself(
    location: str, other: PostgresConnection
) -> None:
    async with running_server(location) as server:
        assert await come_and_go(server, "ann", "ann") == [200] * 6  # so that the server has put its house in order
        begin_batch(other, 0, [1])
        assert await come_and_go(server, "bob", "ann") == [200] * 6
        other.execute("ROLLBACK")


async def test_who_comes_in_waits_for_whoever_has_the_database_to_itself(
    location: str, other: PostgresConnection
) -> None:
    async with running_server(location) as server:
        assert await come_and_go(server, "ann", "ann") == [200] * 6
        server.context.store.writer._connection.execute("SET lock_timeout = '50ms'")
        begin_batch(other, 0)
        assert await come_and_go(server, "bob", "ann") == [429] * 3
        other.execute("ROLLBACK")
        assert await come_and_go(server, "bob", "ann") == [200] * 6


async def test_view_keys_and_the_ends_of_sessions_are_written_beside_games(
    location: str, other: PostgresConnection
) -> None:
    async with running_server(location) as server:
        assert await come_and_go(server, "bob", "bob") == [200] * 6  # as above
        ann = await server.connect("ann")
        begin_batch(other, 0, [1])
        assert (await ann.call(101))["res"] == 101
        sessions: list[dict[str, Any]] = (await ann.call(102))["sessions"]
        (view_key,) = [session["session_id"] for session in sessions if session["is_view"]]
        assert (await ann.call(103, session_id=view_key))["res"] == 103
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = ? AND NOT granted"
        assert other.execute(locks, (LOCK,)).fetchone()[0] == 0
        other.execute("ROLLBACK")
        client = await client_of(server, "ann")
        assert (await client.get("/r/me/")).status == 200
