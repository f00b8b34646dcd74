import gc
import os
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.realtime.listener import accept_connections, serve_connection
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    Peer,
    frame,
    nobody_is_connected,
    request,
    request_head,
    small_buffers,
    tcp_pair,
    unix_pair,
)

MAX_BYTES = 1_000
NORMAL = (1000).to_bytes(2)


@pytest.fixture
async def server(database: Path) -> AsyncIterator[Server]:
    """A server that takes small messages only, and waits for no peer."""
    limits: dict[str, Any] = {"max_message_bytes": MAX_BYTES, "max_message_fragments": 50}
    async with running_server(database, **limits, close_timeout_s=0.2) as running:
        yield running


@pytest.fixture
async def peer(server: Server) -> Peer:
    """A client of that server whose WebSocket is open."""
    opened = Peer(server.open_stream())
    with trio.fail_after(5):
        await opened.log_on(await server.key_of("ann"))
    return opened


async def close_code(peer: Peer) -> int:
    """The code with which the server closes; it must then also close the stream."""
    with trio.fail_after(5):
        _, code = await peer.messages_until_close()
        with suppress(trio.BrokenResourceError):  # closed already, where the client had said its close before
            await peer.send(frame(CLOSE, code.to_bytes(2)))
        assert await peer.rest() == b""
    return code


def padded_ping(size: int) -> bytes:
    """A request 1 of so many bytes."""
    return b'{"op":1%b}' % (b" " * (size - 8))


# What a client must not send


async def test_a_binary_frame_closes_with_1003(peer: Peer) -> None:
    await peer.send(frame(BINARY, b'{"op":1}'))
    assert await close_code(peer) == 1003


async def test_a_message_of_exactly_the_limit_is_answered(peer: Peer) -> None:
    await peer.send(frame(TEXT, padded_ping(MAX_BYTES)))
    assert (await peer.message())["res"] == 1


async def test_a_message_one_byte_over_the_limit_closes_with_1009(peer: Peer) -> None:
    await peer.send(frame(TEXT, padded_ping(MAX_BYTES + 1)))
    assert await close_code(peer) == 1009


