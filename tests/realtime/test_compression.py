"""Compression end to end (protocol, "Transport"): by a client of bytes, and by another library's client."""

import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.net.compression import MAX_INLINE_BYTES, deflate
from tests.support.harness import Client, Server, run_inline, running_server
from tests.support.wire import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    Peer,
    deflated,
    frame,
    request,
    request_head,
)

OFFER = "permessage-deflate; client_max_window_bits"
ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
COMPRESSED = 4  # the reserved bit that says so


def compressed_request(op: int, number: int = 0, /, **parameters: Any) -> bytes:
    text = json.dumps({"header": {"id": number}, "op": op, **parameters})
    return frame(TEXT, deflated(text.encode()), reserved=COMPRESSED)


class Counted:
    """A server whose compressions are counted: what is compressed, and what in a worker thread."""

    def __init__(self) -> None:
        self.deflated: list[bytes] = []
        self.aside: list[str] = []

    def deflate(self, payload: bytes) -> bytes:
        """Compress, and note it."""
        self.deflated.append(payload)
        return deflate(payload)

    async def run(self, function: Callable[..., Any], *arguments: Any, limiter: object = None) -> Any:
        """Run a job here, and note its name."""
        self.aside.append(getattr(function, "__name__", ""))
        return await run_inline(function, *arguments)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    made = Counted()
    monkeypatch.setattr("gameserver.net.compression.deflate", made.deflate)
    return made


@pytest.fixture
async def server(database: Path, counted: Counted) -> AsyncIterator[Server]:
    async with running_server(database, run_sync=counted.run, close_timeout_s=0.2) as running:
        with trio.fail_after(20):
            yield running


@asynccontextmanager
async def game(server: Server, **parameters: Any) -> AsyncIterator[tuple[Client, str]]:
    """An admin of a game, and its id."""
    admin = await server.connect("provider")
    game_id = await server.open_game(admin, await server.open_source(admin), **parameters)
    assert (await admin.call(616, game_id=game_id))["res"] == 640
    yield admin, game_id


async def compressing(server: Server, name: str = "ann", offer: str = OFFER, path: str = "/") -> Peer:
    peer = Peer(server.open_stream())
    key = await server.key_of(name)
    await peer.send(request_head(path, authorization=f"Bearer {key}", sec_websocket_extensions=offer))
    assert (await peer.response()).headers["sec-websocket-extensions"].startswith(ANSWER)
    return peer


async def join(peer: Peer, game_id: str, after_seq: int | None = None) -> None:
    await peer.send(request(363, 1, game_id=game_id, after_seq=after_seq))
    while (await peer.message())["res"] != 333:
        pass


async def next_of(peer: Peer, res: int) -> dict[str, Any]:
    while (message := await peer.message())["res"] != res:
        pass
    return message


# What is agreed upon


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (OFFER, ANSWER),
        ("permessage-deflate; server_max_window_bits=15", f"{ANSWER}; server_max_window_bits=15"),
        ("permessage-deflate; server_max_window_bits=12", None),
        ("permessage-deflate; server_max_window_bits=12, permessage-deflate", ANSWER),
        ("x-webkit-deflate-frame", None),
        ("\xff", None),
        (None, None),
    ],
)
async def test_the_handshake_answers_an_offer(server: Server, offer: str | None, answer: str | None) -> None:
    peer = Peer(server.open_stream())
    await peer.send(request_head(**({} if offer is None else {"sec_websocket_extensions": offer})))
    response = await peer.response()
    assert (response.status, response.headers.get("sec-websocket-extensions")) == (101, answer)


