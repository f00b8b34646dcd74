"""What a bet may stake: at least the pool's min_stake, at most what is left of its max_stake, and what the user has."""

from typing import Any

import pytest

from tests.operations.test_betting import balances
from tests.support.harness import START_MS, Client
from tests.support.settling import Table, accepted


async def bet(client: Client, pool: str, amount: Any, target: str = "argentina") -> dict[str, Any]:
    """The reply to a bet, without its header."""
    return await client.call(392, pool_id=pool, target=target, amount=amount)


async def pool_object(table: Table, pool: str) -> dict[str, Any]:
    """The state of a pool."""
    listed: dict[str, Any] = (await accepted(table.admin, 387, game_id=table.game))["pools_list"][pool]
    return listed


async def test_a_pool_tells_its_limits_which_are_the_minor_unit_and_none_by_default(table: Table) -> None:
    watcher = await table.watcher()
    await table.pool()
    await table.pool(min_stake="0.50", max_stake=20)
    for least, most in ((0.01, None), (0.5, 20)):
        told = await watcher.expect(352)
        for shown in (told, await pool_object(table, told["pool_id"])):
            assert (shown["min_stake"], shown["max_stake"], shown["is_cancellable"]) == (least, most, False)


@pytest.mark.parametrize("amount", ["0.49", 0.01])
async def test_a_stake_below_the_least_is_refused_with_the_amounts(table: Table, amount: Any) -> None:
    pool, ann = await table.pool(min_stake="0.5"), await table.client("ann")
    reply = await bet(ann, pool, amount)
    assert (reply["res"], reply["code"], reply["field"], reply["retryable"]) == (666, "stake_limit", "amount", False)
    assert (reply["asked"], reply["available"], reply["min_stake"]) == (float(amount), 1000, 0.5)
    assert not {"max_stake", "left"} & set(reply)
    assert await balances(ann) == (1000, 1000, 0)
    assert (await bet(ann, pool, "0.5"))["res"] == 356


async def test_a_users_running_bets_in_a_pool_are_bounded_together_and_each_users_by_themselves(table: Table) -> None:
    pool = await table.pool(max_stake=10)
    ann, bob = await table.client("ann"), await table.client("bob")
    assert (await bet(ann, pool, 6))["res"] == 356
    assert (await bet(ann, pool, 3, "brazil"))["res"] == 356
    reply = await bet(ann, pool, "1.01", "chile")
    assert (reply["code"], reply["field"]) == ("stake_limit", "amount")
    amounts = [reply[name] for name in ("asked", "available", "min_stake", "max_stake", "left")]
    assert amounts == [1.01, 991, 0.01, 10, 1]
    assert (await bet(bob, pool, 10))["res"] == 356
    assert (await bet(ann, pool, 1, "chile"))["res"] == 356
    assert (await bet(ann, pool, "0.01"))["left"] == 0


async def test_the_limit_of_a_pool_is_answered_before_the_funds_and_these_say_what_is_left_too(
    table: Table,
) -> None:
    pool, ann = await table.pool(max_stake=3000), await table.client("ann")
    assert (await bet(ann, pool, 3001))["code"] == "stake_limit"
    reply = await bet(ann, pool, 1001)
    assert reply["code"] == "insufficient_funds"
    assert (reply["asked"], reply["available"], reply["max_stake"], reply["left"]) == (1001, 1000, 3000, 3000)


async def test_bets_that_wait_together_are_held_to_the_limit_together(table: Table) -> None:
    pool, ann = await table.pool(max_stake=5), await table.client("ann")
    for number in range(4):
        await ann.send({"header": {"id": number}, "op": 392, "pool_id": pool, "target": "argentina", "amount": 2})
    replies: list[dict[str, Any]] = []
    while len(replies) < 4:
        message = await ann.receive()
        if "id" in message["response_header"]:
            replies.append(message)
    assert [reply["res"] for reply in replies] == [356, 356, 666, 666]
    assert [reply.get("left") for reply in replies] == [None, None, 1, 1]


async def test_what_is_refunded_as_late_is_free_again(table: Table) -> None:
    pool = await table.pool(max_stake=5, recreate_on_end=False)
    await table.bet("ann", pool, "argentina", 2, at=10)
    await table.bet("ann", pool, "argentina", 3, at=30)
    event = await table.event(at=40, happened_at=START_MS + 20)
    await table.void(event)
    await table.bet("ann", pool, "brazil", 3, at=50)
    assert (await bet(await table.client("ann"), pool, "0.01"))["code"] == "stake_limit"


async def test_a_recreated_pool_has_the_limits_of_the_one_before_and_counts_anew(table: Table) -> None:
    pool = await table.pool(min_stake=2, max_stake=5, is_cancellable=True, recreate_on_end=True)
    await table.bet("ann", pool, "argentina", 5, at=10)
    await table.event(at=20)
    (successor,) = (await accepted(table.admin, 387, game_id=table.game))["pools_list"].values()
    assert successor["pool_id"] != pool
    assert (successor["min_stake"], successor["max_stake"], successor["is_cancellable"]) == (2, 5, True)
    await table.bet("ann", successor["pool_id"], "argentina", 5, at=30)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"min_stake": 0}, "min_stake"),
        ({"max_stake": -1}, "max_stake"),
        ({"min_stake": "0.001"}, "min_stake"),
        ({"max_stake": "x"}, "max_stake"),
        ({"min_stake": 3, "max_stake": 2}, "max_stake"),
        ({"max_stake": True}, "max_stake"),
    ],
)
async def test_limits_that_make_no_sense_are_refused(table: Table, limits: dict[str, Any], field: str) -> None:
    request: dict[str, Any] = {"game_id": table.game, "description": "?", "action_id": "goal", "targets": ["argentina"]}
    reply = await table.admin.call(385, **request, **limits)
    assert (reply["code"], reply["field"]) == ("invalid_parameter", field)


@pytest.mark.parametrize("absent", [None, "", "None"])
async def test_limits_may_be_given_as_absent(table: Table, absent: Any) -> None:
    pool = await table.pool(min_stake=absent, max_stake=absent)
    shown = await pool_object(table, pool)
    assert (shown["min_stake"], shown["max_stake"]) == (0.01, None)