async def test_a_messages_size_is_counted_in_bytes_not_characters(peer: Peer) -> None:
    await peer.send(frame(TEXT, ("€" * (MAX_BYTES // 3 + 1)).encode()))
    assert await close_code(peer) == 1009


async def test_a_message_too_big_in_sum_of_its_fragments_closes_with_1009(peer: Peer) -> None:
    half = b" " * (MAX_BYTES // 2 + 1)
    await peer.send(frame(TEXT, half, final=False), frame(CONTINUATION, half, final=False))
    assert await close_code(peer) == 1009


async def test_endless_empty_fragments_close_with_1009(peer: Peer) -> None:
    await peer.send(frame(TEXT, final=False), *[frame(CONTINUATION, final=False)] * 51)
    assert await close_code(peer) == 1009


async def test_a_frame_that_announces_too_much_is_not_waited_for(peer: Peer) -> None:
    await peer.send(b"\x81\xff" + (2**40).to_bytes(8) + b"\x01\x02\x03\x04")
    with trio.fail_after(5):
        assert (await peer.frame()).close_code == 1009


async def test_what_is_answered_before_a_message_too_big_is_still_sent(peer: Peer) -> None:
    await peer.send(request(1, 7))
    assert (await peer.message())["response_header"]["id"] == 7
    await peer.send(frame(TEXT, padded_ping(MAX_BYTES + 1)), request(1, 8))
    messages, code = await peer.messages_until_close()
    assert (messages, code) == ([], 1009)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(frame(TEXT, b"\xff\xfe"), id="bytes that begin no character"),
        pytest.param(frame(TEXT, "€".encode()[:2]), id="half a character"),
        pytest.param(frame(TEXT, b"\xed\xa0\x80"), id="a surrogate"),
        pytest.param(frame(TEXT, b"\xe2", final=False) + frame(CONTINUATION, b"a"), id="by fragments"),
        pytest.param(frame(CLOSE, NORMAL + b"\xff"), id="in the reason of a close"),
    ],
)
async def test_text_that_is_not_utf_8_closes_with_1007(peer: Peer, frames: bytes) -> None:
    await peer.send(frames)
    assert await close_code(peer) == 1007


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(frame(0x3, b"{}"), id="reserved opcode"),
        pytest.param(frame(0xB), id="reserved control opcode"),
        pytest.param(frame(TEXT, b"{}", masked=False), id="unmasked"),
        pytest.param(frame(TEXT, b"{}", reserved=4), id="compressed"),
        pytest.param(frame(PING, b"#" * 126), id="long ping"),
        pytest.param(frame(PING, final=False), id="fragmented ping"),
        pytest.param(frame(CONTINUATION, b"{}"), id="continuation of nothing"),
        pytest.param(frame(TEXT, b"{", final=False) + frame(TEXT, b"}"), id="text within a message"),
        pytest.param(frame(CLOSE, b"\x03"), id="close with half a code"),
        pytest.param(frame(CLOSE, (1005).to_bytes(2)), id="close with a code never sent"),
    ],
)
async def test_a_breach_of_the_websocket_protocol_closes_with_1002(peer: Peer, frames: bytes) -> None:
    await peer.send(frames)
    assert await close_code(peer) == 1002


async def test_text_that_is_no_json_object_is_refused_and_the_connection_lives(peer: Peer) -> None:
    await peer.send(*(frame(TEXT, text) for text in (b"", b"nonsense", b"[]", b"1", b"null", b'"op"')), request(1))
    codes = [(await peer.message()).get("code") for _ in range(7)]
    assert codes == ["bad_json", "bad_json", "bad_request", "bad_request", "bad_request", "bad_request", None]


# Requests


async def test_requests_in_one_segment_are_answered_in_order(peer: Peer) -> None:
    await peer.send(*(request(op, number) for number, op in enumerate([1, 611, 2, 365, 1, 610] * 5)))
    ids = [(await peer.message())["response_header"]["id"] for _ in range(30)]
    assert ids == list(range(30))


async def test_changes_in_one_segment_share_commits_and_what_follows_sees_them(database: Path) -> None:
    batches: list[int] = []

    async def run(function: Callable[..., Any], *arguments: Any, limiter: object = None) -> Any:
        if isinstance(arguments[0], list) and function.__name__ == "_run_batch":
            batches.append(len(arguments[0]))
        return await run_inline(function, *arguments)

    async with running_server(database, run_sync=run) as server:
        peer = Peer(server.open_stream())
        await peer.log_on(await server.key_of("provider"))
        batches.clear()
        names = [f"source {number}" for number in range(20)]
        sent = [request(365, number, source_name=name) for number, name in enumerate(names)]
        await peer.send(*sent[:10], request(365, 99), *sent[10:], frame(PING, b"?"), request(611, 100), *sent[:1])
        frames = [await peer.frame() for _ in range(24)]
        frames.remove(Frame(PONG, b"?"))  # which need not wait for what is being carried out
        replies = [found.message for found in frames]
        assert [reply["response_header"]["id"] for reply in replies] == [*range(10), 99, *range(10, 20), 100, 0]
        assert [source["name"] for source in replies[21]["sources"]] == names[::-1]
        # What reads, and a refusal, waits for what is before it.
        assert batches == [10, 10, 1]


async def test_what_one_commit_makes_known_to_a_connection_comes_in_one_write(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    write = os.write

    def write_noted(descriptor: int, data: bytes) -> int:
        writes.append(bytes(data))
        return write(descriptor, data)

    async with running_server(database) as server, trio.open_nursery() as nursery:
        admin = await server.connect("provider")
        game_id = await server.open_game(admin, await server.open_source(admin))
        await admin.call(616, game_id=game_id)
        pool = await admin.call(385, game_id=game_id, description="?", action_id="goal", targets=["argentina"])
        theirs, ours = await tcp_pair()
        nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
        peer = Peer(theirs)
        await peer.log_on(await server.key_of("ann"))
        monkeypatch.setattr("gameserver.net.outbox.os.write", write_noted)
        await peer.send(request(392, 1, pool_id=pool["pool_id"], target="argentina", amount=1))
        assert [(await peer.message())["res"] for _ in range(2)] == [815, 356]
        assert len(writes) == 1
        await theirs.aclose()


async def test_what_breaks_the_protocol_behind_changes_comes_after_their_answers(peer: Peer) -> None:
    await peer.send(request(365, 1), request(365, 2), frame(CONTINUATION, b"{}"))
    messages, code = await peer.messages_until_close()
    assert ([message["response_header"]["id"] for message in messages], code) == ([1, 2], 1002)


async def test_requests_sent_along_with_the_handshake_are_answered_in_order(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.log_on(await server.key_of("ann"), *(request(op, number) for number, op in enumerate([1, 611, 1] * 5)))
    ids = [(await peer.message())["response_header"]["id"] for _ in range(15)]
    assert ids == list(range(15))


@pytest.mark.parametrize("early_bytes", [1, 2, 5, 6, 20])
async def test_a_request_cut_between_handshake_and_frames_is_answered(server: Server, early_bytes: int) -> None:
    peer, sent = Peer(server.open_stream()), request(1, 5)
    await peer.shake_hands(sent[:early_bytes])
    await peer.send(sent[early_bytes:])
    assert (await peer.message())["response_header"]["id"] == 5


async def test_what_breaks_the_protocol_along_with_the_handshake_is_refused_too(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.shake_hands(frame(TEXT, padded_ping(MAX_BYTES + 1)))
    assert await close_code(peer) == 1009


async def test_a_request_that_comes_byte_by_byte_is_answered(peer: Peer) -> None:
    for byte in request(1, 3):
        await peer.send(bytes([byte]))
        await trio.testing.wait_all_tasks_blocked()
    assert (await peer.message())["response_header"]["id"] == 3


async def test_a_request_in_fragments_with_pings_between_is_answered(peer: Peer) -> None:
    await peer.send(
        frame(TEXT, b'{"op"', final=False),
        frame(PING, b"1"),
        frame(CONTINUATION, b"", final=False),
        frame(PING, b"2"),
        frame(CONTINUATION, b":1}"),
    )
    assert [await peer.frame(), await peer.frame()] == [(PONG, b"1"), (PONG, b"2")]
    assert (await peer.message())["res"] == 1


async def test_a_ping_is_answered_with_its_payload(peer: Peer) -> None:
    for payload in (b"", b"hello", b"\x00" * 125):
        await peer.send(frame(PING, payload))
        assert await peer.frame() == (PONG, payload)


async def test_a_pong_nobody_asked_for_is_ignored(peer: Peer) -> None:
    await peer.send(frame(PONG, b"hello"), request(1))
    assert (await peer.message())["res"] == 1


# Closing


@pytest.mark.parametrize("payload", [b"", NORMAL, NORMAL + b"bye", (3000).to_bytes(2), (4999).to_bytes(2)])
async def test_the_clients_close_is_answered_and_the_stream_closed(peer: Peer, payload: bytes) -> None:
    await peer.send(frame(CLOSE, payload))
    with trio.fail_after(5):
        found = await peer.frame()
        assert (found.opcode, found.payload[:2]) == (CLOSE, payload[:2])
        assert await peer.rest() == b""


async def test_requests_before_the_clients_close_are_answered_first(peer: Peer) -> None:
    await peer.send(request(1, 1), request(611, 2), frame(CLOSE, NORMAL))
    messages, code = await peer.messages_until_close()
    assert [message["response_header"]["id"] for message in messages] == [1, 2]
    assert code == 1000


async def test_pings_and_requests_after_the_servers_close_frame_are_harmless(peer: Peer) -> None:
    await peer.send(frame(BINARY))
    assert (await peer.frame()).close_code == 1003
    await peer.send(frame(PING, b"late"), request(1), frame(0x3), frame(CLOSE, NORMAL))
    assert await peer.rest() == b""


async def test_pings_after_the_clients_own_close_frame_are_harmless(peer: Peer) -> None:
    await peer.send(frame(CLOSE, NORMAL), frame(PING, b"late"), request(1))
    with trio.fail_after(5):
        assert (await peer.frame()).close_code == 1000
        assert await peer.rest() == b""


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(frame(CLOSE, NORMAL), id="begun by the client"),
        pytest.param(frame(BINARY), id="begun by the server"),
        pytest.param(frame(TEXT, padded_ping(MAX_BYTES + 1)), id="for a message too big"),
        pytest.param(frame(0x3), id="for a breach of the protocol"),
    ],
)
async def test_after_the_closing_handshake_the_stream_is_closed_at_once(
    database: Path, autojump_clock: trio.testing.MockClock, sent: bytes
) -> None:
    async with running_server(database, run_sync=run_inline, max_message_bytes=MAX_BYTES) as server:
        peer = Peer(server.open_stream())
        await peer.shake_hands()
        await peer.send(sent)
        code = (await peer.frame()).close_code
        closed_at = trio.current_time()
        if sent != frame(CLOSE, NORMAL):
            await peer.send(frame(CLOSE, code.to_bytes(2)))
        assert await peer.rest() == b""
        assert trio.current_time() == closed_at


@pytest.mark.parametrize("payload", [b"\x03", (1005).to_bytes(2), NORMAL + b"\xff"])
async def test_a_close_frame_that_is_wrong_is_the_last_that_is_waited_for(
    database: Path, autojump_clock: trio.testing.MockClock, payload: bytes
) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        peer = Peer(server.open_stream())
        await peer.shake_hands()
        sent_at = trio.current_time()
        await peer.send(frame(CLOSE, payload))
        assert (await peer.frame()).close_code in (1002, 1007)
        assert await peer.rest() == b""
        assert trio.current_time() == sent_at


async def test_a_client_that_does_not_answer_a_close_is_cut_off(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline, close_timeout_s=3) as server:
        peer = Peer(server.open_stream())
        await peer.shake_hands()
        await peer.send(frame(BINARY))
        assert (await peer.frame()).close_code == 1003
        closed_at = trio.current_time()
        assert await peer.rest() == b""
        assert trio.current_time() - closed_at == pytest.approx(3)


async def test_a_log_on_that_ends_after_closing_began_does_not_keep_the_connection_open(
    database: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: dict[str, Any] = {"logon_timeout_s": 10, "close_timeout_s": 3, "ping_interval_s": 1_000}
    async with running_server(database, run_sync=run_inline, **times) as server:
        key, read = await server.key_of("ann"), server.context.store.read

        async def read_slowly(job: Any) -> Any:
            await trio.sleep(2)
            return await read(job)

        monkeypatch.setattr(server.context.store, "read", read_slowly)
        peer = Peer(server.open_stream())
        opened_at = trio.current_time()
        await peer.shake_hands()
        await trio.sleep(9)
        await peer.send(frame(TEXT, b'{"op":100,"header":{"session_key":"%b"}}' % key.encode()))
        assert await peer.messages_until_close() == ([], 4001)
        assert await peer.rest() == b""
        assert trio.current_time() - opened_at == pytest.approx(13)


# Vanishing

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


async def test_no_task_is_left_of_clients_that_break_the_protocol_or_vanish(server: Server) -> None:
    breaches = [
        frame(BINARY),
        frame(0x3),
        frame(TEXT, b"\xff"),
        frame(TEXT, padded_ping(MAX_BYTES + 1)),
        frame(TEXT, final=False) + frame(CONTINUATION, final=False) * 60,
        request(1)[:5],
        frame(CLOSE, b"\x03"),
        frame(PING) * 1_000,
    ]
    key = await server.key_of("ann")
    await (await server.connect("ann")).call(611)  # what is started at first use is running
    await trio.testing.wait_all_tasks_blocked()
    baseline = trio.lowlevel.current_statistics().tasks_living
    async with trio.open_nursery() as nursery:
        for number, sent in enumerate(breaches * 10):
            nursery.start_soon(_misbehave, server, request_head(authorization=f"Bearer {key}") + sent, number % 3 == 0)
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


# Silence, under a clock that jumps

PING_TIMES: dict[str, Any] = {"ping_interval_s": 20, "ping_timeout_s": 20, "handshake_timeout_s": 10}


async def test_a_peer_silent_after_a_ping_is_dropped(database: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with running_server(database, run_sync=run_inline, **PING_TIMES) as server:
        peer = Peer(server.open_stream())
        await peer.log_on(await server.key_of("ann"))
        opened_at = trio.current_time()
        assert (await peer.frame()).opcode == PING
        assert trio.current_time() - opened_at == pytest.approx(20, abs=0.1)
        assert await peer.rest() == b""
        assert trio.current_time() - opened_at == pytest.approx(40, abs=0.1)
        await server.until_all_are_gone()


@pytest.mark.parametrize("delay_s", [0, 1, 19])
async def test_a_peer_that_answers_pings_stays_and_is_pinged_again(
    database: Path, autojump_clock: trio.testing.MockClock, delay_s: int
) -> None:
    async with running_server(database, run_sync=run_inline, **PING_TIMES) as server:
        peer = Peer(server.open_stream())
        await peer.log_on(await server.key_of("ann"))
        opened_at, times = trio.current_time(), []
        for _ in range(5):
            assert (await peer.frame()).opcode == PING
            times.append(round(trio.current_time() - opened_at))
            await trio.sleep(delay_s)
            await peer.send(frame(PONG))
        assert times == [20, 40, 60, 80, 100]


async def test_a_ping_is_sent_every_interval(database: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with running_server(database, run_sync=run_inline, ping_interval_s=10, ping_timeout_s=25) as server:
        peer = Peer(server.open_stream())
        await peer.log_on(await server.key_of("ann"))
        opened_at, times = trio.current_time(), []
        for _ in range(4):
            assert (await peer.frame()).opcode == PING
            times.append(round(trio.current_time() - opened_at))
            await trio.sleep(1)
            await peer.send(frame(PONG))
        assert times == [10, 20, 30, 40]


@pytest.mark.parametrize("waiting", [0, 1, 2, 5])
async def test_a_slow_operation_is_not_the_peers_silence(
    database: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    async with running_server(database, run_sync=run_inline, **PING_TIMES) as server:
        peer = Peer(server.open_stream())
        await peer.log_on(await server.key_of("ann"))
        read = server.context.store.read

        async def read_slowly(job: Any) -> Any:
            await trio.sleep(90)
            return await read(job)

        monkeypatch.setattr(server.context.store, "read", read_slowly)
        await peer.send(request(611, 0), *(request(1, number + 1) for number in range(waiting)))
        answered: list[int] = []
        while len(answered) <= waiting:
            found = await peer.frame()
            if found.opcode == PING:
                await trio.sleep(1)
                await peer.send(frame(PONG, found.payload))
            else:
                answered.append(found.message["response_header"]["id"])
        assert answered == list(range(waiting + 1))


# Peers that are slow to read


class Stalling:
    """A game with an admin, and a client behind small buffers who joins it and then does not read."""

    def __init__(self, server: Server, nursery: trio.Nursery) -> None:
        self.server = server
        self.nursery = nursery
        self.game = ""
        self.streams: list[trio.SocketStream] = []

    async def prepare(self) -> None:
        """Open the game."""
        self.admin = await self.server.connect("provider")
        self.game = await self.server.open_game(self.admin, await self.server.open_source(self.admin), targets=[])

    async def slow_peer(self, *early: bytes) -> Peer:
        """A client over TCP; what the server has for it soon fills the buffers."""
        theirs, ours = await tcp_pair()
        self.streams.append(theirs)
        small_buffers(theirs, ours)
        self.nursery.start_soon(serve_connection, self.server.context, ours, "slow", self.nursery)
        peer = Peer(theirs)
        await peer.log_on(await self.server.key_of("slow"), *early)
        return peer

    async def update(self, times: int) -> None:
        """Broadcast so many details of some 30 kB."""
        for number in range(times):
            names = [f"{number}-{n}" for n in range(400)] if number == 0 else []
            reply = await self.admin.call(373, game_id=self.game, targets=names)
            assert reply["res"] == 343, reply


@pytest.fixture
async def stalling(database: Path) -> AsyncIterator[Stalling]:
    """A server that lets 100 kB wait."""
    limits: dict[str, Any] = {"max_unsent_bytes": 100_000, "close_timeout_s": 30}
    async with running_server(database, **limits) as server, trio.open_nursery() as nursery:
        made = Stalling(server, nursery)
        await made.prepare()
        yield made
        for stream in made.streams:
            await stream.aclose()
        nursery.cancel_scope.cancel()


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    """The seq of each durable broadcast."""
    return [message["response_header"]["seq"] for message in messages if "seq" in message["response_header"]]


async def test_a_reader_that_stalls_is_closed_with_4008_while_others_get_everything(stalling: Stalling) -> None:
    slow = await stalling.slow_peer(request(363, 1, game_id=stalling.game))
    assert (await slow.message())["res"] == 333
    others = [await stalling.server.connect(name) for name in ("ann", "bob")]
    for other in others:
        await other.call(363, game_id=stalling.game)
    await stalling.update(30)
    for other in others:
        assert seqs(await other.heard()) == list(range(2, 32))
    with trio.fail_after(30):
        messages, code = await slow.messages_until_close()
    assert code == 4008
    received = seqs(messages)
    assert received == list(range(2, 2 + len(received)))
    assert len(received) < 30


async def test_replies_wait_for_room_instead_of_4008(stalling: Stalling) -> None:
    await stalling.update(1)
    slow = await stalling.slow_peer(*(request(372, number, game_id=stalling.game) for number in range(40)))
    assert (await stalling.admin.call(1))["res"] == 1
    with trio.fail_after(30):
        replies = [await slow.message() for _ in range(40)]
    assert [reply["response_header"]["id"] for reply in replies] == list(range(40))
    assert {reply["res"] for reply in replies} == {342}


async def test_a_recovery_waits_for_room_instead_of_4008(stalling: Stalling) -> None:
    await stalling.update(30)
    slow = await stalling.slow_peer(request(363, 1, game_id=stalling.game, after_seq=0), request(1, 2))
    assert (await slow.message())["recovered"]
    await trio.testing.wait_all_tasks_blocked()
    with trio.fail_after(30):
        messages = [await slow.message() for _ in range(32)]
    assert seqs(messages) == list(range(1, 32))
    assert messages[-1]["response_header"]["id"] == 2


class SlowPeer(Peer):
    """A client that takes a few bytes every nine seconds, yet answers pings when it sees them."""

    async def _receive(self) -> None:
        await trio.sleep(9)
        await super()._receive()

    async def next_message(self) -> dict[str, Any]:
        """The next message."""
        while (found := await self.frame()).opcode == PING:
            await self.send(frame(PONG))
        return found.message


async def test_a_client_that_takes_what_it_asked_for_slowly_is_not_taken_for_silent(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    settings = {**PING_TIMES, "max_unsent_bytes": 2_000}
    async with running_server(database, run_sync=run_inline, **settings) as server, trio.open_nursery() as nursery:
        stalling = Stalling(server, nursery)
        await stalling.prepare()
        await stalling.update(10)
        theirs, ours = unix_pair()
        nursery.start_soon(serve_connection, server.context, ours, "slow", nursery)
        peer = SlowPeer(theirs)
        peer.chunk_bytes = 4_000
        await peer.log_on(await server.key_of("slow"), request(363, 1, game_id=stalling.game, after_seq=0))
        assert seqs([await peer.next_message() for _ in range(12)]) == list(range(1, 12))
        assert trio.current_time() > 200
        await theirs.aclose()
        nursery.cancel_scope.cancel()
