from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trio.testing import MockClock

from gameserver.errors import ErrorCode, Rejected
from tests.operations.test_distribution import listen
from tests.support.harness import Client, run_inline, running_server
from tests.support.people import People
from tests.support.settling import BETTORS, Table, accepted, lay_table, of_kind
from tests.support.world import NEVER_S, RunningClock, assert_broadcast, assert_reply, bearer

INTERVAL_S = 0.4


@pytest.fixture
async def paced(database: Path) -> AsyncIterator[Table]:
    """A game to bet on; time passes where nothing else happens. (A test names ``autojump_clock`` itself.)"""
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    clock = RunningClock()
    async with running_server(database, clock, distribution_interval_ms=int(INTERVAL_S * 1_000), **settings) as server:
        yield await lay_table(server, clock)


def people_at(table: Table) -> People:
    """The bettors, to befriend each other."""
    return People(table.server, table.clients, {name: number for number, name in enumerate(BETTORS, 1)})


async def befriend(table: Table, name: str, other: str) -> None:
    for who in (name, other):
        await table.client(who)
    await people_at(table).befriend(name, other)


async def joined(table: Table, *names: str) -> list[Client]:
    """The bettors' connections, which have joined the game and heard what there was."""
    clients = [await table.client(name) for name in names]
    for client in clients:
        await accepted(client, 363, game_id=table.game)
    for client in clients:
        await client.heard()
    return clients


async def told(client: Client, seconds: float = 2 * INTERVAL_S) -> list[dict[str, Any]]:
    """The bets of friends (4611) that come within some seconds."""
    return of_kind([message for _, message in await listen(client, seconds)], 4611)


def prediction(name: str, target: str, amount: Any, status: str, payout: Any) -> dict[str, Any]:
    user = {"user_id": BETTORS.index(name) + 1, "username": name}
    return {**user, "target": target, "amount": amount, "status": status, "payout": payout}


async def test_a_friends_bet_is_told_to_friends_who_have_joined_and_to_nobody_else(
    paced: Table, autojump_clock: MockClock
) -> None:
    pool = await paced.pool()
    await befriend(paced, "ann", "bob")
    await befriend(paced, "ann", "cat")
    bob, dan, ann = await joined(paced, "bob", "dan", "ann")
    cat = await paced.client("cat")
    second = await paced.server.connect("bob")
    await accepted(second, 363, game_id=paced.game)
    view = await paced.server.connect(headers=bearer((await accepted(bob, 101))["session_key"]))
    await accepted(view, 363, game_id=paced.game)
    bet = await paced.bet("ann", pool, "brazil", 3)
    placed_at = (await paced.receipt("ann", bet))["placed_at"]
    for client in (bob, second):
        (message,) = await told(client)
        fields: dict[str, Any] = {"user_id": 1, "username": "ann", "pool_id": pool}
        assert_broadcast(message, 4611, None, **fields, target="brazil", amount=3, placed_at=placed_at)
    for client in (dan, cat, ann, view):
        assert await told(client) == []


async def test_each_bet_of_each_friend_is_told_once_in_order(paced: Table, autojump_clock: MockClock) -> None:
    pools = [await paced.pool() for _ in range(2)]
    for other in ("bob", "cat"):
        await befriend(paced, "ann", other)
    (ann,) = await joined(paced, "ann")
    bets = [("bob", 0, 1), ("cat", 1, 2), ("dan", 0, 3), ("bob", 1, 4), ("cat", 0, 5), ("bob", 0, 6)]
    for name, pool, amount in bets:
        await paced.bet(name, pools[pool], "brazil", amount)
    heard = [(message["username"], message["pool_id"], message["amount"]) for message in await told(ann, 5)]
    assert heard == [(name, pools[pool], amount) for name, pool, amount in bets if name != "dan"]


@pytest.mark.parametrize("op", [463, 467])
@pytest.mark.parametrize("by", ["ann", "bob"])
async def test_who_is_a_friend_no_longer_is_told_nothing_more_at_once(
    paced: Table, autojump_clock: MockClock, op: int, by: str
) -> None:
    pool = await paced.pool()
    await befriend(paced, "ann", "bob")
    (bob,) = await joined(paced, "bob")
    await paced.bet("ann", pool, "brazil", 3)
    assert len(await told(bob)) == 1
    await people_at(paced).act(by, op, "bob" if by == "ann" else "ann")
    await paced.bet("ann", pool, "brazil", 3)
    assert await told(bob) == []
    assert (await accepted(bob, 461, game_id=paced.game))["predictions"] == {"running": [], "resolved": []}
    assert (await accepted(bob, 460, pool_id=pool))["predictions"] == []


async def test_who_has_only_asked_or_was_only_asked_is_told_nothing(paced: Table, autojump_clock: MockClock) -> None:
    pool = await paced.pool()
    ann, bob = await joined(paced, "ann", "bob")
    await people_at(paced).ask("bob", "ann")
    for name in ("ann", "bob"):
        await paced.bet(name, pool, "brazil", 3)
    assert await told(bob) == await told(ann) == []
    for client in (ann, bob):
        assert (await accepted(client, 461, game_id=paced.game))["predictions"] == {"running": [], "resolved": []}


