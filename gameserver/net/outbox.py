"""The bounded send queue of one connection, which sends whole frames only (protocol, "Close codes")."""

import logging
import math
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

import trio

from gameserver.errors import CloseCode
from gameserver.net.compression import NO_COMPRESSION, Compression, MessageFrames
from gameserver.net.frames import close_frame
from gameserver.net.send_queue import SendQueue
from gameserver.ops.log import log_failure

logger = logging.getLogger(__name__)

_STREAM_CHUNK_BYTES = 16_384  # a TLS record

T = TypeVar("T")


class Gathering:
    """While it is entered, outboxes with an empty queue gather their frames, and each sends them in one write at exit.

    ``frames`` has what has gathered for each, None while this is not entered. No task may run meanwhile, so that
    nothing else is sent or waited for in between.
    """

    __slots__ = ("frames",)

    def __init__(self) -> None:
        self.frames: dict[Outbox, list[bytes]] | None = None

    def __enter__(self) -> None:
        self.frames = {}

    def __exit__(self, *raised: object) -> None:
        assert self.frames is not None
        gathered, self.frames = self.frames, None
        for outbox, frames in gathered.items():
            try:
                outbox.send_gathered(b"".join(frames))
            except Exception:
                log_failure(logger, logging.ERROR, "internal_error", "a connection could not be told of a change")
                close_for_reconnect(outbox)


