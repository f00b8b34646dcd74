"""What a subscriber is told who does not read for a while (contract, sections 1 and 6)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gameserver.realtime.listener import serve_connection
from tests.support.harness import run_inline, running_server
from tests.support.settling import Table, accepted, lay_table
from tests.support.wire import Peer, lockstep_pair, request
from tests.support.world import NEVER_S, RunningClock


@asynccontextmanager
async def stalled_subscriber(database: Path, **settings: Any) -> AsyncIterator[tuple[Table, Peer]]:
    """A table, and somebody who has joined its game and stops reading."""
    clock = RunningClock()
    times: dict[str, Any] = {"ping_interval_s": NEVER_S, "max_blocked_s": NEVER_S}
    async with running_server(database, clock, run_inline, **times, **settings) as server:
        async with trio.open_nursery() as nursery:
            table = await lay_table(server, clock)
            theirs, ours = lockstep_pair()
            nursery.start_soon(serve_connection, server.context, ours, "slow", nursery)
            peer = Peer(theirs)
            await peer.log_on(await server.key_of("slow"), request(363, 1, game_id=table.game))
            assert (await peer.message())["res"] == 333
            yield table, peer
            nursery.cancel_scope.cancel()
        await trio.aclose_forcefully(theirs)


async def told_until(peer: Peer, reply: int) -> list[tuple[int, Any]]:
    """What comes before the reply of that number: the kind of each message, and of a pool's state its bets."""
    await peer.send(request(1, reply))
    told: list[tuple[int, Any]] = []
    while (message := await peer.message())["response_header"].get("id") != reply:
        told.append((message["res"], message.get("bet_count")))
    return told


async def test_of_each_pool_the_last_state_is_told_where_the_first_was_waiting(
    database: Path, autojump_clock: MockClock
) -> None:
    async with stalled_subscriber(database) as (table, peer):
        first, second = await table.pool(), await table.pool()
        for number in range(20):
            await table.bet("ann", (first, second)[number % 2], "brazil", 1)
            await trio.sleep(0.2)
            if number == 5:
                await accepted(table.admin, 373, game_id=table.game, actions=["Corner"])
        told = await told_until(peer, 99)
        assert told == [(352, 0), (352, 0), (361, 10), (361, 10), (342, None)]


@pytest.mark.parametrize(("asked", "answered"), [(393, (360, 1)), (387, (3535, None))])
async def test_a_state_does_not_overtake_what_is_told_about_its_pool(
    database: Path, autojump_clock: MockClock, asked: int, answered: tuple[int, int | None]
) -> None:
    async with stalled_subscriber(database) as (table, peer):
        pools = [await table.pool() for _ in range(3)]
        for pool in pools:
            await table.bet("ann", pool, "brazil", 1)
        await trio.sleep(1)
        await accepted(table.admin, 397, pool_id=pools[0])
        await accepted(table.admin, 398, pool_id=pools[0])
        await peer.send(request(asked, 7, **({"pool_id": pools[1]} if asked == 393 else {"game_id": table.game})))
        await trio.sleep(1)
        for pool in pools:
            await table.bet("bob", pool, "brazil", 1)
        await trio.sleep(1)
        await accepted(table.admin, 3952, pool_id=pools[2])
        await trio.sleep(1)
        told = await told_until(peer, 99)
        updates = [(361, 2)] * 3  # the third too: a reply may be about any pool
        assert told == [(352, 0)] * 3 + [(368, None), (369, None), answered, *updates, (3662, None)]


async def test_who_comes_and_goes_is_left_out_while_much_waits(database: Path, autojump_clock: MockClock) -> None:
    async with stalled_subscriber(database, max_unsent_bytes=4_000) as (table, peer):
        for _ in range(3):
            await table.server.connect("ann")
            ann = await table.client("bob")
            await accepted(ann, 363, game_id=table.game)
            await accepted(ann, 364, game_id=table.game)
        await accepted(table.admin, 373, game_id=table.game, targets=[f"Team {number}" for number in range(200)])
        for _ in range(3):
            await accepted(ann, 363, game_id=table.game)
            await accepted(ann, 364, game_id=table.game)
        assert [res for res, _ in await told_until(peer, 99)] == [470, 480] * 3 + [342]
        await accepted(ann, 363, game_id=table.game)
        assert [res for res, _ in await told_until(peer, 99)] == [470]
