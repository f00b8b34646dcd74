"""Changes on their way to the database's writer: what is done before, and how much waits."""

import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.handlers.table import READS, WRITES, Write
from gameserver.protocol.declare import Message, Request, tag_of
from gameserver.protocol.game_lists import ListGamesForSource
from gameserver.protocol.games import CreateAndOpenGame
from gameserver.realtime.requests import RequestPipeline
from gameserver.storage.connection import Connection
from tests.support.harness import Client, Server, running_server
from tests.support.notes import Parcel, no_collector
from tests.support.world import assert_refused, bearer

WAIT_S = 30
NOWHERE = "00000000-0000-0000-0000-000000000000"
MANY = ",".join(f"t{number}" for number in range(20_001))
LONG = ",".join(f"t{number}" for number in range(2_000))


@asynccontextmanager
async def writer_at_work(server: Server) -> AsyncIterator[None]:
    """The writer is busy with something else until the block is left."""
    begun, over = trio.Event(), threading.Event()
    loop = trio.lowlevel.current_trio_token()

    def work(connection: Connection) -> None:
        trio.from_thread.run_sync(begun.set, trio_token=loop)
        assert over.wait(WAIT_S)

    server.context.store.writer.submit(work, 0, lambda outcome: None)
    await begun.wait()
    try:
        yield
    finally:
        over.set()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so, and then until nobody has anything to do but wait."""
    with trio.fail_after(WAIT_S):
        while not condition():
            await trio.testing.wait_all_tasks_blocked(0.001)
        await trio.testing.wait_all_tasks_blocked()


async def test_parameters_are_looked_at_before_the_writer_has_time_for_them(server: Server) -> None:
    host = await server.connect("provider")
    source = await server.open_source(host)
    game: dict[str, Any] = {"source_id": source, "game_name": "x", "type": "x"}
    async with writer_at_work(server):
        with trio.fail_after(WAIT_S):
            for op, field, parameters in [
                (370, "targets", {**game, "targets": MANY}),
                (370, "targets", {**game, "targets": "a::b"}),
                (3702, "actions", {"game_id": source, "actions": MANY}),
            ]:
                assert_refused(await host.call(op, **parameters), op, "invalid_parameter", field=field)


async def test_long_parameters_are_looked_at_in_a_thread_that_is_neither_the_loops_nor_the_writers(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    write = WRITES[CreateAndOpenGame]
    assert write.parse is not None
    parse = write.parse

    def noting(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return parse(*arguments)

    monkeypatch.setitem(cast("dict[Any, Any]", WRITES), CreateAndOpenGame, write._replace(parse=noting))
    host = await server.connect("provider")
    game = {"source_id": await server.open_source(host), "game_name": "x", "type": "x"}
    async with writer_at_work(server):
        await host.send({"op": 370, **game, "targets": "a,b"})
        await host.send({"op": 370, **game, "targets": LONG})
        await until(lambda: server.context.store.writer.waiting == 2)
    short, long = threads
    assert short == threading.get_ident() != long
    assert [(await host.receive())["res"] for _ in range(2)] == [340, 340]


async def test_requests_behind_a_long_one_are_answered_after_it(server: Server) -> None:
    host = await server.connect("provider")
    game = {"source_id": await server.open_source(host), "game_name": "x", "type": "x"}
    for targets in (LONG, MANY, LONG):
        await host.send({"op": 370, **game, "targets": targets})
        await host.send({"op": 370, **game, "targets": "a"})
    await host.send({"op": 1})
    assert [(await host.receive())["res"] for _ in range(7)] == [340, 340, 666, 340, 340, 340, 1]


async def send_from_each(clients: list[Client], game: dict[str, Any]) -> None:
    for client in clients:
        await client.send({"op": 370, **game, "targets": LONG})


async def test_a_user_has_so_many_bytes_in_hand_over_all_connections_and_others_are_not_affected(
    database: Path,
) -> None:
    async with running_server(database, max_unanswered_bytes=len(LONG) * 2 + 1_000) as server:
        clients = [await server.connect("provider") for _ in range(5)]
        game = {"source_id": await server.open_source(clients[0]), "game_name": "x", "type": "x"}
        other, writer = await server.connect("provider2"), server.context.store.writer
        async with writer_at_work(server):
            await send_from_each(clients, game)
            await until(lambda: writer.waiting == 2)
            await other.send({"op": 365, "source_name": "x"})
            await until(lambda: writer.waiting == 3)
            assert writer.waiting == 3
        assert [(await client.receive())["res"] for client in clients] == [340] * 5
        assert (await other.receive())["res"] == 335


async def test_who_is_gone_before_a_request_is_taken_up_leaves_room_for_others(database: Path) -> None:
    async with running_server(database, max_unanswered_bytes=1, close_timeout_s=0.001) as server:
        first, last = await server.connect("provider"), await server.connect("provider")
        key = await server.new_key("provider")
        gone = await server.connect(headers=bearer(key))
        game: dict[str, Any] = {"source_id": await server.open_source(first), "game_name": "x", "type": "x"}
        async with writer_at_work(server):
            await send_from_each([first, gone, last], game)
            await until(lambda: server.context.store.writer.waiting == 1)
            server.context.registry.end_session(key.partition(".")[0])
            await until(lambda: server.context.registry.count == 2)
        assert [(await client.receive())["res"] for client in (first, last)] == [340, 340]
        assert (await first.call(370, **game))["res"] == 340


async def test_whatever_has_been_read_is_answered_before_a_draining_server_closes(server: Server) -> None:
    host = await server.connect("provider")
    async with writer_at_work(server):
        await host.send({"op": 365, "source_name": "x"})
        await host.send({"op": 1})
        await until(lambda: server.context.store.writer.waiting == 1)
        server.context.drain()
    assert [(await host.receive())["res"] for _ in range(2)] == [335, 1]
    assert await host.close_code() == 1001


async def test_what_is_refused_before_it_is_written_leaves_room_for_more(database: Path) -> None:
    async with running_server(database, max_unanswered_bytes=1) as server:
        host = await server.connect("provider")
        game: dict[str, Any] = {"source_id": await server.open_source(host), "game_name": "x", "type": "x"}
        with trio.fail_after(WAIT_S):
            for targets in ("a::b", MANY, "a::b"):
                refused = await host.call(370, **game, targets=targets)
                assert_refused(refused, 370, "invalid_parameter", field="targets")


@pytest.mark.parametrize("parameters", [{"targets": "a::b"}, {"targets": MANY}, {"targets": [1]}, {"no_such": LONG}])
async def test_a_refusal_that_waits_for_its_turn_holds_nothing_of_what_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any]
) -> None:
    waiting: list[Any] = []
    run = RequestPipeline._run

    async def noting(pipeline: RequestPipeline, decoded: Any) -> None:
        waiting.append((decoded.request, decoded.failure.__traceback__, decoded.failure.__context__))
        await run(pipeline, decoded)

    monkeypatch.setattr(RequestPipeline, "_run", noting)
    host = await server.connect("provider")
    reply = await host.call(370, source_id=NOWHERE, game_name="x", type="x", **parameters)
    assert_refused(reply, 370, "invalid_parameter", field=next(iter(parameters)))
    assert waiting == [(None, None, None)]


@pytest.mark.parametrize(
    ("request_type", "parameters"), [(CreateAndOpenGame, {"game_name": "x", "type": "x"}), (ListGamesForSource, {})]
)
async def test_nothing_of_a_refused_request_is_left_to_the_collector(
    server: Server, monkeypatch: pytest.MonkeyPatch, request_type: type[Request], parameters: dict[str, Any]
) -> None:
    gone: list[weakref.ref[Parcel]] = []

    def refuse(*arguments: object) -> Message:
        parcel = Parcel()
        gone.append(weakref.ref(parcel))
        try:
            raise KeyError(parcel)
        except KeyError as error:
            raise Rejected(ErrorCode.NOT_FOUND, "Not here, please.") from error

    if request_type in WRITES:
        monkeypatch.setitem(WRITES, request_type, Write(refuse, WRITES[request_type].parse))
    else:
        monkeypatch.setitem(READS, request_type, refuse)
    host, op = await server.connect("provider"), tag_of(request_type)
    with no_collector():
        assert_refused(await host.call(op, source_id=NOWHERE, **parameters), op, "not_found")
        await trio.testing.wait_all_tasks_blocked()
        assert [parcel() for parcel in gone] == [None]
