"""A game closed by mistake is opened again: what its close has settled is taken back, and nothing else."""

from typing import Any

import pytest

from tests.support.harness import START_MS
from tests.support.pools import without_header
from tests.support.settling import Table, accepted, faults_of, kinds, of_kind, seqs
from tests.support.world import assert_reply

DAY_MS = 86_400_000


async def with_bets(table: Table) -> str:
    """A pool that a close pays out: ann on none, bob on brazil."""
    pool = await table.pool()
    await table.bet("ann", pool, "none", 3, at=1)
    await table.bet("bob", pool, "brazil", 4, at=1)
    return pool


async def test_every_balance_is_as_before_the_close_and_betting_goes_on_when_it_is_allowed(table: Table) -> None:
    pool = await with_bets(table)
    before = await table.nets()
    await accepted(table.admin, 375, game_id=table.game)
    assert await table.nets() == {"ann": 4, "bob": -4}
    table.set_time(10)
    reply = await table.admin.call(378, game_id=table.game)
    assert_reply(reply, 378, game_id=table.game, close_at=None, pools={pool: "reopened"}, overdrawn={})
    assert await table.nets() == before
    shown = await table.pool_object(pool)
    assert (shown["status"], shown["is_blocked"], shown["bet_count"]) == ("open", True, 2)
    details = await table.details()
    assert (details["status"], details["closed_at"]) == ("game_in_progress_betting_active", None)
    await accepted(table.admin, 398, pool_id=pool)
    await table.bet("bob", pool, "brazil", 1, at=20)
    await table.event("brazil:7", at=30)
    assert await table.nets() == {"ann": -3, "bob": 3}
    assert faults_of(table.server.context.settings.db) == []


async def test_what_an_event_had_settled_before_the_close_stays(table: Table) -> None:
    won = await with_bets(table)
    await table.event("brazil:7", at=5)
    closed = await with_bets(table)
    await accepted(table.admin, 375, game_id=table.game)
    assert (await accepted(table.admin, 378, game_id=table.game))["pools"] == {closed: "reopened"}
    assert (await table.pool_object(won))["status"] == "resolved"


async def test_a_pool_whose_finish_has_passed_is_kept(table: Table) -> None:
    timed = await table.pool(pool_type=2, finish_at=START_MS + 100)
    await table.bet("ann", timed, "brazil", 2, at=1)
    await accepted(table.admin, 375, game_id=table.game)
    table.set_time(100)
    assert (await accepted(table.admin, 378, game_id=table.game))["pools"] == {timed: "kept"}
    assert (await table.pool_object(timed))["status"] == "resolved"


async def test_what_an_earlier_close_has_settled_is_no_part_of_a_later_one(table: Table) -> None:
    kept = await table.pool(pool_type=2, finish_at=START_MS + 100)
    await accepted(table.admin, 375, game_id=table.game)
    table.set_time(100)
    assert (await accepted(table.admin, 378, game_id=table.game))["pools"] == {kept: "kept"}
    manual, pool = await table.pool(pool_type=3), await table.pool()
    table.set_time(200)
    await table.admin.call(375, game_id=table.game)
    table.set_time(300)
    await table.resolve(manual, "yes")
    await accepted(table.admin, 375, game_id=table.game)
    assert (await accepted(table.admin, 378, game_id=table.game))["pools"] == {pool: "reopened"}


async def test_a_pool_whose_finish_is_to_come_ends_then(table: Table) -> None:
    timed = await table.pool(pool_type=2, finish_at=START_MS + 100)
    await accepted(table.admin, 375, game_id=table.game)
    table.set_time(50)
    assert (await accepted(table.admin, 378, game_id=table.game))["pools"] == {timed: "reopened"}
    table.set_time(100)
    assert (await table.pool_object(timed))["status"] == "resolved"


