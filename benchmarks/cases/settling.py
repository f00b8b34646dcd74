"""A big pool is settled while others go on."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.cases.betting import bet_request
from benchmarks.figures import GAMESERVER, Figure, Target, at_most, percentile
from benchmarks.load import Client, connect, encode
from benchmarks.pinging import pinging
from benchmarks.processes import ServerProcess
from benchmarks.world import World, WorldMaker

_BETTORS = 1_000
_SETTLING = "settling it"
_QUIET_S = 0.3


@dataclass(frozen=True)
class _Settled:
    """What was measured while a pool was settled: seconds of it, of taking it back, of each ping and of each bet."""

    took_s: float
    taken_back_s: float
    pings_s: list[float]
    bets_s: list[float]


class _Figures:
    """The figures of a pool of so many bets by so many players."""

    def __init__(self, bets: int, bettors: int, targets_us: tuple[Target, ...], wait: tuple[Target, ...]) -> None:
        pool = f"a pool of {bets:,} bets by {bettors:,} players"
        self.bets = bets
        self.took = Figure(f"settle {pool}", "ms")
        self.each = Figure(f"settle {pool}, for each bet", "µs", targets_us)
        self.back = Figure(f"take back {pool}", "ms", (at_most(2, _SETTLING),))
        self.p99 = Figure(f"ping while {pool} is settled, p99", "ms", (at_most(20),))
        self.longest = Figure(f"longest ping while {pool} is settled", "ms")
        self.waited = Figure(f"longest wait of a bet in another game while {pool} is settled", "ms", wait)

    def add(self, settled: _Settled) -> None:
        """One round's values."""
        self.took.add(GAMESERVER, settled.took_s * 1000)
        self.each.add(GAMESERVER, settled.took_s / self.bets * 1e6)
        self.back.add(GAMESERVER, settled.taken_back_s * 1000)
        self.back.add(_SETTLING, settled.took_s * 1000)
        self.p99.add(GAMESERVER, percentile(settled.pings_s, 99) * 1000)
        self.longest.add(GAMESERVER, max(settled.pings_s) * 1000)
        self.waited.add(GAMESERVER, max(settled.bets_s) * 1000)

    @property
    def all(self) -> list[Figure]:
        """The figures in the order they are shown."""
        return [self.took, self.each, self.back, self.p99, self.longest, self.waited]


async def settlement(bench: Bench) -> list[Figure]:
    """A pool of 100,000 bets is settled and taken back; pings, a reader and a bettor meanwhile."""
    small, large, many = bench.sizes.small_pool_bets, bench.sizes.large_pool_bets, bench.sizes.many_bettors
    smaller = f"itself, {small:,} bets"
    of_few = _Figures(large, _BETTORS, (at_most(2), at_most(1.25, smaller)), (at_most(150),))
    of_many = _Figures(large, many, (at_most(12),), ())
    bench.progress(f"writing {small + 2 * large:,} bets by {many:,} players")
    world = _world(bench.directory / "world", many, [(small, _BETTORS), (large, _BETTORS), (large, many)])

    async def measure() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            settled = await _settle(server, world, world.game_ids[0])
            of_few.each.add(smaller, settled.took_s / small * 1e6)
            of_few.add(await _settle(server, world, world.game_ids[1]))
            of_many.add(await _settle(server, world, world.game_ids[2]))

    await bench.in_turn({GAMESERVER: measure}, rounds=bench.sizes.scene_rounds)
    return of_few.all + of_many.all


def _world(directory: Path, many: int, pools: list[tuple[int, int]]) -> World:
    maker = WorldMaker(directory)
    maker.add_players(2)
    bettors = maker.history.bettors(many, "many")
    for bets, count in pools:
        maker.history.place_bets(maker.add_game_with_pool(), bettors[:count], bets)
    maker.add_game_with_pool()
    return maker.finish()


async def _settle(server: ServerProcess, world: World, game_id: str) -> _Settled:
    """Settle the pool of a game, and take it back, while others ping, read and bet in another game."""
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
        event = await admin.call(395, 366, game_id=game_id, action_id="goal", target_id="argentina")
        took_s = time.perf_counter() - began
        over.set()
    began = time.perf_counter()
    await admin.call(3951, 3661, game_id=game_id, event_id=event["event_id"])
    return _Settled(took_s, time.perf_counter() - began, pings.times_s[before:], betting.result())