async def test_a_bet_that_is_cancelled_is_told_no_friend_and_read_by_none(
    paced: Table, autojump_clock: MockClock
) -> None:
    later = paced.server.context.clock.now_ms() + 3_600_000
    await accepted(paced.admin, 373, game_id=paced.game, live_start_at=later)
    pool = await paced.pool(is_cancellable=True)
    await befriend(paced, "ann", "bob")
    (bob,) = await joined(paced, "bob")
    kept = await paced.bet("ann", pool, "brazil", 1)
    assert len(await told(bob)) == 1
    cancelled = await paced.bet("ann", pool, "brazil", 2)
    await told(bob)
    await accepted(await paced.client("ann"), 3921, bet_id=cancelled)
    assert await told(bob) == []
    (read,) = (await accepted(bob, 460, pool_id=pool))["predictions"]
    assert read["amount"] == 1
    await accepted(await paced.client("ann"), 3921, bet_id=kept)
    assert (await accepted(bob, 460, pool_id=pool))["predictions"] == []


async def test_bets_of_friends_that_cannot_be_read_now_are_told_later(
    paced: Table, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await paced.pool()
    await befriend(paced, "ann", "bob")
    (bob,) = await joined(paced, "bob")

    def unreadable(*arguments: object) -> None:
        raise Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be read now")

    with monkeypatch.context() as patched:
        patched.setattr("gameserver.realtime.hub.distribution_updates", unreadable)
        await paced.bet("ann", pool, "brazil", 1)
        assert await told(bob, INTERVAL_S / 2) == []
    await paced.bet("ann", pool, "brazil", 2)
    assert [message["amount"] for message in await told(bob)] == [1, 2]


async def test_what_friends_have_bet_in_a_pool_is_read_with_what_has_become_of_it(table: Table) -> None:
    await befriend(table, "ann", "bob")
    await befriend(table, "ann", "cat")
    pool = await table.pool()
    ann = await table.client("ann")
    await table.bet("bob", pool, "argentina", 10, at=0)
    await table.bet("cat", pool, "brazil", 20, at=1)
    await table.bet("dan", pool, "chile", 30, at=2)
    await table.bet("bob", pool, "chile", 5, at=9)
    running = [
        prediction("bob", "chile", 5, "running", None),
        prediction("cat", "brazil", 20, "running", None),
        prediction("bob", "argentina", 10, "running", None),
    ]
    assert_reply(await ann.call(460, pool_id=pool), 460, pool_id=pool, predictions=running)
    for is_resolved, expected in ((False, running), (True, [])):
        reply = await ann.call(460, pool_id=pool, is_resolved=is_resolved)
        assert_reply(reply, 460, pool_id=pool, predictions=expected)
    table.set_time(10)
    await table.event(happened_at=table.clock.time_ms - 5)
    resolved = [
        prediction("bob", "chile", 5, "invalidated", 5),
        prediction("cat", "brazil", 20, "lost", 0),
        prediction("bob", "argentina", 10, "won", 60),
    ]
    cases: list[tuple[dict[str, Any], list[Any]]]
    cases = [({}, resolved), ({"is_resolved": True}, resolved), ({"is_resolved": False}, [])]
    for asked, expected in cases:
        reply = await ann.call(460, pool_id=pool, **asked)
        assert_reply(reply, 460, pool_id=pool, predictions=expected)
    assert (await accepted(await table.client("dan"), 460, pool_id=pool))["predictions"] == []


async def test_what_friends_have_bet_in_a_game_is_read_running_and_resolved_newest_first(table: Table) -> None:
    await befriend(table, "ann", "bob")
    ended, running = await table.pool(), await table.pool(targets=["brazil:7", "brazil:9"])
    elsewhere = await table.pool_of_another_game()
    await table.bet("bob", running, "brazil:7", 1)
    await table.bet("bob", ended, "argentina", 2)
    await table.bet("ann", ended, "brazil", 3)
    await table.bet("bob", running, "none", 4)
    await table.bet("bob", elsewhere, "brazil", 5)
    await table.event(at=5)
    reply = await (await table.client("ann")).call(461, game_id=table.game)
    predictions = {
        "running": [
            {**prediction("bob", "none", 4, "running", None), "pool_id": running},
            {**prediction("bob", "brazil:7", 1, "running", None), "pool_id": running},
        ],
        "resolved": [{**prediction("bob", "argentina", 2, "won", 5), "pool_id": ended}],
    }
    assert_reply(reply, 461, game_id=table.game, predictions=predictions)
    await accepted(table.admin, 3952, pool_id=ended)
    reply = await accepted(await table.client("ann"), 461, game_id=table.game)
    assert [(bet["status"], bet["payout"]) for bet in reply["predictions"]["resolved"]] == [("voided", 2)]


async def test_of_many_bets_the_running_and_the_newest_are_read(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gameserver.handlers.predictions.MAX_PREDICTIONS", 3)
    await befriend(table, "ann", "bob")
    running, ended = await table.pool(targets=["brazil:7"]), await table.pool()
    await table.bet("bob", running, "brazil:7", 1)
    for amount in (2, 3, 4):
        await table.bet("bob", ended, "argentina", amount)
    await table.event(at=5)
    read = (await accepted(await table.client("ann"), 461, game_id=table.game))["predictions"]
    assert [[bet["amount"] for bet in read[kind]] for kind in ("running", "resolved")] == [[1], [4, 3]]


async def test_predictions_that_would_be_too_long_a_message_are_cut(table: Table) -> None:
    await befriend(table, "ann", "bob")
    deep = ":".join(["😀" * 100] * 40)
    await accepted(table.admin, 373, game_id=table.game, targets=[deep])
    pool = await table.pool(targets=[deep])
    for _ in range(100):
        await table.bet("bob", pool, deep, 1)
    ann = await table.client("ann")
    for op, parameters in ((460, {"pool_id": pool}), (461, {"game_id": table.game})):
        reply = await accepted(ann, op, **parameters)
        assert len(msgspec.json.encode(reply)) < 2**20
        read = reply["predictions"] if op == 460 else reply["predictions"]["running"]
        assert 50 < len(read) < 100
