"""The websockets library: ``broadcast``, and an echo. With --uvloop, on uvloop's event loop."""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

subscribers: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    """Serve one connection."""
    assert connection.request is not None
    if connection.request.path == "/subscribe":
        subscribers.add(connection)
        await connection.wait_closed()
        subscribers.remove(connection)
    elif connection.request.path == "/control":
        async for order in connection:
            count, size_bytes = map(int, order.split())
            message = "x" * size_bytes
            for _ in range(count):
                broadcast(subscribers, message)
    else:
        async for received in connection:
            await connection.send(received)


async def main() -> None:
    """Serve until terminated."""
    async with serve(handle, "127.0.0.1", 0, compression=None, backlog=4096) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if "--uvloop" in sys.argv else None) as runner:
        runner.run(main())
