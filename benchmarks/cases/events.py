"""Events of which each ends twenty pools and opens twenty others, as fast as they are acknowledged."""

from benchmarks.bench import Bench
from benchmarks.fastapi_clients import FASTAPI, fastapi_clients
from benchmarks.figures import GAMESERVER, Figure, at_least
from benchmarks.http import http_request
from benchmarks.load import Client, connect, encode
from benchmarks.rates import full_rate
from benchmarks.world import World, WorldMaker

_CONNECTIONS = 8
_POOLS = 20
_TEAMS = ["argentina", "brazil"]


async def events(bench: Bench) -> list[Figure]:
    """Durable events of 8 connections, each of which ends 20 pools that are recreated; beside a FastAPI server."""
    name = f"durable events with {_POOLS} pools each, {_CONNECTIONS} connections"
    figure = Figure(name, "events/s", (at_least(3, FASTAPI),))
    world = _world(bench)

    async def measure_ours() -> None:
        request = encode(395, game_id=world.game_ids[0], action_id="goal", target_id="argentina")
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            clients = [(await connect(Client(), server.port, world.admin_key), request) for _ in range(_CONNECTIONS)]
            load = await full_rate(clients, b'"res":366', bench.sizes.seconds)
        figure.add(GAMESERVER, load.rate, load.client_share)

    async def measure_fastapi() -> None:
        body = {"game_id": 1, "action": "goal", "target": "argentina"}
        async with fastapi_clients(bench, _CONNECTIONS) as clients:
            requests = [(client, http_request("POST", "/events", key, body)) for client, key in clients]
            load = await full_rate(requests, b'"event_id"', bench.sizes.seconds)
        figure.add(FASTAPI, load.rate, load.client_share)

    await bench.in_turn({GAMESERVER: measure_ours, FASTAPI: measure_fastapi})
    return [figure]


def _world(bench: Bench) -> World:
    maker = WorldMaker(bench.directory / "world")
    game_id = maker.add_game(_TEAMS)
    for _ in range(_POOLS):
        pool = {"description": "Who scores next?", "action_id": "goal", "targets": _TEAMS, "recreate_on_end": True}
        maker.history.request(maker.admin, 385, game_id=game_id, **pool)
    return maker.finish()
