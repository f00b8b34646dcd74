"""A server within one's own Trio program."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import trio
from trio.testing import memory_stream_pair

from gameserver.admin.commands import AddUser, Command, OpenSession
from gameserver.app import RunningServer, command_runner, run_server
from gameserver.client import Client, connect
from gameserver.client.contexts import ungrouped
from gameserver.config import Settings
from gameserver.realtime.listener import serve_connection

_ADDRESS = "in-process"  # what the log and the limits know clients by that come without a socket


class EmbeddedServer:
    """A server that `running` runs. ``urls`` are where it listens, ``port`` its TCP port, if it has any."""

    def __init__(self, server: RunningServer) -> None:
        self.urls = server.urls
        self.port = server.listening.port
        self._server = server
        self._run_command = command_runner(server.context).carry_out

    async def add_user(self, username: str, *, is_provider: bool = False, is_admin: bool = False) -> str:
        """Make a user; a session key. Raises `Rejected`, as if the name is taken."""
        return await self._key(AddUser(username, is_provider=is_provider, is_admin=is_admin))

    async def open_session(self, username: str) -> str:
        """Make one more session key for a user. Raises `Rejected` if there is none of that name."""
        return await self._key(OpenSession(username))

    async def _key(self, command: Command) -> str:
        answer: dict[str, Any] = msgspec.json.decode(await self._run_command(command))
        return str(answer["session_key"])

    def connect(self, session_key: str) -> AbstractAsyncContextManager[Client]:
        """A client in the same process, without a socket, until the context exits."""
        return connect(f"ws://{_ADDRESS}/", session_key, open_stream=self.open_stream)

    async def open_stream(self) -> trio.abc.Stream:
        """The client's end of a new connection in the same process."""
        ours, theirs = memory_stream_pair()
        connections = self._server.connections
        connections.start_soon(partial(serve_connection, self._server.context, theirs, _ADDRESS, connections))
        return ours


def running(settings: Settings | None = None, *, listens: bool = True) -> AbstractAsyncContextManager[EmbeddedServer]:
    """Run a server until the context exits, then shut it down in order: requests in flight are answered.

    Unless it ``listens``, only clients in the same process can connect. Raises `SettingsError` and what opening the
    database raises.
    """
    return ungrouped(_run(settings or Settings(), listens=listens))


@asynccontextmanager
async def _run(settings: Settings, *, listens: bool) -> AsyncIterator[EmbeddedServer]:
    async with run_server(settings, listens=listens) as server:
        yield EmbeddedServer(server)
