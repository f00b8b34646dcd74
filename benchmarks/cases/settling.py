"""A big pool is settled while others go on."""

import asyncio
import time
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.cases.betting import bet_request
from benchmarks.figures import GAMESERVER, Figure, at_most, percentile
from benchmarks.load import Client, connect, encode
from benchmarks.pinging import pinging
from benchmarks.processes import ServerProcess
from benchmarks.world import World, WorldMaker

_BETTORS = 1_000
_QUIET_S = 0.3


async def settlement(bench: Bench) -> list[Figure]:
    """A pool of 100,000 bets is settled; pings, a reader and a bettor meanwhile."""
    small, large = bench.sizes.small_pool_bets, bench.sizes.large_pool_bets
    smaller = f"itself, {small:,} bets"
    took = Figure(f"settle a pool of {large:,} bets", "ms")
    each = Figure(f"settle a pool of {large:,} bets, for each of them", "µs", (at_most(1.25, smaller),))
    p99 = Figure("ping while the pool is settled, p99", "ms", (at_most(100),))
    longest = Figure("longest ping while the pool is settled", "ms")
    waited = Figure("longest wait of a bet in another game while the pool is settled", "ms")
    bench.progress(f"writing {small + large:,} bets")
    world = _world(bench.directory / "world", small, large)

    async def measure() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            small_s, _, _ = await _settle(server, world, world.game_ids[0])
            large_s, pings_s, bets_s = await _settle(server, world, world.game_ids[1])
        took.add(GAMESERVER, large_s * 1000)
        each.add(GAMESERVER, large_s / large * 1e6)
        each.add(smaller, small_s / small * 1e6)
        p99.add(GAMESERVER, percentile(pings_s, 99) * 1000)
        longest.add(GAMESERVER, max(pings_s) * 1000)
        waited.add(GAMESERVER, max(bets_s) * 1000)

    await bench.in_turn({GAMESERVER: measure}, rounds=bench.sizes.scene_rounds)
    return [took, each, p99, longest, waited]


def _world(directory: Path, *pools: int) -> World:
    maker = WorldMaker(directory)
    maker.add_players(2)
    bettors = maker.history.bettors(_BETTORS, "many")
    for bets in pools:
        maker.history.place_bets(maker.add_game_with_pool(), bettors, bets)
    maker.add_game_with_pool()
    return maker.finish()


async def _settle(server: ServerProcess, world: World, game_id: str) -> tuple[float, list[float], list[float]]:
    """Seconds it took, of each ping meanwhile, and of each bet of another game."""
    admin = await connect(Client(), server.port, world.admin_key)
    bettor, reader = [await connect(Client(), server.port, key) for key in world.player_keys]
    pool_id = world.pool_ids[-1]
    over = asyncio.Event()

    async def go_on(client: Client, request: bytes, expected: bytes) -> list[float]:
        times: list[float] = []
        while not over.is_set():
            times += await client.repeat(request, expected, until=0.0)
            await asyncio.sleep(0.005)
        return times

    async with pinging(server.port, world.admin_key) as pings, asyncio.TaskGroup() as group:
        await asyncio.sleep(_QUIET_S)
        before = len(pings.times_s)
        betting = group.create_task(go_on(bettor, bet_request(pool_id), b'"res":356'))
        group.create_task(go_on(reader, encode(393, pool_id=pool_id), b'"res":360'))
        began = time.perf_counter()
        await admin.call(395, 366, game_id=game_id, action_id="goal", target_id="argentina")
        took_s = time.perf_counter() - began
        over.set()
    return took_s, pings.times_s[before:], betting.result()
