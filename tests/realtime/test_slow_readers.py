"""Clients that take what the server has for them slowly, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gameserver.realtime.listener import serve_connection
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import PING, PONG, Frame, Peer, frame, lockstep_pair, request, unix_pair

REPLIES = 40  # of some 3 kB
SETTINGS: dict[str, Any] = {"run_sync": run_inline, "max_unsent_bytes": 20_000, "max_blocked_s": 30}
BY_SOCKET = pytest.mark.parametrize("by_socket", [True, False], ids=["socket", "stream"])


class SlowPeer(Peer):
    """A client that takes few bytes, and waits ``pause_s`` before it takes more; the last it ``took_at``."""

    chunk_bytes = 4_000
    pause_s = 0.0
    took_at = 0.0

    async def _receive(self) -> None:
        await trio.sleep(self.pause_s)
        await super()._receive()
        self.took_at = trio.current_time()

    async def next_but_pings(self) -> Frame:
        """The next frame that is no ping; pings are answered."""
        while (found := await self.frame()).opcode == PING:
            await self.send(frame(PONG))
        return found


@asynccontextmanager
async def asking_peer(server: Server, *, by_socket: bool) -> AsyncIterator[SlowPeer]:
    """A client that has asked for much and read nothing of it yet."""
    async with trio.open_nursery() as nursery:
        theirs, ours = unix_pair() if by_socket else lockstep_pair()
        nursery.start_soon(serve_connection, server.context, ours, "slow", nursery)
        peer = SlowPeer(theirs)
        await peer.log_on(await server.key_of("ann"))
        nursery.start_soon(peer.send, *(request(2, number) for number in range(REPLIES)))
        yield peer
        nursery.cancel_scope.cancel()
    await trio.aclose_forcefully(theirs)


@BY_SOCKET
async def test_who_asks_and_never_reads_is_closed_with_4008(
    database: Path, autojump_clock: MockClock, by_socket: bool
) -> None:
    async with running_server(database, **SETTINGS) as server:
        began = trio.current_time()
        async with asking_peer(server, by_socket=by_socket):
            await server.until_all_are_gone()
            assert trio.current_time() - began == pytest.approx(32, abs=0.5)  # and close_timeout_s
    assert server.context.metrics.closed[4008] == 1


@BY_SOCKET
async def test_who_stops_reading_in_the_middle_has_the_whole_time_from_then(
    database: Path, autojump_clock: MockClock, by_socket: bool
) -> None:
    async with running_server(database, **SETTINGS) as server, asking_peer(server, by_socket=by_socket) as peer:
        for _ in range(5):
            await trio.sleep(10)
            await peer.next_but_pings()
        await server.until_all_are_gone()
        assert trio.current_time() - peer.took_at == pytest.approx(32, abs=0.5)


@BY_SOCKET
async def test_who_takes_a_little_within_each_such_time_gets_everything(
    database: Path, autojump_clock: MockClock, by_socket: bool
) -> None:
    settings = {**SETTINGS, "ping_timeout_s": 60}
    async with running_server(database, **settings) as server, asking_peer(server, by_socket=by_socket) as peer:
        peer.pause_s = 29
        received = [(await peer.next_but_pings()).message["response_header"]["id"] for _ in range(REPLIES)]
        assert received == list(range(REPLIES))
        assert trio.current_time() > 600


async def test_a_pause_of_the_server_is_not_taken_for_the_peers(database: Path, autojump_clock: MockClock) -> None:
    async with running_server(database, **SETTINGS) as server, asking_peer(server, by_socket=True) as peer:
        await trio.sleep(10)
        autojump_clock.jump(60)
        await trio.sleep(29)
        received = [(await peer.next_but_pings()).message["response_header"]["id"] for _ in range(REPLIES)]
        assert received == list(range(REPLIES))
