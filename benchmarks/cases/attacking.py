"""One user sends the most expensive requests that can be refused; does another's bet notice?"""

import asyncio
import time
from functools import partial

from benchmarks.bench import Bench
from benchmarks.cases.betting import bet_request
from benchmarks.figures import GAMESERVER, Figure, at_most, percentile
from benchmarks.load import Client, connect, encode
from benchmarks.processes import ServerProcess
from benchmarks.rates import busyness
from benchmarks.world import World, WorldMaker

_CONNECTIONS = 20
_RATE = 90  # requests a second over all connections: fewer than one user may send
_TARGETS = 46_000  # of three letters: 184 KB
_UNANSWERED = 40  # on a connection, at most: the generator keeps what the server does not read yet
_PAUSE_S = 0.005
_MOST_GROWTH_MB = 100
_USUAL_RATES = ("--max-requests-per-s", "100", "--max-requests-per-s-per-address", "2000")
_UNPAID = "itself, rates out of the way"


async def attack(bench: Bench) -> list[Figure]:
    """90 games a second of 46,000 targets each, all refused, from one user; another bets meanwhile."""
    what = f"while {_RATE} games of {_TARGETS:,} targets a second are refused"
    median = Figure(f"until a bet of another user is acknowledged {what}, p50", "ms")
    p99 = Figure(f"until a bet of another user is acknowledged {what}, p99", "ms", (at_most(200),))
    longest = Figure("the longest of them", "ms")
    grown = Figure("server's memory, peak meanwhile less before", "MB", (at_most(_MOST_GROWTH_MB),))
    refused = Figure("games refused", "/s")
    maker = WorldMaker(bench.directory / "world")
    maker.add_players(2)
    maker.add_game_with_pool()
    world = maker.finish()
    request = _costly_request(maker.source_id)

    async def measure(who: str, *flags: str) -> None:
        with bench.gameserver(world.copy_to(bench.new_directory()), *flags) as server, busyness() as busy:
            scene = _Scene(server, world, request)
            await scene.play(bench.sizes.attack_seconds)
        median.add(who, percentile(scene.bets_s, 50) * 1000)
        p99.add(who, percentile(scene.bets_s, 99) * 1000, busy.share)
        longest.add(who, max(scene.bets_s) * 1000)
        grown.add(who, scene.grown_mb)
        refused.add(who, scene.refused / busy.seconds)

    await bench.in_turn(
        {GAMESERVER: lambda: measure(GAMESERVER, *_USUAL_RATES), _UNPAID: lambda: measure(_UNPAID)},
        rounds=bench.sizes.scene_rounds,
    )
    return [median, p99, longest, grown, refused]


def _costly_request(source_id: str) -> bytes:
    letters = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in ',:"\\' and not chr(code).isupper()]
    names = [a + b + c for a in letters for b in letters for c in letters]
    return encode(370, source_id=source_id, game_name="x", type="x", targets=",".join(names[:_TARGETS]))


class _Scene:
    """A server, one who attacks it, and one who bets."""

    def __init__(self, server: ServerProcess, world: World, request: bytes) -> None:
        self.bets_s: list[float] = []
        self.grown_mb = 0.0
        self.refused = 0
        self._server = server
        self._world = world
        self._request = request
        self._over = False

    async def play(self, seconds: float) -> None:
        """Attack for so long, and bet until that is over."""
        bettor_key, attacker_key = self._world.player_keys
        bettor = await connect(Client(), self._server.port, bettor_key)
        attackers = [await connect(Client(), self._server.port, attacker_key) for _ in range(_CONNECTIONS)]
        before = self._server.resident_bytes()
        self._server.forget_peak()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._bet(bettor))
            await self._attack(attackers, seconds)
            self._over = True
        self.grown_mb = (self._server.peak_resident_bytes() - before) / 1e6

    async def _bet(self, bettor: Client) -> None:
        request = bet_request(self._world.pool_ids[0])
        while not self._over:
            self.bets_s += await bettor.repeat(request, b'"res":356', until=0.0)
            await asyncio.sleep(_PAUSE_S)

    async def _attack(self, attackers: list[Client], seconds: float) -> None:
        unanswered = dict.fromkeys(attackers, 0)
        for client in attackers:
            client.listen(partial(self._note_refusal, unanswered, client))
        began = time.perf_counter()
        for number in range(int(seconds * _RATE)):
            await asyncio.sleep(max(0.0, began + number / _RATE - time.perf_counter()))
            client = attackers[number % _CONNECTIONS]
            if client.close_code is None and unanswered[client] < _UNANSWERED:
                unanswered[client] += 1
                client.send(self._request)

    def _note_refusal(self, unanswered: dict[Client, int], client: Client, message: bytes) -> None:
        if b'"res":666' not in message:
            raise RuntimeError(message.decode())
        unanswered[client] -= 1
        self.refused += 1
