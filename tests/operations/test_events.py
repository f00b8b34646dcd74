from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.harness import START_MS, FakeClock, Server, running_server
from tests.support.settling import Table, accepted, house_of, kinds, lay_table, of_kind, seqs
from tests.support.world import DAY_MS, assert_broadcast, assert_refused, assert_reply


async def test_an_event_is_told_to_who_registers_it_and_to_who_joined(table: Table) -> None:
    watcher = await table.watcher()
    table.set_time(5_000)
    told = await table.event("Argentina:1", happened_at=START_MS + 4_000, description="Header")
    assert_reply(
        told,
        366,
        event_id=told["event_id"],
        game_id=table.game,
        action_id="goal",
        target_id="argentina:1",
        target_display_name="1",
        description="Header",
        current_count={"argentina": 1, "argentina:1": 1},
        score=None,
        external_id=None,
        happened_at=START_MS + 4_000,
        registered_at=START_MS + 5_000,
    )
    (message,) = await watcher.heard()
    assert_broadcast(message, 366, 2, **{name: told[name] for name in told if name not in ("response_header", "res")})


async def test_an_event_without_a_time_has_happened_now(table: Table) -> None:
    assert (await table.event(at=700))["happened_at"] == START_MS + 700


async def test_an_event_cannot_have_happened_in_the_future(table: Table) -> None:
    assert (await table.event(happened_at=START_MS))["res"] == 366
    reply = await table.admin.call(395, **table.draft(happened_at=START_MS + 1))
    assert_refused(reply, 395, "invalid_parameter", "happened_at")


async def test_an_event_cannot_have_happened_more_than_a_day_before_the_game_was_created(table: Table) -> None:
    table.set_time(DAY_MS)
    assert (await table.event(happened_at=START_MS - DAY_MS))["res"] == 366
    for op in (395, 3950):
        reply = await table.admin.call(op, **table.draft(happened_at=START_MS - DAY_MS - 1))
        assert_refused(reply, op, "invalid_parameter", "happened_at")


@pytest.mark.parametrize("target", ["none", "None", "peru", "argentina:3", "argentina:1:left"])
async def test_an_event_is_by_a_known_target_of_the_game(table: Table, target: str) -> None:
    reply = await table.admin.call(395, **table.draft(target))
    assert_refused(reply, 395, "invalid_parameter", "target_id")


async def test_an_event_is_of_a_known_action(table: Table) -> None:
    reply = await table.admin.call(395, **table.draft(action_id="corner"))
    assert_refused(reply, 395, "invalid_parameter", "action_id")


async def test_action_and_target_are_known_by_their_names_too(table: Table) -> None:
    pool = await table.pool()
    await table.event(" ARGENTINA : 1 ", action_id="Goal")
    assert (await table.pool_object(pool))["status"] == "resolved"


async def test_an_event_resolves_pools_on_its_target_and_on_every_ancestor(table: Table) -> None:
    teams = await table.pool()
    players = await table.pool(targets=["argentina:1", "brazil:7"])
    offside = await table.pool(action_id="offside")
    watcher = await table.watcher()
    event = await table.event("argentina:1")
    ended = of_kind(await watcher.heard(), 362)
    assert {message["pool_id"]: message["winning_target"] for message in ended} == {
        teams: "argentina",
        players: "argentina:1",
    }
    assert {message["event_id"] for message in ended} == {event["event_id"]}
    assert (await table.pool_object(offside))["status"] == "open"


async def test_pools_that_end_together_are_told_in_one_run_of_seq_the_event_first_what_is_recreated_after_its_end(
    table: Table,
) -> None:
    pools = [await table.pool(recreate_on_end=recreate) for recreate in (False, True, False)]
    watcher = await table.watcher()
    await table.event()
    heard = await watcher.heard()
    assert kinds(heard)[0] == 366
    assert sorted(kinds(heard)) == [352, 362, 362, 362, 366]
    assert seqs(heard) == list(range(5, 10))
    assert [message["pool_id"] for message in of_kind(heard, 362)] == pools
    told = [message.get("pool_id") for message in heard]
    assert kinds(heard).index(352) > told.index(pools[1])


