"""Clients that take what the server has for them slowly, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gameserver.realtime.listener import serve_connection
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import (
    PING,
    PONG,
    Frame,
    Peer,
    frame,
    lockstep_pair,
    request,
    small_buffers,
    tcp_pair,
    unix_pair,
)

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


# Behind small buffers


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


async def test_a_client_that_takes_what_it_asked_for_slowly_is_not_taken_for_silent(
    database: Path, autojump_clock: MockClock
) -> None:
    settings: dict[str, Any] = {"max_unsent_bytes": 2_000, "ping_interval_s": 20, "ping_timeout_s": 20}
    async with running_server(database, run_sync=run_inline, **settings) as server, trio.open_nursery() as nursery:
        stalling = Stalling(server, nursery)
        await stalling.prepare()
        await stalling.update(10)
        theirs, ours = unix_pair()
        nursery.start_soon(serve_connection, server.context, ours, "slow", nursery)
        peer = SlowPeer(theirs)
        peer.pause_s = 9
        await peer.log_on(await server.key_of("slow"), request(363, 1, game_id=stalling.game, after_seq=0))
        assert seqs([(await peer.next_but_pings()).message for _ in range(12)]) == list(range(1, 12))
        assert trio.current_time() > 200
        await theirs.aclose()
        nursery.cancel_scope.cancel()
