import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.net.timers import Timers
from gameserver.realtime.listener import serve_connection
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import PING, PONG, TEXT, Peer, frame, request, unix_pair

SETTINGS: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": 20, "ping_timeout_s": 20, "logon_timeout_s": 10}


@asynccontextmanager
async def peers_of(server: Server, count: int, *, logged_on: bool = True) -> AsyncIterator[list[Peer]]:
    """So many clients over sockets of their own, which hold what is sent until it is read."""
    async with trio.open_nursery() as nursery:
        peers = []
        for _ in range(count):
            theirs, ours = unix_pair()
            nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
            peers.append(Peer(theirs))
            await (peers[-1].log_on(await server.key_of("ann")) if logged_on else peers[-1].shake_hands())
        yield peers
        for peer in peers:
            await trio.aclose_forcefully(peer.stream)


async def pings(peers: list[Peer], clock: MockClock) -> None:
    """Let the interval pass, and see that each is pinged."""
    clock.jump(20)
    for peer in peers:
        assert (await peer.frame()).opcode == PING


class Pause(trio.abc.Instrument):
    """The server's process stops, and goes on without hearing at once of what clients have sent meanwhile.

    That is what the system does to a process that SIGSTOP stopped while it waited: it tells of the time that is up.
    """

    def __init__(self, peers: list[Peer], clock: MockClock, seconds: float, sent: bytes) -> None:
        self._peers = peers
        self._clock = clock
        self._seconds = seconds
        self._sent = sent

    def after_io_wait(self, timeout: float) -> None:
        """Let time pass, and what is sent arrive."""
        trio.lowlevel.remove_instrument(self)
        for peer in self._peers:
            assert isinstance(peer.stream, trio.SocketStream)
            assert os.write(peer.stream.socket.fileno(), self._sent) == len(self._sent)
        self._clock.jump(self._seconds)


async def stand_still(peers: list[Peer], clock: MockClock, seconds: float, sent: bytes) -> None:
    """Let the server's process stop for some seconds, and the clients send something meanwhile."""
    trio.lowlevel.add_instrument(Pause(peers, clock, seconds, sent))
    await wait_all_tasks_blocked()


@pytest.mark.parametrize("seconds", [20.1, 25, 60, 3_600])
async def test_who_answers_while_the_server_stands_still_is_not_taken_for_silent(
    database: Path, mock_clock: MockClock, seconds: float
) -> None:
    async with running_server(database, **SETTINGS) as server, peers_of(server, 10) as peers:
        for _ in range(5):  # the order in which tasks run in a turn of the loop is a matter of chance
            await pings(peers, mock_clock)
            await stand_still(peers, mock_clock, seconds, frame(PONG))
            assert server.context.registry.count == 10
            for peer in peers:
                await peer.send(frame(PONG), request(1))
                while (found := await peer.frame()).opcode == PING:
                    pass
                assert found.message["res"] == 1


async def test_who_is_silent_after_a_pause_of_the_server_has_the_whole_time_to_answer(
    database: Path, mock_clock: MockClock
) -> None:
    async with running_server(database, **SETTINGS) as server, peers_of(server, 3) as peers:
        await pings(peers, mock_clock)
        mock_clock.jump(300)
        for peer in peers:
            assert (await peer.frame()).opcode == PING
        await wait_all_tasks_blocked()
        mock_clock.jump(19.5)
        await wait_all_tasks_blocked()
        assert server.context.registry.count == 3
        for seconds in (0.6, 20):  # one ping more: by this clock the first came at the very moment of the resumption
            mock_clock.jump(seconds)
            await wait_all_tasks_blocked()
        assert server.context.registry.count == 0


async def test_a_pause_is_followed_by_one_ping_not_by_all_that_were_missed(
    database: Path, mock_clock: MockClock
) -> None:
    async with running_server(database, **SETTINGS) as server, peers_of(server, 1) as (peer,):
        mock_clock.jump(300)
        await wait_all_tasks_blocked()
        await peer.send(request(1))
        assert [(await peer.frame()).opcode for _ in range(2)].count(PING) == 1


async def test_a_pause_of_the_server_does_not_use_up_the_time_to_log_on(database: Path, mock_clock: MockClock) -> None:
    async with running_server(database, **SETTINGS) as server, peers_of(server, 2, logged_on=False) as (late, silent):
        logon = frame(TEXT, b'{"op":100,"header":{"session_key":"%b"}}' % (await server.key_of("ann")).encode())
        await stand_still([late], mock_clock, 60, logon[:10])
        mock_clock.jump(9.5)
        await late.send(logon[10:])
        messages = [found for found in (await late.frame(), await late.frame()) if found.opcode != PING]
        assert [found.message["res"] for found in messages] == [100]
        mock_clock.jump(0.6)
        assert await silent.messages_until_close() == ([], 4001)


async def test_timers_know_since_when_the_server_is_there_again(mock_clock: MockClock, nursery: trio.Nursery) -> None:
    timers = Timers()
    nursery.start_soon(timers.run)
    await wait_all_tasks_blocked()
    timers.call_later(5, lambda: None)
    mock_clock.jump(5.5)
    await wait_all_tasks_blocked()
    assert timers.resumed_at < 0
    timers.call_later(5, lambda: None)
    mock_clock.jump(7)
    await wait_all_tasks_blocked()
    assert timers.resumed_at == trio.current_time()


async def test_a_pause_between_two_calls_is_noticed_before_the_second(
    mock_clock: MockClock, nursery: trio.Nursery
) -> None:
    timers = Timers()
    nursery.start_soon(timers.run)
    await wait_all_tasks_blocked()
    resumed_at: list[float] = []
    timers.call_later(5, lambda: mock_clock.jump(60))
    timers.call_later(6, lambda: resumed_at.append(timers.resumed_at))
    mock_clock.jump(5)
    await wait_all_tasks_blocked()
    assert resumed_at == [trio.current_time()]
