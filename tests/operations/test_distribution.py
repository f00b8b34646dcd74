from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.jobs import QueuedJob
from tests.support.harness import Client, run_inline, running_server
from tests.support.pools import backing, unbacked, without_header
from tests.support.settling import Table, accepted, kinds, lay_table, of_kind
from tests.support.world import NEVER_S, RunningClock, assert_broadcast, bearer

INTERVAL_MS = 400
INTERVAL_S = INTERVAL_MS / 1000


@pytest.fixture
async def paced(database: Path) -> AsyncIterator[Table]:
    """A game to bet on; time passes where nothing else happens. (A test names ``autojump_clock`` itself.)"""
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    clock = RunningClock()
    async with running_server(database, clock, distribution_interval_ms=INTERVAL_MS, **settings) as server:
        yield await lay_table(server, clock)


async def listen(client: Client, seconds: float) -> list[tuple[float, dict[str, Any]]]:
    """What comes within some seconds, and when."""
    told = [(trio.current_time(), message) for message in client.messages]
    client.messages.clear()
    with trio.move_on_after(seconds):
        while True:
            message = await client.receive()
            told.append((trio.current_time(), message))
    return told


async def updates_within(client: Client, seconds: float) -> list[dict[str, Any]]:
    """The distribution updates that come within some seconds."""
    return of_kind([message for _, message in await listen(client, seconds)], 361)


async def test_the_first_bet_is_told_at_once_to_all_who_have_joined(paced: Table, autojump_clock: MockClock) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    began = trio.current_time()
    bet = await paced.bet("bob", pool, "brazil", 3)
    message = await watcher.expect(361)
    assert trio.current_time() == pytest.approx(began, abs=0.01)
    placed = (await paced.receipt("bob", bet))["placed_at"]
    distribution = unbacked() | {
        "argentina": backing("Argentina", 0, 0, 4),
        "brazil": backing("Brazil", 1, 3),
        "chile": backing("Chile", 0, 0, 4),
        "none": backing("None", 0, 0, 4),
    }
    assert_broadcast(
        message,
        361,
        None,
        pool_id=pool,
        game_id=paced.game,
        target_level=1,
        participants=1,
        amount_total=3,
        bet_count=1,
        version=2,
        distribution=distribution,
        new_bets=[{"bet_id": bet, "target": "brazil", "amount": 3, "placed_at": placed}],
        new_bets_count=1,
    )


async def test_bets_within_an_interval_are_told_together_at_its_end(paced: Table, autojump_clock: MockClock) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    first = await paced.bet("ann", pool, "brazil", 1)
    await watcher.expect(361)
    began = trio.current_time()
    later = [await paced.bet(name, pool, "chile", 2) for name in ("bob", "cat", "bob")]
    told = await listen(watcher, 10)
    ((at, update),) = told
    assert at - began == pytest.approx(INTERVAL_S, abs=0.01)
    assert (update["bet_count"], update["amount_total"], update["new_bets_count"]) == (4, 7, 3)
    assert [bet["bet_id"] for bet in update["new_bets"]] == later
    assert first not in later


