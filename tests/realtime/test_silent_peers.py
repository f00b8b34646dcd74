"""Peers that are silent after a ping, and those that only seem so; under a clock that jumps."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.harness import run_inline, running_server
from tests.support.wire import PING, PONG, Peer, frame, request

PING_TIMES: dict[str, Any] = {"ping_interval_s": 20, "ping_timeout_s": 20, "handshake_timeout_s": 10}


async def test_a_peer_silent_after_a_ping_is_dropped(database: Path, autojump_clock: MockClock) -> None:
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
    database: Path, autojump_clock: MockClock, delay_s: int
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


async def test_a_ping_is_sent_every_interval(database: Path, autojump_clock: MockClock) -> None:
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
    database: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, waiting: int
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
