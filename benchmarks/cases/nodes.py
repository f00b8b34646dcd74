"""Durable bets at one server on a file, and at one and two servers on one PostgreSQL database."""

import os
from contextlib import ExitStack, closing
from functools import partial

from benchmarks.bench import Bench
from benchmarks.cases.betting import PLAYERS, bet_request, world_with_pool
from benchmarks.figures import GAMESERVER, Figure, percentile
from benchmarks.load import Client, connect
from benchmarks.rates import Load, full_rate
from benchmarks.world import World
from gameserver.config import SECRET_VARIABLE
from gameserver.storage.files import beside
from gameserver.storage.postgres.migrate_to import copy_to
from gameserver.storage.sqlite.connection import open_reader
from tests.support.postgres import Cluster, find_binaries, running_cluster

_NUMBERS = (1, 2)
_DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
}


async def nodes(bench: Bench) -> list[Figure]:
    """Durable bets of 64 players at one server on a file, and at one and two on a PostgreSQL database."""
    binaries = find_binaries()
    if binaries is None:
        bench.progress("there is no PostgreSQL on this machine")
        return []
    rate = Figure(f"durable bets, {PLAYERS} connections", "bets/s")
    p99 = Figure("until a bet is acknowledged, p99", "ms")
    world = world_with_pool(bench.directory / "world")
    os.environ[SECRET_VARIABLE] = beside(world.db, ".secret").read_bytes().hex()

    def note(who: str, load: Load) -> None:
        rate.add(who, load.rate, load.client_share)
        p99.add(who, percentile(load.times_s, 99) * 1000, load.client_share)

    async def measure_file() -> None:
        note(GAMESERVER, await _bet(bench, world, [str(world.copy_to(bench.new_directory()))]))

    with running_cluster(binaries, **_DURABLE) as cluster:

        async def measure_servers(number: int) -> None:
            note(f"PostgreSQL, servers: {number}", await _bet(bench, world, [_copy(cluster, world)] * number))

        servers = {f"PostgreSQL, servers: {number}": partial(measure_servers, number) for number in _NUMBERS}
        await bench.in_turn({GAMESERVER: measure_file, **servers})
    return [rate, p99]


def _copy(cluster: Cluster, world: World) -> str:
    """The URL of a new database with the world in it."""
    url = cluster.empty_database()
    with closing(open_reader(world.db)) as connection:
        copy_to(connection, url, lambda copied, total: None)
    return url


async def _bet(bench: Bench, world: World, databases: list[str]) -> Load:
    """Bets of all players, who are spread over the servers on these databases."""
    request = bet_request(world.pool_ids[0])
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.gameserver(database)) for database in databases]
        clients = [
            (await connect(Client(), servers[number % len(servers)].port, key), request)
            for number, key in enumerate(world.player_keys[:PLAYERS])
        ]
        return await full_rate(clients, b'"res":356', bench.sizes.seconds)
