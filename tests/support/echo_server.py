"""The server's WebSocket transport with nothing behind it: every message comes back as it was sent.

``python -m tests.support.echo_server [PORT]`` serves it, for conformance suites (docs/autobahn.md).
"""

import sys

import trio

from gameserver.net.accept import accept_forever
from gameserver.net.compression import Compression, MessageFrames, inflate
from gameserver.net.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    Frame,
    FrameReader,
    FrameRefused,
    control_frame,
)
from gameserver.net.handshake import Handshake, accept_handshake
from gameserver.net.head import HeadRefused, read_head
from gameserver.net.outbox import Gathering, Outbox
from gameserver.net.receiver import Receiver

MAX_BYTES = 32 * 1024 * 1024
MAX_HEAD_BYTES = 16_384
MAX_FRAGMENTS = 1_000_000
COMPRESS_OVER_BYTES = 0
CLOSE_TIMEOUT_S = 2.0


def echo_frame(message: str | Frame, compression: Compression) -> bytes:
    """The server's frame of a message."""
    if isinstance(message, str):
        return MessageFrames(message.encode()).of(compression)
    # A server's binary frame differs from its text frame in nothing but the opcode.
    frame = MessageFrames(message.payload).of(compression)
    return bytes([frame[0] & 0xF0 | message.opcode]) + frame[1:]


async def echo(transport: trio.SocketStream) -> None:
    """Serve one connection, as `gameserver.realtime.connection.Connection` does."""
    try:
        try:
            head = await read_head(transport, MAX_HEAD_BYTES)
            accepted = accept_handshake(head, frozenset(), COMPRESS_OVER_BYTES) if head is not None else None
        except HeadRefused as refused:
            await transport.send_all(refused.response)
            return
        if head is not None and accepted is not None:
            async with trio.open_nursery() as nursery:
                await _read_messages(nursery, transport, accepted, head.rest)
    except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(transport)


async def _read_messages(
    nursery: trio.Nursery, transport: trio.SocketStream, accepted: Handshake, early: bytes
) -> None:
    cut_off = nursery.cancel_scope

    def limit_closing() -> None:
        cut_off.deadline = trio.current_time() + CLOSE_TIMEOUT_S

    outbox = Outbox(
        transport,
        MAX_BYTES,
        compression=accepted.compression,
        gathering=Gathering(),
        start=nursery.start_soon,
        on_closing=limit_closing,
        on_dead=cut_off.cancel,
    )
    reader = FrameReader(MAX_BYTES, MAX_FRAGMENTS, inflate if accepted.compression.is_agreed else None)
    receiver = Receiver(transport, reader, early)
    await outbox.send(accepted.response)
    try:
        while (message := await receiver.next()) is not None:
            if isinstance(message, str) or message.opcode == BINARY:
                await outbox.send(echo_frame(message, accepted.compression))
            elif message.opcode == PING:
                await outbox.send(control_frame(PONG, message.payload))
            elif message.opcode == CLOSE:
                outbox.answer_close(control_frame(CLOSE, message.payload[:2]))
                return
    except FrameRefused as refused:
        outbox.close(refused.code, refused.reason)
        await receiver.wait_for_close()


async def serve(port: int) -> None:
    """Serve on the loopback interface until cancelled."""
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    print(f"echoing on ws://127.0.0.1:{listener.socket.getsockname()[1]}/", flush=True)
    async with trio.open_nursery() as nursery:
        await accept_forever(listener, echo, nursery)


if __name__ == "__main__":
    trio.run(serve, int(sys.argv[1]) if len(sys.argv) > 1 else 9001)
