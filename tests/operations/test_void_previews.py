"""What voiding or amending an event would do is computed beforehand, and changes nothing."""

from typing import Any

import pytest

from tests.support.databases import contents
from tests.support.harness import START_MS, FakeClock, Server
from tests.support.settling import BETTORS, Table, accepted, lay_table
from tests.support.world import UNKNOWN_ID, assert_refused, assert_reply

PREVIEW, VOID, AMEND = 3953, 3951, 3954
Shown = dict[str, Any]


def shown(outcome: str, amount: float, **changes: Any) -> Shown:
    """How a preview shows a pool that nothing is settled in and that has no successor."""
    nothing = {"winners_count": 0, "late_bets": 0, "successor": None, "successor_bets": 0}
    return {"outcome": outcome, "amount": amount, **nothing, **changes}


async def confirmed(table: Table, event: Shown, **amendment: Any) -> Shown:
    """A preview that changes nothing, and after which the correction turns out as previewed; the preview.

    What is open again and blocked is only told by 3954: of 3951 the pools themselves are looked at.
    """
    file = table.server.context.settings.db
    await table.nets()
    before = contents(file)
    preview = await accepted(table.admin, PREVIEW, event_id=event["event_id"], **amendment)
    assert contents(file) == before
    reply = await correct(table, event, amendment)
    outcomes = reply["pools"]
    for pool, outcome in outcomes.items():
        if outcome == "reopened" and (await table.pool_object(pool))["is_blocked"]:
            outcomes[pool] = "blocked"
    assert {pool: it["outcome"] for pool, it in preview["pools"].items()} == outcomes
    assert preview["overdrawn"] == reply["overdrawn"]
    overdrawn = {str(BETTORS.index(name) + 1): -net - 1000 for name, net in (await table.nets()).items() if net < -1000}
    assert preview["overdrawn"] == pytest.approx(overdrawn)
    for pool, it in preview["pools"].items():
        assert (await table.pool_object(pool))["amount_total"] == it["amount"]
    return preview


async def correct(table: Table, event: Shown, amendment: Shown) -> Shown:
    """Amend an event, or void it if there is nothing to amend."""
    if amendment:
        return await accepted(table.admin, AMEND, event_id=event["event_id"], **amendment)
    return await table.void(event)


async def two_pools(table: Table, **options: Any) -> tuple[str, str]:
    """A pool on teams and one on players, with bets of ann on Argentina (1), bob on Brazil (7) and cat on 2."""
    teams = await table.pool(**options)
    players = await table.pool(targets=["argentina:1", "argentina:2", "brazil:7"], **options)
    for name, team, player in (
        ("ann", "argentina", "argentina:1"),
        ("bob", "brazil", "brazil:7"),
        ("cat", "argentina", "argentina:2"),
    ):
        await table.bet(name, teams, team, 2, at=1)
        await table.bet(name, players, player, 3, at=1)
    return teams, players


async def spend(table: Table, name: str, amount: float) -> None:
    """Let a bettor stake in another game."""
    await table.bet(name, await table.pool_of_another_game(), "brazil", amount)


async def test_a_preview_of_a_void_names_the_event_its_game_and_the_pools_that_open_again(table: Table) -> None:
    teams, players = await two_pools(table)
    event = await table.event(at=10)
    reply = await table.admin.call(PREVIEW, event_id=event["event_id"])
    pools = {teams: shown("reopened", 6.0), players: shown("reopened", 9.0)}
    assert_reply(reply, 3663, event_id=event["event_id"], game_id=table.game, pools=pools, overdrawn={})
    await confirmed(table, event)


async def test_nobody_hears_of_a_preview(table: Table) -> None:
    await two_pools(table)
    event = await table.event(at=10)
    watcher = await table.watcher()
    await accepted(table.admin, PREVIEW, event_id=event["event_id"])
    await accepted(table.admin, PREVIEW, event_id=event["event_id"], target_id="brazil:7")
    assert await watcher.heard() == []