async def test_offers_in_several_headers_are_one_list(server: Server) -> None:
    peer = Peer(server.open_stream())
    head = request_head(sec_websocket_extensions="permessage-deflate; mux").removesuffix(b"\r\n")
    await peer.send(head, b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    assert (await peer.response()).headers["sec-websocket-extensions"] == ANSWER


async def test_a_server_told_not_to_compress_accepts_no_offer(database: Path) -> None:
    async with running_server(database, compression=False) as server:
        peer = Peer(server.open_stream())
        await peer.send(request_head(sec_websocket_extensions=OFFER), compressed_request(1))
        assert "sec-websocket-extensions" not in (await peer.response()).headers
        assert await peer.messages_until_close() == ([], 1002)


# What is sent


async def test_long_messages_are_compressed_and_short_ones_are_not(server: Server) -> None:
    peer = await compressing(server)
    await peer.send(request(1, 1))
    assert (await peer.message())["res"] == 1
    assert peer.compressed == []
    await peer.send(request(2, 2))
    reply = await peer.message()
    assert (reply["res"], reply["response_header"]["id"]) == (2, 2)
    assert len(peer.compressed) == 1
    assert peer.compressed[0] < len(json.dumps(reply)) / 2


async def test_from_which_length_on_is_a_setting(database: Path) -> None:
    async with running_server(database, compress_min_bytes=20) as server:
        peer = await compressing(server)
        await peer.send(request(1, 1))
        assert (await peer.message())["res"] == 1
        assert len(peer.compressed) == 1


async def test_a_broadcast_is_compressed_once_for_all_who_take_it_and_not_for_others(
    server: Server, counted: Counted
) -> None:
    async with game(server) as (admin, game_id):
        plain = Peer(server.open_stream())
        await plain.log_on(await server.key_of("plain"))
        readers = [
            await compressing(server, "ann"),
            await compressing(server, "bob", "permessage-deflate; server_max_window_bits=15"),
        ]
        for peer in (plain, *readers):
            await join(peer, game_id)
        counted.deflated.clear()
        await admin.call(373, game_id=game_id, actions=[f"Corner {number}" for number in range(50)])
        told = [await next_of(peer, 342) for peer in (plain, *readers)]
        assert all(message == told[0] for message in told)
        assert plain.compressed == []
        assert len({peer.compressed[-1] for peer in readers}) == 1
        assert [json.loads(payload)["res"] for payload in counted.deflated] == [342]


async def test_who_watches_a_source_and_who_has_joined_share_what_is_compressed(
    database: Path, counted: Counted
) -> None:
    async with (
        running_server(database, run_sync=counted.run, compress_min_bytes=20) as server,
        game(server) as (admin, game_id),
    ):
        source_id = (await admin.call(372, game_id=game_id))["source_id"]
        joined, watcher = await compressing(server), await compressing(server, "bob", path=f"/?source={source_id}")
        await join(joined, game_id)
        counted.deflated.clear()
        await admin.call(375, game_id=game_id)
        assert (await next_of(joined, 341)) == (await next_of(watcher, 341))
        assert joined.compressed[-1] == watcher.compressed[-1]
        assert [json.loads(payload)["res"] for payload in counted.deflated] == [341]


async def test_nothing_is_compressed_where_nobody_takes_it(server: Server, counted: Counted) -> None:
    async with game(server) as (admin, game_id):
        ann = await server.connect("ann")
        await ann.call(363, game_id=game_id)
        await admin.call(373, game_id=game_id, actions=[f"Corner {number}" for number in range(500)])
        assert await ann.heard()
        assert counted.deflated == []


async def test_what_was_missed_is_compressed_too_and_recovered(server: Server) -> None:
    async with game(server) as (admin, game_id):
        for number in range(20):
            await admin.call(373, game_id=game_id, actions=[f"Corner {number} {place}" for place in range(20)])
        peer = await compressing(server)
        await join(peer, game_id, after_seq=1)
        seqs = [(await peer.message())["response_header"]["seq"] for _ in range(20)]
        assert seqs == list(range(2, 22))
        assert len(peer.compressed) == 20


# What would hold up the loop


async def test_long_replies_broadcasts_and_recoveries_are_compressed_in_a_worker_thread(
    server: Server, counted: Counted
) -> None:
    async with game(server, targets=[f"player {number}" for number in range(1_000)]) as (admin, game_id):
        peer = await compressing(server)
        await peer.send(request(372, 1, game_id=game_id))
        details = await peer.message()
        assert len(json.dumps(details)) > MAX_INLINE_BYTES
        assert len(peer.compressed) == 1
        assert counted.aside.count("compress") == 1
        await join(peer, game_id)
        await admin.call(373, game_id=game_id, actions=["Corner"])
        assert (await next_of(peer, 342))["actions"].keys() >= {"corner"}
        assert counted.aside.count("compress") == 2
        back = await compressing(server, "bob")
        await join(back, game_id, after_seq=1)
        assert (await next_of(back, 342))["response_header"]["seq"] == 2
        assert len(back.compressed) == 1
        assert counted.aside.count("compress") == 3


async def test_a_long_reply_to_a_change_is_compressed_aside_and_those_behind_it_wait(
    server: Server, counted: Counted
) -> None:
    async with game(server) as (admin, game_id):
        source_id = (await admin.call(372, game_id=game_id))["source_id"]
        peer = await compressing(server, "provider")
        names = [f"player {number}" for number in range(1_000)]
        long = request(370, 1, source_id=source_id, game_name="x", type="y", targets=names)
        await peer.send(long, *(request(365, number, source_name="x") for number in (2, 3)), request(1, 4), long)
        replies = [await peer.message() for _ in range(5)]
        assert [reply["response_header"]["id"] for reply in replies] == [1, 2, 3, 4, 1]
        assert len(peer.compressed) == counted.aside.count("compress") == 2


@pytest.mark.expects_errors
async def test_a_long_reply_that_cannot_be_compressed_closes_its_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with game(server) as (admin, game_id):
        source_id = (await admin.call(372, game_id=game_id))["source_id"]
        peer = await compressing(server, "provider")
        monkeypatch.setattr("gameserver.net.compression.deflate", lambda payload: None)
        names = [f"player {number}" for number in range(1_000)]
        await peer.send(request(370, 1, source_id=source_id, game_name="x", type="y", targets=names))
        assert await peer.messages_until_close() == ([], 4009)


# What is received


async def test_compressed_requests_are_answered_as_others(server: Server) -> None:
    peer = await compressing(server)
    await peer.send(*(one(op, op) for op in (1, 2, 611) for one in (compressed_request, request)))
    assert [(await peer.message())["response_header"]["id"] for _ in range(6)] == [1, 1, 2, 2, 611, 611]


@pytest.mark.parametrize("pieces", [2, 7])
async def test_a_compressed_request_in_fragments_with_pings_between_is_answered(server: Server, pieces: int) -> None:
    peer = await compressing(server)
    payload = deflated(b'{"op":1,"header":{"id":"in pieces"}}')
    step = len(payload) // pieces + 1
    for at in range(0, len(payload), step):
        last = at + step >= len(payload)
        first = at == 0
        await peer.send(
            frame(
                TEXT if first else CONTINUATION,
                payload[at : at + step],
                final=last,
                reserved=COMPRESSED if first else 0,
            )
        )
        if not last:
            await peer.send(frame(PING, b"%d" % at))
            assert await peer.frame() == Frame(PONG, b"%d" % at)
    assert (await peer.message())["response_header"]["id"] == "in pieces"


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        pytest.param(frame(TEXT, b"\xff" * 9, reserved=COMPRESSED), 1007, id="no compressed data"),
        pytest.param(frame(TEXT, deflated(b'{"op":1}')[:-2], reserved=COMPRESSED), 1007, id="cut data"),
        pytest.param(frame(TEXT, deflated(b'{"op":"\xff"}'), reserved=COMPRESSED), 1007, id="text that is no UTF-8"),
        pytest.param(frame(TEXT, deflated(bytes(10**7)), reserved=COMPRESSED), 1009, id="a bomb"),
        pytest.param(frame(BINARY, deflated(b"{}"), reserved=COMPRESSED), 1003, id="binary"),
        pytest.param(frame(TEXT, b"{}", reserved=2), 1002, id="another reserved bit"),
        pytest.param(frame(TEXT, deflated(b"{}"), reserved=6), 1002, id="two reserved bits"),
        pytest.param(frame(PING, deflated(b"x"), reserved=COMPRESSED), 1002, id="a compressed ping"),
        pytest.param(
            frame(TEXT, b"{", final=False) + frame(CONTINUATION, b"}", reserved=COMPRESSED),
            1002,
            id="compressed from the second fragment on",
        ),
    ],
)
async def test_what_must_not_be_sent_closes(server: Server, frames: bytes, code: int) -> None:
    peer = await compressing(server)
    await peer.send(frames)
    assert await peer.messages_until_close() == ([], code)


@pytest.mark.parametrize(("size", "code"), [(4_096, None), (4_097, 1009)])
async def test_before_log_on_little_may_be_inflated(server: Server, size: int, code: int | None) -> None:
    peer = Peer(server.open_stream())
    await peer.shake_hands(sec_websocket_extensions=OFFER)
    text = b'{"op":1,"header":{"t":%b1}}' % (b" " * size)
    await peer.send(frame(TEXT, deflated(text[:27] + text[27 + len(text) - size :]), reserved=COMPRESSED))
    if code is None:
        assert (await peer.message())["res"] == 1
    else:
        assert (await peer.messages_until_close())[1] == code


async def test_a_client_that_keeps_a_context_though_it_was_told_not_to_is_refused(server: Server) -> None:
    peer = await compressing(server)
    compressor = zlib.compressobj(wbits=-15)
    text = b'{"op":1,"header":{"id":"the same again"}}'
    first, second = (
        (compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
        for _ in range(2)
    )
    await peer.send(frame(TEXT, first, reserved=COMPRESSED))
    assert (await peer.message())["response_header"]["id"] == "the same again"
    await peer.send(frame(TEXT, second, reserved=COMPRESSED))
    assert (await peer.messages_until_close())[1] == 1007
