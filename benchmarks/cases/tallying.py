"""What a settlement pays for leaderboards: CPU of the writer's thread, in process."""

import time
from contextlib import closing
from unittest.mock import patch

from benchmarks.bench import Bench
from benchmarks.figures import GAMESERVER, Figure, Target, at_most
from benchmarks.world import WorldMaker
from gameserver.config import Settings
from gameserver.engine.context import Change
from gameserver.engine.endings import end_pools
from gameserver.engine.settlement import Resolution
from gameserver.storage.games import get_game
from gameserver.storage.pools import find_pool
from gameserver.storage.sqlite.connection import SqliteConnection, open_writer
from gameserver.storage.users import find_user_by_id

_BETTORS = 1_000
_WITHOUT = "without leaderboards"


async def tally(bench: Bench) -> list[Figure]:
    """A pool of 100,000 bets is settled in process, with leaderboards and without."""
    bets, many = bench.sizes.large_pool_bets, bench.sizes.many_bettors
    figures = []
    for bettors, targets in ((_BETTORS, (at_most(1.2, _WITHOUT),)), (many, ())):
        bench.progress(f"writing {bets:,} bets by {bettors:,} players")
        figures.append(await _measure(bench, bets, bettors, targets))
    return figures


async def _measure(bench: Bench, bets: int, bettors: int, targets: tuple[Target, ...]) -> Figure:
    figure = Figure(f"CPU to settle a pool of {bets:,} bets by {bettors:,} players", "ms", targets)
    maker = WorldMaker(bench.directory / str(bettors))
    pool_id = maker.add_game_with_pool()
    maker.history.place_bets(pool_id, maker.history.bettors(bettors, "many"), bets)
    with closing(open_writer(maker.finish().db)) as connection:
        _settle(connection, pool_id)  # which compiles the statements, and reads the pages

        async def measure() -> None:
            figure.add(GAMESERVER, _settle(connection, pool_id))

        async def measure_without() -> None:
            with patch("gameserver.engine.tally.add_to_boards"):
                figure.add(_WITHOUT, _settle(connection, pool_id))

        await bench.in_turn({GAMESERVER: measure, _WITHOUT: measure_without})
    return figure


def _settle(connection: SqliteConnection, pool_id: str) -> float:
    """Settle a pool and roll it back; milliseconds of this thread's CPU."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        pool = find_pool(connection, pool_id)
        assert pool is not None
        (admin,) = connection.execute("SELECT min(id) FROM users").fetchone()
        user = find_user_by_id(connection, admin)
        assert user is not None
        began_s = time.thread_time()
        change = Change(connection, user, pool.start_at + 10_000_000, Settings())
        end_pools(change, get_game(connection, pool.game_id), [(pool, Resolution("event", (0,)))])
        change.finish()
        return (time.thread_time() - began_s) * 1000
    finally:
        connection.execute("ROLLBACK")
