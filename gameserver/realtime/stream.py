"""The stream that trio-websocket is given: meters what comes in, sends through the outbox."""

from contextlib import suppress

import trio

from gameserver.realtime.frames import FrameMeter, MessageTooBig, is_close_frame
from gameserver.realtime.outbox import Outbox


class WebSocketStream(trio.abc.Stream):
    """Between trio-websocket and the transport, which stays its owner's to close.

    ``farewell`` is the close frame that answers the client's: its owner sends it after the last reply.

    First replays ``head``, a handshake request made by the server itself of what it has checked. What the
    client sent beyond its own is held back until `open`, since trio-websocket would lose it.
    ``silent_since`` is when the wait for the client's next bytes began, None while nobody listens.
    """

    def __init__(
        self, transport: trio.abc.Stream, outbox: Outbox, meter: FrameMeter, head: bytes, early: bytes
    ) -> None:
        self._transport = transport
        self._outbox = outbox
        self._meter = meter
        self._head = head
        self._early = early
        self._opened: trio.Event | None = trio.Event()
        self._closed = False
        self.farewell: bytes | None = None
        self.silent_since: float | None = None

    def open(self) -> None:
        """The handshake is answered: frames may come."""
        if self._opened is not None:
            self._opened.set()
            self._opened = None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What the client sent; nothing more once the connection is closing.

        While it is, what comes is thrown away until the client closes it too.
        """
        if self._closed:
            raise trio.ClosedResourceError
        if self._head:
            head, self._head = self._head, b""
            return head
        if self._opened is not None:
            await self._opened.wait()
        while True:
            data = await self._receive(max_bytes)
            if not data:
                return b""
            try:
                self._meter.feed(data)
            except MessageTooBig as error:
                self._outbox.close(error.code, "message too big")
            if self._outbox.closing is None:
                return data
            if self._meter.close_seen:
                return b""

    async def _receive(self, max_bytes: int | None) -> bytes:
        if self._early:
            early, self._early = self._early, b""
            return early
        self.silent_since = trio.current_time()
        try:
            return bytes(await self._transport.receive_some(max_bytes))
        finally:
            self.silent_since = None

    async def drain(self) -> None:
        """Throw away what the client still sends, until it closes; it may have, with what broke the protocol."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while not self._meter.close_seen and (data := await self._transport.receive_some()):
                with suppress(MessageTooBig):
                    self._meter.feed(bytes(data))

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send what trio-websocket itself has to say: handshake, pongs, the answer to a close."""
        data = bytes(data)
        if is_close_frame(data):
            self.farewell = data
        else:
            await self._outbox.send(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the client has taken most of what was sent."""
        await self._outbox.wait_for_room()

    async def aclose(self) -> None:
        """trio-websocket reads no more. The connection's own task closes the transport, when all is sent."""
        self._closed = True
        await trio.lowlevel.checkpoint()