async def test_a_game_that_is_closing_is_freed(table: Table) -> None:
    manual, pool = await table.pool(pool_type=3), await with_bets(table)
    await table.admin.call(375, game_id=table.game)
    assert (await accepted(table.admin, 378, game_id=table.game))["pools"] == {pool: "reopened"}
    await accepted(table.admin, 398, pool_id=manual)
    await table.bet("ann", manual, "yes", 1)


async def test_a_close_at_that_has_passed_is_dropped_one_to_come_stays_and_another_can_be_given(table: Table) -> None:
    for close_at, now, given, expected in (
        (START_MS + 100, 100, None, None),
        (START_MS + 1_000, 200, None, START_MS + 1_000),
        (START_MS + 1_000, 300, START_MS + 900, START_MS + 900),
    ):
        game = await table.server.open_game(table.admin, table.source, close_at=close_at)
        table.set_time(now)
        await table.admin.call(375, game_id=game)
        reply = await accepted(table.admin, 378, game_id=game, close_at=given)
        assert reply["close_at"] == expected
        assert (await accepted(table.admin, 372, game_id=game))["close_at"] == expected
    table.set_time(900)
    assert (await accepted(table.admin, 372, game_id=game))["status"] == "game_closed"


async def test_seq_goes_on_without_a_gap_and_who_joins_with_after_seq_sees_both(table: Table) -> None:
    pool, watcher = await with_bets(table), await table.watcher()
    await accepted(table.admin, 375, game_id=table.game)
    before = await watcher.heard()
    assert kinds(before) == [362, 341]
    await accepted(table.admin, 378, game_id=table.game)
    assert kinds(await watcher.heard()) == []  # its subscription ended with the 341
    late = await table.server.connect("watcher")
    joined = await accepted(late, 363, game_id=table.game, after_seq=seqs(before)[0] - 1)
    heard = await late.heard()
    assert kinds(heard) == [362, 341, 378, 352, 368]
    assert seqs(heard) == list(range(seqs(before)[0], joined["seq"] + 1))
    await accepted(table.admin, 398, pool_id=pool)
    assert kinds(await late.heard()) == [369]


async def test_who_joins_anew_and_has_a_bet_hears_of_it_once(table: Table) -> None:
    await with_bets(table)
    ann, cat = await table.client("ann"), await table.client("cat")
    await accepted(table.admin, 375, game_id=table.game)
    for client in (ann, cat):
        await client.heard()
    await accepted(table.admin, 378, game_id=table.game)
    heard = await ann.heard()
    (told,) = of_kind(heard, 378)
    assert "seq" not in told["response_header"]
    assert len(of_kind(heard, 815)) == 1
    assert of_kind(await cat.heard(), 378) == []


async def test_who_runs_the_game_or_its_source_hears_of_it(table: Table) -> None:
    for name, op, what in (("ann", 617, {"game_id": table.game}), ("bob", 367, {"source_id": table.source})):
        await accepted(table.admin, op, username=name, **what)
    ann, bob, cat = [await table.client(name) for name in ("ann", "bob", "cat")]
    await accepted(ann, 363, game_id=table.game)
    await accepted(table.admin, 375, game_id=table.game)
    for client in (ann, bob):
        await client.heard()
    await accepted(table.admin, 378, game_id=table.game)
    assert [kinds(await client.heard()) for client in (ann, bob, cat)] == [[378], [378], []]


async def test_those_who_watch_the_source_hear_of_it(table: Table) -> None:
    watching = await table.server.connect("watcher", f"/?source={table.source}")
    await accepted(table.admin, 375, game_id=table.game)
    await accepted(table.admin, 378, game_id=table.game)
    assert kinds(await watching.heard()) == [341, 378]


