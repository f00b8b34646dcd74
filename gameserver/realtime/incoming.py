"""What a client sends: received, read into messages, and timed."""

import os

import trio

from gameserver.realtime.frames import Frame, FrameReader

_RECEIVE_BYTES = 16_384


class Incoming:
    """One client's messages and control frames, in order.

    ``early`` is what came along with the handshake. ``silent_since`` is when the wait for the client's next
    bytes began, None while nobody listens.
    """

    __slots__ = ("_frames", "_socket", "_transport", "silent_since")

    def __init__(self, transport: trio.abc.Stream, frames: FrameReader, early: bytes) -> None:
        self._transport = transport
        self._socket = transport.socket if isinstance(transport, trio.SocketStream) else None
        self._frames = frames
        self._frames.feed(early)
        self.silent_since: float | None = None

    async def next(self) -> str | Frame | None:
        """The next text message, or anything else the client sends; None at the end.

        Raises `gameserver.realtime.frames.FrameRefused`, and what a broken transport raises.
        """
        while (message := self._frames.read()) is None:
            data = await self._receive()
            if not data:
                return None
            self._frames.feed(data)
        return message

    def allow(self, max_bytes: int) -> None:
        """Take messages of up to so many bytes from now on."""
        self._frames.max_bytes = max_bytes

    def take_fragments(self) -> int:
        """How many fragments have come since this was asked last."""
        fragments, self._frames.fragments = self._frames.fragments, 0
        return fragments

    async def wait_for_close(self) -> None:
        """Throw away what still comes, until the client's close frame or the end."""
        data = b""
        while not self._frames.discard(data):
            data = await self._receive()
            if not data:
                return

    def abandon(self) -> None:
        """Let go of what has been received."""
        self._frames = FrameReader(0, 0)

    async def _receive(self) -> bytes:
        """Some bytes, none at the end.

        Waits first and then reads: a client's next request is rarely there before it has the last one's answer,
        and a read in vain costs as much as one that succeeds.
        """
        self.silent_since = trio.current_time()
        try:
            if self._socket is None:
                return bytes(await self._transport.receive_some(_RECEIVE_BYTES))
            while True:
                await trio.lowlevel.wait_readable(self._socket)
                try:
                    return os.read(self._socket.fileno(), _RECEIVE_BYTES)
                except BlockingIOError:
                    continue
        finally:
            self.silent_since = None
