"""Calling a game off: all its pools are void at once, and every balance is as before."""

from pathlib import Path
from typing import Any

from gameserver.storage.check import find_faults
from gameserver.storage.ledger import Balances
from tests.support.offline import Offline
from tests.support.settling import Table, accepted, faults_of, kinds, of_kind
from tests.support.world import assert_broadcast, assert_reply

RAIN = "Abandoned at 60'"


async def laid_out(table: Table) -> list[str]:
    """Pools of every type, with bets in each."""
    pools = [
        await table.pool(pool_type=kind, finish_at=table.clock.time_ms + 99 if kind % 2 == 0 else None)
        for kind in (1, 2, 3, 4)
    ]
    for name, amount in (("ann", 3), ("bob", 4)):
        for pool in pools:
            target = next(iter((await table.pool_object(pool))["distribution"]))
            await table.bet(name, pool, target, amount, at=1)
    return pools


async def test_every_open_pool_is_void_and_the_game_is_closed_in_one_go(table: Table) -> None:
    pools, watcher = await laid_out(table), await table.watcher()
    table.set_time(10)
    reply = await table.admin.call(376, game_id=table.game, reason=RAIN)
    amounts = dict.fromkeys(pools, 7)
    assert_reply(reply, 376, game_id=table.game, reason=RAIN, pools=amounts, overdrawn={})
    heard = [message for message in await watcher.heard() if message["res"] != 361]
    assert kinds(heard) == [3662, 3662, 3662, 3662, 341]
    assert [message["pool_id"] for message in heard[:4]] == pools
    assert {message["reason"] for message in heard[:4]} == {RAIN}
    assert_broadcast(
        heard[4], 341, heard[3]["response_header"]["seq"] + 1, game_id=table.game, cancelled=True, reason=RAIN
    )
    assert await table.nets() == {"ann": 0, "bob": 0}
    details = await table.details()
    assert (details["status"], details["cancelled_at"]) == ("game_closed", table.clock.time_ms)
    assert faults_of(table.server.context.settings.db) == []


async def test_each_bettor_is_told_the_balance_once(table: Table) -> None:
    await laid_out(table)
    ann = await table.client("ann")
    await ann.heard()
    await accepted(table.admin, 376, game_id=table.game)
    heard = await ann.heard()
    (balance,) = of_kind(heard, 815)
    assert (balance["current_balance"], balance["available_balance"]) == (1000, 1000)
    assert len(of_kind(heard, 3662)) == 4


async def test_what_was_resolved_stays_unless_it_is_to_be_given_back_too(table: Table) -> None:
    pools = await laid_out(table)
    await table.event(at=10)
    assert list((await accepted(table.admin, 376, game_id=table.game, preview=True))["pools"]) == pools[2:]
    reply = await accepted(table.admin, 376, game_id=table.game, include_resolved=True)
    assert list(reply["pools"]) == pools
    assert await table.nets() == {"ann": 0, "bob": 0}


async def test_a_closed_game_is_called_off_with_what_its_close_has_settled(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "none", 3, at=1)
    await table.bet("bob", pool, "brazil", 4, at=1)
    await accepted(table.admin, 375, game_id=table.game)
    other = await table.pool_of_another_game()
    await table.bet("ann", other, "brazil", 1004, at=2)
    assert await table.refusal(376, game_id=table.game) == "conflict"
    for preview in (True, False):
        called_off = {"game_id": table.game, "include_resolved": True, "reason": RAIN, "preview": preview}
        assert (await accepted(table.admin, 376, **called_off))["overdrawn"] == {"1": 4}
    assert await table.nets() == {"ann": -1004, "bob": 0}
    assert (await table.details())["cancelled_at"] is not None


async def test_a_preview_says_what_would_be_given_back_and_changes_nothing(table: Table) -> None:
    pools = await laid_out(table)
    watcher = await table.watcher()
    reply = await accepted(table.admin, 376, game_id=table.game, preview=True)
    assert reply["pools"] == dict.fromkeys(pools, 7)
    assert await watcher.heard() == []
    assert (await table.details())["cancelled_at"] is None
    assert await table.nets() == {"ann": -12, "bob": -16}


async def test_a_game_is_called_off_once(table: Table) -> None:
    await accepted(table.admin, 376, game_id=table.game)
    for include_resolved in (False, True):
        assert await table.refusal(376, game_id=table.game, include_resolved=include_resolved) == "conflict"


async def test_a_game_that_is_closing_is_called_off(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.bet("ann", pool, "yes", 3, at=1)
    await table.admin.call(375, game_id=table.game)
    assert list((await accepted(table.admin, 376, game_id=table.game))["pools"]) == [pool]
    assert await table.nets() == {"ann": 0}


async def test_nothing_falls_due_in_a_game_that_was_called_off(table: Table) -> None:
    pools = await laid_out(table)
    await accepted(table.admin, 398, pool_id=pools[0], allow_at=table.clock.time_ms + 50)
    await accepted(table.admin, 376, game_id=table.game)
    table.set_time(1_000)
    states = {(await table.pool_object(pool))["status"] for pool in pools}
    assert states == {"voided"}
    assert await table.nets() == {"ann": 0, "bob": 0}


async def test_forty_pools_of_many_bettors_are_void_at_once_with_all_balances_as_before(table: Table) -> None:
    bettors: list[Any] = [await table.client(name) for name in ("ann", "bob", "cat", "dan", "eve")]
    for number in range(40):
        pool = await table.pool()
        for place, client in enumerate(bettors):
            target = ("argentina", "brazil", "chile")[(number + place) % 3]
            await accepted(client, 392, pool_id=pool, target=target, amount=1 + place)
    table.set_time(10)
    reply = await accepted(table.admin, 376, game_id=table.game)
    assert reply["pools"] == dict.fromkeys(reply["pools"], 15)
    assert len(reply["pools"]) == 40
    assert await table.nets() == dict.fromkeys(("ann", "bob", "cat", "dan", "eve"), 0)
    for client in bettors:
        assert len([m for m in await client.heard() if m["res"] == 815 and m["available_balance"] == 1000]) == 1
    assert faults_of(table.server.context.settings.db) == []


def test_abandoned_with_2000_bettors_in_40_pools_all_balances_are_as_before_and_told_once(database: Path) -> None:
    offline = Offline(database)
    offline.add_user("fifa", provider=True)
    source = offline.call("fifa", 365, source_name="Cup")["source_id"]
    game = offline.call("fifa", 370, source_id=source, game_name="A - B", type="?", actions="Goal", targets="A, B")
    offline.call("fifa", 616, game_id=game["game_id"])
    pool = {"game_id": game["game_id"], "description": "?", "action_id": "goal", "targets": "a, b"}
    pools = [offline.call("fifa", 385, **pool)["pool_id"] for _ in range(40)]
    bettors = [offline.add_user(f"bettor{number}") for number in range(2000)]
    for number in range(2000):
        for place in (number, 7 * number + 1):
            bet = {"pool_id": pools[place % 40], "target": "ab"[place % 2], "amount": 1 + place % 9}
            assert offline.call(f"bettor{number}", 392, **bet)["res"] == 356
    offline.now_ms += 60 * 60_000
    cancelled = offline.call("fifa", 376, game_id=game["game_id"], reason="Floodlights")
    assert set(cancelled["pools"]) == set(pools)
    told = offline.effects.balances
    assert set(told) == {(bettor, "DON") for bettor in bettors}
    assert set(told.values()) == {Balances(available=1000_00, staked=0)}
    assert find_faults(offline.connection) == []
    assert offline.replay_differences(game["game_id"]) == []
    offline.close()
