"""Leaderboards of a million users are read while pools are settled."""

import asyncio
import random
import time

from benchmarks.bench import Bench
from benchmarks.figures import GAMESERVER, Figure, at_most, percentile
from benchmarks.load import Client, connect, encode
from benchmarks.processes import ServerProcess
from benchmarks.world import World, WorldMaker
from gameserver.storage.boards import add_to_boards
from gameserver.storage.tallied import delete_tallied, list_tallied_games

_AT_ONCE = 50_000
_BETTORS = 50
_SETTLED_EACH_S = 0.1


async def ranking(bench: Bench) -> list[Figure]:
    """The top, a page in the middle and one's own surroundings of a large leaderboard, while pools are settled."""
    ranked = bench.sizes.ranked_users
    bench.progress(f"ranking {ranked:,} users")
    world = _world(bench, ranked)
    middle = {"start": ranked // 2, "end": ranked // 2 + 100}
    reads = {
        "its first 100": (encode(450), b'"res":450'),
        "100 in its middle": (encode(450, **middle), b'"res":450'),
        "one's own surroundings": (encode(4505), b'"res":4505'),
    }
    figures = {
        what: Figure(f"a leaderboard of {ranked:,} users, {what}, while pools are settled, p99", "ms", (at_most(10),))
        for what in reads
    }

    async def measure() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            for what, (request, expected) in reads.items():
                times_s = await _read_while_settling(server, world, request, expected, bench.sizes.seconds)
                figures[what].add(GAMESERVER, percentile(times_s, 99) * 1000)

    await bench.in_turn({GAMESERVER: measure}, rounds=bench.sizes.scene_rounds)
    return list(figures.values())


def _world(bench: Bench, ranked: int) -> World:
    """Many users on the leaderboards, as far as that goes without bets; and a game in which some are to bet."""
    maker = WorldMaker(bench.directory / "world")
    maker.add_players(_BETTORS)
    game_id = maker.add_game(["argentina", "brazil"])
    connection = maker.history.connection
    (game,) = connection.execute("SELECT id FROM games WHERE uuid = ?", (game_id,)).fetchone()
    (first,) = connection.execute("SELECT max(id) + 1 FROM users").fetchone()
    names = ((f"ranked{number}",) for number in range(ranked))
    connection.executemany("INSERT INTO users (username, is_provider, created_at) VALUES (?, 0, 0)", names)
    chance = random.Random(1)
    for start in range(first, first + ranked, _AT_ONCE):
        users = range(start, min(start + _AT_ONCE, first + ranked))
        connection.execute_with(
            "INSERT INTO tallied SELECT given.game_id, given.user_id, 1, 0, 0, 0, 0, 0, points, 0, 0, 0, 0 FROM given",
            ("game_id", "user_id", "points"),
            [(game, user, chance.randrange(-100_000, 100_000)) for user in users],
        )
        for tallied in list_tallied_games(connection):
            add_to_boards(connection, tallied)
        delete_tallied(connection)
    pool = {"description": "Who scores next?", "action_id": "goal", "targets": ["argentina", "brazil"]}
    maker.history.request(maker.admin, 385, game_id=game_id, recreate_on_end=True, **pool)
    return maker.finish()


async def _read_while_settling(
    server: ServerProcess, world: World, request: bytes, expected: bytes, seconds: float
) -> list[float]:
    """How long each of the reads took, one after another; the first player reads, all others bet."""
    admin = await connect(Client(), server.port, world.admin_key)
    reader, *bettors = [await connect(Client(), server.port, key) for key in world.player_keys]
    until = time.perf_counter() + seconds

    async def settle() -> None:
        game_id = world.game_ids[0]
        while time.perf_counter() < until:
            pools = (await admin.call(387, 3535, game_id=game_id))["pools_list"]
            bet = {"pool_id": next(iter(pools)), "amount": 1}
            targets = ("argentina", "brazil")
            await asyncio.gather(
                *(client.call(392, 356, target=targets[at % 2], **bet) for at, client in enumerate(bettors))
            )
            await asyncio.sleep(_SETTLED_EACH_S)
            await admin.call(395, 366, game_id=game_id, action_id="goal", target_id="argentina")

    async with asyncio.TaskGroup() as group:
        group.create_task(settle())
        reading = group.create_task(reader.repeat(request, expected, until))
    return reading.result()
