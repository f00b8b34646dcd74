"""Durable bets of 64 players at full rate, and of fewer and more of them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.fastapi_clients import FASTAPI, fastapi_clients
from benchmarks.figures import GAMESERVER, Figure, at_least, at_most, percentile
from benchmarks.http import http_request
from benchmarks.load import Client, connect, encode
from benchmarks.rates import Load, full_rate
from benchmarks.world import World, WorldMaker

PLAYERS = 64
OTHER_NUMBERS = (1, 8, 256)
_EMPTY = "itself, empty file"
_OLD_BETTORS = 100


@dataclass(frozen=True)
class _Figures:
    rate: Figure
    p99: Figure
    past_rate: Figure
    past_p99: Figure
    other_rates: dict[int, Figure]

    def add(self, who: str, load: Load) -> None:
        self.rate.add(who, load.rate, load.client_share)
        self.p99.add(who, percentile(load.times_s, 99) * 1000, load.client_share)

    def add_past(self, who: str, load: Load) -> None:
        self.past_rate.add(who, load.rate, load.client_share)
        self.past_p99.add(who, percentile(load.times_s, 99) * 1000, load.client_share)


async def bets(bench: Bench) -> list[Figure]:
    """Durable bets of 64 players, in an empty file and in one with a past; beside a FastAPI server."""
    sizes = bench.sizes
    past = f"with {sizes.past_bets:,} bets and {sizes.past_games:,} games in the file"
    figures = _Figures(
        Figure(f"durable bets, {PLAYERS} connections", "bets/s", (at_least(5, FASTAPI),)),
        Figure("until a bet is acknowledged, p99", "ms", (at_most(12),)),
        Figure(f"durable bets {past}", "bets/s", (at_least(0.95, _EMPTY),)),
        Figure(f"until a bet is acknowledged {past}, p99", "ms"),
        {
            number: Figure(
                f"durable bets, connections: {number}",
                "bets/s",
                (at_least(6, FASTAPI),) if number > PLAYERS else (),
            )
            for number in OTHER_NUMBERS
        },
    )
    bench.progress(f"writing {sizes.past_bets:,} bets")
    empty = world_with_pool(bench.directory / "empty")
    old = world_with_pool(bench.directory / "past", sizes.past_games, sizes.past_bets, pools=sizes.rounds)
    new_pools = iter(old.pool_ids)  # one for each round, as each round in an empty file has one that is new

    async def measure_empty() -> None:
        load = await _bet_in_empty(bench, empty, PLAYERS)
        figures.add(GAMESERVER, load)
        figures.add_past(_EMPTY, load)

    async def measure_past() -> None:
        figures.add_past(GAMESERVER, await _bet(bench, old, old.db, next(new_pools), PLAYERS))

    async def measure_fastapi() -> None:
        figures.add(FASTAPI, await _bet_at_fastapi(bench, PLAYERS))

    async def measure_ours_with(number: int, figure: Figure) -> None:
        load = await _bet_in_empty(bench, empty, number)
        figure.add(GAMESERVER, load.rate, load.client_share)

    async def measure_fastapi_with(number: int, figure: Figure) -> None:
        load = await _bet_at_fastapi(bench, number)
        figure.add(FASTAPI, load.rate, load.client_share)

    # What is compared is measured back to back: thousands of small commits leave the disk slower for a while.
    await bench.in_turn(
        {GAMESERVER: measure_empty, "gameserver, file with a past": measure_past, FASTAPI: measure_fastapi}
    )
    for number, figure in figures.other_rates.items():
        await bench.in_turn(
            {
                f"{GAMESERVER}, connections: {number}": partial(measure_ours_with, number, figure),
                f"{FASTAPI}, connections: {number}": partial(measure_fastapi_with, number, figure),
            }
        )
    return [figures.rate, figures.p99, figures.past_rate, figures.past_p99, *figures.other_rates.values()]


def world_with_pool(directory: Path, past_games: int = 0, past_bets: int = 0, *, pools: int = 1) -> World:
    """Players, so many pools to bet in, each in a game of its own, and before them games with so many bets in all."""
    maker = WorldMaker(directory)
    maker.add_players(max(PLAYERS, *OTHER_NUMBERS))
    if past_bets:
        old = maker.history.bettors(_OLD_BETTORS, "old")
        for _ in range(past_games):
            _, pool_id = maker.history.game_with_pool(maker.admin, maker.source_id)
            maker.history.place_bets(pool_id, old, past_bets // past_games)
    for _ in range(pools):
        maker.add_game_with_pool()
    return maker.finish()


def bet_request(pool_id: str) -> bytes:
    """A bet of one."""
    return encode(392, pool_id=pool_id, target="argentina", amount=1)


async def _bet_at_fastapi(bench: Bench, players: int) -> Load:
    body = {"pool_id": 1, "target": "argentina", "amount": 1}
    async with fastapi_clients(bench, players) as clients:
        requests = [(client, http_request("POST", "/bets", key, body)) for client, key in clients]
        return await full_rate(requests, b'"bet_id"', bench.sizes.seconds)


async def _bet_in_empty(bench: Bench, empty: World, players: int) -> Load:
    return await _bet(bench, empty, empty.copy_to(bench.new_directory()), empty.pool_ids[0], players)


async def _bet(bench: Bench, world: World, db: Path, pool_id: str, players: int) -> Load:
    request = bet_request(pool_id)
    with bench.gameserver(db) as server:
        clients = [(await connect(Client(), server.port, key), request) for key in world.player_keys[:players]]
        return await full_rate(clients, b'"res":356', bench.sizes.seconds)
