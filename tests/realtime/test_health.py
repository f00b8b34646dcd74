"""Health checks are answered whatever else there is no room for."""

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest
import trio
import trio.testing

from gameserver.net.accept import accept_forever
from gameserver.net.reserve import MAX_HELD, Reserve
from gameserver.storage.sqlite import connection as connection_module
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import migrate
from gameserver.storage.sqlite.probe import write_nothing_new
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import Peer, Response, frame, plain, request, request_head

LOCAL = "127.0.0.1"
CHECKS = ["/healthz", "/readyz", "/metrics"]


async def ask(server: Server, sent: bytes, address: str = LOCAL) -> Response:
    peer = Peer(server.open_stream(address))
    await peer.send(sent)
    response = await peer.response()
    await peer.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    return response


async def statuses(server: Server, address: str = LOCAL) -> list[int]:
    return [(await ask(server, plain("GET", path, Host=LOCAL), address)).status for path in CHECKS]


async def state(server: Server) -> str:
    status: str = json.loads((await ask(server, plain("GET", "/readyz"))).body)["status"]
    return status


@contextmanager
def no_descriptors_left(reserve: Reserve, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The system has none beyond those that are open, one of which the reserve has let go of."""

    def fail(descriptor: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        assert reserve.release_descriptor()
        patch.setattr(os, "dup", fail)
        yield


# When connections are full


async def test_checks_are_answered_when_connections_are_full(database: Path) -> None:
    async with running_server(database, max_connections=2) as server:
        kept = [await server.connect("ann", address=address) for address in ("a", "b")]
        assert await statuses(server) == [200, 503, 200]
        assert await state(server) == "full"
        assert (await ask(server, plain("OPTIONS", "/"))).status == 200
        for sent in (request_head(), plain("GET", "/"), plain("GET", "/nothing"), plain("OPTIONS", "/nothing")):
            response = await ask(server, sent)
            assert (response.status, "retry-after" in response.headers) == (503, True)
        await kept[0].socket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert await statuses(server) == [200, 200, 200]


async def test_a_check_that_takes_the_last_place_finds_room(database: Path) -> None:
    async with running_server(database, max_connections=1) as server:
        assert await statuses(server) == [200, 200, 200]


async def test_checks_are_answered_where_an_address_has_no_more_connections(database: Path) -> None:
    async with running_server(database, max_connections_per_address=1) as server:
        await server.connect("ann", address=LOCAL)
        assert await statuses(server) == [200, 200, 200]
        assert (await ask(server, request_head())).status == 503


async def test_who_finds_a_place_by_the_time_he_asks_gets_it(database: Path) -> None:
    async with running_server(database, max_connections=1) as server:
        first = await server.connect("ann")
        second = Peer(server.open_stream())
        await trio.testing.wait_all_tasks_blocked()
        await first.socket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        await second.shake_hands(request(1))
        assert (await second.message())["res"] == 1
        assert (await ask(server, request_head())).status == 503
        await second.send(frame(8))
        await second.frame()
        await second.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await ask(server, request_head())).status == 101


async def test_silent_connections_keep_no_check_from_its_answer(database: Path) -> None:
    async with running_server(database, max_connections=1) as server:
        await server.connect("ann")
        silent = []
        for number in range(MAX_HELD + 2):
            silent.append(Peer(server.open_stream(f"s{number}")))
            await trio.testing.wait_all_tasks_blocked()
        assert await statuses(server) == [200, 503, 200]
        for peer in silent[:3]:
            assert (await peer.response()).status == 503
            assert await peer.rest() == b""
        assert server.context.metrics.refused["too_many"] == 3


async def test_who_has_been_answered_is_not_answered_again_when_he_makes_room(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline, max_connections=1) as server:
        await server.connect("ann")
        slow = Peer(server.open_stream())
        await slow.send(plain("GET", "/healthz"))
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(MAX_HELD):
            server.open_stream()
        await trio.testing.wait_all_tasks_blocked()
        assert (await slow.response()).status == 200
        assert await slow.rest() == b""


async def test_behind_a_proxy_too(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.1",), max_connections=1) as server:
        await server.connect("ann")
        assert await statuses(server, "10.0.0.1") == [200, 503, 403]
        response = await ask(server, plain("GET", "/metrics", Host=LOCAL, **{"X-Forwarded-For": LOCAL}), "10.0.0.1")
        assert response.status == 200


# When descriptors run out


async def test_checks_are_answered_without_descriptors_left(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await server.connect("ann")
    with no_descriptors_left(server.context.reserve, monkeypatch):
        assert await statuses(server) == [200, 503, 200]
        assert await state(server) == "full"
        assert (await ask(server, request_head())).status == 503
        assert (await client.call(1))["res"] == 1
    assert await statuses(server) == [200, 200, 200]
    assert (await ask(server, request_head())).status == 101


async def test_reading_the_metrics_takes_a_descriptor_of_the_reserve_only_where_no_other_is_left(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = server.context.reserve._spare
    at_first = len(spare)
    await ask(server, plain("GET", "/metrics", Host=LOCAL))
    assert len(spare) == at_first
    with no_descriptors_left(server.context.reserve, monkeypatch):
        await ask(server, plain("GET", "/metrics", Host=LOCAL))
        assert len(spare) == at_first - 2


def test_the_reserve_lets_go_of_what_it_takes_back() -> None:
    def opened() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    before = opened()
    with closing(Reserve()) as reserve:
        held = opened() - before
        spent = 0
        while reserve.release_descriptor():
            spent += 1
        assert (held, opened() - before) == (spent + 1, 1)
        assert reserve.replenish()
        assert opened() - before == held
    assert opened() == before


class Exhausted(trio.abc.Listener[trio.SocketStream]):
    """A listener that gets a descriptor only where one has been let go of."""

    def __init__(self, waiting: int) -> None:
        self.free = 0
        self._waiting = waiting

    async def accept(self) -> trio.SocketStream:
        await trio.lowlevel.checkpoint()
        if not self._waiting:
            await trio.sleep_forever()
        if not self.free:
            raise OSError(errno.EMFILE, "Too many open files")
        self.free -= 1
        self._waiting -= 1
        return cast("trio.SocketStream", self)

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(("spare", "last_at_s"), [(0, None), (1, 0.19), (3, 0.06), (20, 0)])
async def test_accepting_goes_on_with_what_is_let_go_of(
    autojump_clock: trio.testing.MockClock, spare: int, last_at_s: float | None
) -> None:
    listener, began_at = Exhausted(waiting=20), trio.current_time()
    started: list[float] = []

    def make_room() -> bool:
        nonlocal spare
        if not spare:
            return False
        spare, listener.free = spare - 1, listener.free + 1
        return True

    async def serve(stream: trio.SocketStream) -> None:
        started.append(trio.current_time() - began_at)
        await trio.sleep(0.01)
        listener.free += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_forever, cast(trio.SocketListener, listener), serve, nursery, make_room)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    if last_at_s is None:
        assert started == []
    else:
        assert len(started) == 20
        assert started[-1] == pytest.approx(last_at_s)


# While the database cannot be written


async def test_a_database_that_cannot_be_written_makes_a_server_unready_until_it_can(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT_MS", 0)
    async with running_server(database) as server:
        client = await server.connect("provider")
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await state(server) == "ok"  # nobody has tried
            assert (await client.call(365, source_name="Refused"))["code"] == "busy"
            assert await state(server) == "storage_unavailable"
            assert await statuses(server) == [200, 503, 200]
            assert json.loads((await ask(server, plain("GET", "/healthz"))).body) == {"status": "ok"}
            other.execute("ROLLBACK")
        assert await state(server) == "ok"
        server.context.clock = None  # type: ignore[assignment] # as soon as the doubt is over, nothing is tried
        assert await state(server) == "ok"


async def test_a_writer_that_hangs_makes_the_check_wait_for_a_second_only(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        server.context.writer_monitor.in_doubt = True

        async def hang(*arguments: object) -> None:
            await trio.sleep_forever()

        server.context.store.writer._run_sync = hang
        started_at = trio.current_time()
        assert await state(server) == "storage_unavailable"
        assert trio.current_time() - started_at == pytest.approx(1)


def test_the_probe_writes_something_and_changes_nothing(database: Path) -> None:
    with closing(open_writer(database)) as connection:
        migrate(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = connection.execute("SELECT * FROM pragma_user_version").fetchall()
        wal = database.with_name(database.name + "-wal")
        assert wal.stat().st_size == 0
        connection.execute("BEGIN IMMEDIATE")
        write_nothing_new(connection)
        connection.execute("COMMIT")
        assert wal.stat().st_size > 0
        assert connection.execute("SELECT * FROM pragma_user_version").fetchall() == before
