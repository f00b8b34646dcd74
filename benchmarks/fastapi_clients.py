"""The FastAPI peer with clients of its own users."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.bench import Bench
from benchmarks.http import HttpClient

FASTAPI = "FastAPI"


@asynccontextmanager
async def fastapi_clients(bench: Bench, count: int) -> AsyncIterator[list[tuple[HttpClient, str]]]:
    """So many connections to a fresh server, each with the key of another user."""
    directory = bench.new_directory()
    directory.mkdir()
    with bench.peer("fastapi_server", str(directory / "peer.db")) as server:
        clients = [(await HttpClient.connect(server.port), f"key-{number}") for number in range(count)]
        yield clients
        for client, _ in clients:
            client.close()
