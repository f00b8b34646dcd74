"""Leaderboards: who has won most, kept right by every settlement and correction."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.operations.test_view_keys import view_of
from tests.support.harness import START_MS
from tests.support.settling import BETTORS, Table, accepted
from tests.support.world import UNKNOWN_ID, assert_refused, assert_reply

BY_PARTS = (450, 451, 4516)
TAILORED = (4505, 4515, 4517)  # 4515 is 4505 with a game
AMONG_FRIENDS = (452, 453, 454)
OF_GAME, OF_SOURCE = (451, 453, 4515), (4516, 4517, 454)

every_ranking = pytest.mark.parametrize("res", [*BY_PARTS, *TAILORED, *AMONG_FRIENDS])


def scope_of(table: Table, res: int) -> dict[str, Any]:
    """The parameter that names what a ranking is by."""
    return {"game_id": table.game} if res in OF_GAME else {"source_id": table.source} if res in OF_SOURCE else {}


async def ask(table: Table, res: int, name: str = "ann", **parameters: Any) -> dict[str, Any]:
    """The reply that has this number, to a bettor."""
    op = 4505 if res == 4515 else res
    return await accepted(await table.client(name), op, **{**scope_of(table, res), **parameters})


async def ranked(table: Table, res: int = 450, name: str = "ann", **parameters: Any) -> list[tuple[str, float, int]]:
    """Who is shown, with points and rank."""
    reply = await ask(table, res, name, **parameters)
    return [(entry["username"], entry["points"], entry["rank"]) for entry in reply["leaderboard"]]


def befriend(database: Path, *names: str) -> None:
    """Make bettors friends of each other."""
    ids = [BETTORS.index(name) + 1 for name in names]
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = [(one, other, START_MS) for one in ids for other in ids if one != other]
        connection.executemany("INSERT INTO friendships VALUES (?, ?, ?)", rows)


async def settle(table: Table, **stakes: tuple[str, float]) -> dict[str, Any]:
    """A goal by Argentina in a new pool, on which these bets are."""
    pool = await table.pool()
    for name, (target, amount) in stakes.items():
        await table.bet(name, pool, target, amount)
    return await table.event(at=table.clock.time_ms - START_MS + 1)


@every_ranking
async def test_a_ranking_without_bets_is_empty(table: Table, res: int) -> None:
    client = await table.client("ann")
    gaps: dict[str, Any] = {"break_after_rank": []} if res in TAILORED else {}
    reply = await client.call(4505 if res == 4515 else res, **scope_of(table, res))
    assert_reply(reply, res, leaderboard=[], total=0, my_rank=None, **scope_of(table, res), **gaps)


@every_ranking
async def test_ranked_is_by_net_winnings_and_equal_points_share_a_rank(table: Table, database: Path, res: int) -> None:
    befriend(database, *BETTORS)
    bets = {"ann": ("argentina", 10), "cat": ("brazil", 5), "bob": ("brazil", 5), "dan": ("argentina", 0.01)}
    await settle(table, **bets, eve=("chile", 2.55))
    entries = [
        ("ann", 12.54, 1, 0),
        ("dan", 0.01, 2, 1),
        ("eve", -2.55, 3, 2),
        ("bob", -5, 4, 3),
        ("cat", -5, 4, 4),
    ]
    shown = [
        {"user_id": BETTORS.index(name) + 1, "username": name, "points": points, "rank": rank, "position": position}
        for name, points, rank, position in entries
    ]
    gaps: dict[str, Any] = {"break_after_rank": []} if res in TAILORED else {}
    reply = await (await table.client("cat")).call(4505 if res == 4515 else res, **scope_of(table, res))
    assert_reply(reply, res, leaderboard=shown, total=5, my_rank=4, **scope_of(table, res), **gaps)


async def test_points_add_up_over_the_pools_that_have_ended_running_bets_aside(table: Table) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    await settle(table, ann=("brazil", 5), bob=("argentina", 1))
    await table.bet("ann", await table.pool(), "brazil", 100)
    assert await ranked(table) == [("ann", 15, 1), ("bob", -15, 2)]


@pytest.mark.parametrize("res", BY_PARTS)
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "fay ann bob cat dan eve"),
        ({"start": 1, "end": 3}, "ann bob"),
        ({"start": 5}, "eve"),
        ({"start": 6}, ""),
        ({"start": 2, "end": 2}, ""),
        ({"start": "4", "end": "1004"}, "dan eve"),
    ],
)
async def test_a_part_begins_with_start_and_ends_before_end(
    table: Table, res: int, parameters: dict[str, Any], expected: str
) -> None:
    await settle(table, fay=("argentina", 1), **{name: ("brazil", 1 + at) for at, name in enumerate(BETTORS)})
    reply = await ask(table, res, "eve", **parameters)
    assert [entry["username"] for entry in reply["leaderboard"]] == expected.split()
    assert (reply["total"], reply["my_rank"]) == (6, 6)


@pytest.mark.parametrize("res", BY_PARTS)
@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"start": -1}, "start"),
        ({"end": -1}, "end"),
        ({"start": 5, "end": 4}, "end"),
        ({"start": 101}, "end"),
        ({"end": 1001}, "end"),
        ({"start": 5, "end": 1006}, "end"),
        ({"currency": "don"}, "currency"),
    ],
)
async def test_a_part_of_no_or_too_many_places_is_refused(
    table: Table, res: int, parameters: dict[str, Any], field: str
) -> None:
    reply = await (await table.client("ann")).call(res, **{**scope_of(table, res), **parameters})
    assert_refused(reply, res, "invalid_parameter", field)


@pytest.mark.parametrize("res", TAILORED)
async def test_tailored_are_the_top_ones_own_surroundings_and_the_bottom(table: Table, res: int) -> None:
    names = [f"p{number:02}" for number in range(20)]
    await settle(table, **{name: ("brazil", 1 + number // 2) for number, name in enumerate(names)}, z=("argentina", 1))
    reply = await ask(table, res, "p10")
    shown = [(entry["username"], entry["rank"]) for entry in reply["leaderboard"]]
    top, around, bottom = [("z", 1), ("p00", 2), ("p01", 2)], [("p09", 10), ("p10", 12), ("p11", 12)], names[-3:]
    assert shown == [*top, *around, *zip(bottom, (18, 20, 20), strict=True)]
    assert (reply["total"], reply["my_rank"], reply["break_after_rank"]) == (21, 12, [2, 12])
    counts: dict[str, Any] = {"top_count": 1, "bottom_count": 0, "surrounding_count": 0}
    reply = await ask(table, res, "p10", **counts)
    assert [entry["username"] for entry in reply["leaderboard"]] == ["z", "p10"]
    assert reply["break_after_rank"] == [1, 12]
    reply = await ask(table, res, "ann")
    assert [entry["username"] for entry in reply["leaderboard"]] == ["z", "p00", "p01", "p17", "p18", "p19"]
    assert (reply["my_rank"], reply["break_after_rank"]) == (None, [2])


@pytest.mark.parametrize("res", TAILORED)
@pytest.mark.parametrize("field", ["top_count", "bottom_count", "surrounding_count"])
@pytest.mark.parametrize("count", [-1, 101, "many"])
async def test_counts_are_from_0_to_100(table: Table, res: int, field: str, count: Any) -> None:
    op = 4505 if res == 4515 else res
    reply = await (await table.client("ann")).call(op, **{**scope_of(table, res), field: count})
    assert_refused(reply, op, "invalid_parameter", field)


async def test_a_game_has_one_type(table: Table) -> None:
    reply = await (await table.client("ann")).call(4505, game_id=table.game, game_type="football")
    assert_refused(reply, 4505, "invalid_parameter", "game_type")


@pytest.mark.parametrize("res", [*OF_GAME, *OF_SOURCE])
async def test_what_does_not_exist_has_no_ranking(table: Table, res: int) -> None:
    op, (field,) = 4505 if res == 4515 else res, scope_of(table, res)
    unknown: dict[str, Any] = {field: UNKNOWN_ID}
    reply = await (await table.client("ann")).call(op, **unknown)
    assert_refused(reply, op, "not_found", field)


@pytest.mark.parametrize("res", AMONG_FRIENDS)
async def test_friends_are_ranked_among_themselves(table: Table, database: Path, res: int) -> None:
    befriend(database, "bob", "dan", "eve")
    await settle(table, ann=("argentina", 10), bob=("brazil", 1), cat=("brazil", 2), dan=("brazil", 3))
    assert await ranked(table, res, "dan") == [("bob", -1, 1), ("dan", -3, 2)]
    reply = await ask(table, res, "eve")
    assert [entry["username"] for entry in reply["leaderboard"]] == ["bob", "dan"]
    assert (reply["total"], reply["my_rank"]) == (2, None)
    assert await ranked(table, res, "ann") == [("ann", 6, 1)]


async def test_games_sources_types_and_currencies_have_rankings_of_their_own(table: Table) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    for name in ("ann", "bob"):
        await table.client(name)
        await table.credit(name, "100", "EUR")
    other_source = await table.server.open_source(table.admin)
    first, games = (table.source, table.game), {}
    for source, kind, currency in ((table.source, "tennis", "DON"), (other_source, "football", "EUR")):
        options = {"type": kind, "currency": currency, "targets": ["Argentina", "Brazil", "Chile", "Argentina:1"]}
        game = await table.server.open_game(table.admin, source, **options)
        await accepted(table.admin, 616, game_id=game)
        table.game = games[kind] = game
        await settle(table, ann=("brazil", 3), bob=("argentina", 1))
    table.source, table.game = first
    assert await ranked(table) == [("ann", 17, 1), ("bob", -17, 2)]
    assert await ranked(table, game_type="football") == [("ann", 20, 1), ("bob", -20, 2)]
    assert await ranked(table, game_type="tennis") == [("bob", 3, 1), ("ann", -3, 2)]
    assert await ranked(table, game_type="chess") == []
    assert await ranked(table, currency="EUR") == [("bob", 3, 1), ("ann", -3, 2)]
    assert await ranked(table, 4516) == [("ann", 17, 1), ("bob", -17, 2)]
    assert await ranked(table, 4516, game_type="tennis") == [("bob", 3, 1), ("ann", -3, 2)]
    assert await ranked(table, 4516, currency="EUR") == []
    assert await ranked(table, 4516, source_id=other_source, currency="EUR") == [("bob", 3, 1), ("ann", -3, 2)]
    assert await ranked(table, 451) == [("ann", 20, 1), ("bob", -20, 2)]
    assert await ranked(table, 451, game_id=games["football"]) == [("bob", 3, 1), ("ann", -3, 2)]
    assert await ranked(table, 451, game_id=games["football"], currency="DON") == []


async def test_who_has_bet_is_ranked_once_the_pool_has_ended_however_it_ends(table: Table) -> None:
    pool = await table.pool(is_cancellable=True)
    await table.bet("ann", pool, "brazil", 1)
    assert await ranked(table) == []
    await accepted(table.admin, 3952, pool_id=pool)
    assert await ranked(table) == [("ann", 0, 1)]


async def test_a_late_bet_ranks_its_user_and_a_cancelled_one_does_not(table: Table) -> None:
    options = {"live_start_at": START_MS + 1_000, "targets": ["Argentina", "Brazil", "Chile", "Argentina:1"]}
    table.game = await table.server.open_game(table.admin, table.source, **options)
    await accepted(table.admin, 616, game_id=table.game)
    pool = await table.pool(is_cancellable=True)
    await table.bet("ann", pool, "argentina", 1)
    cancelled = await table.bet("bob", pool, "argentina", 1)
    await accepted(await table.client("bob"), 3921, bet_id=cancelled)
    await table.bet("cat", pool, "brazil", 5, at=10)
    await table.event(at=20, happened_at=START_MS + 10)
    assert await ranked(table) == [("ann", 0, 1), ("cat", 0, 1)]


async def test_who_has_only_bet_too_late_is_ranked_again_when_the_reopened_pool_ends(table: Table) -> None:
    await table.bet("ann", await table.pool(), "brazil", 5, at=10)
    event = await table.event(at=20, happened_at=START_MS + 10)
    assert await ranked(table) == [("ann", 0, 1)]
    await table.void(event)
    assert await ranked(table) == []
    await table.event(at=30)
    assert await ranked(table) == [("ann", 0, 1)]


async def test_an_event_that_is_voided_takes_the_points_back(table: Table) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    event = await settle(table, ann=("brazil", 5), cat=("argentina", 1))
    assert await ranked(table) == [("ann", 15, 1), ("cat", 5, 2), ("bob", -20, 3)]
    await table.void(event)
    assert await ranked(table) == [("ann", 20, 1), ("bob", -20, 2)]
    assert (await ask(table, 450, "cat"))["my_rank"] is None


async def test_an_event_that_is_amended_moves_the_points(table: Table) -> None:
    event = await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    await accepted(table.admin, 3954, event_id=event["event_id"], target_id="brazil:7")
    assert await ranked(table) == [("bob", 10, 1), ("ann", -10, 2)]


async def test_a_game_called_off_leaves_its_bettors_with_no_points(table: Table) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    await table.bet("cat", await table.pool(), "brazil", 1)
    await accepted(table.admin, 376, game_id=table.game, include_resolved=True)
    assert await ranked(table, 451) == [("ann", 0, 1), ("bob", 0, 1), ("cat", 0, 1)]


async def test_a_game_closed_by_mistake_takes_the_points_of_the_close_back(table: Table) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    await table.bet("cat", await table.pool(), "brazil", 1)
    await table.bet("dan", await table.pool(), "none", 1)
    before = await ranked(table)
    await accepted(table.admin, 375, game_id=table.game)
    assert await ranked(table) == [("ann", 20, 1), ("cat", 0, 2), ("dan", 0, 2), ("bob", -20, 4)]
    await accepted(table.admin, 378, game_id=table.game)
    assert await ranked(table) == before


async def test_a_view_key_has_no_rank(table: Table) -> None:
    await settle(table, ann=("argentina", 10), bob=("brazil", 20))
    view = await view_of(table.server, await table.client("ann"))
    for op in BY_PARTS:
        reply = await accepted(view, op, **scope_of(table, op))
        assert (reply["total"], reply["my_rank"]) == (2, None)