async def test_an_ended_pool_is_told_in_full(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 7)
    await table.bet("bob", pool, "brazil", 3)
    watcher = await table.watcher()
    event = await table.event(at=1_000)
    (message,) = of_kind(await watcher.heard(), 362)
    assert_broadcast(
        message,
        362,
        4,
        pool_id=pool,
        game_id=table.game,
        event_id=event["event_id"],
        winning_target="argentina",
        winning_targets=["argentina"],
        price=1.4285,
        prices={"argentina": 1.4285},
        description="Who scores?",
        winners={"1": 3.0},
        losers={"2": 3.0},
        invalidated_bettors=[],
        usernames={"1": "ann", "2": "bob"},
        is_money_return=False,
        resolved_at=START_MS + 1_000,
        amount_total=10.0,
        participants=2,
        version=4,
    )


@pytest.mark.parametrize(
    ("choice", "status", "winner", "nets"),
    [
        ("stay_open", "open", None, {"ann": -4.0, "bob": -6.0}),
        ("none", "resolved", "none", {"ann": -4.0, "bob": 4.0}),
        ("refund", "resolved", None, {"ann": 0.0, "bob": 0.0}),
    ],
)
async def test_an_unlisted_target_leaves_a_pool_open_or_makes_none_win_or_gives_the_stakes_back(
    table: Table, choice: str, status: str, winner: str | None, nets: dict[str, float]
) -> None:
    pool = await table.pool(targets=["argentina"], unlisted_target=choice)
    await table.bet("ann", pool, "argentina", 4)
    await table.bet("bob", pool, "none", 6)
    watcher = await table.watcher()
    await table.event("brazil:7", at=1)
    assert (await table.pool_object(pool))["status"] == status
    assert [message["winning_target"] for message in of_kind(await watcher.heard(), 362)] == (
        [] if status == "open" else [winner]
    )
    assert await table.nets() == nets


@pytest.mark.parametrize(("happened_at", "status"), [(99, "open"), (100, "resolved")])
async def test_an_event_concerns_a_pool_from_its_start_at_on(table: Table, happened_at: int, status: str) -> None:
    pool = await table.pool(start_at=START_MS + 100)
    await table.event(at=500, happened_at=START_MS + happened_at)
    assert (await table.pool_object(pool))["status"] == status


@pytest.mark.parametrize(("happened_at", "res"), [(299, 362), (300, 363)])
async def test_an_event_concerns_a_time_based_pool_until_its_finish_at(
    table: Table, happened_at: int, res: int
) -> None:
    await table.pool(pool_type=2, finish_at=START_MS + 300)
    watcher = await table.watcher()
    await table.event(at=happened_at)
    ended = [message for message in await watcher.heard() if message["res"] in (362, 363)]
    assert [message["res"] for message in ended] == [res]


async def test_an_event_that_happened_in_time_is_too_late_when_registered_after_finish_at(table: Table) -> None:
    pool = await table.pool(pool_type=2, finish_at=START_MS + 300)
    watcher = await table.watcher()
    await table.event(at=301, happened_at=START_MS + 200)
    assert kinds(await watcher.heard()) == [363, 366]
    assert (await table.pool_object(pool))["status"] == "resolved"


async def test_counts_include_ancestors_in_the_event_and_in_the_game_state(table: Table) -> None:
    for target in ("argentina:1", "argentina:2", "brazil:7"):
        event = await table.event(target)
    await table.event("brazil:7", action_id="offside")
    expected = {"argentina": 2, "argentina:1": 1, "argentina:2": 1, "brazil": 1, "brazil:7": 1}
    assert event["current_count"] == expected
    state = (await table.details())["game_state"]
    assert state == {"goal": expected, "offside": {"brazil": 1, "brazil:7": 1}}


