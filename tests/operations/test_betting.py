from typing import Any

import pytest
import trio

from tests.support.harness import START_MS, Client
from tests.support.pools import without_header
from tests.support.settling import Table, accepted, of_kind
from tests.support.world import UNKNOWN_ID, assert_broadcast, assert_refused, assert_reply

ABSENT = [None, "", "None"]
# As JSON texts, so that numbers come as they are written.
ACCEPTED = {
    '"1"': 1,
    "1": 1,
    "1.5": 1.5,
    '"1.50"': 1.5,
    "1.50": 1.5,
    "0.01": 0.01,
    "1e2": 100,
    "1.000": 1,
    "1000": 1000,
}
REFUSED = [
    "0",
    "0.00",
    '"0"',
    "-1",
    '"-1"',
    '"+1"',
    '"1e3"',
    "1.005",
    '"1.005"',
    '"NaN"',
    '"Infinity"',
    "true",
    "false",
    '"true"',
    "100000000000000000000000",
    "1e23",
    "9223372036854775808",
    "1000000000000.01",
    '"1_0"',
    '" 1"',
    '"1 "',
    '"\u0661"',
    '"\uff11"',
    '"0x1"',
    '"1,5"',
    "[1]",
    '{"a":1}',
]


async def bet(client: Client, pool: str, amount: Any = 1, target: str = "argentina") -> dict[str, Any]:
    """The reply to a bet."""
    return await client.call(392, pool_id=pool, target=target, amount=amount)


async def bet_text(client: Client, pool: str, amount: str) -> dict[str, Any]:
    """The reply to a bet of an amount given as JSON."""
    await client.send(f'{{"header":{{"id":0}},"op":392,"pool_id":"{pool}","target":"argentina","amount":{amount}}}')
    while (message := await client.receive())["response_header"].get("id") != 0:
        client.messages.append(message)
    return message


async def balances(client: Client, currency: str = "DON") -> tuple[float, float, float]:
    """What a user has: in all, available, staked."""
    replies = [await accepted(client, op, currency=currency) for op in (800, 810, 840)]
    return replies[0]["current_balance"], replies[1]["available_balance"], replies[2]["exposure"]


# Taken


@pytest.mark.parametrize("target", ["argentina", "Argentina", " ARGENTINA "])
async def test_a_bet_is_taken_at_the_time_of_receipt(table: Table, target: str) -> None:
    pool, ann = await table.pool(), await table.client("ann")
    table.set_time(7)
    reply = await bet(ann, pool, "2.50", target)
    placed = {"target": "argentina", "amount": 2.5, "placed_at": START_MS + 7}
    assert_reply(reply, 356, pool_id=pool, bet_id=reply["bet_id"], **placed)
    assert await balances(ann) == (1000, 997.5, 2.5)


async def test_every_connection_of_the_bettor_and_nobody_else_is_told_the_new_balances(table: Table) -> None:
    pool = await table.pool()
    anns = [await table.server.connect("ann") for _ in range(3)]
    bob = await table.client("bob")
    await bet(anns[0], pool, 1.25)
    for client in anns:
        (message,) = await client.heard()
        assert_broadcast(message, 815, None, current_balance=1000, available_balance=998.75, currency="DON")
    assert await bob.heard() == []


async def test_a_user_may_bet_several_times_and_on_several_targets(table: Table) -> None:
    pool, ann = await table.pool(), await table.client("ann")
    bets = {(await bet(ann, pool, 1, target))["bet_id"] for target in ("argentina", "argentina", "brazil", "none")}
    assert len(bets) == 4
    shown = await table.pool_object(pool)
    assert (shown["participants"], shown["bet_count"], shown["amount_total"]) == (1, 4, 4)


@pytest.mark.parametrize(("level", "target"), [("Argentina:1", "argentina:1"), ("Argentina:1", "ARGENTINA : 1")])
async def test_a_nested_target_is_named_by_its_path(table: Table, level: str, target: str) -> None:
    pool = await table.pool(targets=[level, "Brazil:7"])
    assert (await bet(await table.client("ann"), pool, 1, target))["target"] == "argentina:1"


async def test_the_labels_of_a_binary_pool_are_backed_by_id_or_name(table: Table) -> None:
    pool = await table.pool(pool_type=3, targets=["Over 2", "Under 2"])
    ann = await table.client("ann")
    for target in ("Over 2", "over-2", "OVER_2"):
        assert (await bet(ann, pool, 1, target))["target"] == "over-2"


