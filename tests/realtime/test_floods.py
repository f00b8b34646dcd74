"""What clients may cost: by control frames and fragments, and before anybody has logged on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.realtime.listener import serve_connection
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import CLOSE, CONTINUATION, PING, PONG, TEXT, Peer, frame, lockstep_pair, request, request_head
from tests.support.world import NEVER_S


@asynccontextmanager
async def limited_server(database: Path, **settings: Any) -> AsyncIterator[Server]:
    async with running_server(database, run_sync=run_inline, ping_interval_s=NEVER_S, **settings) as server:
        yield server


async def logged_on(server: Server, name: str = "ann") -> Peer:
    peer = Peer(server.open_stream())
    await peer.log_on(await server.key_of(name))
    return peer


def logon(key: str, *, padding: int = 0) -> bytes:
    return frame(TEXT, b'{"op":100,"header":{"session_key":"%b"}%b}' % (key.encode(), b" " * padding))


# Control frames and fragments


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_a_control_frame_costs_what_a_request_costs(
    database: Path, autojump_clock: MockClock, opcode: int
) -> None:
    async with limited_server(database, max_requests_per_s=5) as server:
        peer = await logged_on(server)
        await peer.send(*[frame(opcode)] * 9, request(1, 1), request(1, 2))
        frames = [await peer.frame() for _ in range(2 if opcode == PONG else 11)]
        assert [found.message.get("code") for found in frames[-2:]] == [None, "rate_limited"]
        assert {found.opcode for found in frames[:-2]} <= {PONG}


async def test_pings_beyond_the_limit_are_not_answered(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=5) as server:
        peer = await logged_on(server)
        await peer.send(*(frame(PING, b"%d" % number) for number in range(100)))
        await trio.sleep(1)
        await peer.send(frame(PING, b"later"))
        assert [(await peer.frame()).payload for _ in range(11)] == [*(b"%d" % n for n in range(10)), b"later"]


async def test_pings_of_somebody_unknown_use_up_the_limit_of_the_address(
    database: Path, autojump_clock: MockClock
) -> None:
    async with limited_server(database, max_requests_per_s_per_address=5) as server:
        peer = Peer(server.open_stream())
        await peer.shake_hands()
        await peer.send(*[frame(PING)] * 10, request(1, 1))
        frames = [await peer.frame() for _ in range(11)]
        assert frames[-1].message["code"] == "rate_limited"


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_ten_seconds_of_control_frames_beyond_the_limit_close_with_4029(
    database: Path, autojump_clock: MockClock, opcode: int
) -> None:
    async with limited_server(database, max_requests_per_s=5) as server:
        peer, began = await logged_on(server), trio.current_time()

        async def flood() -> None:
            while trio.current_time() - began < 12:
                await peer.send(*[frame(opcode)] * 10)
                await trio.sleep(0.1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            while (found := await peer.frame()).opcode != CLOSE:
                pass
            assert found.close_code == 4029
            assert 10 < trio.current_time() - began < 12
            nursery.cancel_scope.cancel()


async def test_a_client_that_pings_within_its_limit_is_never_closed(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=5) as server:
        peer = await logged_on(server)
        for _ in range(60):
            await peer.send(*[frame(PING)] * 5)
            assert {(await peer.frame()).opcode for _ in range(5)} == {PONG}
            await trio.sleep(1)


async def test_many_fragments_use_up_more_of_the_rate_than_few(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=10) as server:
        few, many = await logged_on(server, "ann"), await logged_on(server, "bob")
        for peer, fragments in ((few, 200), (many, 200 * 32)):
            empty = frame(CONTINUATION, final=False) * (fragments - 2)
            await peer.send(frame(TEXT, b'{"op"', final=False), empty, frame(CONTINUATION, b":1}"))
            assert (await peer.message())["res"] == 1
            await peer.send(request(1))
        assert (await few.message())["res"] == 1
        assert (await many.message())["code"] == "rate_limited"


# Before anybody has logged on


async def test_a_long_message_of_somebody_unknown_closes_with_1009(database: Path) -> None:
    async with running_server(database) as server:
        peer = Peer(server.open_stream())
        await peer.shake_hands()
        await peer.send(request(1, 1), frame(TEXT, b'{"op":1%b}' % (b" " * 4_096)))
        assert (await peer.message())["res"] == 1
        assert (await peer.frame()).close_code == 1009


@pytest.mark.parametrize("by_handshake", [True, False])
async def test_who_has_logged_on_may_send_messages_of_the_whole_length_at_once(
    database: Path, by_handshake: bool
) -> None:
    long = frame(TEXT, b'{"op":1%b}' % (b" " * (262_144 - 8)))
    async with running_server(database) as server:
        key, peer = await server.key_of("ann"), Peer(server.open_stream())
        with trio.fail_after(5):
            if by_handshake:
                await peer.log_on(key, long)
            else:
                await peer.shake_hands(logon(key), long)
                assert (await peer.message())["res"] == 100
            assert (await peer.message())["res"] == 1


async def test_little_waits_for_somebody_unknown_who_does_not_read(database: Path) -> None:
    async with running_server(database) as server, trio.open_nursery() as nursery:
        theirs, ours = lockstep_pair()
        nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
        peer = Peer(theirs)
        await peer.shake_hands(*(request(2, number) for number in range(100)))
        await wait_all_tasks_blocked()
        assert sum(server.context.metrics.requests.values()) < 5
        with trio.fail_after(5):
            assert [(await peer.message())["response_header"]["id"] for _ in range(100)] == list(range(100))
        await peer.stream.aclose()


async def test_an_address_has_so_many_connections_on_which_nobody_has_logged_on(database: Path) -> None:
    async with running_server(database, max_anonymous_connections_per_address=2) as server:
        key = await server.key_of("ann")
        for _ in range(5):
            await Peer(server.open_stream()).log_on(key)
        first, second = Peer(server.open_stream()), Peer(server.open_stream())
        for peer in (first, second):
            await peer.shake_hands()
        third = Peer(server.open_stream())
        await third.send(request_head(authorization=f"Bearer {key}"))
        assert (await third.response()).status == 503
        await Peer(server.open_stream("elsewhere")).shake_hands()
        await first.send(logon(key))
        assert (await first.message())["res"] == 100
        await Peer(server.open_stream()).log_on(key)
        await second.stream.aclose()
        await wait_all_tasks_blocked()
        for _ in range(2):
            await Peer(server.open_stream()).shake_hands()
