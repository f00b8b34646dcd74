"""The queue of an outbox: whole frames in order, and of each update only the newest (protocol, "Distribution")."""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from gameserver.net.frames import frame_end

_MAX_GATHERED = 64


class _Update:
    """A queued update, the newest of its key.

    ``is_overtaken`` says that another message about the key is queued behind it.
    """

    __slots__ = ("frame", "is_overtaken", "key")

    def __init__(self, key: str, frame: bytes) -> None:
        self.key = key
        self.frame = frame
        self.is_overtaken = False


class SendQueue:
    """The queue of a connection that reads more slowly than is sent.

    ``unsent_bytes`` counts all queued bytes, ``counted_bytes`` those without updates, which are replaced instead of
    counting against the limit. ``created_at`` is the time of Trio's clock when the queue was created.
    """

    __slots__ = ("_entries", "_in_flight_bytes", "_offset", "_updates", "counted_bytes", "created_at", "unsent_bytes")

    def __init__(self, created_at: float) -> None:
        self.created_at = created_at
        self.unsent_bytes = 0
        self.counted_bytes = 0
        self._entries: deque[bytes | _Update] = deque()
        self._updates: dict[str, _Update] = {}  # updates that can still be replaced
        self._offset = 0  # bytes of the first entry that have been written
        self._in_flight_bytes = 0  # further bytes of it that a stream without a descriptor is sending

    def __bool__(self) -> bool:
        return bool(self._entries)

    def append(self, frames: bytes) -> None:
        """Append frames that are not replaced."""
        self._entries.append(frames)
        self.unsent_bytes += len(frames)
        self.counted_bytes += len(frames)

    def put_update(self, key: str, frame: bytes) -> None:
        """Replace the queued update of a key, or append one if there is none.

        If a message about the key is queued behind the older update, that is dropped and the newer one appended.
        """
        older = self._updates.get(key)
        if older is not None:
            self.unsent_bytes -= len(older.frame)
            if older.is_overtaken:
                self._entries.remove(older)
        if older is None or older.is_overtaken:
            older = self._updates[key] = _Update(key, frame)
            self._entries.append(older)
        older.frame = frame
        self.unsent_bytes += len(frame)

    def mark_overtaken(self, keys: Iterable[str] | None) -> None:
        """Note that a message about these keys is about to be appended, or about all keys (None)."""
        if self._updates:
            for key in list(self._updates) if keys is None else keys:
                if key in self._updates:
                    self._updates[key].is_overtaken = True

    def exceeds(self, max_bytes: int) -> bool:
        """Whether ``counted_bytes`` exceeds ``max_bytes``, even without the largest entry."""
        excess = self.counted_bytes - max_bytes
        if excess <= 0:
            return False
        left = (
            len(entry) - (0 if number else self._offset)
            for number, entry in enumerate(self._entries)
            if isinstance(entry, bytes)
        )
        return all(size < excess for size in left)

    def parts(self) -> list[bytes | memoryview]:
        """The bytes to send next, as a list of buffers."""
        parts: list[bytes | memoryview] = list(map(_bytes_of, islice(self._entries, _MAX_GATHERED)))
        parts[0] = memoryview(parts[0])[self._offset :]
        return parts

    def take_chunk(self, max_bytes: int) -> bytes:
        """The bytes to send next over a stream without a descriptor; they are in flight until `remove_sent`."""
        self._fix_first()
        chunk = _bytes_of(self._entries[0])[self._offset : self._offset + max_bytes]
        self._in_flight_bytes = len(chunk)
        return chunk

    def remove_sent(self, written: int) -> None:
        """Remove bytes that have been sent from the front of the queue."""
        if written:
            self._in_flight_bytes = 0
        self.unsent_bytes -= written
        while written:
            first = self._entries[0]
            left = len(_bytes_of(first)) - self._offset
            step = min(left, written)
            if isinstance(first, bytes):
                self.counted_bytes -= step
            written -= step
            self._offset += step
            self._fix_first()
            if step == left:
                self._entries.popleft()
                self._offset = 0

    def _fix_first(self) -> None:
        """Keep the first entry from being replaced, since it is being sent."""
        first = self._entries[0]
        if isinstance(first, _Update) and self._updates.get(first.key) is first:
            del self._updates[first.key]

    def clear_unstarted(self) -> None:
        """Clear the queue, except the rest of a frame that is partly sent."""
        first = _bytes_of(self._entries[0]) if self._entries else b""
        end = frame_end(first, self._offset + self._in_flight_bytes)
        self._entries.clear()
        self._updates.clear()
        self.unsent_bytes = self.counted_bytes = 0
        if end > self._offset:
            self._entries.append(first[:end])
            self.unsent_bytes = self.counted_bytes = end - self._offset
        else:
            self._offset = 0


def _bytes_of(entry: bytes | _Update) -> bytes:
    return entry if isinstance(entry, bytes) else entry.frame