async def test_who_has_joined_nothing_may_bet_too(table: Table) -> None:
    assert (await bet(await table.server.connect("zoe"), await table.pool()))["res"] == 356


async def test_all_that_is_available_can_be_staked_and_no_more(table: Table) -> None:
    pool, ann = await table.pool(), await table.client("ann")
    assert (await bet(ann, pool, "999.99"))["res"] == 356
    assert (await bet(ann, pool, "0.02"))["code"] == "insufficient_funds"
    assert (await bet(ann, pool, "0.01"))["res"] == 356
    assert await balances(ann) == (1000, 0, 1000)


# Amounts


@pytest.mark.parametrize(("text", "amount"), ACCEPTED.items())
async def test_an_amount_is_a_decimal_number_or_a_string_of_one(table: Table, text: str, amount: float) -> None:
    reply = await bet_text(await table.client("ann"), await table.pool(), text)
    assert (reply["res"], reply["amount"]) == (356, amount)


@pytest.mark.parametrize("text", REFUSED)
async def test_any_other_amount_is_refused_by_name_and_nothing_taken(table: Table, text: str) -> None:
    pool, ann = await table.pool(), await table.client("ann")
    assert_refused(await bet_text(ann, pool, text), 392, "invalid_parameter", "amount")
    assert await balances(ann) == (1000, 1000, 0)


@pytest.mark.parametrize("amount", ABSENT)
async def test_an_absent_amount_is_missing(table: Table, amount: str | None) -> None:
    reply = await bet(await table.client("ann"), await table.pool(), amount)
    assert_refused(reply, 392, "missing_parameter", "amount")


async def test_an_amount_that_is_no_json_is_no_request(table: Table) -> None:
    ann = await table.client("ann")
    await ann.send('{"op":392,"amount":NaN}')
    assert (await ann.receive())["code"] == "bad_json"


@pytest.mark.parametrize(
    ("currency", "amount", "refused"), [("JPY", 7, ["7.5", 0.1]), ("BHD", 0.001, ["0.0001", 1.0005])]
)
async def test_an_amount_has_the_decimals_of_the_games_currency(
    table: Table, currency: str, amount: float, refused: list[Any]
) -> None:
    await table.credit("ann", "10", currency)
    game = await table.server.open_game(table.admin, table.source, currency=currency)
    await accepted(table.admin, 616, game_id=game)
    pool, ann = await table.pool(game_id=game, targets=["argentina", "brazil"]), await table.client("ann")
    await ann.heard()
    for wrong in refused:
        assert_refused(await bet(ann, pool, wrong), 392, "invalid_parameter", "amount")
    assert (await bet(ann, pool, amount))["amount"] == amount
    (told,) = of_kind(await ann.heard(), 815)
    assert_broadcast(told, 815, None, current_balance=10, available_balance=10 - amount, currency=currency)
    assert await balances(ann, currency) == (10, 10 - amount, amount)
    assert await balances(ann) == (1000, 1000, 0)
    shown = (await table.pool_object(pool))["distribution"]["argentina"]
    assert (shown["backing_money"], shown["to_win_if_backed"]) == (amount, 1)


async def test_points_of_one_currency_buy_nothing_in_another(table: Table) -> None:
    game = await table.server.open_game(table.admin, table.source, currency="EUR")
    await accepted(table.admin, 616, game_id=game)
    pool = await table.pool(game_id=game, pool_type=3)
    reply = await bet(await table.client("ann"), pool, 1, "yes")
    assert_refused(reply, 392, "insufficient_funds", "amount")
    assert "0.00 EUR" in reply["text"]


# Refused


async def test_a_bet_beyond_the_available_balance_is_told_what_is_there_and_what_was_asked(table: Table) -> None:
    pool, ann = await table.pool(), await table.client("ann")
    await bet(ann, pool, 400)
    reply = await bet(ann, pool, "600.01")
    assert_refused(reply, 392, "insufficient_funds", "amount")
    assert "600.00 DON" in reply["text"]
    assert "600.01" in reply["text"]
    assert await balances(ann) == (1000, 600, 400)


@pytest.mark.parametrize("target", ["uruguay", "argentina:1", "yes", "a::b", ":", "none:1"])
async def test_what_cannot_be_backed_in_the_pool_is_refused_by_name(table: Table, target: str) -> None:
    reply = await bet(await table.client("ann"), await table.pool(), 1, target)
    assert_refused(reply, 392, "invalid_parameter", "target")


