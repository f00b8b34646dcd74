"""Everybody comes at once."""

import asyncio
import json
import time

from benchmarks.bench import Bench
from benchmarks.figures import GAMESERVER, Figure, at_most, percentile
from benchmarks.load import Client, connect, encode, side_by_side
from benchmarks.pinging import pinging
from benchmarks.rates import busyness
from benchmarks.world import WorldMaker

_PRESENCE_INTERVAL_S = 1.0
_LAST_UPDATE_S = 5.0
_TOLERANCE = 0.8


class _Observer:
    """Who was there before: what it is told of those who come."""

    def __init__(self) -> None:
        self.messages = 0
        self.told = 0
        self.subscribers = 0
        self.updated_at: list[float] = []
        self.changed = asyncio.Event()

    def take(self, message: bytes) -> None:
        """Count a message about presence."""
        if b'"res":470,' in message:
            self.told += 1
        elif b'"res":471,' in message:
            update = json.loads(message)
            self.told += update["joined"]
            self.subscribers = update["subscribers"]
            self.updated_at.append(time.perf_counter())
        else:
            return
        self.messages += 1
        self.changed.set()

    async def see(self, comers: int) -> None:
        """Wait until all who came have been told of; RuntimeError if they are not, or too often."""
        deadline = time.perf_counter() + _LAST_UPDATE_S
        while self.told < comers:
            self.changed.clear()
            async with asyncio.timeout(deadline - time.perf_counter()):
                await self.changed.wait()
        gaps = [later - earlier for earlier, later in zip(self.updated_at, self.updated_at[1:], strict=False)]
        if self.told != comers or self.subscribers != comers + 1:
            raise RuntimeError(f"told of {self.told} who came, {self.subscribers} there, when {comers} had come")
        if any(gap < _PRESENCE_INTERVAL_S * _TOLERANCE for gap in gaps):
            raise RuntimeError(f"presence was told more than once a second: {gaps}")


async def storm(bench: Bench) -> list[Figure]:
    """5,000 clients connect and join one game, as fast as they are let; pings meanwhile."""
    count = bench.sizes.storm_clients
    joined = Figure(f"{count:,} users connect and join one game", "users/s")
    messages = Figure("messages about who came that one subscriber got", "messages")
    p99 = Figure("ping while they come, p99", "ms", (at_most(100),))
    longest = Figure("longest ping while they come", "ms")
    bench.progress(f"writing {count:,} users")
    maker = WorldMaker(bench.directory / "world")
    maker.add_players(count)
    maker.add_game(["Argentina", "Brazil"])
    world = maker.finish()
    join = encode(363, game_id=world.game_ids[0])

    async def come(port: int, key: str) -> Client:
        client = await connect(Client(), port, key)
        await client.ask([join], b'"res":333,')
        return client

    async def measure() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            observing = await come(server.port, world.admin_key)
            observer = _Observer()
            observing.listen(observer.take)
            async with pinging(server.port, world.admin_key) as pings:
                with busyness() as busy:
                    clients = await side_by_side(come(server.port, key) for key in world.player_keys)
            await observer.see(count)
            for client in clients:
                client.close()
        joined.add(GAMESERVER, count / busy.seconds, busy.share)
        messages.add(GAMESERVER, observer.messages)
        p99.add(GAMESERVER, percentile(pings.times_s, 99) * 1000, busy.share)
        longest.add(GAMESERVER, max(pings.times_s) * 1000)

    await bench.in_turn({GAMESERVER: measure}, rounds=bench.sizes.scene_rounds)
    return [joined, messages, p99, longest]
