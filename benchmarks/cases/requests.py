"""Requests of 64 connections at full rate that change nothing: pings, and the details of a game."""

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.fastapi_clients import FASTAPI, fastapi_clients
from benchmarks.figures import GAMESERVER, Figure, at_least
from benchmarks.http import http_request
from benchmarks.load import Client, connect, encode
from benchmarks.rates import full_rate
from benchmarks.world import SQUAD, WorldMaker

_CONNECTIONS = 64
_PING = encode(1)


async def ping(bench: Bench) -> list[Figure]:
    """Round trips of 64 connections: pings of ours, echoes of the others."""
    figure = Figure(
        f"ping, {_CONNECTIONS} connections",
        "requests/s",
        (at_least(1.3, "trio-websocket"), at_least(1.1, "websockets")),
    )
    world = WorldMaker(bench.directory / "world").finish()

    async def measure(who: str, port: int, key: str | None, expected: bytes) -> None:
        clients = [await connect(Client(), port, key) for _ in range(_CONNECTIONS)]
        load = await full_rate([(client, _PING) for client in clients], expected, bench.sizes.seconds)
        figure.add(who, load.rate, load.client_share)

    async def measure_ours() -> None:
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            await measure(GAMESERVER, server.port, world.admin_key, b'"res":1}')

    def peer(who: str, name: str, *arguments: str) -> Callable[[], Awaitable[None]]:
        async def measure_peer() -> None:
            with bench.peer(name, *arguments) as server:
                await measure(who, server.port, None, _PING)

        return measure_peer

    await bench.in_turn(
        {
            GAMESERVER: measure_ours,
            "trio-websocket": peer("trio-websocket", "trio_websocket_server"),
            "websockets": peer("websockets", "websockets_server"),
            "websockets on uvloop": peer("websockets on uvloop", "websockets_server", "--uvloop"),
        },
        only_shown=("websockets on uvloop",),
    )
    return [figure]


async def details(bench: Bench) -> list[Figure]:
    """Details of a game with 60 targets, 64 connections; beside a FastAPI server."""
    name = f"details of a game with {len(SQUAD) + 2} targets, {_CONNECTIONS} connections"
    figure = Figure(name, "requests/s", (at_least(3, FASTAPI),))
    maker = WorldMaker(bench.directory / "world")
    maker.add_game(SQUAD)
    world = maker.finish()

    async def measure_ours() -> None:
        request = encode(372, game_id=world.game_ids[0])
        with bench.gameserver(world.copy_to(bench.new_directory())) as server:
            clients = [(await connect(Client(), server.port, world.admin_key), request) for _ in range(_CONNECTIONS)]
            load = await full_rate(clients, b'"res":342', bench.sizes.seconds)
        figure.add(GAMESERVER, load.rate, load.client_share)

    async def measure_fastapi() -> None:
        async with fastapi_clients(bench, _CONNECTIONS) as clients:
            requests = [(client, http_request("GET", "/games/1", key)) for client, key in clients]
            load = await full_rate(requests, b'"past_events"', bench.sizes.seconds)
        figure.add(FASTAPI, load.rate, load.client_share)

    await bench.in_turn({GAMESERVER: measure_ours, FASTAPI: measure_fastapi})
    return [figure]