class Outbox:
    """Sends all bytes of one connection.

    While the queue is empty, bytes are written at once to the non-blocking socket; what the socket does not accept is
    queued, and sent by a task that lives until the queue is empty. A stream without a descriptor (TLS, memory) always
    uses the task. After a close frame nothing more is sent. While ``gathering`` is entered, frames gather there instead
    of being written at once. Before the stream is closed, `abandon` is to be called: then its descriptor may belong to
    another file.

    ``compression`` says which messages the client takes compressed: callers encode by it. ``start`` starts that task,
    ``on_closing`` is called once when a close frame is queued, ``on_dead`` when a write fails. ``max_unsent_bytes``
    bounds the queue; ``closing`` and ``close_reason`` are those of the close frame, ``closing`` is None before;
    ``dead`` says that a write failed, or that `abandon` was called; ``progressed_at`` is the time of Trio's clock when
    the peer last accepted queued bytes.
    """

    __slots__ = (
        "_descriptor",
        "_gathering",
        "_on_closing",
        "_on_dead",
        "_queue",
        "_sending",
        "_start",
        "_stream",
        "_waiters",
        "close_reason",
        "closing",
        "compression",
        "dead",
        "max_unsent_bytes",
        "progressed_at",
    )

    def __init__(
        self,
        stream: trio.abc.Stream,
        max_unsent_bytes: int,
        *,
        compression: Compression = NO_COMPRESSION,
        gathering: Gathering,
        start: Callable[[Callable[[], Awaitable[None]]], object],
        on_closing: Callable[[], object],
        on_dead: Callable[[], object],
    ) -> None:
        self._stream = stream
        self._descriptor = stream.socket.fileno() if isinstance(stream, trio.SocketStream) else None
        self._gathering = gathering
        self.compression = compression
        self._start = start
        self._on_closing = on_closing
        self._on_dead = on_dead
        self._queue: SendQueue | None = None
        self._sending = False
        self._waiters: trio.lowlevel.ParkingLot | None = None  # only while a task waits for room
        self.max_unsent_bytes = max_unsent_bytes
        self.closing: CloseCode | None = None
        self.close_reason = ""
        self.dead = False
        self.progressed_at = -math.inf

    def push(self, frames: bytes, about: Collection[str] = ()) -> None:
        """Send durable broadcasts, as whole frames, without waiting; ``about`` has the keys that they concern.

        The connection is closed with 4008 if more than ``max_unsent_bytes`` of earlier messages is queued. One message
        or batch alone, however large, never causes that, and updates do not count.
        """
        if self.closing is not None or self.dead:
            return
        queue = self._queue
        if queue is not None:
            if queue.exceeds(self.max_unsent_bytes):
                self.close(CloseCode.TOO_SLOW, "too slow")
                return
            queue.mark_overtaken(about)
        self._append(frames)

    def push_if_room(self, frames: bytes) -> None:
        """Send a ping or a broadcast that is not durable, unless more than ``max_unsent_bytes`` is queued."""
        if self.closing is not None or self.dead:
            return
        if self._queue is None or self._queue.unsent_bytes <= self.max_unsent_bytes:
            self._append(frames)

    def push_updates(self, updates: Sequence[tuple[str, MessageFrames]], joined: bytes) -> None:
        """Send updates, each given by key and message; ``joined`` holds their frames for this connection.

        An update replaces a queued one of the same key. So updates are sent whatever is queued, and at most one of each
        key is queued.
        """
        if self.closing is not None or self.dead:
            return
        written = 0
        if self._queue is None and not self._sending and self._descriptor is not None:
            written = self._write(os.write, joined)
            if written == len(joined) or self.dead:
                return
        queue = self._ensure_queue()
        for key, message in updates:
            queue.put_update(key, message.of(self.compression))
        queue.remove_sent(written)
        self._start_sending()

    async def send(self, frames: bytes, *, about_all: bool = False) -> None:
        """Send a reply or recovered broadcasts by `put`, after waiting until at most ``max_unsent_bytes`` is queued."""
        if self._queue is not None:
            await self.wait_for_room()
        self.put(frames, about_all=about_all)

    def put(self, frames: bytes, *, about_all: bool = False) -> None:
        """Send a reply without waiting, whatever is queued; the caller bounds how many it sends so.

        ``about_all`` says that the reply may concern any key of which an update is queued.
        """
        if self.closing is None and not self.dead:
            if about_all and self._queue is not None:
                self._queue.mark_overtaken(None)
            self._append(frames)

    async def wait_for_room(self) -> None:
        """Wait until at most ``max_unsent_bytes`` is queued, updates aside, or the connection is closing or dead."""
        while (
            self._queue is not None
            and self._queue.counted_bytes > self.max_unsent_bytes
            and self.closing is None
            and not self.dead
        ):
            if self._waiters is None:
                self._waiters = trio.lowlevel.ParkingLot()
            await self._waiters.park()

    def blocked_since(self) -> float | None:
        """Since when the peer has accepted none of the queued bytes; None if the queue is empty.

        Tries to write first: a system reports a socket as writable only once much of its buffer is free.
        """
        if self._descriptor is not None:
            self._write_queue()
        return max(self._queue.created_at, self.progressed_at) if self._queue is not None else None

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Send a close frame after what is queued; for 4008 (too slow), after the frame that is partly written."""
        if self.closing is not None or self.dead:
            return
        if code is CloseCode.TOO_SLOW and self._queue is not None:
            self._queue.clear_unstarted()
            if not self._queue:
                self._queue = None
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

    def send_gathered(self, frames: bytes) -> None:
        """Send what has gathered, unless the connection has died meanwhile."""
        if not self.dead:
            self._append(frames)

    def _append(self, data: bytes) -> None:
        written = 0
        if self._queue is None:
            gathered = self._gathering.frames
            if gathered is not None:
                gathered.setdefault(self, []).append(data)
                return
            if self._descriptor is not None and not self._sending:
                written = self._write(os.write, data)
                if written == len(data) or self.dead:
                    return
        queue = self._ensure_queue()
        queue.append(data)
        queue.remove_sent(written)
        self._start_sending()

    def _ensure_queue(self) -> SendQueue:
        if self._queue is None:
            self._queue = SendQueue(trio.current_time())
        return self._queue

    def _start_sending(self) -> None:
        if not self._sending:
            self._sending = True
            self._start(self._send_queue)

    def _write(self, write: Callable[[int, T], int], data: T) -> int:
        """Write as much as the socket accepts now; how many bytes that was."""
        assert self._descriptor is not None
        try:
            return write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._die()
            return 0

    def _write_queue(self) -> None:
        """Write queued bytes, as many as the socket accepts now."""
        while self._queue is not None:
            written = self._write(os.writev, self._queue.parts())
            if not written:
                return
            self._remove_sent(self._queue, written)

    def _remove_sent(self, queue: SendQueue, written: int) -> None:
        queue.remove_sent(written)
        if not queue:
            self._queue = None
        else:
            self.progressed_at = trio.current_time()
        if queue.counted_bytes <= self.max_unsent_bytes:
            self._wake_waiters()

    async def _send_queue(self) -> None:
        try:
            while (queue := self._queue) is not None:
                if self._descriptor is not None:
                    await trio.lowlevel.wait_writable(self._descriptor)
                    self._write_queue()
                else:
                    chunk = queue.take_chunk(_STREAM_CHUNK_BYTES)
                    await self._stream.send_all(chunk)
                    if not self.dead:
                        self._remove_sent(queue, len(chunk))
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self._die()
        finally:
            self._sending = False

    def abandon(self) -> None:
        """Drop the queue, and send nothing more."""
        self.dead = True
        self._descriptor = None
        self._queue = None
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
    outbox.close(CloseCode.INSUFFICIENT_STATE, "messages may have been missed; reconnect and join with after_seq")