async def test_past_events_come_newest_first_by_when_they_happened_and_are_paged(table: Table) -> None:
    table.set_time(1_000)
    events = [(await table.event(happened_at=START_MS + moment))["event_id"] for moment in (300, 100, 200, 200)]
    newest_first = [events[0], events[3], events[2], events[1]]
    past = (await table.details())["past_events"]
    assert list(past) == newest_first
    assert past[events[0]] == {
        "happened_at": START_MS + 300,
        "registered_at": START_MS + 1_000,
        "target_id": "argentina:1",
        "target_display_name": "1",
        "action_id": "goal",
        "description": None,
        "external_id": None,
        "pools": [],
        "paid": 0,
    }
    assert list((await table.details(limit=2))["past_events"]) == newest_first[:2]
    assert list((await table.details(limit=2, before=newest_first[1]))["past_events"]) == newest_first[2:]
    assert (await table.details(before=newest_first[3]))["past_events"] == {}


async def test_a_past_event_tells_of_the_pools_that_it_ended_and_what_their_bets_were_paid(
    server: Server, clock: FakeClock
) -> None:
    table = await lay_table(server, clock, takeout="0.1")
    teams, players = await table.pool(), await table.pool(targets=["brazil:7"], unlisted_target="refund")
    await table.pool(action_id="offside")
    for name, pool, target, amount in (
        ("ann", teams, "argentina", 10),
        ("bob", teams, "brazil", 10),
        ("bob", players, "brazil:7", 5),
    ):
        await table.bet(name, pool, target, amount)
    await table.bet("ann", teams, "argentina", 99, at=50)
    await accepted(table.admin, 373, game_id=table.game, labels={"argentina:1": {"display_name": "Messi"}})
    event = await table.event("argentina:1", happened_at=START_MS + 20, description="Header", at=60)
    (past,) = (await table.details())["past_events"].values()
    assert (past["target_display_name"], past["description"]) == ("Messi", "Header")
    assert (past["pools"], past["paid"]) == ([teams, players], 18 + 5)
    await table.void(event)
    assert (await table.details())["past_events"] == {}


