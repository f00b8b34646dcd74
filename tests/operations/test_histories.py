"""What is kept of a user's bets: games, statistics, points by day, and the bets that run."""

from pathlib import Path
from typing import Any

import pytest

from tests.operations.test_leaderboards import befriend, settle
from tests.support.harness import START_MS, Server
from tests.support.people import People
from tests.support.settling import Table, accepted
from tests.support.world import DAY_MS, UNKNOWN_ID, assert_refused, assert_reply

NOTHING = {
    **dict.fromkeys(["games", "bets", "won", "lost", "refunded", "staked", "net", "best_win"], 0),
    **dict.fromkeys(["average_stake", "win_rate", "average_reaction_ms"]),
}


async def history(table: Table, name: str = "ann", **parameters: Any) -> list[dict[str, Any]]:
    """The games in a bettor's history."""
    games: list[dict[str, Any]] = (await accepted(await table.client(name), 820, **parameters))["games"]
    return games


async def statistics(table: Table, name: str = "ann", **parameters: Any) -> dict[str, Any]:
    """A bettor's statistics."""
    reply = await accepted(await table.client(name), 830, **parameters)
    return {name: reply[name] for name in NOTHING}


async def cancellable_game(table: Table) -> None:
    """Go on in a game that begins in a second, with the same targets."""
    options = {"live_start_at": START_MS + 1_000, "targets": ["Argentina", "Brazil", "Chile", "Argentina:1"]}
    table.game = await table.server.open_game(table.admin, table.source, **options)
    await accepted(table.admin, 616, game_id=table.game)


async def test_who_has_not_bet_has_no_history(table: Table) -> None:
    ann = await table.client("ann")
    assert_reply(await ann.call(820), 820, games=[], next=None)
    assert_reply(await ann.call(831), 831, currency="DON", points=[])
    assert_reply(await ann.call(3890), 3537, bets=[], next=None)
    reply = await ann.call(830)
    own = {"user_id": 1, "username": "ann", "currency": "DON"}
    assert_reply(reply, 830, **own, **NOTHING, by_currency={}, by_type={})


async def test_a_game_shows_running_bets_beside_what_has_ended(table: Table) -> None:
    pools = [await table.pool(), await table.pool(pool_type=3)]
    await table.bet("ann", pools[0], "argentina", 10, at=5)
    await table.bet("ann", pools[0], "brazil", 1, at=6)
    await table.bet("bob", pools[0], "brazil", 20)
    await table.bet("ann", pools[1], "yes", "2.50", at=7)
    expected = {
        "game_id": table.game,
        "game_name": "Argentina - Brazil",
        "joined": START_MS + 5,
        "bets": 3,
        "staked": 13.5,
        "won": 0,
        "lost": 0,
        "net": 0,
        "rank": None,
        "ranked": 0,
        "closed_at": None,
    }
    assert await history(table) == [expected]
    await table.event(at=8)
    expected |= {"won": 1, "lost": 1, "net": 20, "rank": 1, "ranked": 2}
    assert await history(table) == [expected]
    await table.resolve(pools[1], "no")
    await accepted(table.admin, 375, game_id=table.game)
    # nobody has backed "no": the stake is returned
    assert await history(table) == [{**expected, "closed_at": START_MS + 8}]


async def test_the_newest_games_come_first_and_are_paged(table: Table) -> None:
    games = [table.game]
    await settle(table, ann=("argentina", 1), bob=("brazil", 1))
    for _ in range(3):
        pool = await table.pool_of_another_game()
        games.append((await table.pool_object(pool))["game_id"])
        await table.bet("ann", pool, "brazil", 1)
    assert [game["game_id"] for game in await history(table)] == games[::-1]
    ann = await table.client("ann")
    page = await accepted(ann, 820, limit=3)
    assert [game["game_id"] for game in page["games"]] == games[:0:-1]
    assert page["next"] == games[1]
    rest = await accepted(ann, 820, limit=3, after=page["next"])
    assert ([game["game_id"] for game in rest["games"]], rest["next"]) == (games[:1], None)
    assert await history(table, "bob", currency="EUR") == []
    assert len(await history(table, "bob", currency="DON")) == 1


