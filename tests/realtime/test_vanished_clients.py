"""Clients that vanish, at whatever point of a connection, and those that break the protocol."""

import gc
import socket
import struct
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.realtime.connection import Connection
from gameserver.realtime.listener import accept_connections, serve_connection
from tests.support.harness import Server, running_server
from tests.support.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Peer,
    frame,
    nobody_is_connected,
    request,
    request_head,
    tcp_pair,
)

Act = Callable[[Peer, str], Awaitable[None]]


async def _nothing(peer: Peer, key: str) -> None:
    """Say nothing at all."""


async def _half_a_head(peer: Peer, key: str) -> None:
    await peer.send(request_head()[:40])


async def _handshake_unread(peer: Peer, key: str) -> None:
    await peer.send(request_head(authorization=f"Bearer {key}"))


async def _handshake(peer: Peer, key: str) -> None:
    await peer.log_on(key)


async def _half_a_frame(peer: Peer, key: str) -> None:
    await peer.log_on(key, request(1)[:9])


async def _requests_in_hand(peer: Peer, key: str) -> None:
    await peer.log_on(key, *[request(365, number, source_name="Mine") for number in range(5)])


async def _joined(peer: Peer, key: str) -> None:
    await peer.log_on(key, request(363, 1, game_id=key_to_game[key]))
    assert (await peer.message())["res"] == 333


async def _watching(peer: Peer, key: str) -> None:
    await peer.send(request_head(f"/?source={key_to_source[key]}", authorization=f"Bearer {key}"))
    assert (await peer.response()).status == 101


async def _closing(peer: Peer, key: str) -> None:
    await peer.log_on(key, frame(BINARY))
    assert (await peer.frame()).close_code == 1003


async def _plain_request(peer: Peer, key: str) -> None:
    await peer.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")


key_to_game: dict[str, str] = {}
key_to_source: dict[str, str] = {}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize(
    "act",
    [
        _nothing,
        _half_a_head,
        _handshake_unread,
        _handshake,
        _half_a_frame,
        _requests_in_hand,
        _joined,
        _watching,
        _closing,
        _plain_request,
    ],
)
async def test_a_client_that_vanishes_is_forgotten(database: Path, act: Act, reset: bool) -> None:
    async with running_server(database, max_connections=1) as server:
        key = await prepare_game(server)
        theirs, ours = await tcp_pair()
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
                await act(Peer(theirs), key)
                if reset:
                    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await theirs.aclose()
        assert nobody_is_connected(server.context)


async def test_no_task_is_left_of_clients_that_break_the_protocol_or_vanish(database: Path) -> None:
    breaches = [
        frame(BINARY),
        frame(0x3),
        frame(TEXT, b"\xff"),
        frame(TEXT, b" " * 1_001),
        frame(TEXT, final=False) + frame(CONTINUATION, final=False) * 60,
        request(1)[:5],
        frame(CLOSE, b"\x03"),
        frame(PING) * 1_000,
    ]
    limits: dict[str, Any] = {"max_message_bytes": 1_000, "max_message_fragments": 50, "close_timeout_s": 0.2}
    async with running_server(database, **limits) as server:
        head = request_head(authorization=f"Bearer {await server.key_of('ann')}")
        await (await server.connect("ann")).call(611)  # what is started at first use is running
        await trio.testing.wait_all_tasks_blocked()
        baseline = trio.lowlevel.current_statistics().tasks_living
        async with trio.open_nursery() as nursery:
            for number, sent in enumerate(breaches * 10):
                nursery.start_soon(_misbehave, server, head + sent, number % 3 == 0)
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living == baseline
        assert len(server.context.registry.all_connections()) == 1


async def test_what_a_client_sent_in_part_or_did_not_take_is_not_kept_until_the_next_collection_of_garbage(
    database: Path,
) -> None:
    async with running_server(database) as server:
        key = await server.key_of("ann")
        head = request_head(authorization=f"Bearer {key}")
        half = head + frame(TEXT, b"#" * 200_000)[:-1]
        await _misbehave(server, half, False)  # what is made at first use is made
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for number in range(20):
                await _misbehave(server, half, number % 2 == 0)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
    assert after - before < 20 * 50_000


async def test_nothing_more_is_queued_for_a_connection_that_has_ended(server: Server) -> None:
    client = await server.connect("ann")
    (connection,) = server.context.registry.all_connections()
    await client.socket.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert connection.outbox.dead


async def _misbehave(server: Server, sent: bytes, reset: bool) -> None:
    """A whole connection that ends with a reset, or when the server has said all it has to say."""
    theirs, ours = await tcp_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
        await theirs.send_all(sent)
        if reset:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            await theirs.send_eof()
            with suppress(trio.BrokenResourceError):
                await Peer(theirs).rest()
        await trio.aclose_forcefully(theirs)


async def prepare_game(server: Server) -> str:
    """A game to join, and the key of who may; nobody stays connected."""
    provider = await server.connect("provider")
    key = await server.key_of("provider")
    key_to_source[key] = await server.open_source(provider)
    key_to_game[key] = await server.open_game(provider, key_to_source[key])
    await provider.socket.aclose()
    with trio.fail_after(5):
        await server.until_all_are_gone()
    await trio.testing.wait_all_tasks_blocked()
    return key


async def test_a_connection_reset_before_it_is_accepted_does_not_stop_the_listener(server: Server) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = listeners[0].socket.getsockname()
    gone = await trio.open_tcp_stream(*address)
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await gone.aclose()
    async with trio.open_nursery() as nursery:
        await nursery.start(accept_connections, server.context, listeners, nursery)
        peer = Peer(await trio.open_tcp_stream(*address))
        await peer.shake_hands(request(1))
        assert (await peer.message())["res"] == 1
        assert list(server.context.connection_limiter._by_address) == [address[0]]
        await peer.stream.aclose()
        nursery.cancel_scope.cancel()


async def test_a_reply_to_a_client_that_has_gone_is_dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked_since: list[float | None] = []
    clean_up = Connection._clean_up

    def clean_up_and_reply(connection: Connection) -> None:
        clean_up(connection)
        connection.outbox.put(b"the reply to what was in flight")  # its tasks may have ended already
        blocked_since.append(connection.outbox.blocked_since())

    monkeypatch.setattr(Connection, "_clean_up", clean_up_and_reply)
    stream = server.open_stream()
    await stream.send_all(request_head("/", Authorization=f"Bearer {await server.key_of('ann')}"))
    assert b" 101 " in bytes(await stream.receive_some())
    await stream.aclose()
    await server.until_all_are_gone()
    assert blocked_since == [None]
