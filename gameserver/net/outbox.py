"""What waits to be sent to one connection, bounded, in whole frames only (contract, section 1)."""

import math
import os
from collections.abc import Awaitable, Callable, Collection, Sequence

import trio

from gameserver.errors import CloseCode
from gameserver.net.frames import close_frame
from gameserver.net.waiting import Waiting

_STREAM_CHUNK_BYTES = 16_384  # a TLS record


class Outbox:
    """The one way for bytes to a connection.

    When nothing waits, `push` writes at once to the non-blocking socket; what the socket does not take
    is sent by a task that lives only until the queue is empty. A stream without a descriptor (TLS, memory)
    always uses the task. After a close frame nothing more is taken.

    ``start`` starts that task, ``on_closing`` is called once when a close frame is queued, ``on_dead`` when
    a write fails.
    """

    __slots__ = (
        "_on_closing",
        "_on_dead",
        "_room",
        "_sending",
        "_socket",
        "_start",
        "_stream",
        "_waiting",
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
        self._waiting: Waiting | None = None
        self._sending = False
        self._room: trio.Event | None = None
        self.max_unsent_bytes = max_unsent_bytes
        self.closing: CloseCode | None = None
        self.why_closing = ""
        self.dead = False
        self.progressed_at = -math.inf  # when the peer last took a part of what waited for it

    def push(self, frames: bytes, about: Collection[str] = ()) -> None:
        """Send durable broadcasts, about the things of those keys: whole frames, taken or not.

        A connection is closed with 4008 if more than the bound of earlier messages waits. One message or batch alone,
        however big, is never the cause, and updates do not count.
        """
        if self.closing is not None or self.dead:
            return
        waiting = self._waiting
        if waiting is not None:
            if waiting.is_more_than(self.max_unsent_bytes):
                self.close(CloseCode.TOO_SLOW, "too slow")
                return
            waiting.note_passed(about)
        self._append(frames)

    def push_if_room(self, frames: bytes) -> None:
        """Send what is of no use late: nothing, if more than the bound waits."""
        if self.closing is not None or self.dead:
            return
        if self._waiting is None or self._waiting.unsent_bytes <= self.max_unsent_bytes:
            self._append(frames)

    def push_updates(self, updates: Sequence[tuple[str, bytes]], joined: bytes) -> None:
        """Send the newest states of things, given by key and frame, and ``joined``: all frames in one.

        Each takes the place of the older one if that still waits: what is left out is told by the newer. So they are
        sent however much waits, and are at most one for each thing.
        """
        if self.closing is not None or self.dead:
            return
        written = 0
        if self._waiting is None and not self._sending and self._socket is not None:
            written = self._write((joined,))
            if written == len(joined) or self.dead:
                return
        waiting = self._wait()
        for key, frame in updates:
            waiting.update(key, frame)
        waiting.take_off(written)
        self._begin_sending()

    async def send(self, frames: bytes, *, about_all: bool = False) -> None:
        """Send a reply or recovered broadcasts, as `put` does: waits until no more than the bound is unsent."""
        await self.wait_for_room()
        self.put(frames, about_all=about_all)

    def put(self, frames: bytes, *, about_all: bool = False) -> None:
        """Send a reply however much waits; how many may come without a wait for room is the caller's to bound.

        ``about_all`` says that it may be about anything of which an update may wait.
        """
        if self.closing is None and not self.dead:
            if about_all and self._waiting is not None:
                self._waiting.note_passed(None)
            self._append(frames)

    async def wait_for_room(self) -> None:
        """Wait until a reply may be sent, or the connection is closing."""
        while (
            self._waiting is not None
            and self._waiting.kept_bytes > self.max_unsent_bytes
            and self.closing is None
            and not self.dead
        ):
            if self._room is None:
                self._room = trio.Event()
            await self._room.wait()

    def blocked_since(self) -> float | None:
        """Since when the peer has taken no byte of what waits for it; None if nothing waits.

        Tries it on: a system tells of room in a socket only when there is much of it.
        """
        if self._socket is not None:
            self._write_waiting()
        return max(self._waiting.since, self.progressed_at) if self._waiting is not None else None

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Send a close frame after what waits; for 4008, after the frame that is partly written."""
        if self.closing is not None or self.dead:
            return
        if code is CloseCode.TOO_SLOW and self._waiting is not None:
            self._waiting.drop()
            if not self._waiting:
                self._waiting = None
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

    def _append(self, data: bytes) -> None:
        written = 0
        if self._waiting is None and not self._sending and self._socket is not None:
            written = self._write((data,))
            if written == len(data) or self.dead:
                return
        waiting = self._wait()
        waiting.add(data)
        waiting.take_off(written)
        self._begin_sending()

    def _wait(self) -> Waiting:
        if self._waiting is None:
            self._waiting = Waiting(trio.current_time())
        return self._waiting

    def _begin_sending(self) -> None:
        if not self._sending:
            self._sending = True
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
        while self._waiting is not None:
            written = self._write(self._waiting.parts())
            if not written:
                return
            self._take_off(self._waiting, written)

    def _take_off(self, waiting: Waiting, written: int) -> None:
        waiting.take_off(written)
        if not waiting:
            self._waiting = None
        else:
            self.progressed_at = trio.current_time()
        if waiting.kept_bytes <= self.max_unsent_bytes:
            self._wake_waiting()

    async def _send_waiting(self) -> None:
        try:
            while (waiting := self._waiting) is not None:
                if self._socket is not None:
                    await trio.lowlevel.wait_writable(self._socket)
                    self._write_waiting()
                else:
                    chunk = waiting.take_chunk(_STREAM_CHUNK_BYTES)
                    await self._stream.send_all(chunk)
                    if not self.dead:
                        self._take_off(waiting, len(chunk))
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            self._die()
        finally:
            self._sending = False

    def abandon(self) -> None:
        """Nothing more is sent, and nothing more taken."""
        self.dead = True
        self._waiting = None
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