async def test_a_game_whose_bets_are_cancelled_is_not_in_the_history(table: Table) -> None:
    await cancellable_game(table)
    pool = await table.pool(is_cancellable=True)
    bets = [await table.bet("ann", pool, "brazil", 1, at=at) for at in (1, 2)]
    ann = await table.client("ann")
    await accepted(ann, 3921, bet_id=bets[0])
    assert [(game["joined"], game["bets"]) for game in await history(table)] == [(START_MS + 2, 1)]
    await accepted(ann, 3921, bet_id=bets[1])
    assert await history(table) == []


async def test_late_bets_stay_in_the_history_while_their_pool_is_open_again(table: Table) -> None:
    pool = await table.pool()
    await table.bet("bob", pool, "brazil", 2, at=1)
    await table.bet("ann", pool, "brazil", 4, at=20)
    await table.bet("bob", pool, "chile", 8, at=20)
    event = await table.event(happened_at=START_MS + 10, at=30)
    was = [await history(table, name) for name in ("ann", "bob")]
    await table.void(event)
    for name, (game,) in zip(("ann", "bob"), was, strict=True):
        assert await history(table, name) == [game | {"won": 0, "lost": 0, "net": 0, "rank": None, "ranked": 0}]
    await table.bet("ann", pool, "chile", 16, at=40)
    assert [(game["bets"], game["staked"], game["joined"]) for game in await history(table)] == [(2, 20, START_MS + 20)]


async def test_what_is_after_no_game_or_bet_of_ones_own_is_refused(table: Table) -> None:
    bet = await table.bet("bob", await table.pool(), "brazil", 1)
    ann = await table.client("ann")
    assert_refused(await ann.call(820, after=UNKNOWN_ID), 820, "not_found", "after")
    for after in (UNKNOWN_ID, bet):
        assert_refused(await ann.call(3890, after=after), 3890, "not_found", "after")


async def test_statistics_count_bets_and_sum_up_money(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 10, at=100)
    await table.bet("ann", pool, "argentina", 5, at=200)
    await table.bet("ann", pool, "brazil", 5)
    await table.bet("bob", pool, "brazil", 40, at=300)
    await table.bet("ann", pool, "chile", 2, at=1_000)  # too late
    await table.event(at=1_001, happened_at=START_MS + 1_000)
    returned = await table.pool()
    await table.bet("ann", returned, "chile", 8, at=2_000)
    await accepted(table.admin, 3952, pool_id=returned)
    assert await statistics(table) == {
        "games": 1,
        "bets": 5,
        "won": 2,
        "lost": 1,
        "refunded": 2,
        "staked": 30,
        "net": 40,
        "best_win": 30,
        "average_stake": 6,
        "win_rate": 0.6666,
        "average_reaction_ms": (100 + 2_000 - 1_001) // 2,
    }
    assert (await statistics(table, "bob"))["win_rate"] == 0


async def test_a_void_takes_the_best_win_away_and_the_next_best_is_found(table: Table) -> None:
    small = await settle(table, ann=("argentina", 10), bob=("brazil", 5))
    large = await settle(table, ann=("argentina", 10), bob=("brazil", 50))
    table.game, first = (await table.pool_object(await table.pool_of_another_game()))["game_id"], table.game
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    table.game = first
    assert (await statistics(table))["best_win"] == 50
    await table.void(large)
    assert (await statistics(table))["best_win"] == 20
    await accepted(table.admin, 3954, event_id=small["event_id"], target_id="brazil:7")
    found = await statistics(table)
    assert (found["best_win"], found["net"], found["games"]) == (20, 10, 2)


