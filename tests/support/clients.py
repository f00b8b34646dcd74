"""Clients of the package, on a server of the test's own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from gameserver.client import Client, connect
from tests.support.harness import Server

URL = "ws://testserver/"


@asynccontextmanager
async def client_of(server: Server, name: str, *, timeout_s: float = 5.0) -> AsyncIterator[Client]:
    """A client that acts for a user."""
    async with connect(URL, await server.key_of(name), timeout_s=timeout_s, open_stream=Network(server).open) as client:
        yield client


class Network:
    """Between clients and a server that may be away; its connections can be cut."""

    def __init__(self, server: Server | None) -> None:
        self.server = server
        self.opened = 0
        self.delay_s = 0.0  # of each new connection
        self._wires: list[_Wire] = []

    async def open(self) -> trio.abc.Stream:
        """A connection to the server. Raises ConnectionRefusedError if there is none."""
        await trio.sleep(self.delay_s)
        if self.server is None:
            raise ConnectionRefusedError
        self.opened += 1
        wire = _Wire(self.server.open_stream())
        self._wires.append(wire)
        return wire

    def lose_the_next_reply(self) -> None:
        """Let what is sent arrive, but break each connection at what the server sends next."""
        for wire in self._wires:
            wire.loses = True

    def fall_silent(self) -> None:
        """Let nothing arrive any more on the connections that are open."""
        for wire in self._wires:
            wire.is_silent = True

    async def cut(self) -> None:
        """Cut every connection."""
        wires, self._wires = self._wires, []
        for wire in wires:
            await wire.aclose()


class _Wire(trio.abc.Stream):
    def __init__(self, inner: trio.abc.Stream) -> None:
        self._inner = inner
        self.loses = self.is_silent = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_silent:
            await trio.lowlevel.checkpoint()
            return
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        received = await self._inner.receive_some(max_bytes)
        if self.loses:
            await self._inner.aclose()
            raise trio.BrokenResourceError
        return bytes(received)

    async def aclose(self) -> None:
        await self._inner.aclose()
