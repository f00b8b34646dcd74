"""trio-websocket as its documentation shows it: a loop over ``send_message``, and an echo."""

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

subscribers: set[WebSocketConnection] = set()


async def handle(request: WebSocketRequest) -> None:
    """Serve one connection."""
    connection = await request.accept()
    try:
        if request.path == "/subscribe":
            subscribers.add(connection)
        while True:
            message = await connection.get_message()
            if request.path == "/control":
                count, size_bytes = map(int, message.split())
                await send_to_all("x" * size_bytes, count)
            else:
                await connection.send_message(message)
    except ConnectionClosed:
        subscribers.discard(connection)


async def send_to_all(message: str, count: int) -> None:
    """Send it to each subscriber in turn, so often."""
    for _ in range(count):
        for connection in subscribers:
            await connection.send_message(message)


async def main() -> None:
    """Serve until terminated."""
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_websocket, handle, "127.0.0.1", 0, None)
        print(server.port, flush=True)


if __name__ == "__main__":
    trio.run(main)