async def test_however_fast_bets_come_a_pool_is_told_once_an_interval_and_its_last_state_always(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    bets: list[str] = []

    async def play() -> None:
        for _ in range(100):
            bets.append(await paced.bet("ann", pool, "brazil", 1))
            await trio.sleep(0.033)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(play)
        told = await listen(watcher, 10)
    times, updates = [at for at, _ in told], [update for _, update in told]
    assert all(second - first >= INTERVAL_S - 0.001 for first, second in pairwise(times))
    assert len(updates) == pytest.approx(3.3 / INTERVAL_S, abs=2)
    assert [bet["bet_id"] for update in updates for bet in update["new_bets"]] == bets
    assert [update["bet_count"] for update in updates] == sorted({update["bet_count"] for update in updates})
    assert (updates[-1]["bet_count"], updates[-1]["amount_total"]) == (100, 100)


async def test_at_most_the_latest_50_bets_are_listed_and_all_are_counted(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    await paced.bet("ann", pool, "brazil", 1)
    await watcher.expect(361)
    bets = [await paced.bet("ann", pool, "brazil", 1) for _ in range(63)]
    (update,) = await updates_within(watcher, 10)
    assert (update["new_bets_count"], update["bet_count"]) == (63, 64)
    assert [bet["bet_id"] for bet in update["new_bets"]] == bets[-50:]


async def test_each_pool_has_an_interval_of_its_own(paced: Table, autojump_clock: MockClock) -> None:
    pools, watcher = [await paced.pool() for _ in range(3)], await paced.watcher()
    for pool in pools:
        await paced.bet("ann", pool, "brazil", 1)
    assert {update["pool_id"] for update in await updates_within(watcher, INTERVAL_S / 2)} == set(pools)


async def test_after_a_pause_a_bet_is_told_at_once_again(paced: Table, autojump_clock: MockClock) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    for _ in range(3):
        await paced.bet("ann", pool, "brazil", 1)
        assert len(await updates_within(watcher, 0.01)) == 1
        await trio.sleep(INTERVAL_S)


@pytest.mark.parametrize("end", ["event", "void", "close"])
async def test_nothing_is_told_of_a_pools_distribution_after_its_end(
    paced: Table, autojump_clock: MockClock, end: str
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    await paced.bet("ann", pool, "brazil", 1)
    await watcher.expect(361)
    await paced.bet("bob", pool, "argentina", 1)
    if end == "event":
        await paced.event()
    elif end == "void":
        await accepted(paced.admin, 3952, pool_id=pool)
    else:
        await accepted(paced.admin, 375, game_id=paced.game)
    heard = [message["res"] for _, message in await listen(watcher, 10)]
    assert heard == {"event": [366, 362, 455], "void": [3662, 455], "close": [362, 341]}[end]


async def test_nothing_is_told_of_a_pools_distribution_after_its_time(paced: Table, autojump_clock: MockClock) -> None:
    finish_at = paced.server.context.clock.now_ms() + 150
    pool, watcher = await paced.pool(pool_type=2, finish_at=finish_at), await paced.watcher()
    await paced.bet("ann", pool, "brazil", 1)
    await watcher.expect(361)
    await paced.bet("bob", pool, "argentina", 1)
    assert [message["res"] for _, message in await listen(watcher, 10)] == [363, 455]


async def test_who_has_not_joined_or_has_left_hears_no_distribution(paced: Table, autojump_clock: MockClock) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    source_watcher = await paced.server.connect("zoe", f"/?source={paced.source}")
    await accepted(watcher, 364, game_id=paced.game)
    await paced.bet("ann", pool, "brazil", 1)
    assert await listen(watcher, 5) == await listen(source_watcher, 5) == []


async def test_after_a_recovery_each_open_pool_is_told_once_behind_the_replay(
    paced: Table, autojump_clock: MockClock
) -> None:
    resolved, first, second = [await paced.pool(targets=[team]) for team in ("argentina", "brazil", "chile")]
    for pool, team in ((resolved, "argentina"), (first, "brazil"), (first, "none")):
        await paced.bet("ann", pool, team, 2)
    await trio.sleep(1)
    await paced.event()
    client = await paced.server.connect("zoe")
    await accepted(client, 363, game_id=paced.game, after_seq=0)
    told = [message for _, message in await listen(client, 10)]
    assert [message["res"] for message in told] == [340, 352, 352, 352, 366, 362, 361, 361]
    for update, pool, count, total in ((told[-2], first, 2, 4), (told[-1], second, 0, 0)):
        assert set(update["response_header"]) == {"t"}
        assert (update["pool_id"], update["bet_count"], update["amount_total"]) == (pool, count, total)
        assert (update["new_bets"], update["new_bets_count"]) == ([], 0)


async def test_a_recovery_with_nothing_missed_tells_the_distributions_too(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool = await paced.pool()
    client = await paced.server.connect("zoe")
    seq = (await accepted(client, 363, game_id=paced.game))["seq"]
    for _ in range(2):
        await accepted(client, 363, game_id=paced.game, after_seq=seq)
        assert [update["pool_id"] for update in await updates_within(client, 1)] == [pool]


async def test_joining_without_a_recovery_tells_no_distribution(paced: Table, autojump_clock: MockClock) -> None:
    pool = await paced.pool()
    await paced.bet("ann", pool, "brazil", 1)
    for after_seq in (None, 99):
        client = await paced.server.connect("zoe")
        await accepted(client, 363, game_id=paced.game, after_seq=after_seq)
        assert await updates_within(client, 5) == []


async def test_who_bets_and_has_joined_hears_the_distribution_too(paced: Table, autojump_clock: MockClock) -> None:
    pool, ann = await paced.pool(), await paced.client("ann")
    await accepted(ann, 363, game_id=paced.game)
    await paced.bet("ann", pool, "brazil", 1)
    heard = [message for _, message in await listen(ann, 5)]
    assert sorted(message["res"] for message in heard) == [361, 815]
    assert kinds(heard) == []


async def test_a_bet_that_is_cancelled_before_it_is_told_is_no_new_bet(paced: Table, autojump_clock: MockClock) -> None:
    later = paced.server.context.clock.now_ms() + 3_600_000
    await accepted(paced.admin, 373, game_id=paced.game, live_start_at=later)
    pool, watcher = await paced.pool(is_cancellable=True), await paced.watcher()
    await paced.bet("ann", pool, "brazil", 1)
    await watcher.expect(361)
    cancelled, kept = await paced.bet("bob", pool, "brazil", 2), await paced.bet("cat", pool, "brazil", 3)
    await accepted(await paced.client("bob"), 3921, bet_id=cancelled)
    (update,) = await updates_within(watcher, 5)
    assert [bet["bet_id"] for bet in update["new_bets"]] == [kept]
    assert (update["new_bets_count"], update["bet_count"]) == (1, 2)


async def test_no_bet_is_lost_to_the_distribution_when_many_bet_at_once(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()

    async def play(name: str) -> None:
        for _ in range(10):
            await paced.bet(name, pool, "brazil", 1)
            await trio.sleep(0.05)

    async with trio.open_nursery() as nursery:
        for name in ("ann", "bob", "cat", "dan", "eve"):
            nursery.start_soon(play, name)
    updates = await updates_within(watcher, 5)
    assert sum(update["new_bets_count"] for update in updates) == updates[-1]["bet_count"] == 50
    assert updates[-1]["participants"] == 5


async def test_who_recovers_while_others_bet_has_the_last_state_in_the_end(
    paced: Table, autojump_clock: MockClock
) -> None:
    pools = [await paced.pool() for _ in range(4)]
    watcher = await paced.watcher()
    joiners = [await paced.server.connect("zoe") for _ in range(20)]
    last: dict[Client, dict[str, int]] = {}

    async def join(client: Client, delay: int) -> None:
        for _ in range(delay):
            await trio.lowlevel.checkpoint()
        await accepted(client, 363, game_id=paced.game, after_seq=0)
        updates = await updates_within(client, 30)
        last[client] = {update["pool_id"]: update["bet_count"] for update in updates}

    async def play(pool: str, name: str) -> None:
        for _ in range(5):
            await paced.bet(name, pool, "brazil", 1)

    async with trio.open_nursery() as nursery:
        for number, client in enumerate(joiners):
            nursery.start_soon(join, client, 7 * number)
        for pool, name in zip(pools, ("ann", "bob", "cat", "dan"), strict=True):
            nursery.start_soon(play, pool, name)
    assert len(await updates_within(watcher, 1)) >= len(pools)
    assert [last[client] for client in joiners] == [dict.fromkeys(pools, 5)] * len(joiners)


async def test_a_bet_placed_while_a_recovery_reads_the_distributions_is_told_to_it_too(
    database: Path, autojump_clock: MockClock
) -> None:
    slowed: list[float] = []

    async def slow_for_recoveries(function: Callable[..., Any], batch: list[QueuedJob], limiter: object = None) -> Any:
        answer = await run_inline(function, batch)
        # The distributions of both pools at once: read by a recovery, here a second before they are sent.
        read = [entry.outcome.result for entry in batch if isinstance(entry.outcome.result, list)]
        if any(len(bodies) == 2 and b'"res":361' in bytes(bodies[0]) for bodies in read):
            slowed.append(trio.current_time())
            await trio.sleep(1)
        return answer

    settings: dict[str, Any] = {"run_sync": slow_for_recoveries, "ping_interval_s": NEVER_S}
    clock = RunningClock()
    async with running_server(database, clock, **settings) as server:
        table = await lay_table(server, clock)
        pools = [await table.pool() for _ in range(2)]
        watcher, client = await table.watcher(), await server.connect("zoe")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(accepted, client, 363, game_id=table.game, after_seq=3))
            await trio.sleep(0.5)
            await table.bet("ann", pools[0], "brazil", 1)
            assert len(await updates_within(watcher, 0.2)) == len(slowed) == 1
        last = {update["pool_id"]: update["bet_count"] for update in await updates_within(client, 30)}
        assert last == {pools[0]: 1, pools[1]: 0}


async def test_an_update_that_cannot_be_read_comes_an_interval_later_with_its_bets(
    paced: Table, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()

    def unreadable(*arguments: object) -> None:
        raise Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be read now")

    with monkeypatch.context() as patched:
        patched.setattr("gameserver.realtime.hub.distribution_updates", unreadable)
        first = await paced.bet("ann", pool, "brazil", 1)
        assert await updates_within(watcher, INTERVAL_S / 2) == []
    second = await paced.bet("bob", pool, "brazil", 1)
    (update,) = await updates_within(watcher, INTERVAL_S)
    assert [bet["bet_id"] for bet in update["new_bets"]] == [first, second]
    assert (update["new_bets_count"], update["bet_count"]) == (2, 2)


async def test_who_has_bet_is_told_to_the_admins_of_the_game_alone_as_they_are_then(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool, watcher = await paced.pool(), await paced.watcher()
    await accepted(paced.admin, 617, game_id=paced.game, username="cat")
    admin = await paced.client("cat")
    await accepted(admin, 363, game_id=paced.game)
    view = await paced.server.connect(headers=bearer((await accepted(admin, 101))["session_key"]))
    await accepted(view, 363, game_id=paced.game)
    for is_admin in (True, False):
        placed = await paced.bet("bob", pool, "brazil", 3)
        (seen,) = await updates_within(watcher, 2 * INTERVAL_S)
        (told,) = await updates_within(admin, 2 * INTERVAL_S)
        assert list(map(without_header, await updates_within(view, 2 * INTERVAL_S))) == [without_header(seen)]
        (bet,) = seen["new_bets"]
        assert (set(bet), bet["bet_id"]) == ({"bet_id", "target", "amount", "placed_at"}, placed)
        named = {**bet, "user_id": 2, "username": "bob"} if is_admin else bet
        assert without_header(told) == {**without_header(seen), "new_bets": [named]}
        if is_admin:
            await accepted(paced.admin, 618, game_id=paced.game, username="cat")
