import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.realtime.listener import serve_connection
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
    request,
    tcp_pair,
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
