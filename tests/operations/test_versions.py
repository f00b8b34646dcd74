"""Every view of a pool carries its version, by which a client knows the newer of two (contract, sections 6 and 13)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.harness import START_MS, FakeClock, run_inline, running_server
from tests.support.settling import Table, accepted, kinds, lay_table, of_kind
from tests.support.world import NEVER_S, RunningClock, bearer

INTERVAL_MS = 400


@pytest.fixture
async def paced(database: Path) -> AsyncIterator[Table]:
    """A game to bet on; time passes where nothing else happens. (A test names ``autojump_clock`` itself.)"""
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    clock = RunningClock()
    async with running_server(database, clock, distribution_interval_ms=INTERVAL_MS, **settings) as server:
        yield await lay_table(server, clock)


async def version_of(table: Table, pool: str) -> int:
    return int((await table.pool_object(pool))["version"])


def told_versions(messages: list[dict[str, Any]], pool: str) -> list[int]:
    """The versions in what was told of a pool, in order."""
    return [
        message["versions"][pool] if message["res"] == 3661 else message["version"]
        for message in messages
        if message.get("pool_id") == pool or pool in message.get("pools", {})
    ]


async def test_each_change_of_a_pool_raises_its_version_and_tells_the_one_it_made(table: Table) -> None:
    watcher, pool = await table.watcher(), await table.pool(is_blocked=True, targets=["argentina", "brazil"])
    seen = [await version_of(table, pool)]
    assert told_versions(await watcher.heard(), pool) == seen == [1]

    async def require_newer() -> list[dict[str, Any]]:
        seen.append(await version_of(table, pool))
        assert seen[-1] > seen[-2]
        heard = await watcher.heard()
        versions = told_versions(heard, pool)
        assert versions[-1] == seen[-1]
        assert versions == sorted(versions)
        assert versions[0] > seen[-2]
        return heard

    action = {"game_id": table.game, "action_id": "goal"}
    for op, parameters in (
        (398, {"pool_id": pool}),
        (397, {"pool_id": pool}),
        (397, {"pool_id": pool}),
        (3985, action),
        (3975, action),
        (3985, action),
        (396, {"pool_id": pool}),
        (3961, {**action, "target_id": "brazil"}),
    ):
        await accepted(table.admin, op, **parameters)
        await require_newer()
    await table.bet("ann", pool, "argentina", 1)
    update = await watcher.expect(361)  # which a thread reads first
    seen.append(await version_of(table, pool))
    assert update["version"] == seen[-1] > seen[-2]
    table.set_time(1)
    event = await table.event()
    assert kinds(await require_newer()) == [366, 362]
    assert (await table.void(event))["versions"] == {pool: await version_of(table, pool)}
    assert kinds(await require_newer()) == [3661, 352]
    assert (await accepted(table.admin, 3952, pool_id=pool))["version"] == await version_of(table, pool)
    assert kinds(await require_newer()) == [3662]


async def test_a_pool_that_time_ends_is_told_with_its_version(table: Table) -> None:
    watcher, pool = await table.watcher(), await table.pool(pool_type=2, finish_at=START_MS + 10)
    table.set_time(10)
    assert await version_of(table, pool) == told_versions(await watcher.heard(), pool)[-1] == 2


async def test_what_is_to_come_leaves_the_version_until_it_takes_effect(table: Table) -> None:
    pool = await table.pool(is_blocked=True)
    for op, name in ((398, "allow_at"), (397, "block_at"), (396, "likely_to_happen_at")):
        times: dict[str, Any] = {name: START_MS + 10}
        assert (await accepted(table.admin, op, pool_id=pool, **times))["version"] == 1
    assert await version_of(table, pool) == 1
    table.set_time(10)
    assert await version_of(table, pool) == 4


async def test_lists_and_distributions_show_the_version(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "brazil", 1)
    ann, watcher = await table.client("ann"), await table.server.connect("watcher")
    for client, op in ((table.admin, 387), (table.admin, 388), (ann, 389)):
        assert (await accepted(client, op, game_id=table.game))["pools_list"][pool]["version"] == 2
    await accepted(watcher, 363, game_id=table.game, after_seq=2)
    assert told_versions(of_kind(await watcher.heard(), 361), pool) == [2]
    await table.event(at=1)
    assert (await accepted(ann, 390, game_id=table.game))["pools_list"][pool]["version"] == 3


async def test_a_version_does_not_fall_when_the_server_starts_again(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        table = await lay_table(server, clock)
        pool = await table.pool()
        for _ in range(3):
            await table.bet("ann", pool, "brazil", 1)
        key = await server.key_of("ann")
    async with running_server(database, clock) as server:
        ann = await server.connect(headers=bearer(key))
        assert (await accepted(ann, 393, pool_id=pool))["version"] == 4
        await accepted(ann, 392, pool_id=pool, target="brazil", amount=1)
        assert (await accepted(ann, 393, pool_id=pool))["version"] == 5


async def test_a_pool_that_opens_again_is_told_once_though_its_last_bet_was_not_before_it_ended(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    await paced.bet("ann", pool, "brazil", 1)
    assert (await watcher.expect(361))["bet_count"] == 1
    await trio.sleep(0.01)
    await paced.bet("bob", pool, "argentina", 2)
    await trio.sleep(0.01)
    event = await paced.event("chile:1")
    await trio.sleep(0.01)
    await paced.void(event)
    began = trio.current_time()
    while (message := await watcher.receive())["res"] != 361:
        assert message["res"] in (366, 362, 3661, 352)
    # As if it had been told just before: two updates of a pool are never closer than the interval.
    assert trio.current_time() - began == pytest.approx(INTERVAL_MS / 1000, abs=0.01)
    assert (message["pool_id"], message["bet_count"], message["amount_total"]) == (pool, 2, 3)
    assert message["version"] == await version_of(paced, pool)
    later = []
    with trio.move_on_after(10):
        while True:
            later.append((await watcher.receive())["res"])
    assert later == [455]


async def test_a_pool_that_ends_again_at_once_is_not_told_as_if_it_were_open(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    await paced.void(await paced.event())
    await accepted(paced.admin, 3952, pool_id=pool)
    told = []
    with trio.move_on_after(10):
        while True:
            told.append((await watcher.receive())["res"])
    assert told == [366, 362, 3661, 352, 3662]
