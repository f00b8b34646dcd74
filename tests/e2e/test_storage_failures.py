"""The disk is full, fails, or another program holds the file: who writes is told so, and the rest goes on."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from gameserver.storage.connection import Connection
from gameserver.storage.files import beside
from gameserver.storage.sqlite import connection as connection_module
from tests.support.harness import START_MS, Client, FakeClock, Server, running_server
from tests.support.process import Player, ServerProcess, add_user, playing, run, serving
from tests.support.settling import faults_of
from tests.support.world import assert_refused

LONG_MS = 60_000
PINGS = 20
MANY_TARGETS = [f"team {number}:{player}" for number in range(20) for player in range(20)]


def large_game(source: str, number: int) -> dict[str, Any]:
    return {"source_id": source, "game_name": str(number), "type": "football", "targets": MANY_TARGETS}


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program writes to the file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def limit_pages(server: Server, most: int) -> None:
    """Let the database have so many pages at most, but not fewer than it has."""

    def limit(connection: Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    await server.context.store.write(limit, server.context.clock.now_ms())


async def open_pool(server: Server, host: Client) -> str:
    """A pool of a new game; its id."""
    game = await server.open_game(host, await server.open_source(host))
    await host.call(616, game_id=game)
    options: dict[str, Any] = {"action_id": "goal", "targets": ["argentina", "brazil"]}
    return str((await host.call(385, game_id=game, description="Who?", **options))["pool_id"])


# A full disk


async def fill(client: Client, source: str) -> dict[str, Any]:
    """Create large games until the disk is full; the refusal."""
    for number in range(100):
        reply = await client.call(370, **large_game(source, number))
        if reply["res"] == 666:
            return reply
    raise AssertionError("the disk has room for everything")


async def test_a_full_disk_is_told_to_who_writes_and_to_nobody_else(server: Server, database: Path) -> None:
    host, other = await server.connect("provider"), await server.connect("ann")
    source = await server.open_source(host)
    await limit_pages(server, 1)
    assert_refused(await fill(host, source), 370, "storage_unavailable")
    games = (await other.call(380, source_id=source))["games"]
    assert (await other.call(1))["res"] == 1
    assert faults_of(database) == []
    await limit_pages(server, 1_000_000)
    again = await host.call(370, **large_game(source, -1))
    assert again["res"] == 340
    assert set((await other.call(380, source_id=source))["games"]) == {*games, again["game_id"]}
    assert faults_of(database) == []


async def test_a_full_disk_takes_no_bet_by_halves_and_a_key_makes_it_one_when_there_is_room(
    server: Server, database: Path
) -> None:
    host, ann = await server.connect("provider"), await server.connect("ann")
    pool = await open_pool(server, host)
    await limit_pages(server, 1)
    bet = {"pool_id": pool, "target": "brazil", "amount": 1}
    taken = 0
    while (reply := await ann.call(392, header={"key": str(taken)}, **bet))["res"] == 356:
        taken += 1
    assert_refused(reply, 392, "storage_unavailable")
    assert (await ann.call(810))["available_balance"] == 1000 - taken
    await limit_pages(server, 1_000_000)
    for _ in range(2):
        assert (await ann.call(392, header={"key": str(taken)}, **bet))["res"] == 356
    assert (await ann.call(810))["available_balance"] == 1000 - taken - 1
    assert faults_of(database) == []


# A disk that fails


@pytest.fixture
def failing(database: Path) -> Iterator[tuple[ServerProcess, Player, str, str]]:
    """A server whose file cannot grow any more, its client, a source with a game, and that game."""
    key = add_user(database, "fifa", provider=True)["session_key"]
    with serving(database) as server, playing(server.url, key) as host:
        source = host.call(365, source_name="Cup")["source_id"]
        game = host.call(370, **large_game(source, 0))["game_id"]
        log_size = beside(database, "-wal").stat().st_size
        assert log_size > server.log.stat().st_size + 50_000  # what the server logs is still written
        server.limit_files(log_size)
        yield server, host, source, game


def test_a_disk_that_fails_is_told_to_who_writes_and_forgotten_when_it_works_again(
    database: Path, failing: tuple[ServerProcess, Player, str, str]
) -> None:
    server, host, source, game = failing
    for _ in range(2):
        refused = host.call(370, header={"key": "one"}, **large_game(source, 1))
        assert_refused(refused, 370, "storage_unavailable")
        assert host.call(1)["res"] == 1
        assert set(host.call(380, source_id=source)["games"]) == {game}
    server.limit_files(None)
    one = host.call(370, header={"key": "one"}, **large_game(source, 1))
    again = host.call(370, header={"key": "one"}, **large_game(source, 1))
    assert (again["game_id"], again["response_header"]["repeated"]) == (one["game_id"], True)
    assert set(host.call(380, source_id=source)["games"]) == {game, one["game_id"]}
    assert server.stop() == 0
    assert run("check", "--db", database).code == 0


def test_a_server_told_to_end_while_the_disk_fails_leaves_what_was_acknowledged(
    database: Path, failing: tuple[ServerProcess, Player, str, str]
) -> None:
    server, host, source, game = failing
    assert_refused(host.call(370, **large_game(source, 1)), 370, "storage_unavailable")
    assert server.stop() == 0
    assert run("check", "--db", database).code == 0
    key = add_user(database, "ann")["session_key"]
    with serving(database) as server, playing(server.url, key) as ann:
        assert set(ann.call(380, source_id=source)["games"]) == {game}
        assert server.stop() == 0


# A lock of another program


def test_a_write_waits_for_another_program_and_nobody_waits_with_it(database: Path) -> None:
    key = add_user(database, "fifa", provider=True)["session_key"]
    with serving(database) as server, playing(server.url, key) as host, playing(server.url, key) as other:
        with locked(database):
            host.socket.send(json.dumps({"op": 365, "source_name": "Cup"}))
            for _ in range(PINGS):
                assert other.call(1)["res"] == 1
                assert other.call(611)["sources"] == []
            with pytest.raises(TimeoutError):
                host.socket.recv(timeout=0)
        source = host.receive()
        assert source["res"] == 335
        assert [entry["id"] for entry in other.call(611)["sources"]] == [source["source_id"]]
        assert server.stop() == 0
    assert run("check", "--db", database).code == 0


async def test_a_write_that_waited_long_for_another_program_is_told_busy(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT_MS", 300)
    async with running_server(database, max_requests_per_s=100_000) as server, trio.open_nursery() as nursery:
        host, other = await server.connect("provider"), await server.connect("ann")
        replies: list[dict[str, Any]] = []
        answered = 0

        async def write() -> None:
            replies.append(await host.call(365, source_name="Cup"))

        with locked(database):
            nursery.start_soon(write)
            while not replies:
                assert (await other.call(1))["res"] == 1
                assert (await other.call(611))["sources"] == []
                answered += 1
        assert_refused(replies[0], 365, "busy")
        assert answered > 1
        assert (await host.call(365, source_name="Cup"))["res"] == 335
    assert faults_of(database) == []


# What is due and cannot be done


async def test_reads_go_on_while_what_is_due_cannot_be_done(
    database: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT_MS", 0)
    async with running_server(database, clock) as server:
        host, ann = await server.connect("provider"), await server.connect("ann")
        pool = await open_pool(server, host)
        assert (await host.call(397, pool_id=pool, block_at=START_MS + LONG_MS))["res"] == 368
        with locked(database):
            clock.time_ms += LONG_MS
            for _ in range(2):
                assert (await ann.call(393, pool_id=pool))["is_blocked"] is False
            assert_refused(await ann.call(392, pool_id=pool, target="brazil", amount=1), 392, "busy")
        clock.time_ms += LONG_MS
        assert (await ann.call(393, pool_id=pool))["is_blocked"] is True
        assert_refused(await ann.call(392, pool_id=pool, target="brazil", amount=1), 392, "betting_blocked")