async def test_an_unknown_pool_is_not_found(table: Table) -> None:
    assert_refused(await bet(await table.client("ann"), UNKNOWN_ID), 392, "not_found", "pool_id")


async def test_a_blocked_pool_takes_no_bets_until_it_is_allowed_again(table: Table) -> None:
    pool, ann = await table.pool(is_blocked=True), await table.client("ann")
    assert_refused(await bet(ann, pool), 392, "betting_blocked")
    await accepted(table.admin, 398, pool_id=pool)
    assert (await bet(ann, pool))["res"] == 356
    await accepted(table.admin, 397, pool_id=pool)
    assert_refused(await bet(ann, pool), 392, "betting_blocked")


async def test_a_pool_takes_bets_from_its_start_until_it_stops(table: Table) -> None:
    pool = await table.pool(start_at=START_MS + 10, stop_accepting_bets_at=START_MS + 20)
    ann = await table.client("ann")
    for at, code in ((9, "betting_not_started"), (10, None), (19, None), (20, "betting_ended"), (99, "betting_ended")):
        table.set_time(at)
        assert (await bet(ann, pool)).get("code") == code


@pytest.mark.parametrize("number", [2, 4])
async def test_a_time_based_pool_takes_bets_until_the_millisecond_before_it_ends(table: Table, number: int) -> None:
    pool, ann = await table.pool(pool_type=number, finish_at=START_MS + 20), await table.client("ann")
    target = "argentina" if number == 2 else "yes"
    table.set_time(19)
    assert (await bet(ann, pool, 1, target))["res"] == 356
    table.set_time(20)
    assert_refused(await bet(ann, pool, 1, target), 392, "pool_resolved")


async def test_a_resolved_or_voided_pool_takes_no_bets(table: Table) -> None:
    resolved, voided = await table.pool(), await table.pool(targets=["brazil"])
    await accepted(table.admin, 3952, pool_id=voided)
    await table.event(at=5)
    for pool, target in ((resolved, "argentina"), (voided, "brazil")):
        assert_refused(await bet(await table.client("ann"), pool, 1, target), 392, "pool_resolved")


async def test_the_pools_of_a_game_that_is_closing_or_closed_take_no_bets(table: Table) -> None:
    parimutuel, binary = await table.pool(), await table.pool(pool_type=3)
    ann = await table.client("ann")
    await table.admin.call(375, game_id=table.game)
    assert_refused(await bet(ann, parimutuel), 392, "pool_resolved")
    assert_refused(await bet(ann, binary, 1, "yes"), 392, "betting_blocked")
    await table.resolve(binary, "yes")
    await accepted(table.admin, 375, game_id=table.game)
    assert_refused(await bet(ann, binary, 1, "yes"), 392, "pool_resolved")


async def test_a_refused_bet_changes_and_tells_nothing(table: Table) -> None:
    pool, ann, watcher = await table.pool(is_blocked=True), await table.client("ann"), await table.watcher()
    before = without_header(await table.pool_object(pool))
    for amount in (1, 5000):
        assert (await bet(ann, pool, amount))["res"] == 666
    assert await ann.heard() == await watcher.heard() == []
    assert without_header(await table.pool_object(pool)) == before
    assert await balances(ann) == (1000, 1000, 0)


async def test_a_bet_sent_again_with_its_key_is_taken_once(table: Table) -> None:
    pool, ann = await table.pool(), await table.client("ann")
    replies = [await ann.call(392, header={"key": "k"}, pool_id=pool, target="argentina", amount=400) for _ in range(4)]
    assert len({reply["bet_id"] for reply in replies}) == 1
    assert await balances(ann) == (1000, 600, 400)
    assert len(of_kind(await ann.heard(), 815)) == 1


async def test_of_bets_made_at_once_by_one_user_only_those_that_can_be_paid_are_taken(table: Table) -> None:
    pool, replies = await table.pool(), []

    async def play(client: Client) -> None:
        replies.append(await bet(client, pool, 300))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(play, await table.server.connect("ann"))
    assert sorted(reply.get("code", "") for reply in replies) == [""] * 3 + ["insufficient_funds"] * 5
    assert await balances(await table.client("ann")) == (1000, 100, 900)
