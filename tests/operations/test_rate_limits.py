import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from tests.support.harness import Client, Server, run_inline, running_server
from tests.support.logs import Lines
from tests.support.world import NEVER_S, assert_refused, assert_reply, is_closed

NOWHERE = "00000000-0000-0000-0000-000000000000"


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


async def test_a_request_of_many_names_uses_up_more_of_the_rate(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=10) as server:
        client = await server.connect("ann")
        many: dict[str, Any] = {"source_id": NOWHERE, "game_name": "x", "type": "x", "targets": "," * 15_000}
        assert_refused(await client.call(370, **many), 370, "not_found", field="source_id")
        assert await served(client, 5) == [True] * 4 + [False]
        refused = await client.call(370, **many)
        assert (refused["code"], refused["retry_after_ms"]) == ("rate_limited", 1_600)
        await trio.sleep(1.6)
        assert_refused(await client.call(370, **many), 370, "not_found", field="source_id")


async def test_a_request_of_many_names_uses_up_more_of_its_addresss_rate_too(
    database: Path, autojump_clock: MockClock
) -> None:
    async with limited_server(database, max_requests_per_s_per_address=10) as server:
        client, other = await server.connect("ann"), await server.connect("bob")
        many: dict[str, Any] = {"source_id": NOWHERE, "game_name": "x", "type": "x", "targets": "," * 15_000}
        assert_refused(await client.call(370, **many), 370, "not_found", field="source_id")
        assert await served(other, 5) == [True] * 4 + [False]


async def test_a_request_that_costs_more_than_a_burst_is_served_to_who_has_not_asked_for_anything(
    database: Path, autojump_clock: MockClock
) -> None:
    async with limited_server(database, max_requests_per_s=5) as server:
        client = await server.connect("ann")
        many: dict[str, Any] = {"source_id": NOWHERE, "game_name": "x", "type": "x", "targets": "," * 15_000}
        assert_refused(await client.call(370, **many), 370, "not_found", field="source_id")
        refused = await client.call(1)
        assert (refused["code"], refused["retry_after_ms"]) == ("rate_limited", 1_400)


async def test_what_a_change_publishes_uses_up_more_of_the_rate(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=20) as server:
        client = await server.connect("provider")
        source = await server.open_source(client)
        await trio.sleep(60)
        await server.open_game(client, source, targets=[str(number) for number in range(1_000)], actions=[])
        with closing(sqlite3.connect(database)) as connection:
            (size_bytes,) = connection.execute("SELECT length(bodies) FROM broadcasts").fetchone()
        assert size_bytes > 16_384 * 2
        assert (await served(client, 50)).count(True) == 40 - 1 - (size_bytes - 1) // 16_384


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


@pytest.mark.parametrize("limit", ["max_requests_per_s", "max_requests_per_s_per_address"])
async def test_the_log_says_by_which_limit_somebody_was_closed(
    database: Path, autojump_clock: MockClock, entries: Lines, limit: str
) -> None:
    async with limited_server(database, **{limit: 1}) as server:
        client = await server.connect("ann")
        await until_closed(client, gap_s=0.1, at_once=3)
        await trio.testing.wait_all_tasks_blocked()
    assert [line["why"] for line in entries.of("closed") if line["code"] == 4029] == [
        f"rate limit exceeded for too long ({limit})"
    ]


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


async def until_closed(client: Client, gap_s: float, at_once: int = 1, for_s: float = 60) -> float:
    """Send requests for so long, so many at once, so far apart; how long it lasted until the server closed."""
    began_s = trio.current_time()
    with suppress(ConnectionClosed):
        while trio.current_time() - began_s < for_s:
            for _ in range(at_once):
                await client.send({"op": 1})
            for _ in range(at_once):
                await client.receive()
            await trio.sleep(gap_s)
    return trio.current_time() - began_s


@pytest.mark.parametrize(("gap_s", "at_once"), [(0.01, 1), (0.04, 1), (0.3, 50)])
async def test_who_floods_is_closed_with_4029_after_10_s_though_the_bucket_refills_meanwhile(
    database: Path, autojump_clock: MockClock, gap_s: float, at_once: int
) -> None:
    async with limited_server(database, max_requests_per_s=10) as server:
        client = await server.connect("ann")
        assert await until_closed(client, gap_s, at_once) == pytest.approx(10, abs=2)
        assert await client.close_code() == 4029


@pytest.mark.parametrize(("gap_s", "at_once"), [(0.1, 1), (0.09, 1), (0.06, 1), (0.5, 30), (5, 200)])
async def test_who_asks_for_little_more_than_the_rate_or_pauses_in_between_is_not_closed(
    database: Path, autojump_clock: MockClock, gap_s: float, at_once: int
) -> None:
    async with limited_server(database, max_requests_per_s=10) as server:
        assert await until_closed(await server.connect("ann"), gap_s, at_once) >= 60


async def test_who_waits_as_long_as_told_is_never_closed(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=10) as server:
        client = await server.connect("ann")
        refused = 0
        while trio.current_time() < 60:
            reply = await client.call(1)
            if reply["res"] == 666:
                refused += 1
                await trio.sleep(reply["retry_after_ms"] / 1000)
        assert refused > 500
        assert not await is_closed(client)


async def test_one_burst_over_the_rate_is_forgiven(database: Path, autojump_clock: MockClock) -> None:
    async with limited_server(database, max_requests_per_s=10) as server:
        client = await server.connect("ann")
        assert (await served(client, 200)).count(False) == 180
        assert await until_closed(client, 0.11) >= 60
        assert (await served(client, 200)).count(False) > 100
        assert not await is_closed(client)


async def test_who_floods_does_not_use_up_what_others_of_the_address_may_send(
    database: Path, autojump_clock: MockClock
) -> None:
    async with limited_server(database, max_requests_per_s=2, max_requests_per_s_per_address=20) as server:
        flooding, other = await server.connect("ann", address="a"), await server.connect("bob", address="a")
        assert (await served(flooding, 500)).count(True) == 4
        assert await served(other, 4) == [True] * 4
