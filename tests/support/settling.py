"""A game with an admin and bettors, to bet, let things happen and see who has what."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gameserver.admin.commands import CreditUser
from gameserver.storage.check import find_faults
from tests.support.databases import reading
from tests.support.harness import START_MS, Client, FakeClock, Server

BETTORS = ("ann", "bob", "cat", "dan", "eve")  # their user ids are 1, 2, 3, 4, 5
TARGETS = ["Argentina:1", "Argentina:2", "Brazil:7", "Brazil:9", "Chile:1"]
STARTING_BALANCE = 1000


@dataclass
class Table:
    """An open game of a source without takeout, its admin, and its bettors."""

    server: Server
    clock: FakeClock
    admin: Client
    source: str
    game: str
    clients: dict[str, Client] = field(default_factory=dict)

    async def client(self, name: str) -> Client:
        """A bettor's connection."""
        if name not in self.clients:
            self.clients[name] = await self.server.connect(name)
        return self.clients[name]

    async def watcher(self) -> Client:
        """A connection that has joined the game."""
        watcher = await self.server.connect("watcher")
        assert (await watcher.call(363, game_id=self.game))["res"] == 333
        return watcher

    async def pool(self, **parameters: Any) -> str:
        """A new pool, on goals by three teams unless told otherwise; its id."""
        defaults: dict[str, Any] = {"game_id": self.game, "description": "Who scores?"}
        if int(parameters.get("pool_type", 1)) < 3:
            defaults |= {"action_id": "goal", "targets": ["argentina", "brazil", "chile"]}
        return str((await accepted(self.admin, 385, **{**defaults, **parameters}))["pool_id"])

    async def pool_of_another_game(self) -> str:
        """A new pool on teams, in a new game of the source."""
        game = await self.server.open_game(self.admin, self.source, targets=TARGETS)
        await accepted(self.admin, 616, game_id=game)
        return await self.pool(game_id=game)

    async def credit(self, name: str, amount: str, currency: str) -> dict[str, Any]:
        """Give a bettor points, as the command line does."""
        return await self.server.command(CreditUser(name, amount, currency))

    async def bet(self, name: str, pool: str, target: str, amount: Any, at: int | None = None) -> str:
        """Place a bet, at so many milliseconds after the start; its id."""
        self.set_time(at)
        placed = await accepted(await self.client(name), 392, pool_id=pool, target=target, amount=amount)
        return str(placed["bet_id"])

    async def event(self, target: str = "argentina:1", at: int | None = None, **parameters: Any) -> dict[str, Any]:
        """Register a goal, at so many milliseconds after the start."""
        self.set_time(at)
        return await accepted(self.admin, 395, **self.draft(target, **parameters))

    def draft(self, target: str = "argentina:1", **parameters: Any) -> dict[str, Any]:
        """The parameters of an event; of a goal unless told otherwise."""
        return {"game_id": self.game, "action_id": "goal", "target_id": target, **parameters}

    async def resolve(self, pool: str, target: str, **parameters: Any) -> dict[str, Any]:
        """Resolve a binary pool by hand."""
        return await accepted(self.admin, 395, pool_id=pool, target_id=target, **parameters)

    async def void(self, event: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        """Void an event."""
        return await accepted(self.admin, 3951, game_id=self.game, event_id=event["event_id"], **parameters)

    async def nets(self) -> dict[str, float]:
        """What each bettor has available above the starting balance."""
        return {name: await self.net(name) for name in self.clients}

    async def net(self, name: str) -> float:
        """What a bettor has available above the starting balance."""
        available = (await accepted(await self.client(name), 810))["available_balance"]
        return round(float(available) - STARTING_BALANCE, 2)

    async def pool_object(self, pool: str) -> dict[str, Any]:
        """A pool as it is now."""
        return await accepted(self.admin, 393, pool_id=pool)

    async def details(self, **parameters: Any) -> dict[str, Any]:
        """The game as it is now."""
        return await accepted(self.admin, 372, game_id=self.game, **parameters)

    async def receipt(self, name: str, bet: str) -> dict[str, Any]:
        """The receipt of a bettor's bet."""
        return await accepted(await self.client(name), 391, bet_id=bet)

    async def refusal(self, op: int, /, name: str | None = None, **parameters: Any) -> str:
        """The code with which the admin, or a bettor, is refused."""
        client = self.admin if name is None else await self.client(name)
        reply = await client.call(op, **parameters)
        assert reply["res"] == 666, reply
        return str(reply["code"])

    def set_time(self, at: int | None) -> None:
        """Let it be so many milliseconds after the start."""
        if at is not None:
            self.clock.time_ms = START_MS + at


async def accepted(client: Client, op: int, /, **parameters: Any) -> dict[str, Any]:
    """The reply to a request that must not be refused."""
    reply = await client.call(op, **parameters)
    assert reply["res"] != 666, reply
    return reply


async def lay_table(server: Server, clock: FakeClock, takeout: str = "0", **game: Any) -> Table:
    """A table, on a server without users."""
    for name in BETTORS:
        await server.add_user(name)
    admin = await server.connect("provider")
    source = await server.open_source(admin, takeout=takeout)
    uuid = await server.open_game(admin, source, **{"targets": TARGETS, **game})
    await accepted(admin, 616, game_id=uuid)
    return Table(server, clock, admin, source, uuid)


def kinds(messages: list[dict[str, Any]]) -> list[int]:
    """What the messages are, the balances and distributions left out."""
    return [message["res"] for message in messages if message["res"] not in (815, 361)]


def of_kind(messages: list[dict[str, Any]], res: int) -> list[dict[str, Any]]:
    """The messages of one kind."""
    return [message for message in messages if message["res"] == res]


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    """The sequence numbers of the durable ones."""
    return [message["response_header"]["seq"] for message in messages if "seq" in message["response_header"]]


def faults_of(database: Path | str) -> list[str]:
    """What is wrong with a database."""
    with reading(database) as connection:
        return find_faults(connection)


def house_of(database: Path | str, currency: str = "DON") -> int:
    """What the house has, in minor units."""
    with reading(database) as connection:
        query = "SELECT coalesce(sum(balance), 0) FROM accounts WHERE kind = 'house' AND currency = ?"
        return int(connection.execute(query, (currency,)).fetchone()[0])
