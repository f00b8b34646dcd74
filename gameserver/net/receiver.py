"""Reads one client's messages from its transport."""

import os

import trio

from gameserver.net.frames import Frame, FrameReader

_RECEIVE_BYTES = 16_384


class Receiver:
    """Reads one client's messages and control frames, in order.

    ``early`` holds bytes received along with the handshake. ``silent_since`` is the time of Trio's clock when the
    current wait for the client's bytes began, None while the server is not reading. Before the transport is closed,
    `abandon` is to be called.
    """

    __slots__ = ("_descriptor", "_frames", "_transport", "silent_since")

    def __init__(self, transport: trio.abc.Stream, frames: FrameReader, early: bytes) -> None:
        self._transport = transport
        self._descriptor = transport.socket.fileno() if isinstance(transport, trio.SocketStream) else None
        self._frames = frames
        self._frames.feed(early)
        self.silent_since: float | None = None

    async def next(self) -> str | Frame | None:
        """The next text message, control frame or binary message; None at the end of the stream.

        Raises `gameserver.net.frames.FrameRefused`, OSError and what a broken Trio stream raises.
        """
        while (message := self._frames.read()) is None:
            data = await self._receive()
            if not data:
                return None
            self._frames.feed(data)
        return message

    def set_max_bytes(self, max_bytes: int) -> None:
        """Set the limit for the size of a message."""
        self._frames.max_bytes = max_bytes

    def take_fragments(self) -> int:
        """The number of fragments received since the last call."""
        fragments, self._frames.fragments = self._frames.fragments, 0
        return fragments

    async def wait_for_close(self) -> None:
        """Drop what is still received, until the client's close frame or the end of the stream."""
        data = b""
        while not self._frames.discard(data):
            data = await self._receive()
            if not data:
                return

    def abandon(self) -> None:
        """Free the buffer of received bytes, and receive nothing more."""
        self._descriptor = None
        self._frames = FrameReader(0, 0)

    async def _receive(self) -> bytes:
        """Receive some bytes; none at the end of the stream.

        Waits before it reads: a client's next request is rarely there before the last one is answered, and a read that
        finds nothing costs as much as one that succeeds.
        """
        self.silent_since = trio.current_time()
        try:
            if self._descriptor is None:
                return bytes(await self._transport.receive_some(_RECEIVE_BYTES))
            while True:
                await trio.lowlevel.wait_readable(self._descriptor)
                try:
                    return os.read(self._descriptor, _RECEIVE_BYTES)
                except BlockingIOError:
                    continue
        finally:
            self.silent_since = None
