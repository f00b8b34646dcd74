"""Several servers on one PostgreSQL database, at which the users of the first bet."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import trio

from tests.support.harness import START_MS, Client, FakeClock, Server, running_server
from tests.support.settling import Table, accepted, of_kind


@dataclass
class Nodes:
    """The servers, the first of which has laid the table, and the clocks of their machines."""

    table: Table
    servers: list[Server]
    clocks: list[FakeClock]

    async def connect(self, number: int, name: str) -> Client:
        """A connection of a user of the first server at the server of this number."""
        key = await self.table.server.key_of(name)
        return await self.servers[number].connect(headers=[(b"Authorization", f"Bearer {key}".encode())])

    async def everywhere(self, name: str) -> list[Client]:
        """A connection of a user at each server."""
        return [await self.connect(number, name) for number in range(len(self.servers))]


@asynccontextmanager
async def running_nodes(table: Table, location: str, count: int) -> AsyncIterator[Nodes]:
    """So many servers on the table's database, of whose machines no two show the same time."""
    async with AsyncExitStack() as stack:
        servers, clocks = [table.server], [table.clock]
        for number in range(1, count):
            clock = FakeClock()
            clock.time_ms = START_MS + (-1) ** number * 40 * number
            clocks.append(clock)
            servers.append(await stack.enter_async_context(running_server(location, clock)))
        yield Nodes(table, servers, clocks)


def execute(location: str, sql: str) -> list[Any]:
    """The rows of a statement, which is carried out beside the servers."""
    with psycopg.connect(location, autocommit=True) as connection:
        return connection.execute(sql.encode()).fetchall()


async def until(client: Client, res: int, count: int = 1) -> list[dict[str, Any]]:
    """The broadcasts up to the ``count``-th of a kind."""
    heard: list[dict[str, Any]] = []
    with trio.fail_after(10):
        while len(of_kind(heard, res)) < count:
            heard.append(client.messages.pop(0) if client.messages else await client.receive())
    return heard


async def join(client: Client, game: str, **parameters: Any) -> dict[str, Any]:
    """The reply to joining a game."""
    return await accepted(client, 363, game_id=game, **parameters)