@pytest.mark.parametrize("amendment", [{}, {"action_id": "offside"}])
async def test_a_pool_that_a_later_event_decides_or_that_was_blocked_before_would_be_blocked(
    table: Table, amendment: Shown
) -> None:
    decided = await table.pool(targets=["argentina", "brazil"])
    blocked = await table.pool(targets=["argentina", "chile"])
    neither = await table.pool(targets=["argentina"])
    await accepted(table.admin, 397, pool_id=blocked)
    event = await table.event("argentina:1", at=10)
    await table.event("brazil:7", at=20)
    preview = await confirmed(table, event, **amendment)
    assert preview["pools"] == {
        decided: shown("blocked", 0),
        blocked: shown("blocked", 0),
        neither: shown("reopened", 0),
    }


@pytest.mark.parametrize("amendment", [{}, {"action_id": "offside"}])
async def test_a_pool_of_a_game_that_is_held_would_be_blocked(table: Table, amendment: Shown) -> None:
    pool = await table.pool(targets=["argentina"])
    event = await table.event("argentina:1", at=10)
    await accepted(table.admin, 3976, game_id=table.game)
    preview = await confirmed(table, event, **amendment)
    assert preview["pools"] == {pool: shown("blocked", 0)}


@pytest.mark.parametrize("amendment", [{}, {"action_id": "offside"}])
@pytest.mark.parametrize("over", ["finish_at", "closing", "close"])
async def test_a_pool_that_may_not_run_any_more_would_be_void(table: Table, over: str, amendment: Shown) -> None:
    pool = await table.pool(pool_type=2, finish_at=START_MS + 1_000)
    await table.bet("ann", pool, "argentina", 7)
    await table.bet("bob", pool, "brazil", 1000)
    if over == "closing":
        await table.pool(pool_type=3)
    event = await table.event(at=1)
    await spend(table, "ann", 2000)
    if over == "finish_at":
        table.set_time(1_000)
    else:
        await table.admin.call(375, game_id=table.game)
    preview = await confirmed(table, event, **amendment)
    assert (preview["pools"], preview["overdrawn"]) == ({pool: shown("voided", 1007.0)}, {"1": 1000.0})


async def test_a_preview_names_the_pool_recreated_from_one_and_how_many_bets_it_has(table: Table) -> None:
    teams, players = await two_pools(table, recreate_on_end=True)
    event = await table.event("argentina:1", at=10)
    successors = {
        it["recreated_from"]: pool
        for pool, it in (await accepted(table.admin, 387, game_id=table.game))["pools_list"].items()
    }
    for name in ("ann", "bob"):
        await table.bet(name, successors[teams], "none", 1, at=15)
    preview = await confirmed(table, event, target_id="argentina:2")
    assert preview["pools"] == {
        teams: shown("resettled", 6.0, winners_count=2, successor=successors[teams], successor_bets=2),
        players: shown("resettled", 9.0, winners_count=1, successor=successors[players]),
    }
    assert (await table.pool_object(successors[teams]))["status"] == "open"


async def test_a_pool_that_waits_for_late_news_would_open_again_or_be_resolved_beside_its_successor(
    table: Table,
) -> None:
    options = {"pool_type": 2, "finish_at": START_MS + 1_000, "settle_delay_ms": 500, "recreate_on_end": True}
    ended = await table.pool(targets=["argentina"], unlisted_target="stay_open", **options)
    waiting = await table.pool(targets=["brazil"], unlisted_target="stay_open", **options)
    await table.bet("ann", waiting, "brazil", 2, at=1)
    event = await table.event("argentina:1", at=10)
    table.set_time(1_100)
    open_now = (await accepted(table.admin, 387, game_id=table.game))["pools_list"]
    successors = {it["recreated_from"]: pool for pool, it in open_now.items() if it["recreated_from"]}
    preview = await confirmed(table, event, target_id="brazil:7")
    assert preview["pools"] == {
        ended: shown("reopened", 0, successor=successors[ended]),
        waiting: shown("resolved", 2.0, winners_count=1, successor=successors[waiting]),
    }


