"""Users who know each other, on a running server."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gameserver.storage.users import get_session
from tests.support.harness import Client, Server
from tests.support.settling import accepted


@dataclass
class People:
    """Connections of users by name; who is named for the first time is made."""

    server: Server
    clients: dict[str, Client] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    async def client(self, name: str) -> Client:
        """A user's connection."""
        if name not in self.clients:
            client = self.clients[name] = await self.server.connect(name)
            self.ids[name] = (await client.call(100))["user_id"]
        return self.clients[name]

    async def id_of(self, name: str) -> int:
        """A user's id."""
        await self.client(name)
        return self.ids[name]

    async def ask(self, name: str, other: str) -> dict[str, Any]:
        """Let a user ask another to be a friend."""
        await self.client(other)
        return await (await self.client(name)).call(462, username=other)

    async def act(self, name: str, op: int, other: str) -> dict[str, Any]:
        """Let a user do something about another, who is named by id."""
        return await (await self.client(name)).call(op, user_id=await self.id_of(other))

    async def befriend(self, name: str, other: str) -> None:
        """Make two users friends."""
        assert (await self.ask(name, other))["res"] == 462
        assert (await self.act(other, 465, name))["res"] == 465

    async def friends(self, name: str) -> dict[str, list[str]]:
        """The names of a user's friends, of who has asked the user, and whom the user has asked."""
        listed = await accepted(await self.client(name), 464)
        return {kind: [user["username"] for user in listed[kind]] for kind in ("friends", "incoming", "outgoing")}

    async def delete(self, name: str) -> None:
        """Delete a user's account, which has no password."""
        client = await self.client(name)
        context, session_id = self.server.context, (await self.server.key_of(name)).partition(".")[0]
        find = partial(get_session, session_id=session_id, now_ms=context.clock.now_ms())
        session = await context.store.read(find)
        assert session is not None
        await context.accounts.delete(session, None, "test")
        assert await client.close_code() == 4002

    async def told(self, name: str) -> list[tuple[str, str]]:
        """What a user was told since last asked of changes with others: the other's name, and the change."""
        heard = await (await self.client(name)).heard()
        return [(message["username"], message["change"]) for message in heard if message["res"] == 466]
