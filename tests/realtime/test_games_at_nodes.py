"""What is done in one game at a server keeps nobody waiting in another game at another server."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import trio

from gameserver.storage.postgres.version import LOCK, SETTLING
from tests.support.harness import START_MS, Client
from tests.support.nodes import Nodes, execute
from tests.support.settling import BETTORS, TARGETS, accepted

ROUNDS = 6


@pytest.fixture
def engine() -> str:
    """Only a database server can be shared."""
    return "postgres"


async def open_games(nodes: Nodes, count: int) -> list[str]:
    """New games of the table's source, which its admin steers."""
    table, games = nodes.table, []
    for _ in range(count):
        games.append(await table.server.open_game(table.admin, table.source, targets=TARGETS))
        await accepted(table.admin, 616, game_id=games[-1])
    return games


@contextmanager
def held(location: str, game: str) -> Iterator[None]:
    """A game in which another server's long batch is under way."""
    with psycopg.connect(location) as connection:
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LOCK,))
        connection.execute("SELECT pg_advisory_xact_lock(%s, id::int) FROM games WHERE uuid = %s", (LOCK, game))
        yield


async def test_a_long_settlement_in_one_game_keeps_no_bet_and_no_event_of_another_waiting(
    nodes: Nodes, location: str
) -> None:
    busy, free = await open_games(nodes, 2)
    pools = {game: await nodes.table.pool(game_id=game) for game in (busy, free)}
    ann, operator = await nodes.connect(1, "ann"), await nodes.connect(0, "provider")
    with trio.fail_after(5), held(location, busy):
        await accepted(ann, 392, pool_id=pools[free], target="argentina", amount=1)
        await accepted(operator, 395, **nodes.table.draft(game_id=free))
        assert execute(location, "SELECT status FROM pools ORDER BY id") == [("open",), ("resolved",)]
        with trio.move_on_after(0.2) as waiting:
            await ann.call(392, pool_id=pools[busy], target="argentina", amount=1)
        assert waiting.cancelled_caught
    with trio.fail_after(5):
        while execute(location, "SELECT count(*) FROM bets") != [(2,)]:  # noqa: ASYNC110 - nothing else tells
            await trio.sleep(0.01)


async def test_a_pool_with_late_bets_alone_is_voided_in_its_turn_among_settlements(nodes: Nodes, location: str) -> None:
    """It counts for its bettors, on leaderboards that they share with other games."""
    pool = await nodes.table.pool()
    await nodes.table.bet("ann", pool, "argentina", 1, at=2_000)
    await nodes.table.void(await nodes.table.event(happened_at=START_MS + 1_000))
    with psycopg.connect(location) as settling:
        settling.execute("SELECT pg_advisory_xact_lock(%s)", (SETTLING,))
        voided: list[str] = []

        async def void() -> None:
            await accepted(nodes.table.admin, 3952, pool_id=pool)
            voided.append(pool)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(void)
            with trio.move_on_after(0.5) as waiting:
                while not voided:  # noqa: ASYNC110 - nothing else tells
                    await trio.sleep(0.01)
            settling.rollback()
    assert (waiting.cancelled_caught, voided) == (True, [pool])


async def test_games_that_are_settled_at_once_by_the_same_bettors_come_to_what_each_would_alone(
    nodes: Nodes, location: str
) -> None:
    games = await open_games(nodes, len(nodes.servers))
    operators = [await nodes.connect(number, "provider") for number in range(len(games))]
    bettors = {name: await nodes.everywhere(name) for name in BETTORS}

    async def play(number: int, game: str, operator: Client) -> None:
        """Each round all bet on two pools that one goal ends, of which every other one is taken back."""
        for played in range(ROUNDS):
            pools = [
                (await accepted(operator, 385, game_id=game, description="Who?", action_id="goal", targets=TARGETS))
                for _ in range(2)
            ]
            async with trio.open_nursery() as nursery:
                for at, clients in enumerate(bettors.values()):
                    nursery.start_soon(bet, clients[(number + at) % len(clients)], pools, TARGETS[at % 3].lower())
            for clock in nodes.clocks:
                clock.time_ms += 1_000
            goal = await accepted(operator, 395, **nodes.table.draft(game_id=game))
            if played % 2:
                await accepted(operator, 3951, game_id=game, event_id=goal["event_id"], reason="Offside")
                await accepted(operator, 395, **nodes.table.draft(game_id=game))

    async def bet(client: Client, pools: list[dict[str, str]], target: str) -> None:
        for pool in pools:
            await accepted(client, 392, pool_id=pool["pool_id"], target=target, amount=1)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number, (game, operator) in enumerate(zip(games, operators, strict=True)):
                nursery.start_soon(play, number, game, operator)
    pools = 2 * ROUNDS * len(games)
    # Two of five back the player who scores, and share the stakes of the others: 1.5 each.
    nets = {name: await nodes.table.net(name) for name in BETTORS}
    expected = {name: 1.5 * pools if TARGETS[at % 3] == TARGETS[0] else -1.0 * pools for at, name in enumerate(BETTORS)}
    assert nets == expected
    summed = "SELECT bets, staked, paid, refunded FROM source_sums"
    assert execute(location, summed) == [(5 * pools, 500 * pools, 500 * pools, 0)]