async def test_a_preview_of_a_void_sums_up_what_all_pools_take_back_from_who_has_spent_it(table: Table) -> None:
    await two_pools(table)
    await table.bet("dan", await table.pool(), "argentina", 1, at=1)
    event = await table.event("argentina:1", at=10)  # of 995, ann has 3 and 9 more
    await spend(table, "ann", 1000)
    preview = await confirmed(table, event)
    assert preview["overdrawn"] == {"1": 5.0}


async def test_a_preview_of_an_amendment_gives_what_the_right_event_would_bring_and_takes_the_rest(
    server: Server, clock: FakeClock
) -> None:
    table = await lay_table(server, clock, "0.1")
    teams, players = await two_pools(table)
    event = await table.event("argentina:1", at=10)
    await spend(table, "ann", 1000)
    await spend(table, "cat", 997)
    preview = await confirmed(table, event, target_id="argentina:2")
    assert preview["pools"] == {
        teams: shown("resettled", 6.0, winners_count=2),
        players: shown("resettled", 9.0, winners_count=1),
    }
    assert preview["overdrawn"] == {"1": 2.3}


async def test_a_money_return_is_taken_back_and_a_new_one_is_given(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 10)
    await table.bet("bob", pool, "brazil", 30)
    event = await table.event("chile:1", at=10)
    await spend(table, "bob", 1000)
    preview = await accepted(table.admin, PREVIEW, event_id=event["event_id"], target_id="argentina:1")
    assert preview["pools"] == {pool: shown("resettled", 40.0, winners_count=1)}
    assert preview["overdrawn"] == {"2": 30.0}
    event = await correct(table, event, {"target_id": "argentina:1"})
    preview = await confirmed(table, event, target_id="chile:1")
    assert (preview["pools"], preview["overdrawn"]) == ({pool: shown("resettled", 40.0)}, {})


async def test_who_is_overdrawn_already_and_has_a_bet_in_one_of_the_pools_is_named(table: Table) -> None:
    await two_pools(table)
    await table.pool(targets=["argentina"], action_id="offside")
    event = await table.event("argentina:1", at=10)
    offside = await table.event("argentina:1", action_id="offside")
    await spend(table, "ann", 1006)
    await table.void(event)
    assert (await accepted(table.admin, PREVIEW, event_id=offside["event_id"]))["overdrawn"] == {}
    again = await table.event("chile:1", at=20)
    assert (await confirmed(table, again, description="Own goal"))["overdrawn"] == {"1": 9.0}


async def test_an_amendment_of_another_action_opens_pools_again_and_resolves_others(table: Table) -> None:
    teams, players = await two_pools(table)
    offside = await table.pool(action_id="offside", targets=["argentina", "brazil"])
    await table.bet("dan", offside, "argentina", 4, at=5)
    await table.bet("eve", offside, "brazil", 6, at=11)
    event = await table.event("argentina:1", at=20, happened_at=START_MS + 10)
    preview = await confirmed(table, event, action_id="Offside")
    assert preview["pools"] == {
        teams: shown("reopened", 6.0),
        players: shown("reopened", 9.0),
        offside: shown("resolved", 4.0, winners_count=1, late_bets=1),
    }


async def test_an_earlier_moment_makes_more_bets_late_and_gives_their_stakes_back(table: Table) -> None:
    pool = await table.pool()
    for name, target, amount, at in (
        ("ann", "argentina", 4, 1),
        ("bob", "brazil", 5, 10),
        ("ann", "argentina", 7, 11),
        ("cat", "argentina", 6, 30),
    ):
        await table.bet(name, pool, target, amount, at=at)
    event = await table.event("argentina:1", at=40, happened_at=START_MS + 20)
    await spend(table, "ann", 1000)
    await spend(table, "bob", 995)
    preview = await confirmed(table, event, happened_at=START_MS + 5)
    assert preview["pools"] == {pool: shown("resettled", 4.0, winners_count=1, late_bets=2)}
    assert preview["overdrawn"] == {}


