from pathlib import Path
from typing import Any

import pytest

from gameserver.admin.commands import CreditUser
from gameserver.errors import ErrorCode
from tests.support.harness import Server, running_server
from tests.support.refusals import refused, refused_parameter
from tests.support.settling import Table, accepted
from tests.support.world import assert_broadcast, assert_refused, assert_reply

FIELDS = {800: "current_balance", 810: "available_balance", 840: "exposure"}
every_kind = pytest.mark.parametrize(("op", "field"), FIELDS.items())


@every_kind
async def test_a_new_user_starts_with_1000_don_to_stake(server: Server, op: int, field: str) -> None:
    ann = await server.connect("ann")
    for parameters in ({}, {"currency": None}, {"currency": ""}, {"currency": "DON"}):
        assert_reply(await ann.call(op, **parameters), op, **{"currency": "DON", field: 0 if op == 840 else 1000})


@every_kind
async def test_a_currency_never_used_is_empty(server: Server, op: int, field: str) -> None:
    reply = await (await server.connect("ann")).call(op, currency="EUR")
    assert_reply(reply, op, **{"currency": "EUR", field: 0})


@every_kind
@pytest.mark.parametrize("currency", ["eur", "EU", "1UR", 5])
async def test_what_is_no_currency_is_refused(server: Server, op: int, field: str, currency: object) -> None:
    reply = await (await server.connect("ann")).call(op, currency=currency)
    assert_refused(reply, op, "invalid_parameter", "currency")


@pytest.mark.parametrize(("setting", "expected"), [("0", 0), ("0.00", 0), ("5.50", 5.5), ("7", 7)])
async def test_what_new_users_start_with_can_be_set(database: Path, setting: str, expected: float) -> None:
    async with running_server(database, starting_balance=setting) as server:
        reply = await (await server.connect("ann")).call(810)
        assert reply["available_balance"] == expected


async def test_current_is_available_and_exposure_together_whatever_happens(table: Table) -> None:
    pools = [await table.pool(targets=[team]) for team in ("argentina", "brazil")]
    ann = await table.client("ann")

    async def held() -> tuple[Any, ...]:
        return tuple([(await accepted(ann, op))[field] for op, field in FIELDS.items()])

    await table.bet("ann", pools[0], "argentina", 10)
    await table.bet("ann", pools[1], "none", "2.50")
    await table.bet("bob", pools[0], "none", 5)
    assert await held() == (1000, 987.5, 12.5)
    await table.event(at=1)
    assert await held() == (1005, 1002.5, 2.5)
    await accepted(table.admin, 375, game_id=table.game)
    assert await held() == (1005, 1005, 0)


# Credit


async def test_a_credit_is_told_to_every_connection_of_the_user(server: Server) -> None:
    clients = [await server.connect("ann") for _ in range(2)]
    other = await server.connect("bob")
    answer = await server.command(CreditUser("ANN", "2.50", "EUR"))
    assert answer == {"username": "ann", "currency": "EUR", "available_balance": "2.50"}
    for client in clients:
        (message,) = await client.heard()
        assert_broadcast(message, 815, None, current_balance=2.5, available_balance=2.5, currency="EUR")
    assert await other.heard() == []


async def test_credits_add_up_in_each_currency(server: Server) -> None:
    ann = await server.connect("ann")
    for amount, currency in (("1", "DON"), ("5", "JPY"), ("0.25", "DON"), ("0.125", "BHD"), ("7", "JPY")):
        await server.command(CreditUser("ann", amount, currency))
    for currency, expected in (("DON", 1001.25), ("JPY", 12), ("BHD", 0.125)):
        assert (await accepted(ann, 800, currency=currency))["current_balance"] == expected


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0", "DON"),
        ("-1", "DON"),
        ("1e3", "DON"),
        ("1.005", "DON"),
        ("0.5", "JPY"),
        ("1.0001", "BHD"),
        ("NaN", "DON"),
        (" 1", "DON"),
        ("1_0", "DON"),
        ("\u0661", "DON"),
        ("x", "DON"),
        ("1000000000000.01", "DON"),
    ],
)
async def test_what_is_no_amount_of_the_currency_is_not_credited(server: Server, amount: str, currency: str) -> None:
    ann = await server.connect("ann")
    with refused_parameter("amount"):
        await server.command(CreditUser("ann", amount, currency))
    assert await ann.heard() == []
    assert (await accepted(ann, 800))["current_balance"] == 1000


async def test_an_empty_amount_is_not_credited(server: Server) -> None:
    await server.add_user("ann")
    with refused(ErrorCode.MISSING_PARAMETER, "amount"):
        await server.command(CreditUser("ann", "", "DON"))


@pytest.mark.parametrize("currency", ["", "don", "DO", "DON\n", "1ON", "TOOLONGCURRENCY"])
async def test_no_other_thing_than_a_currency_is_credited(server: Server, currency: str) -> None:
    await server.add_user("ann")
    with refused_parameter("currency"):
        await server.command(CreditUser("ann", "1", currency))


async def test_nobody_is_credited_who_does_not_exist(server: Server) -> None:
    with refused(ErrorCode.NOT_FOUND, "username"):
        await server.command(CreditUser("ann", "1", "DON"))


async def test_never_is_there_more_of_a_currency_than_can_be_counted_exactly(server: Server) -> None:
    # 90 credits of a million million units, of two decimals each, are all that fit below 2**53.
    ann = await server.connect("ann")
    for _ in range(90):
        await server.command(CreditUser("ann", "1000000000000", "EUR"))
    with refused_parameter("amount"):
        await server.command(CreditUser("ann", "1000000000000", "EUR"))
    assert (await accepted(ann, 800, currency="EUR"))["current_balance"] == 90 * 10**12
    await server.command(CreditUser("ann", "71992547409.91", "EUR"))
    with refused_parameter("amount"):
        await server.command(CreditUser("ann", "0.01", "EUR"))
    assert (await accepted(ann, 800, currency="EUR"))["current_balance"] == (2**53 - 1) / 100
