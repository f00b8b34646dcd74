"""Many connections that do nothing: how fast they are accepted, and what memory they hold."""

import asyncio
from functools import partial

from benchmarks.bench import Bench
from benchmarks.figures import GAMESERVER, Figure, at_least, at_most
from benchmarks.load import Client, connect, side_by_side
from benchmarks.processes import ServerProcess
from benchmarks.rates import busyness
from benchmarks.world import WorldMaker

_PEER = "trio-websocket"
_COMPRESSING = "compression agreed upon"
_WARM_UP = 50
_SETTLE_S = 1.0


async def idle(bench: Bench) -> list[Figure]:
    """Idle connections: accepting them, and memory for each; beside plain trio-websocket."""
    count = bench.sizes.idle_connections
    accepted = Figure(f"accept {count:,} connections", "connections/s", (at_least(1, _PEER),))
    held_targets = (at_most(10), at_least(0.95, _COMPRESSING))
    held = Figure(f"memory of each of {count:,} idle connections", "KB", held_targets)
    world = WorldMaker(bench.directory / "world").finish()

    async def measure(who: str, server: ServerProcess, key: str | None, *, compressing: bool = False) -> None:
        join = partial(connect, port=server.port, key=key, compressing=compressing)
        for client in await side_by_side(join(Client()) for _ in range(_WARM_UP)):
            client.close()
        await asyncio.sleep(_SETTLE_S)
        before = server.resident_bytes()
        with busyness() as busy:
            clients = await side_by_side(join(Client()) for _ in range(count))
        accepted.add(who, count / busy.seconds, busy.share)
        await asyncio.sleep(_SETTLE_S)
        held.add(who, (server.resident_bytes() - before) / count / 1000)
        if any(client.closed.done() for client in clients):
            raise RuntimeError("an idle connection was closed")
        for client in clients:
            client.close()
        await asyncio.gather(*(client.closed for client in clients))

    async def measure_ours() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            await measure(GAMESERVER, server, world.admin_key)

    async def measure_compressing() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            await measure(_COMPRESSING, server, world.admin_key, compressing=True)

    async def measure_peer() -> None:
        with bench.peer("trio_websocket_server") as server:
            await measure(_PEER, server, None)

    contestants = {GAMESERVER: measure_ours, _COMPRESSING: measure_compressing, _PEER: measure_peer}
    await bench.in_turn(contestants, rounds=bench.sizes.scene_rounds)
    return [accepted, held]
