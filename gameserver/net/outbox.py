"""What waits to be sent to one connection, bounded, in whole frames only (protocol, "Close codes")."""

import math
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

import trio

from gameserver.errors import CloseCode
from gameserver.net.frames import close_frame, frame_end

_MAX_GATHERED = 64
_STREAM_CHUNK_BYTES = 16_384  # a TLS record
# The queue of every connection for which nothing waits; never added to.
_NOTHING: deque[bytes] = deque()


class Outbox:
    """The one way for bytes to a connection.

    When nothing waits, `push` writes at once to the non-blocking socket; what the socket does not take
    is sent by a task that lives only until the queue is empty. A stream without a descriptor (TLS, memory)
    always uses the task. After a close frame nothing more is taken.

    ``start`` starts that task, ``on_closing`` is called once when a close frame is queued, ``on_dead`` when
    a write fails.
    """

    __slots__ = (
        "_in_flight_bytes",
        "_offset",
        "_on_closing",
        "_on_dead",
        "_queue",
        "_room",
        "_sending",
        "_socket",
        "_start",
        "_stream",
        "_unsent_bytes",
        "_waiting_since",
        "closing",
        "dead",
        "max_unsent_bytes",
        "progressed_at",
        "why_closing",
    )

    def __init__(
        self,
        stream: trio.abc.Stream,
        max_unsent_bytes: int,
        *,
        start: Callable[[Callable[[], Awaitable[None]]], object],
        on_closing: Callable[[], object],
        on_dead: Callable[[], object],
    ) -> None:
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self._start = start
        self._on_closing = on_closing
        self._on_dead = on_dead
        self._queue = _NOTHING
        self._offset = 0  # how much of the first of the queue has been written
        self._in_flight_bytes = 0  # of those, how much a stream without a descriptor is sending
        self._unsent_bytes = 0
        self._sending = False
        self._room: trio.Event | None = None
        self.max_unsent_bytes = max_unsent_bytes
        self.closing: CloseCode | None = None
        self.why_closing = ""
        self.dead = False
        self._waiting_since = -math.inf  # since when there has been something that waits
        self.progressed_at = -math.inf  # when the peer last took a part of what waited for it

    def push(self, frames: bytes) -> None:
        """Send broadcasts: whole frames, taken or not. A connection that is too slow is closed with 4008."""
        if self.closing is not None or self.dead:
            return
        # One message or batch alone, however big, is never the cause.
        oldest_bytes = len(self._queue[0]) - self._offset if self._queue else 0
        if self._unsent_bytes - oldest_bytes > self.max_unsent_bytes:
            self.close(CloseCode.TOO_SLOW, "too slow")
            return
        self._append(frames)

    def push_if_room(self, frame: bytes) -> None:
        """Send a ping, unless so much waits that it would not arrive in time anyway."""
        if self._unsent_bytes <= self.max_unsent_bytes:
            self.push(frame)

    async def send(self, frames: bytes) -> None:
        """Send a reply or recovered broadcasts: waits until no more than the bound is unsent."""
        await self.wait_for_room()
        self.put(frames)

    def put(self, frames: bytes) -> None:
        """Send a reply however much waits; how many may come without a wait for room is the caller's to bound."""
        if self.closing is None and not self.dead:
            self._append(frames)

    async def wait_for_room(self) -> None:
        """Wait until a reply may be sent, or the connection is closing."""
        while self._unsent_bytes > self.max_unsent_bytes and self.closing is None and not self.dead:
            if self._room is None:
                self._room = trio.Event()
            await self._room.wait()

    def blocked_since(self) -> float | None:
        """Since when the peer has taken no byte of what waits for it; None if nothing waits.

        Tries it on: a system tells of room in a socket only when there is much of it.
        """
        if self._socket is not None and not self.dead:
            self._write_waiting()
        return max(self._waiting_since, self.progressed_at) if self._queue else None

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Send a close frame after what waits; for 4008, after the frame that is partly written."""
        if self.closing is not None or self.dead:
            return
        if code is CloseCode.TOO_SLOW:
            self._drop_waiting()
        self.why_closing = reason
        self._append(close_frame(code, reason))
        self._mark_closing(code)

    def send_last(self, frame: bytes) -> None:
        """Send the close frame that answers the peer's."""
        if self.closing is None and not self.dead:
            self._append(frame)
            self._mark_closing(CloseCode.NORMAL)

    def _mark_closing(self, code: CloseCode) -> None:
        self.closing = code
        self._wake_waiting()
        self._on_closing()

    def _drop_waiting(self) -> None:
        """Keep only what is needed to end the frame that is partly written."""
        first = self._queue[0] if self._queue else b""
        end = frame_end(first, self._offset + self._in_flight_bytes)
        self._queue = _NOTHING
        if end > self._offset:
            self._queue = deque([first[:end]])
        else:
            self._offset = 0
        self._unsent_bytes = end - self._offset if self._queue else 0

    def _append(self, data: bytes) -> None:
        if self._queue is _NOTHING and not self._sending and self._socket is not None:
            written = self._write([data])
            if written == len(data) or self.dead:
                return
            self._offset = written
            self._unsent_bytes -= written
        if self._queue is _NOTHING:
            self._queue = deque()
        self._queue.append(data)
        self._unsent_bytes += len(data)
        if not self._sending:
            self._sending = True
            self._waiting_since = trio.current_time()
            self._start(self._send_waiting)

    def _write(self, parts: Sequence[bytes | memoryview]) -> int:
        """Write as much as the socket takes now; how much it took."""
        assert self._socket is not None
        try:
            # The descriptor is asked for each time: after a close its number may be another file's.
            descriptor = self._socket.fileno()
            return os.write(descriptor, parts[0]) if len(parts) == 1 else os.writev(descriptor, parts)
        except BlockingIOError:
            return 0
        except OSError:
            self._die()
            return 0

    def _write_waiting(self) -> None:
        """Write what waits, as far as the socket takes it now."""
        while self._queue:
            parts: list[bytes | memoryview] = list(islice(self._queue, _MAX_GATHERED))
            parts[0] = memoryview(parts[0])[self._offset :]
            written = self._write(parts)
            if not written:
                return
            self._take_off(written)

    def _take_off(self, written: int) -> None:
        self._unsent_bytes -= written
        written += self._offset
        while self._queue and written >= len(self._queue[0]):
            written -= len(self._queue.popleft())
        self._offset = written
        if not self._queue:
            self._queue = _NOTHING
        if self._sending and self._queue:
            self.progressed_at = trio.current_time()
        if self._unsent_bytes <= self.max_unsent_bytes:
            self._wake_waiting()

    async def _send_waiting(self) -> None:
        try:
            while self._queue and not self.dead:
                if self._socket is not None:
                    await trio.lowlevel.wait_writable(self._socket)
                    self._write_waiting()
                else:
                    chunk = self._queue[0][self._offset : self._offset + _STREAM_CHUNK_BYTES]
                    self._in_flight_bytes = len(chunk)
                    await self._stream.send_all(chunk)
                    self._in_flight_bytes = 0
                    self._take_off(len(chunk))
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self._die()
        finally:
            self._sending = False

    def abandon(self) -> None:
        """Nothing more is sent, and nothing more taken."""
        self.dead = True
        self._queue = _NOTHING
        self._unsent_bytes = 0
        self._wake_waiting()

    def _die(self) -> None:
        self.abandon()
        self._on_dead()

    def _wake_waiting(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None


def send_away(outbox: Outbox) -> None:
    """Close a connection that may have missed something; the client comes again with ``after_seq``."""
    outbox.close(CloseCode.COME_AGAIN, "something may have been missed: come again with after_seq")