async def test_who_watches_the_source_and_has_a_bet_hears_of_it_once_on_each_connection(table: Table) -> None:
    await with_bets(table)
    watching = await table.server.connect("ann", f"/?source={table.source}")
    await accepted(table.admin, 375, game_id=table.game)
    for client in (watching, ann := await table.client("ann")):
        await client.heard()
    await accepted(table.admin, 378, game_id=table.game)
    (told,) = of_kind(await watching.heard(), 378)
    assert told["response_header"]["seq"] == (await table.details())["seq"] - 2
    assert len(of_kind(await ann.heard(), 378)) == 1


async def test_who_has_spent_what_is_taken_back_is_named(table: Table) -> None:
    await with_bets(table)
    await accepted(table.admin, 375, game_id=table.game)
    other = await table.pool_of_another_game()
    await table.bet("ann", other, "brazil", 1004, at=2)
    for preview in (True, False):
        assert (await accepted(table.admin, 378, game_id=table.game, preview=preview))["overdrawn"] == {"1": 7}


async def test_a_preview_changes_nothing(table: Table) -> None:
    pool = await with_bets(table)
    await accepted(table.admin, 375, game_id=table.game)
    before = without_header(await table.details())
    assert (await accepted(table.admin, 378, game_id=table.game, preview=True))["pools"] == {pool: "reopened"}
    assert without_header(await table.details()) == before


async def test_a_game_is_opened_again_as_long_as_its_log_is_kept(table: Table) -> None:
    await accepted(table.admin, 375, game_id=table.game)
    table.set_time(7 * DAY_MS - 1)
    await accepted(table.admin, 378, game_id=table.game)
    await accepted(table.admin, 375, game_id=table.game)
    table.set_time(14 * DAY_MS - 1)
    assert await table.refusal(378, game_id=table.game) == "conflict"


async def test_a_game_that_is_open_or_was_called_off_is_not_opened_again(table: Table) -> None:
    assert await table.refusal(378, game_id=table.game) == "conflict"
    await accepted(table.admin, 376, game_id=table.game)
    assert await table.refusal(378, game_id=table.game) == "conflict"


@pytest.mark.parametrize("close_at", [START_MS, START_MS // 1000])
async def test_a_close_at_that_is_over_is_refused(table: Table, close_at: int) -> None:
    await accepted(table.admin, 375, game_id=table.game)
    reply = await table.admin.call(378, game_id=table.game, close_at=close_at)
    assert (reply["code"], reply["field"]) == ("invalid_parameter", "close_at")


async def test_a_second_close_and_reopening_take_back_the_second_settlement_alone(table: Table) -> None:
    await with_bets(table)
    for _ in range(3):
        await accepted(table.admin, 375, game_id=table.game)
        assert await table.nets() == {"ann": 4, "bob": -4}
        await accepted(table.admin, 378, game_id=table.game)
        assert await table.nets() == {"ann": -3, "bob": -4}
    assert faults_of(table.server.context.settings.db) == []


# What a close would do


def sums(participants: int, amount_total: float) -> dict[str, Any]:
    """What is in a pool."""
    return {"participants": participants, "amount_total": amount_total}


async def test_a_preview_of_a_close_says_what_it_then_does(table: Table) -> None:
    pool, manual = await with_bets(table), await table.pool(pool_type=3)
    empty = await table.pool(targets=["argentina"])
    await table.bet("cat", manual, "yes", 5, at=1)
    nothing = {"price": None, "winners_count": 0}
    expected = {
        pool: {"outcome": "resolves", "paid": 7, "price": 2.3333, "winners_count": 1, **sums(2, 7)},
        manual: {"outcome": "remains", "paid": None, **nothing, **sums(1, 5)},
        empty: {"outcome": "resolves", "paid": 0, **nothing, **sums(0, 0)},
    }
    assert_reply(await table.admin.call(3751, game_id=table.game), 3411, pools=expected)
    assert await table.nets() == {"ann": -3, "bob": -4, "cat": -5}
    await table.admin.call(375, game_id=table.game)
    assert await table.nets() == {"ann": 4, "bob": -4, "cat": -5}