async def test_voided_events_and_resolutions_by_hand_are_listed_if_asked_for(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.bet("ann", pool, "yes", 4)
    goal = await table.event("brazil:7", at=10)
    resolution = await table.resolve(pool, "yes")
    table.set_time(30)
    await table.void(goal, reason="Offside")
    assert (await table.details())["past_events"] == {}
    past = (await table.details(with_voided=True))["past_events"]
    assert list(past) == [resolution["event_id"], goal["event_id"]]
    told = ("action_id", "target_id", "target_display_name", "pools", "paid", "voided_at", "reason")
    assert {event: tuple(shown[field] for field in told) for event, shown in past.items()} == {
        resolution["event_id"]: (f"pool-{pool}", "yes", "yes", [pool], 4, None, None),
        goal["event_id"]: ("goal", "brazil:7", "7", [], 0, START_MS + 30, "Offside"),
    }
    assert list((await table.details(with_voided=True, limit=1))["past_events"]) == [resolution["event_id"]]


async def test_a_dead_heat_is_listed_with_the_names_of_all_winners(table: Table) -> None:
    pool = await table.pool()
    dead_heat = await accepted(table.admin, 3955, pool_id=pool, winners=["brazil", "argentina"])
    (shown,) = (await table.details(with_voided=True))["past_events"].values()
    assert (shown["action_id"], shown["target_id"], shown["pools"]) == ("goal", None, [pool])
    assert shown["target_display_name"] == "Argentina, Brazil"
    await table.void(dead_heat)
    (taken_back,) = (await table.details(with_voided=True))["past_events"].values()
    assert taken_back == shown | {"pools": [], "voided_at": START_MS}


async def test_the_same_goal_registered_by_two_admins_at_once_is_two_goals(table: Table) -> None:
    await table.server.key_of("other")
    await accepted(table.admin, 617, game_id=table.game, username="other")
    admins = [table.admin, await table.server.connect("other")]
    replies: list[dict[str, Any]] = []

    async def register(number: int) -> None:
        replies.append(await admins[number].call(395, **table.draft(happened_at=START_MS)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(register, 0)
        nursery.start_soon(register, 1)
    assert len({reply["event_id"] for reply in replies}) == 2
    assert sorted(reply["current_count"]["argentina"] for reply in replies) == [1, 2]


async def test_a_goal_registered_again_with_its_key_is_one_goal(table: Table) -> None:
    pool = await table.pool(recreate_on_end=True)
    first, again = [await table.admin.call(395, header={"key": "k"}, **table.draft()) for _ in range(2)]
    assert again["event_id"] == first["event_id"]
    assert again["response_header"]["repeated"] is True
    assert (await table.details())["game_state"]["goal"]["argentina"] == 1
    assert len((await accepted(table.admin, 387, game_id=table.game))["pools_list"]) == 1
    assert (await table.pool_object(pool))["status"] == "resolved"


async def test_a_binary_pool_is_resolved_by_hand(table: Table) -> None:
    pool = await table.pool(pool_type=3, targets=["In", "Out"])
    await table.bet("ann", pool, "in", 2)
    await table.bet("bob", pool, "Out", 5)
    watcher = await table.watcher()
    table.set_time(10)
    event = await table.resolve(pool, "OUT")
    moments = {"happened_at": START_MS + 10, "registered_at": START_MS + 10}
    fields = {"game_id": table.game, "pool_id": pool, "target_id": "out", "external_id": None, **moments}
    assert_reply(event, 366, event_id=event["event_id"], **fields)
    told, ended = [message for message in await watcher.heard() if message["res"] != 361]
    assert_broadcast(told, 366, 3, event_id=event["event_id"], **fields)
    assert (ended["res"], ended["winning_target"]) == (362, "out")
    assert (ended["winners"], ended["losers"]) == ({"2": 2.0}, {"1": 2.0})
    details = await table.details()
    assert (details["past_events"], details["game_state"]) == ({}, {})


async def test_a_resolution_by_hand_names_a_binary_pool_that_is_open_and_one_of_its_labels(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    parimutuel = await table.pool()
    reply = await table.admin.call(395, pool_id=pool, target_id="maybe")
    assert_refused(reply, 395, "invalid_parameter", "target_id")
    reply = await table.admin.call(395, pool_id=parimutuel, target_id="argentina")
    assert_refused(reply, 395, "invalid_parameter", "pool_id")
    other = await table.server.open_game(table.admin, table.source)
    reply = await table.admin.call(395, pool_id=pool, target_id="yes", game_id=other)
    assert_refused(reply, 395, "invalid_parameter", "game_id")
    reply = await table.admin.call(395, pool_id=pool, target_id="yes", happened_at=START_MS - 1)
    assert_refused(reply, 395, "invalid_parameter", "happened_at")
    await accepted(table.admin, 395, pool_id=pool, target_id="yes", game_id=table.game)
    assert await table.refusal(395, pool_id=pool, target_id="no") == "pool_resolved"


async def test_who_bets_once_it_has_happened_gets_the_stake_back(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 7, at=0)
    await table.bet("bob", pool, "none", 3, at=0)
    await table.bet("cat", pool, "argentina", 10, at=5_000)
    watcher = await table.watcher()
    await table.event(at=10_000, happened_at=START_MS + 3_000)
    (ended,) = of_kind(await watcher.heard(), 362)
    assert (ended["winners"], ended["losers"], ended["invalidated_bettors"]) == ({"1": 3.0}, {"2": 3.0}, [3])
    assert ended["usernames"] == {"1": "ann", "2": "bob", "3": "cat"}
    assert (ended["amount_total"], ended["participants"]) == (10.0, 2)
    assert await table.nets() == {"ann": 3.0, "bob": -3.0, "cat": 0.0}
    shown = await table.pool_object(pool)
    assert (shown["amount_total"], shown["participants"], shown["bet_count"]) == (10.0, 2, 3)
    assert shown["distribution"]["argentina"]["backing_people"] == 1
    assert [bet["user_id"] for bet in shown["distribution"]["argentina"]["bets"]] == [1]


@pytest.mark.parametrize(("placed_at", "net"), [(2_999, 3.0), (3_000, 0.0)])
async def test_a_bet_at_the_very_moment_of_the_event_is_late(table: Table, placed_at: int, net: float) -> None:
    pool = await table.pool()
    await table.bet("bob", pool, "none", 3, at=0)
    await table.bet("ann", pool, "argentina", 7, at=placed_at)
    await table.event(at=10_000, happened_at=START_MS + 3_000)
    assert await table.net("ann") == net


async def test_a_user_with_an_early_and_a_late_bet_keeps_the_early_one(table: Table) -> None:
    pool = await table.pool()
    await table.bet("bob", pool, "none", 3, at=0)
    await table.bet("ann", pool, "argentina", 7, at=0)
    await table.bet("ann", pool, "argentina", 100, at=5_000)
    watcher = await table.watcher()
    await table.event(at=10_000, happened_at=START_MS + 3_000)
    (ended,) = of_kind(await watcher.heard(), 362)
    assert (ended["winners"], ended["invalidated_bettors"]) == ({"1": 3.0}, [1])
    (seen,) = (await accepted(await table.client("ann"), 390, game_id=table.game))["pools_list"].values()
    assert (seen["user_backed"], seen["total_winnings"]) == ({"argentina": 7.0}, 3.0)


Bets = list[tuple[str, str, Any]]


async def settle(table: Table, bets: Bets) -> tuple[dict[str, Any], dict[str, float]]:
    """Settle a pool with these bets: its 362, and what each bettor has won."""
    pool = await table.pool()
    for name, backed, amount in bets:
        await table.bet(name, pool, backed, amount)
    watcher = await table.watcher()
    table.clock.time_ms += 1_000
    await table.event()
    (ended,) = of_kind(await watcher.heard(), 362)
    return ended, await table.nets()


async def test_the_winner_of_a_table_takes_what_the_others_have_staked(table: Table) -> None:
    ended, nets = await settle(table, [("ann", "brazil", 7), ("bob", "chile", 3), ("cat", "argentina", 5)])
    assert (ended["winners"], ended["losers"]) == ({"3": 10.0}, {"1": 7.0, "2": 3.0})
    assert nets == {"ann": -7.0, "bob": -3.0, "cat": 10.0}


async def test_one_minor_unit_each_on_three_winners_and_one_on_a_loser_pays_two_one_and_one(table: Table) -> None:
    winners: Bets = [(name, "argentina", "0.01") for name in ("ann", "bob", "cat")]
    ended, nets = await settle(table, [*winners, ("dan", "brazil", "0.01")])
    assert ended["winners"] == {"1": 0.01, "2": 0.0, "3": 0.0}
    assert nets == {"ann": 0.01, "bob": 0.0, "cat": 0.0, "dan": -0.01}


async def test_a_stake_on_nobodys_winner_goes_back_to_all(table: Table) -> None:
    ended, nets = await settle(table, [("ann", "brazil", 7), ("bob", "chile", 3)])
    assert (ended["winners"], ended["losers"], ended["is_money_return"]) == ({}, {}, True)
    assert (ended["winning_target"], ended["amount_total"]) == ("argentina", 10.0)
    assert nets == {"ann": 0.0, "bob": 0.0}


async def test_a_pool_without_bets_ends_with_nobody_in_its_lists(table: Table) -> None:
    ended, _ = await settle(table, [])
    assert (ended["winners"], ended["losers"], ended["invalidated_bettors"]) == ({}, {}, [])
    assert (ended["amount_total"], ended["participants"], ended["is_money_return"]) == (0.0, 0, True)


async def test_who_alone_backs_every_target_breaks_even_and_is_a_winner(table: Table) -> None:
    bets: Bets = [("ann", target, 2) for target in ("argentina", "brazil", "chile", "none")]
    ended, nets = await settle(table, bets)
    assert (ended["winners"], ended["losers"], ended["is_money_return"]) == ({"1": 0.0}, {}, False)
    assert nets == {"ann": 0.0}


async def test_who_wins_less_than_all_his_stakes_is_a_loser(table: Table) -> None:
    bets: Bets = [("ann", "argentina", 1), ("ann", "brazil", 9), ("bob", "argentina", 1)]
    ended, _ = await settle(table, bets)
    assert (ended["winners"], ended["losers"]) == ({"2": 4.5}, {"1": 4.5})


@pytest.fixture
def takeout() -> str:
    return "0.1425"


@pytest.fixture
async def taking(server: Server, clock: FakeClock, takeout: str) -> Table:
    """A table of a house that takes its part."""
    return await lay_table(server, clock, takeout)


async def test_eight_runners_and_a_takeout_of_14_25_percent_pay_to_the_unit(taking: Table, database: Path) -> None:
    table = taking
    runners = [f"Runner {number}" for number in range(1, 9)]
    table.game = await table.server.open_game(table.admin, table.source, actions=["Win"], targets=runners)
    await accepted(table.admin, 616, game_id=table.game)
    pool = await table.pool(action_id="win", targets=runners)
    for number, stake in enumerate((30, 70, 12, 55, 110, 47, 150, 40), 1):
        if number == 4:
            await table.bet("early", pool, "Runner 4", 30)
            stake = 25
        await table.bet(f"backer{number}", pool, f"Runner {number}", stake)
    await table.event("Runner 4", at=1, action_id="Win")
    # Of 514.00 the house keeps 73.24, and 440.76 go to stakes of 30 and 25.
    nets = await table.nets()
    assert (nets.pop("early"), nets.pop("backer4")) == (210.41, 175.35)
    lost = {1: 30, 2: 70, 3: 12, 5: 110, 6: 47, 7: 150, 8: 40}
    assert nets == {f"backer{number}": -float(stake) for number, stake in lost.items()}
    assert house_of(database) == 73_24


@pytest.mark.parametrize("takeout", ["0.5"])
async def test_the_house_takes_less_rather_than_a_part_of_a_winners_stake(taking: Table, database: Path) -> None:
    ended, nets = await settle(taking, [("ann", "argentina", 90), ("bob", "brazil", 10)])
    assert (ended["winners"], ended["losers"]) == ({"1": 0.0}, {"2": 10.0})
    assert nets == {"ann": 0.0, "bob": -10.0}
    assert house_of(database) == 10_00


@pytest.mark.parametrize("takeout", ["0.5"])
async def test_the_house_takes_nothing_when_the_stakes_go_back(taking: Table, database: Path) -> None:
    _, nets = await settle(taking, [("ann", "chile", 90), ("bob", "brazil", 10)])
    assert nets == {"ann": 0.0, "bob": 0.0}
    assert house_of(database) == 0


async def test_lists_longer_than_max_listed_bettors_are_cut_and_counted(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock, max_listed_bettors=2) as server:
        table = await lay_table(server, clock)
        bets: Bets = [(f"w{n}", "argentina", 1) for n in range(2)] + [(f"l{n}", "none", 1) for n in range(3)]
        ended, _ = await settle(table, bets)
        assert (len(ended["winners"]), len(ended["losers"]), ended["truncated"]) == (2, 2, True)
        assert set(ended["usernames"]) == {*ended["winners"], *ended["losers"]}
        counts = [ended[name] for name in ("winners_count", "losers_count", "invalidated_count")]
        assert counts == [2, 3, 0]
        ended, _ = await settle(table, bets[:-1])
        assert "truncated" not in ended
        assert "losers_count" not in ended


async def test_each_bettor_is_told_the_new_balance_once_however_many_pools_end(table: Table) -> None:
    teams, players = await table.pool(), await table.pool(targets=["argentina:1", "brazil:7"])
    for pool, target in ((teams, "argentina"), (players, "argentina:1"), (teams, "none")):
        await table.bet("ann", pool, target, 5)
    await table.bet("bob", players, "brazil:7", 5)
    clients = [await table.client(name) for name in ("ann", "bob")]
    for client in clients:
        await client.heard()
    await table.event(at=1)
    told = [of_kind(await client.heard(), 815) for client in clients]
    ann, bob = ([(m["current_balance"], m["available_balance"]) for m in messages] for messages in told)
    assert (ann, bob) == ([(1005.0, 1005.0)], [(995.0, 995.0)])
