"""Requests of 64 connections by HTTP at full rate: a list of games, bets, a ranking."""

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.fastapi_clients import FASTAPI, fastapi_clients
from benchmarks.figures import GAMESERVER, Figure
from benchmarks.http import HttpClient, http_request
from benchmarks.rates import full_rate
from benchmarks.world import World, WorldMaker

_CONNECTIONS = 64
_GAMES = 20
_BACKERS = 200
_BET = {"target_id": "argentina", "amount": 1}

# The method, the path, the body, and what is in every right answer.
_Request = tuple[str, str, object, bytes]


async def http(bench: Bench) -> list[Figure]:
    """A list of 20 games, durable bets and the top of a ranking by HTTP, 64 connections; beside a FastAPI server."""
    figures = {
        name: Figure(f"HTTP: {name}, {_CONNECTIONS} connections", "requests/s")
        for name in (f"a list of {_GAMES} games", "durable bets", "a ranking's top 100 of 200 users")
    }
    world = _world(bench)
    pools = f"/r/sources/{world.source_id}/games/active/{world.game_ids[-1]}/pools"
    ours: list[_Request] = [
        ("GET", f"/r/sources/{world.source_id}/games/active/", None, b'"res":345'),
        ("POST", f"{pools}/open/{world.pool_ids[-1]}/predictions/", _BET, b'"res":356'),
        ("GET", "/r/leaderboard/global/", None, b'"res":450'),
    ]
    theirs: list[_Request] = [
        ("GET", "/games", None, b'"games"'),
        ("POST", "/bets", {"pool_id": 1, "target": "argentina", "amount": 1}, b'"bet_id"'),
        ("GET", "/leaderboard", None, b'"leaderboard"'),
    ]

    async def measure(who: str, figure: Figure, clients: list[tuple[HttpClient, str]], request: _Request) -> None:
        method, path, body, expected = request
        requests = [(client, http_request(method, path, key, body)) for client, key in clients]
        load = await full_rate(requests, expected, bench.sizes.seconds)
        figure.add(who, load.rate, load.client_share)

    async def measure_ours() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            clients = [(await HttpClient.connect(server.port), key) for key in world.player_keys]
            for figure, request in zip(figures.values(), ours, strict=True):
                await measure(GAMESERVER, figure, clients, request)

    async def measure_fastapi() -> None:
        async with fastapi_clients(bench, _CONNECTIONS) as clients:
            for figure, request in zip(figures.values(), theirs, strict=True):
                await measure(FASTAPI, figure, clients, request)

    contestants: dict[str, Callable[[], Awaitable[None]]] = {GAMESERVER: measure_ours, FASTAPI: measure_fastapi}
    await bench.in_turn(contestants)
    return list(figures.values())


def _world(bench: Bench) -> World:
    """Players, a ranking of others who have bet in a pool that is settled, and games with a pool in the last."""
    maker = WorldMaker(bench.directory / "world")
    maker.add_players(_CONNECTIONS)
    game_id, pool_id = maker.history.game_with_pool(maker.admin, maker.source_id)
    maker.history.place_bets(pool_id, maker.history.bettors(_BACKERS, "backer"), _BACKERS)
    maker.history.request(maker.admin, 395, game_id=game_id, action_id="goal", target_id="argentina")
    for _ in range(_GAMES - 2):
        maker.add_game(["Argentina", "Brazil"])
    maker.add_game_with_pool()
    return maker.finish()
