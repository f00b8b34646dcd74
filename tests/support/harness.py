"""A whole server in the test's own process: real database file, memory streams instead of sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio
import trio.testing
from trio_websocket import WebSocketConnection, wrap_client_stream

from gameserver.admin.commands import AddUser, Command, OpenSession
from gameserver.app import command_runner, open_context, run_background
from gameserver.config import Settings
from gameserver.realtime.clock import Clock
from gameserver.realtime.context import ServerContext
from gameserver.realtime.listener import serve_connection
from gameserver.storage.peers import ClockReading

START_MS = 1_800_000_000_000

T = TypeVar("T")


class FakeClock(Clock):
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.time_ms = START_MS
        super().__init__(lambda: self.time_ms / 1000, lambda: 0.0)

    def follow(self, reading: ClockReading) -> None:
        """Go on as the test says, whatever a database's clock shows."""


async def run_inline(function: Callable[..., T], *arguments: Any, limiter: object = None) -> T:
    """Instead of a worker thread: storage without threads, for tests with a mock clock."""
    await trio.lowlevel.checkpoint()
    return function(*arguments)


class Client:
    """A test's connection. ``messages`` holds the broadcasts that were received and not yet expected."""

    def __init__(self, socket: WebSocketConnection, server: "Server") -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self._server = server
        self._last_id = 0

    async def send(self, message: dict[str, Any] | str) -> None:
        """Send a message as it is."""
        text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
        await self.socket.send_message(text)

    async def receive(self) -> dict[str, Any]:
        """The next message, of whatever kind."""
        message: dict[str, Any] = msgspec.json.decode(await self.socket.get_message())
        return message

    async def call(self, op: int, /, *, header: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a request and return its reply; broadcasts that come before it are kept in ``messages``."""
        self._last_id += 1
        header = {"id": self._last_id, **(header or {})}
        await self.send({"header": header, "op": op, **parameters})
        while True:
            message = await self.receive()
            if message["response_header"].get("id") == header["id"]:
                return message
            self.messages.append(message)

    async def expect(self, res: int) -> dict[str, Any]:
        """The next broadcast, which must have this ``res``."""
        message = self.messages.pop(0) if self.messages else await self.receive()
        assert message["res"] == res, message
        return message

    async def heard(self) -> list[dict[str, Any]]:
        """Every broadcast received so far, once all that was published has been pushed."""
        await trio.testing.wait_all_tasks_blocked()
        while self._server.context.hubs.backlog:  # noqa: ASYNC110 - a hub rests after a push that took long
            await trio.sleep(0.001)
        await self.call(1)
        messages, self.messages = self.messages, []
        return messages

    async def close_code(self) -> int:
        """Wait until the server closes the connection; its close code."""
        try:
            while True:
                await self.socket.get_message()
        except Exception:
            assert self.socket.closed is not None
            return self.socket.closed.code


class Server:
    """A running server, and ways to act on it."""

    def __init__(self, context: ServerContext, nursery: trio.Nursery, clock: FakeClock) -> None:
        self.context = context
        self.clock = clock
        self._nursery = nursery
        self._keys: dict[str, str] = {}

    async def command(self, command: Command) -> dict[str, Any]:
        """Carry out a command of the command line."""
        answer: dict[str, Any] = msgspec.json.decode(await command_runner(self.context).carry_out(command))
        return answer

    async def add_user(self, name: str, *, provider: bool = False, admin: bool = False) -> dict[str, Any]:
        """Make a user; ``{"id", "username", "session_key"}``."""
        user = await self.command(AddUser(name, provider, admin))
        self._keys[name] = user["session_key"]
        return user

    async def key_of(self, name: str) -> str:
        """A session key of a user, who is made if there is none of that name ("provider…", "admin…" with that role)."""
        if name not in self._keys:
            await self.add_user(name, provider=name.startswith("provider"), admin=name.startswith("admin"))
        return self._keys[name]

    async def new_key(self, name: str) -> str:
        """One more session key of a user."""
        key: str = (await self.command(OpenSession(name)))["session_key"]
        return key

    async def until_all_are_gone(self) -> None:
        """Wait until no WebSocket connection is open."""
        while self.context.registry.count:  # noqa: ASYNC110 - nothing but tests waits for this
            await trio.sleep(0.01)

    def open_stream(self, address: str = "test", *, at_metrics_port: bool = False) -> trio.abc.Stream:
        """The client's end of a new connection on which nothing has been sent."""
        ours, theirs = trio.testing.memory_stream_pair()
        serve = partial(serve_connection, self.context, theirs, address, self._nursery, at_metrics_port=at_metrics_port)
        self._nursery.start_soon(serve)
        return ours

    async def connect(
        self,
        name: str | None = None,
        path: str = "/",
        headers: list[tuple[bytes, bytes]] | None = None,
        address: str = "test",
    ) -> Client:
        """A WebSocket connection: of a user by bearer header, or of nobody yet."""
        headers = list(headers or [])
        if name is not None:
            headers.append((b"Authorization", b"Bearer " + (await self.key_of(name)).encode()))
        socket = await wrap_client_stream(
            self._nursery,
            self.open_stream(address),  # type: ignore[arg-type]
            "testserver",
            path,
            extra_headers=headers,
        )
        return Client(socket, self)

    async def open_source(self, provider: Client, **parameters: Any) -> str:
        """A new game source; its id."""
        reply = await provider.call(365, **{"source_name": "Test source", **parameters})
        assert reply["res"] == 335, reply
        source_id: str = reply["source_id"]
        return source_id

    async def open_game(self, admin: Client, source_id: str, **parameters: Any) -> str:
        """A new open game, "Argentina - Brazil" unless told otherwise; its id."""
        defaults = {
            "game_name": "Argentina - Brazil",
            "type": "football",
            "actions": ["Goal", "Offside"],
            "targets": ["Argentina", "Brazil", "Argentina:1", "Argentina:2", "Brazil:7"],
        }
        reply = await admin.call(370, source_id=source_id, **{**defaults, **parameters})
        assert reply["res"] == 340, reply
        game_id: str = reply["game_id"]
        return game_id


@asynccontextmanager
async def running_server(
    database: Path | str,
    clock: FakeClock | None = None,
    run_sync: Callable[..., Awaitable[Any]] | None = None,
    **settings: Any,
) -> AsyncIterator[Server]:
    """A server on a database, with some settings other than the defaults."""
    clock = clock or FakeClock()
    with open_context(Settings(db=str(database), **settings), clock, run_sync) as context:
        async with run_background(context), trio.open_nursery() as nursery:
            yield Server(context, nursery, clock)
            nursery.cancel_scope.cancel()
