"""The server's WebSocket transport with nothing behind it: every message comes back as it was sent.

``python -m tests.support.echo_server [PORT]`` serves it, for conformance suites (docs/autobahn.md).
"""

import sys

import trio
from trio_websocket import ConnectionClosed, wrap_server_stream

from gameserver.errors import CloseCode
from gameserver.realtime.accept import accept_forever
from gameserver.realtime.frames import FrameMeter
from gameserver.realtime.head import HeadRefused, clean_handshake, read_head
from gameserver.realtime.outbox import Outbox
from gameserver.realtime.stream import WebSocketStream
from tests.support.wire import BINARY, TEXT

MAX_BYTES = 32 * 1024 * 1024
MAX_HEAD_BYTES = 16_384
MAX_FRAGMENTS = 1_000_000
CLOSE_TIMEOUT_S = 2.0


def echo_frame(message: str | bytes) -> bytes:
    """The server's frame of a message."""
    payload, opcode = (message.encode(), TEXT) if isinstance(message, str) else (message, BINARY)
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65_536:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2) + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8) + payload


async def echo(transport: trio.SocketStream) -> None:
    """Serve one connection, as `gameserver.realtime.connection.Connection` does."""
    try:
        try:
            head = await read_head(transport, MAX_HEAD_BYTES)
            handshake = clean_handshake(head, ()) if head is not None else None
        except HeadRefused as refused:
            await transport.send_all(refused.response)
            return
        if head is not None and handshake is not None:
            async with trio.open_nursery() as nursery:
                await _converse(nursery, transport, handshake, head.rest)
    except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(transport)


async def _converse(nursery: trio.Nursery, transport: trio.SocketStream, handshake: bytes, early: bytes) -> None:
    cut_off = trio.CancelScope()

    def limit_closing() -> None:
        cut_off.deadline = trio.current_time() + CLOSE_TIMEOUT_S

    outbox = Outbox(
        transport, MAX_BYTES, start=nursery.start_soon, on_closing=limit_closing, on_dead=nursery.cancel_scope.cancel
    )
    stream = WebSocketStream(transport, outbox, FrameMeter(MAX_BYTES, MAX_FRAGMENTS), handshake, early)
    with cut_off:
        request = await wrap_server_stream(nursery, stream, message_queue_size=1, max_message_size=2**62)
        socket = await request.accept()
        stream.open()
        try:
            while True:
                await outbox.send(echo_frame(await socket.get_message()))
        except ConnectionClosed:
            if stream.farewell is not None:
                outbox.send_last(stream.farewell)
            code = socket.closed.code if socket.closed is not None else None
            if outbox.closing is None and code in (CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_PAYLOAD):
                outbox.close(CloseCode(code))
                await stream.drain()
    nursery.cancel_scope.cancel()


async def serve(port: int) -> None:
    """Serve on the loopback interface until cancelled."""
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    print(f"echoing on ws://127.0.0.1:{listener.socket.getsockname()[1]}/", flush=True)
    async with trio.open_nursery() as nursery:
        await accept_forever(listener, echo, nursery)


if __name__ == "__main__":
    trio.run(serve, int(sys.argv[1]) if len(sys.argv) > 1 else 9001)
