from typing import Any

import pytest

from tests.support.harness import START_MS
from tests.support.settling import Table, accepted
from tests.support.world import assert_refused, assert_reply

TEAMS = ("argentina", "brazil", "chile", "none")


async def history(table: Table, pool: str, **parameters: Any) -> dict[str, Any]:
    return await accepted(await table.client("eve"), 394, pool_id=pool, **parameters)


async def money_at(table: Table, pool: str, **parameters: Any) -> dict[int, list[float]]:
    """Milliseconds after the start → what is behind each of the teams."""
    shown = await history(table, pool, **parameters)
    columns = [shown["backing_money"][team] for team in TEAMS]
    return {at - START_MS: list(money) for at, *money in zip(shown["at"], *columns, strict=True)}


async def test_the_money_behind_each_target_is_shown_from_the_start_to_the_last_bet(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 10, at=5)
    await table.bet("bob", pool, "brazil", "2.50", at=7)
    await table.bet("cat", pool, "none", 1, at=7)
    await table.bet("ann", pool, "argentina", 1, at=90_000)
    table.set_time(100_000)
    reply = await history(table, pool)
    assert_reply(
        reply,
        3600,
        pool_id=pool,
        at=[START_MS, START_MS + 5, START_MS + 7, START_MS + 90_000],
        backing_money={
            "argentina": [0, 10, 10, 11],
            "brazil": [0, 0, 2.5, 2.5],
            "chile": [0] * 4,
            "none": [0, 0, 1, 1],
        },
    )


async def test_a_pool_without_bets_shows_its_start_alone_and_a_bet_at_its_start_too(table: Table) -> None:
    pool = await table.pool(start_at=START_MS + 50)
    assert await money_at(table, pool) == {50: [0, 0, 0, 0]}
    await table.bet("ann", pool, "brazil", 3, at=50)
    assert await money_at(table, pool) == {50: [0, 3, 0, 0]}


async def test_a_successor_has_a_history_of_its_own(table: Table) -> None:
    pool = await table.pool(recreate_on_end=True)
    await table.bet("ann", pool, "brazil", 3, at=5)
    await table.event(at=10)
    (successor,) = (await accepted(table.admin, 387, game_id=table.game))["pools_list"]
    assert await money_at(table, successor) == {10: [0, 0, 0, 0]}
    assert await money_at(table, pool) == {0: [0, 0, 0, 0], 5: [0, 3, 0, 0]}


async def test_a_cancelled_bet_was_never_there(table: Table) -> None:
    game = await table.server.open_game(table.admin, table.source, live_start_at=START_MS + 1000)
    await accepted(table.admin, 616, game_id=game)
    pool = await table.pool(game_id=game, targets=list(TEAMS[:2]), is_cancellable=True)
    bets = [await table.bet("ann", pool, "brazil", amount, at=amount) for amount in (1, 2, 4)]
    for bet, brazil in ((bets[1], [0, 1, 1, 5]), (bets[2], [0, 1, 1, 1])):
        await accepted(await table.client("ann"), 3921, bet_id=bet)
        shown = await history(table, pool)
        assert [at - START_MS for at in shown["at"]] == [0, 1, 2, 4]
        assert shown["backing_money"]["brazil"] == brazil
    await table.bet("ann", pool, "brazil", 8, at=8)
    assert (await history(table, pool))["backing_money"]["brazil"] == [0, 1, 1, 1, 9]


async def test_late_bets_were_never_there_also_after_the_pool_is_open_again(table: Table) -> None:
    pool = await table.pool()
    for at in (10, 20, 30, 40):
        await table.bet("ann", pool, "brazil", 1, at=at)
    event = await table.event(at=50, happened_at=START_MS + 25)
    expected = {0: [0, 0, 0, 0], 10: [0, 1, 0, 0], 20: [0, 2, 0, 0], 40: [0, 2, 0, 0]}
    assert await money_at(table, pool) == expected
    await table.void(event)
    assert await money_at(table, pool) == expected
    await table.bet("bob", pool, "chile", 5, at=60)
    assert await money_at(table, pool) == {**expected, 60: [0, 2, 5, 0]}


@pytest.mark.parametrize("points", [2, 3, 60, 200])
async def test_of_many_times_so_many_are_shown_among_them_the_first_and_the_last(table: Table, points: int) -> None:
    pool = await table.pool()
    for number in range(1, 120):
        await table.bet("ann", pool, "brazil", 1, at=number)
    shown = await money_at(table, pool, points=points)
    assert len(shown) == min(points, 120)
    assert (min(shown), max(shown)) == (0, 119)
    assert shown == {at: [0, at, 0, 0] for at in shown}
    gaps = {after - before for before, after in zip(list(shown), list(shown)[1:], strict=False)}
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("points", [1, 201, "many", 2.5])
async def test_a_number_of_points_out_of_bounds_is_refused(table: Table, points: object) -> None:
    reply = await table.admin.call(394, pool_id=await table.pool(), points=points)
    assert_refused(reply, 394, "invalid_parameter", "points")