async def test_statistics_are_by_currency_and_by_type_of_game(table: Table) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    for name in ("ann", "bob"):
        await table.credit(name, "100", "EUR")
    for kind, currency in (("tennis", "DON"), ("football", "EUR")):
        options = {"type": kind, "currency": currency, "targets": ["Argentina", "Brazil", "Chile", "Argentina:1"]}
        table.game = await table.server.open_game(table.admin, table.source, **options)
        await accepted(table.admin, 616, game_id=table.game)
        await settle(table, ann=("brazil", 3), bob=("argentina", 1))
    reply = await accepted(await table.client("ann"), 830)
    assert (reply["net"], reply["games"], reply["bets"]) == (17, 2, 2)
    assert {currency: row["net"] for currency, row in reply["by_currency"].items()} == {"DON": 17, "EUR": -3}
    assert {kind: row["net"] for kind, row in reply["by_type"].items()} == {"football": 20, "tennis": -3}
    assert set(reply["by_type"]["tennis"]) == set(NOTHING)
    reply = await accepted(await table.client("ann"), 830, currency="EUR")
    assert (reply["net"], list(reply["by_type"])) == (-3, ["football"])


async def test_statistics_are_shown_to_friends_alone(table: Table, database: Path) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    befriend(database, "ann", "bob")
    bob, cat = await table.client("bob"), await table.client("cat")
    reply = await accepted(bob, 830, user_id=1)
    assert (reply["user_id"], reply["username"], reply["net"]) == (1, "ann", 20)
    assert_refused(await cat.call(830, user_id=1), 830, "not_authorized")
    assert_refused(await cat.call(830, user_id=99), 830, "not_found", "user_id")
    assert (await accepted(cat, 830, user_id=3))["username"] == "cat"


async def test_a_deleted_user_has_no_statistics(server: Server) -> None:
    people = People(server)
    ann = await people.client("ann")
    await people.id_of("bob")
    await people.delete("bob")
    assert_refused(await ann.call(830, user_id=people.ids["bob"]), 830, "not_found", "user_id")


async def test_points_are_shown_by_day_after_the_last_change_of_each(table: Table) -> None:
    for day, at, stake in ((0, 0, 1), (0, 7, 2), (3, 0, 4), (9, 0, 8)):
        table.clock.time_ms = START_MS + day * DAY_MS + at
        event = await settle(table, ann=("argentina", 1), bob=("brazil", stake))
        settled_at = table.clock.time_ms
    ann = await table.client("ann")
    reply = await ann.call(831)
    times = [START_MS + 8, START_MS + 3 * DAY_MS + 1, START_MS + 9 * DAY_MS + 1]
    points = [{"at": at, "points": points} for at, points in zip(times, (3, 7, 15), strict=True)]
    assert_reply(reply, 831, currency="DON", points=points)
    assert (await accepted(ann, 831, days=7))["points"] == points[1:]
    assert (await accepted(ann, 831, days=6))["points"] == points[2:]
    assert (await accepted(ann, 831, currency="EUR"))["points"] == []
    await table.void(event)
    assert (await accepted(ann, 831))["points"][-1] == {"at": settled_at, "points": 7}


@pytest.mark.parametrize("days", [0, 367, -1, "x"])
async def test_days_are_from_1_to_366(table: Table, days: Any) -> None:
    assert_refused(await (await table.client("ann")).call(831, days=days), 831, "invalid_parameter", "days")


async def test_running_bets_are_listed_as_receipts_newest_first(table: Table) -> None:
    pools = [await table.pool(description=f"Who scores {number}?") for number in range(2)]
    pools.append(await table.pool_of_another_game())
    bets = [await table.bet("ann", pools[at % 3], "brazil", 1 + at, at=at) for at in range(6)]
    await table.bet("bob", pools[0], "brazil", 1)
    await accepted(table.admin, 3952, pool_id=pools[1])
    ann = await table.client("ann")
    reply = await accepted(ann, 3890, limit=3)
    assert [bet["bet_id"] for bet in reply["bets"]] == [bets[5], bets[3], bets[2]]
    assert reply["next"] == bets[2]
    rest = await accepted(ann, 3890, after=reply["next"])
    assert ([bet["bet_id"] for bet in rest["bets"]], rest["next"]) == (bets[:1], None)
    receipt = await table.receipt("ann", bets[3])
    del receipt["response_header"], receipt["res"]
    assert reply["bets"][1] == {**receipt, "game_name": "Argentina - Brazil", "description": "Who scores 0?"}
    assert receipt["status"] == "running"