@pytest.mark.parametrize("amendment", [{}, {"happened_at": START_MS + 35}])
async def test_bets_once_refunded_as_late_stay_so(table: Table, amendment: Shown) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 4, at=1)
    await table.bet("bob", pool, "brazil", 5, at=2)
    await table.bet("ann", pool, "argentina", 9, at=30)
    event = await table.event("argentina:1", at=40, happened_at=START_MS + 20)
    await spend(table, "ann", 1005)
    preview = await confirmed(table, event, **amendment)
    (previewed,) = preview["pools"].values()
    assert previewed["amount"] == 9.0
    assert preview["overdrawn"] == ({} if amendment else {"1": 9.0})


async def test_in_a_closed_game_an_amendment_settles_what_both_concern_and_voids_the_rest(table: Table) -> None:
    teams, players = await two_pools(table)
    event = await table.event("argentina:1", at=10)
    await accepted(table.admin, 375, game_id=table.game)
    preview = await confirmed(table, event, target_id="argentina")
    assert preview["pools"] == {teams: shown("resettled", 6.0, winners_count=2), players: shown("voided", 9.0)}


async def test_a_resolution_by_hand_is_previewed_to_be_voided_and_not_to_be_amended(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.bet("ann", pool, "yes", 7)
    await table.bet("bob", pool, "no", 3)
    table.set_time(1)
    event = await table.resolve(pool, "yes")
    assert await table.refusal(PREVIEW, event_id=event["event_id"], target_id="no") == "conflict"
    await spend(table, "ann", 1003)
    preview = await confirmed(table, event)
    assert (preview["pools"], preview["overdrawn"]) == ({pool: shown("reopened", 10.0)}, {"1": 10.0})


async def test_an_event_that_ended_nothing_has_no_pools_in_its_preview(table: Table) -> None:
    preview = await confirmed(table, await table.event())
    assert (preview["pools"], preview["overdrawn"]) == ({}, {})


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"target_id": "none"}, "target_id"),
        ({"target_id": "peru"}, "target_id"),
        ({"action_id": "corner"}, "action_id"),
        ({"happened_at": START_MS + 11}, "happened_at"),
        ({"happened_at": START_MS - 86_400_001}, "happened_at"),
    ],
)
async def test_a_preview_is_refused_as_the_amendment_would_be(table: Table, parameters: Shown, field: str) -> None:
    event = await table.event("argentina:1", at=10)
    for op in (PREVIEW, AMEND):
        reply = await table.admin.call(op, event_id=event["event_id"], **parameters)
        assert_refused(reply, op, "invalid_parameter", field)


@pytest.mark.parametrize("op", [PREVIEW, AMEND])
@pytest.mark.parametrize(
    ("field", "value"), [("target_id", "a::b"), ("action_id", "a:b"), ("happened_at", START_MS + 11)]
)
async def test_a_parameter_at_fault_is_told_before_the_event_is_looked_for(
    table: Table, op: int, field: str, value: Any
) -> None:
    reply = await table.admin.call(op, event_id=UNKNOWN_ID, **{field: value})
    assert_refused(reply, op, "invalid_parameter", field)


async def test_neither_an_unknown_nor_a_voided_event_is_previewed(table: Table) -> None:
    assert await table.refusal(PREVIEW, event_id=UNKNOWN_ID) == "not_found"
    event = await table.event()
    await table.void(event)
    for parameters in ({}, {"target_id": "brazil:7"}):
        assert await table.refusal(PREVIEW, event_id=event["event_id"], **parameters) == "conflict"
