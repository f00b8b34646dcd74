"""Bets and broadcasts at one server on a file, and at one and two servers on one PostgreSQL database."""

import os
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import replace
from functools import partial

from benchmarks.audience import Audience
from benchmarks.bench import Bench
from benchmarks.cases.betting import bet_request
from benchmarks.cases.broadcasting import FRAME_BYTES, PAYLOAD_BYTES, SUBSCRIBERS, Stage, deliver
from benchmarks.figures import GAMESERVER, Figure, percentile
from benchmarks.load import Client, connect
from benchmarks.operator import Operator
from benchmarks.processes import on_all_cores
from benchmarks.rates import Load, busyness, full_rate
from benchmarks.world import PAST_EVENTS, World, WorldMaker
from gameserver.config import SECRET_VARIABLE
from gameserver.storage.files import beside
from gameserver.storage.postgres.migrate_to import copy_to
from gameserver.storage.sqlite.connection import open_reader
from tests.support.postgres import Cluster, find_binaries, running_cluster

_SERVERS = (1, 2)
_PLAYERS = (64, 256)
_DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
}


async def nodes(bench: Bench) -> list[Figure]:
    """Durable bets and broadcasts at one server on a file, and at one and two on a PostgreSQL database.

    The bets are of 64 and 256 players, the broadcasts to 1,000 subscribers; players and subscribers are spread over the
    servers, and the broadcasts asked for at the first. Servers and database share all cores, since two servers and a
    database on one would only take turns.
    """
    bench = replace(bench, core=None)
    binaries = find_binaries()
    if binaries is None:
        bench.progress("there is no PostgreSQL on this machine")
        return []
    rates = {number: Figure(f"durable bets, connections: {number}", "bets/s") for number in _PLAYERS}
    p99s = {number: Figure(f"until one of {number} is acknowledged, p99", "ms") for number in _PLAYERS}
    audience = f"{FRAME_BYTES} bytes to {SUBSCRIBERS:,} subscribers"
    lone = Figure(f"one broadcast of {audience}", "deliveries/s")
    burst = Figure(f"{bench.sizes.burst_broadcasts} broadcasts back to back to the same", "deliveries/s")
    world = _world(bench)
    os.environ[SECRET_VARIABLE] = beside(world.db, ".secret").read_bytes().hex()

    async def measure(who: str, servers: int, new_database: Callable[[], str]) -> None:
        for number in _PLAYERS:
            load = await _bet(bench, world, [new_database()] * servers, number)
            rates[number].add(who, load.rate, load.client_share)
            p99s[number].add(who, percentile(load.times_s, 99) * 1000, load.client_share)
        async with _stage(bench, world, [new_database()] * servers) as stage:
            for figure, broadcasts, times in (
                (lone, 1, bench.sizes.lone_broadcasts),
                (burst, bench.sizes.burst_broadcasts, 1),
            ):
                await deliver(stage, stage.trigger, 1)
                with busyness() as busy:
                    took_s = [await deliver(stage, stage.trigger, broadcasts) for _ in range(times)]
                figure.add(who, SUBSCRIBERS * broadcasts / statistics.median(took_s), busy.share)
            stage.audience.check()

    with on_all_cores(), running_cluster(binaries, **_DURABLE) as cluster:
        contestants = {GAMESERVER: partial(measure, GAMESERVER, 1, lambda: str(world.copy_to(bench.new_directory())))}
        for number in _SERVERS:
            who = f"PostgreSQL, servers: {number}"
            contestants[who] = partial(measure, who, number, partial(_copy, cluster, world))
        await bench.in_turn(contestants)
    return [*rates.values(), *p99s.values(), lone, burst]


def _world(bench: Bench) -> World:
    """Players, a game with a pool for them, and one with a past that is told of."""
    maker = WorldMaker(bench.directory / "world")
    maker.add_players(max(_PLAYERS))
    maker.add_game_with_pool()
    maker.add_game(["Argentina", "Brazil"], events=PAST_EVENTS)
    return maker.finish()


def _copy(cluster: Cluster, world: World) -> str:
    """The URL of a new database with the world in it."""
    url = cluster.empty_database()
    with closing(open_reader(world.db)) as connection:
        copy_to(connection, url, lambda copied, total: None)
    return url


async def _bet(bench: Bench, world: World, databases: list[str], players: int) -> Load:
    """Bets of so many players, who are spread over the servers on these databases."""
    request = bet_request(world.pool_ids[0])
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.gameserver(database)) for database in databases]
        clients = [
            (await connect(Client(), servers[number % len(servers)].port, key), request)
            for number, key in enumerate(world.player_keys[:players])
        ]
        return await full_rate(clients, b'"res":356', bench.sizes.seconds)


@asynccontextmanager
async def _stage(bench: Bench, world: World, databases: list[str]) -> AsyncIterator[Stage]:
    """Servers on these databases, over which subscribers of a game are spread, and its operator at the first."""
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.gameserver(database)) for database in databases]
        audience = Audience()
        for server in servers:
            await audience.connect(SUBSCRIBERS // len(servers), server.port, world.admin_key)
        await audience.join(world.game_ids[1])
        operator = Operator([await connect(Client(), servers[0].port, world.admin_key)], world.game_ids[1], FRAME_BYTES)
        await operator.prepare()
        audience.payload_bytes = PAYLOAD_BYTES
        yield Stage(audience, operator.register)
