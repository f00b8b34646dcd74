from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.harness import Client, Server, run_inline, running_server
from tests.support.world import NEVER_S, assert_reply, is_closed


@asynccontextmanager
async def limited_server(database: Path, **settings: Any) -> AsyncIterator[Server]:
    async with running_server(database, run_sync=run_inline, ping_interval_s=NEVER_S, **settings) as server:
        yield server


async def served(client: Client, count: int) -> list[bool]:
    """For each of so many requests whether it was served."""
    return [(await client.call(1))["res"] == 1 for _ in range(count)]


async def test_a_user_may_send_a_burst_of_twice_the_rate(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=5) as server:
        client = await server.connect("ann")
        assert await served(client, 13) == [True] * 10 + [False] * 3
        await trio.sleep(1)
        assert await served(client, 7) == [True] * 5 + [False] * 2
        await trio.sleep(60)
        assert await served(client, 12) == [True] * 10 + [False] * 2


async def test_a_rate_limited_request_is_told_when_to_try_again(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=2) as server:
        client = await server.connect("ann")
        await served(client, 4)
        reply = await client.call(611)
        assert {name: value for name, value in reply.items() if name not in ("response_header", "text")} == {
            "res": 666,
            "op": 611,
            "code": "rate_limited",
            "retryable": True,
            "retry_after_ms": 500,
        }


@pytest.mark.parametrize("rate", [1, 3, 7, 11, 13])
async def test_a_request_sent_again_when_told_is_served(database: Path, autojump_clock: MockClock, rate: int) -> None:
    async with limited_server(database, max_requests_per_s=rate) as server:
        client = await server.connect("ann")
        await served(client, 2 * rate)
        for _ in range(5):
            await trio.sleep((await client.call(1))["retry_after_ms"] / 1000)
            assert_reply(await client.call(1), 1)


async def test_a_rate_limited_change_is_not_carried_out(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=2) as server:
        client = await server.connect("provider")
        replies = [await client.call(365, header={"key": "k"}, source_name="S") for _ in range(5)]
        assert [reply["res"] for reply in replies] == [335] * 4 + [666]
        await trio.sleep(5)
        assert len((await client.call(611))["sources"]) == 1


async def test_a_bad_request_counts_too_and_is_refused_as_rate_limited(
    database: Path, autojump_clock: MockClock
) -> None:
    async with limited_server(database, max_requests_per_s=1) as server:
        client = await server.connect("ann")
        codes = []
        for _ in range(3):
            await client.send("nonsense")
            codes.append((await client.receive())["code"])
        assert codes == ["bad_json", "bad_json", "rate_limited"]


async def test_the_connections_of_a_user_share_its_rate(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=2) as server:
        first, second = await server.connect("ann"), await server.connect("ann")
        other = await server.connect("bob")
        assert await served(first, 3) == [True] * 3
        assert await served(second, 2) == [True, False]
        assert await served(other, 4) == [True] * 4


async def test_the_users_of_an_address_share_its_rate(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s_per_address=2) as server:
        first, second = await server.connect("ann", address="a"), await server.connect("bob", address="a")
        other = await server.connect("ann", address="b")
        assert await served(first, 3) == [True] * 3
        assert await served(second, 2) == [True, False]
        assert await served(other, 4) == [True] * 4


async def test_who_has_not_logged_on_is_limited_by_address(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=1, max_requests_per_s_per_address=3) as server:
        assert await served(await server.connect(), 7) == [True] * 6 + [False]


async def exhaust(greedy: Client, other: Client, seconds: float) -> None:
    """For so long, let ``greedy`` take what its user may send, so that ``other`` is refused every time."""
    until = trio.current_time() + seconds
    while trio.current_time() < until:
        while (await greedy.call(1))["res"] == 1:
            pass
        assert await served(other, 1) == [False]
        await trio.sleep(0.5)


async def test_nothing_but_rate_limited_requests_for_10_s_closes_with_4029(
    database: Path, autojump_clock: MockClock
) -> None:
    async with limited_server(database, max_requests_per_s=1) as server:
        greedy, other = await server.connect("ann"), await server.connect("ann")
        await exhaust(greedy, other, 10)
        while (await greedy.call(1))["res"] == 1:
            pass
        await other.send({"op": 1})
        assert await other.close_code() == 4029
        assert not await is_closed(greedy)


async def test_one_request_served_within_10_s_keeps_the_connection(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=1) as server:
        greedy, other = await server.connect("ann"), await server.connect("ann")
        for _ in range(3):
            await exhaust(greedy, other, 9)
            await trio.sleep(2)
            assert await served(other, 1) == [True]
        assert not await is_closed(other)


async def test_who_sends_nothing_for_10_s_after_a_refusal_is_not_closed(
    database: Path, autojump_clock: MockClock
) -> None:
    async with limited_server(database, max_requests_per_s=1) as server:
        client = await server.connect("ann")
        assert await served(client, 3) == [True, True, False]
        await trio.sleep(60)
        assert await served(client, 3) == [True, True, False]
