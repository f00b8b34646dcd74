"""Durable bets at one server on a file, and at one and two servers on one PostgreSQL database."""

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from benchmarks.bench import Bench
from benchmarks.cases.betting import bet_request, world_with_pool
from benchmarks.figures import GAMESERVER, Figure, percentile
from benchmarks.load import Client, connect
from benchmarks.processes import on_all_cores
from benchmarks.rates import Load, full_rate
from benchmarks.world import World
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
    """Durable bets at one server on a file, and at one and two on a PostgreSQL database, of 64 and 256 players.

    Servers and database share all cores, since two servers and a database on one would only take turns.
    """
    bench = replace(bench, core=None)
    binaries = find_binaries()
    if binaries is None:
        bench.progress("there is no PostgreSQL on this machine")
        return []
    rates = {number: Figure(f"durable bets, connections: {number}", "bets/s") for number in _PLAYERS}
    p99s = {number: Figure(f"until one of {number} is acknowledged, p99", "ms") for number in _PLAYERS}
    world = world_with_pool(bench.directory / "world")
    os.environ[SECRET_VARIABLE] = beside(world.db, ".secret").read_bytes().hex()

    async def measure(who: str, servers: int, new_database: Callable[[], str]) -> None:
        for number in _PLAYERS:
            load = await _bet(bench, world, [new_database()] * servers, number)
            rates[number].add(who, load.rate, load.client_share)
            p99s[number].add(who, percentile(load.times_s, 99) * 1000, load.client_share)

    with on_all_cores(), running_cluster(binaries, **_DURABLE) as cluster:
        contestants = {GAMESERVER: partial(measure, GAMESERVER, 1, lambda: str(world.copy_to(bench.new_directory())))}
        for number in _SERVERS:
            who = f"PostgreSQL, servers: {number}"
            contestants[who] = partial(measure, who, number, partial(_copy, cluster, world))
        await bench.in_turn(contestants)
    return [*rates.values(), *p99s.values()]


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
