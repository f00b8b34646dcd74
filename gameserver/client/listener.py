"""Listening to everything that a connection hears."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar

import trio

from gameserver.client.errors import ClientError
from gameserver.client.link import MAX_QUEUED, Incoming

T = TypeVar("T")


class Listener(Generic[T]):
    """Broadcasts as they come, from ``async for``, from when it is made until its context exits.

    Raises `ClientError` to a reader who is more than ``MAX_QUEUED`` messages behind, and `ConnectionLost`.
    """

    def __init__(self, listeners: "set[Listener[Any]]", read: Callable[[Incoming], T | None]) -> None:
        self._listeners = listeners
        self._read = read
        self._arriving, self._arrived = trio.open_memory_channel[T](MAX_QUEUED)
        self._failure: ClientError | None = None
        listeners.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._listeners.discard(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        with suppress(trio.EndOfChannel):
            return await self._arrived.receive()
        raise self._failure or StopAsyncIteration

    def take(self, message: Incoming) -> None:
        """Queue a broadcast, if it can be read."""
        value = self._read(message)
        try:
            if value is not None:
                self._arriving.send_nowait(value)
        except trio.WouldBlock:
            self.fail(ClientError(f"more than {MAX_QUEUED} broadcasts wait to be read"))

    def fail(self, failure: ClientError) -> None:
        """End the iteration with an error, after what has arrived."""
        self._failure = failure
        self._listeners.discard(self)
        self._arriving.close()
