"""Subscribers that stop reading: do the others notice?"""

import asyncio
import time

from benchmarks.audience import Audience
from benchmarks.bench import Bench
from benchmarks.figures import GAMESERVER, Figure, at_least, at_most, percentile
from benchmarks.load import Client, connect, encode, side_by_side
from benchmarks.operator import Operator
from benchmarks.processes import ServerProcess
from benchmarks.rates import Busyness, busyness
from benchmarks.world import PAST_EVENTS, World, WorldMaker

_SUBSCRIBERS = 1_000
_STALLED = 50
_NONE_STALLED = "itself, none stalled"
_FRAME_BYTES = 2_300
_EVENTS = 30
_INTERVAL_S = 0.1
_RECEIVE_BUFFER_BYTES = 4_096
_TIMEOUT_S = 60.0
# Long enough for the stalled to read in the end how they were closed, before the server cuts them off.
_SLOW_TO_CUT_OFF = ("--close-timeout-s", "60")
_MAX_UNSENT_MB = _STALLED * 1.048576


async def stalled(bench: Bench) -> list[Figure]:
    """1,000 subscribers of whom 50 stop reading; beside the same without."""
    rate = f"{_EVENTS} broadcasts of {_FRAME_BYTES:,} bytes each {_INTERVAL_S * 1000:g} ms"
    p99 = Figure(
        f"{rate}, {_STALLED} of {_SUBSCRIBERS:,} subscribers stalled: delivery to the others, p99",
        "ms",
        (at_most(1.2, _NONE_STALLED),),
    )
    grown = Figure("server's memory, peak meanwhile less before", "MB")
    more = Figure(f"of that, for the {_STALLED}", "MB", (at_most(_MAX_UNSENT_MB),))
    closed = Figure(f"closed with 4008, of {_STALLED}", "connections", (at_least(_STALLED),))
    maker = WorldMaker(bench.directory / "world")
    maker.add_game(["Argentina", "Brazil"], events=PAST_EVENTS)
    world = maker.finish()

    async def measure(who: str, stalled_count: int) -> None:
        with bench.gameserver(world.copy_to(bench.new_directory()), *_SLOW_TO_CUT_OFF) as server:
            scene = _Scene(bench, world, server)
            await scene.open(stalled_count)
            busy = await scene.play()
            p99.add(who, percentile(scene.audience.delays_s, 99) * 1000, busy.share)
            grown.add(who, scene.grown_mb)
            if stalled_count:
                closed.add(who, await scene.count_closed())

    await bench.in_turn(
        {
            GAMESERVER: lambda: measure(GAMESERVER, _STALLED),
            _NONE_STALLED: lambda: measure(_NONE_STALLED, 0),
        },
        rounds=bench.sizes.scene_rounds,
    )
    for with_stalled, without in zip(grown.rounds[GAMESERVER], grown.rounds[_NONE_STALLED], strict=True):
        more.add(GAMESERVER, with_stalled - without)
    return [p99, grown, more, closed]


class _Scene:
    """A server, an audience that reads, some that stop, and an operator."""

    def __init__(self, bench: Bench, world: World, server: ServerProcess) -> None:
        self.audience = Audience()
        self.grown_mb = 0.0
        self._bursts = int(bench.sizes.stall_seconds / _INTERVAL_S)
        self._world = world
        self._server = server
        self._stalled: list[Client] = []

    async def open(self, stalled_count: int) -> None:
        """Let everybody join, and some stop reading."""
        world, port = self._world, self._server.port
        game_id = world.game_ids[0]
        await self.audience.connect(_SUBSCRIBERS - stalled_count, port, world.admin_key)
        await self.audience.join(game_id)
        self._stalled = await side_by_side(
            connect(Client(), port, world.admin_key, receive_buffer_bytes=_RECEIVE_BUFFER_BYTES)
            for _ in range(stalled_count)
        )
        for client in self._stalled:
            await client.ask([encode(363, game_id=game_id)], b'"res":333,')
            client.transport.underlying_transport.pause_reading()
        operators = [await connect(Client(), port, world.admin_key) for _ in range(_EVENTS)]
        # Characters of four bytes: a description's length is bounded in characters.
        self._operator = Operator(operators, game_id, _FRAME_BYTES, filler="\N{GLOWING STAR}")
        await self._operator.prepare()
        self.audience.payload_bytes = _FRAME_BYTES - 4

    async def play(self) -> Busyness:
        """Register events at a steady pace, and see each delivered to all who read."""
        before = self._server.resident_bytes()
        self._server.forget_peak()
        with busyness() as busy:
            began = time.perf_counter()
            for number in range(self._bursts):
                due_at = began + number * _INTERVAL_S
                await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
                async with asyncio.timeout(_TIMEOUT_S), asyncio.TaskGroup() as group:
                    everywhere = self.audience.expect(_EVENTS, due_at)
                    group.create_task(self._operator.register(_EVENTS))
                    await everywhere
        self.audience.check()
        self.grown_mb = (self._server.peak_resident_bytes() - before) / 1e6
        return busy

    async def count_closed(self) -> int:
        """Read on where reading stopped; how many were closed for being too slow."""
        for client in self._stalled:
            client.transport.underlying_transport.resume_reading()
        async with asyncio.timeout(_TIMEOUT_S):
            await asyncio.gather(*(client.closed for client in self._stalled))
        return sum(client.close_code == 4008 for client in self._stalled)
