"""Is the server responsive? Pings at a steady rate, whether or not earlier ones were answered."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.load import Client, connect, encode

_INTERVAL_S = 0.005
_CONNECTIONS = 4
_LAST_ANSWER_S = 30.0
_PING = encode(1)
_PONG = b'"res":1}'


class Pings:
    """``times_s``: how long each ping took since it was due. One that had to wait to be sent has waited, too."""

    def __init__(self, clients: list[Client]) -> None:
        self.times_s: list[float] = []
        self._clients = clients
        self._unanswered: list[deque[float]] = [deque() for _ in clients]
        self._all_answered = asyncio.Event()
        for number, client in enumerate(clients):
            self._listen(number, client)

    def _listen(self, number: int, client: Client) -> None:
        waiting = self._unanswered[number]

        def take(message: bytes) -> None:
            if _PONG in message:
                self.times_s.append(time.perf_counter() - waiting.popleft())
                if not any(self._unanswered):
                    self._all_answered.set()

        client.listen(take)

    async def send(self) -> None:
        """Ping on each connection in turn, until cancelled."""
        began = time.perf_counter()
        sent = 0
        while True:
            due_at = began + sent * _INTERVAL_S
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            number = sent % len(self._clients)
            self._all_answered.clear()
            self._unanswered[number].append(due_at)
            self._clients[number].send(_PING)
            sent += 1

    async def answered(self) -> None:
        """Wait for the answers that are still to come; TimeoutError if one never does."""
        async with asyncio.timeout(_LAST_ANSWER_S):
            await self._all_answered.wait()


@asynccontextmanager
async def pinging(port: int, key: str) -> AsyncIterator[Pings]:
    """Ping on a few connections until the block is left; every ping is answered by then."""
    clients = [await connect(Client(), port, key) for _ in range(_CONNECTIONS)]
    pings = Pings(clients)
    task = asyncio.create_task(pings.send())
    try:
        yield pings
    finally:
        task.cancel()
        await asyncio.wait([task])
        await pings.answered()
        for client in clients:
            client.close()
