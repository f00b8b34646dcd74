"""Many bet and many more watch."""

import asyncio
import json
import time
import zlib

from picows import WSFrame, WSTransport

from benchmarks.bench import Bench
from benchmarks.cases.betting import PLAYERS, bet_request, world_with_pool
from benchmarks.figures import GAMESERVER, Figure, at_most, percentile
from benchmarks.load import Client, connect, encode, side_by_side
from benchmarks.rates import Load, busyness, full_rate
from benchmarks.world import World

_SPECTATORS = 1_000
_BETTORS_ALONE = "bettors alone"
_SPECTATORS_ALONE = "spectators alone"
_CALM_BETS_PER_S = 20
_LAST_UPDATE_S = 10.0
_UPDATE = b'"res":361,'
_HEADER_BYTES = 80


class _Browser(Client):
    """A spectator that takes compressed messages; the bytes of the updates it gets, as they come and inflated."""

    def __init__(self) -> None:
        super().__init__()
        self.received_bytes = 0
        self.inflated_bytes = 0

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Inflate a message, and count an update."""
        if not frame.rsv1:
            super().on_ws_frame(transport, frame)
            return
        inflated = zlib.decompressobj(wbits=-15).decompress(frame.get_payload_as_bytes() + b"\0\0\xff\xff")
        if _UPDATE in inflated[:_HEADER_BYTES]:
            self.received_bytes += frame.payload_size
            self.inflated_bytes += len(inflated)


class _Spectators:
    """Who watches a pool's distribution: how many updates came, and the last of each."""

    def __init__(self) -> None:
        self.updates = 0
        self._last: list[bytes] = []

    async def join(self, port: int, world: World) -> None:
        """Let all of them join the game."""
        request = encode(363, game_id=world.game_ids[0])
        clients = await side_by_side(connect(Client(), port, world.admin_key) for _ in range(_SPECTATORS))
        self._last = [b""] * _SPECTATORS
        for number, client in enumerate(clients):
            await client.ask([request], b'"res":333,')
            self._listen(number, client)

    def _listen(self, number: int, client: Client) -> None:
        def take(message: bytes) -> None:
            if _UPDATE in message[:_HEADER_BYTES]:
                self.updates += 1
                self._last[number] = message

        client.listen(take)

    async def see(self, bets: int) -> None:
        """Wait until each knows of all bets; TimeoutError if one never does."""
        async with asyncio.timeout(_LAST_UPDATE_S):
            # An event set by each message would cost what is being measured.
            while any(json.loads(last)["bet_count"] != bets for last in self._last):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def conflation(bench: Bench) -> list[Figure]:
    """64 bettors at full rate and 1,000 spectators of their game; beside each load alone."""
    rate = Figure(f"durable bets of {PLAYERS} players, {_SPECTATORS:,} spectators", "bets/s")
    p99 = Figure("until such a bet is acknowledged, p99", "ms")
    updates = Figure("distribution updates that the spectators get meanwhile", "deliveries/s")
    each = Figure("of these, each spectator", "updates/s")
    compressed = Figure("bytes of an update to a browser, of those uncompressed", "share", (at_most(0.4),))
    figures = (rate, p99, updates, each, compressed)
    world = world_with_pool(bench.directory / "world")

    await bench.in_turn(
        {
            GAMESERVER: lambda: _measure(bench, world, GAMESERVER, figures, betting=True, watching=True),
            _BETTORS_ALONE: lambda: _measure(bench, world, _BETTORS_ALONE, figures, betting=True, watching=False),
            _SPECTATORS_ALONE: lambda: _measure(bench, world, _SPECTATORS_ALONE, figures, betting=False, watching=True),
        },
        rounds=bench.sizes.scene_rounds,
    )
    return [*figures]


async def _measure(
    bench: Bench, world: World, who: str, figures: tuple[Figure, ...], *, betting: bool, watching: bool
) -> None:
    rate, p99, updates, each, compressed = figures
    request = bet_request(world.pool_ids[0])
    with bench.gameserver(world.copy_to(bench.new_directory())) as server:
        spectators, browser = _Spectators(), _Browser()
        if watching:
            await spectators.join(server.port, world)
            await connect(browser, server.port, world.admin_key, compressing=True)
            await browser.ask([encode(363, game_id=world.game_ids[0])], b'"res":333,')
        players = [await connect(Client(), server.port, key) for key in world.player_keys[:PLAYERS]]
        with busyness() as busy:
            load = await (_bet(players, request, bench) if betting else _bet_calmly(players[0], request, bench))
        seen = spectators.updates
        if watching:
            await spectators.see(await _bet_count(players[0], world))
    if betting:
        rate.add(who, load.rate, busy.share)
        p99.add(who, percentile(load.times_s, 99) * 1000, busy.share)
    if watching:
        updates.add(who, seen / busy.seconds, busy.share)
        each.add(who, seen / busy.seconds / _SPECTATORS)
        compressed.add(who, browser.received_bytes / browser.inflated_bytes)


async def _bet(players: list[Client], request: bytes, bench: Bench) -> Load:
    return await full_rate([(player, request) for player in players], b'"res":356', bench.sizes.seconds)


async def _bet_calmly(player: Client, request: bytes, bench: Bench) -> Load:
    """Bets at a rate that costs little, and still calls for as many updates as may be told."""
    times: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() < began + bench.sizes.seconds:
        times += await player.repeat(request, b'"res":356', until=0.0)
        await asyncio.sleep(1 / _CALM_BETS_PER_S)
    return Load(len(times) / (time.perf_counter() - began), times, 0.0)


async def _bet_count(player: Client, world: World) -> int:
    reply = await player.call(393, 360, pool_id=world.pool_ids[0])
    count: int = reply["bet_count"]
    return count
