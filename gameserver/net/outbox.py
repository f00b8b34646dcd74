"""The bounded send queue of one connection, which sends whole frames only (protocol, "Close codes")."""

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
# The queue of every connection whose queue is empty; never appended to.
_EMPTY: deque[bytes] = deque()


class Outbox:
    """Sends all bytes of one connection.

    While the queue is empty, bytes are written at once to the non-blocking socket; what the socket does not accept is
    queued, and sent by a task that lives until the queue is empty. A stream without a descriptor (TLS, memory) always
    uses the task. After a close frame nothing more is sent.

    ``start`` starts that task, ``on_closing`` is called once when a close frame is queued, ``on_dead`` when a write
    fails. ``max_unsent_bytes`` bounds the queue; ``closing`` and ``close_reason`` are those of the close frame,
    ``closing`` is None before; ``dead`` says that a write failed, or that `abandon` was called; ``progressed_at`` is
    the time of Trio's clock when the peer last accepted queued bytes.
    """

    __slots__ = (
        "_in_flight_bytes",
        "_offset",
        "_on_closing",
        "_on_dead",
        "_queue",
        "_queued_since",
        "_sending",
        "_socket",
        "_start",
        "_stream",
        "_unsent_bytes",
        "_waiters",
        "close_reason",
        "closing",
        "dead",
        "max_unsent_bytes",
        "progressed_at",
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
        self._queue = _EMPTY
        self._offset = 0  # bytes of the queue's first item that have been written
        self._in_flight_bytes = 0  # further bytes of it that a stream without a descriptor is sending
        self._unsent_bytes = 0
        self._sending = False
        self._waiters: trio.lowlevel.ParkingLot | None = None  # only while a task waits for room
        self.max_unsent_bytes = max_unsent_bytes
        self.closing: CloseCode | None = None
        self.close_reason = ""
        self.dead = False
        self._queued_since = -math.inf  # when the queue last became non-empty
        self.progressed_at = -math.inf

    def push(self, frames: bytes) -> None:
        """Send broadcasts, as whole frames, without waiting. A connection that is too slow is closed with 4008."""
        if self.closing is not None or self.dead:
            return
        # One message or batch alone, however large, never makes a connection too slow.
        oldest_bytes = len(self._queue[0]) - self._offset if self._queue else 0
        if self._unsent_bytes - oldest_bytes > self.max_unsent_bytes:
            self.close(CloseCode.TOO_SLOW, "too slow")
            return
        self._append(frames)

    def push_if_room(self, frame: bytes) -> None:
        """Send a ping, unless more than ``max_unsent_bytes`` is queued: it would not arrive in time."""
        if self._unsent_bytes <= self.max_unsent_bytes:
            self.push(frame)

    async def send(self, frames: bytes) -> None:
        """Send a reply or recovered broadcasts, after waiting until at most ``max_unsent_bytes`` is queued."""
        await self.wait_for_room()
        self.put(frames)

    def put(self, frames: bytes) -> None:
        """Send a reply without waiting, whatever is queued; the caller bounds how many it sends so."""
        if self.closing is None and not self.dead:
            self._append(frames)

    async def wait_for_room(self) -> None:
        """Wait until at most ``max_unsent_bytes`` is queued, or the connection is closing or dead."""
        while self._unsent_bytes > self.max_unsent_bytes and self.closing is None and not self.dead:
            if self._waiters is None:
                self._waiters = trio.lowlevel.ParkingLot()
            await self._waiters.park()

    def blocked_since(self) -> float | None:
        """Since when the peer has accepted none of the queued bytes; None if the queue is empty.

        Tries to write first: a system reports a socket as writable only once much of its buffer is free.
        """
        if self._socket is not None and not self.dead:
            self._write_queue()
        return max(self._queued_since, self.progressed_at) if self._queue else None

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Send a close frame after what is queued; for 4008 (too slow), after the frame that is partly written."""
        if self.closing is not None or self.dead:
            return
        if code is CloseCode.TOO_SLOW:
            self._drop_queue()
        self.close_reason = reason
        self._append(close_frame(code, reason))
        self._mark_closing(code)

    def answer_close(self, frame: bytes) -> None:
        """Send the close frame that answers the peer's, after what is queued."""
        if self.closing is None and not self.dead:
            self._append(frame)
            self._mark_closing(CloseCode.NORMAL)

    def _mark_closing(self, code: CloseCode) -> None:
        self.closing = code
        self._wake_waiters()
        self._on_closing()

    def _drop_queue(self) -> None:
        """Drop the queue, except the rest of a frame that is partly written."""
        first = self._queue[0] if self._queue else b""
        end = frame_end(first, self._offset + self._in_flight_bytes)
        self._queue = _EMPTY
        if end > self._offset:
            self._queue = deque([first[:end]])
        else:
            self._offset = 0
        self._unsent_bytes = end - self._offset if self._queue else 0

    def _append(self, data: bytes) -> None:
        if self._queue is _EMPTY and not self._sending and self._socket is not None:
            written = self._write([data])
            if written == len(data) or self.dead:
                return
            self._offset = written
            self._unsent_bytes -= written
        if self._queue is _EMPTY:
            self._queue = deque()
        self._queue.append(data)
        self._unsent_bytes += len(data)
        if not self._sending:
            self._sending = True
            self._queued_since = trio.current_time()
            self._start(self._send_queue)

    def _write(self, parts: Sequence[bytes | memoryview]) -> int:
        """Write as much as the socket accepts now; how many bytes that was."""
        assert self._socket is not None
        try:
            # The descriptor is looked up for each write: after a close, its number may belong to another file.
            descriptor = self._socket.fileno()
            return os.write(descriptor, parts[0]) if len(parts) == 1 else os.writev(descriptor, parts)
        except BlockingIOError:
            return 0
        except OSError:
            self._die()
            return 0

    def _write_queue(self) -> None:
        """Write queued bytes, as many as the socket accepts now."""
        while self._queue:
            parts: list[bytes | memoryview] = list(islice(self._queue, _MAX_GATHERED))
            parts[0] = memoryview(parts[0])[self._offset :]
            written = self._write(parts)
            if not written:
                return
            self._remove_sent(written)

    def _remove_sent(self, written: int) -> None:
        self._unsent_bytes -= written
        written += self._offset
        while self._queue and written >= len(self._queue[0]):
            written -= len(self._queue.popleft())
        self._offset = written
        if not self._queue:
            self._queue = _EMPTY
        if self._sending and self._queue:
            self.progressed_at = trio.current_time()
        if self._unsent_bytes <= self.max_unsent_bytes:
            self._wake_waiters()

    async def _send_queue(self) -> None:
        try:
            while self._queue and not self.dead:
                if self._socket is not None:
                    await trio.lowlevel.wait_writable(self._socket)
                    self._write_queue()
                else:
                    chunk = self._queue[0][self._offset : self._offset + _STREAM_CHUNK_BYTES]
                    self._in_flight_bytes = len(chunk)
                    await self._stream.send_all(chunk)
                    self._in_flight_bytes = 0
                    self._remove_sent(len(chunk))
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self._die()
        finally:
            self._sending = False

    def abandon(self) -> None:
        """Drop the queue, and send nothing more."""
        self.dead = True
        self._queue = _EMPTY
        self._unsent_bytes = 0
        self._wake_waiters()

    def _die(self) -> None:
        self.abandon()
        self._on_dead()

    def _wake_waiters(self) -> None:
        if self._waiters is not None:
            self._waiters.unpark_all()
            self._waiters = None


def close_for_reconnect(outbox: Outbox) -> None:
    """Close a connection that may have missed messages with 4009, so that the client reconnects and recovers them."""
    outbox.close(CloseCode.COME_AGAIN, "messages may have been missed; reconnect and join with after_seq")
