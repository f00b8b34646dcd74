"""What waits to be sent to one connection: whole frames in order, of some kinds only the newest."""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from gameserver.net.frames import frame_end

_MAX_GATHERED = 64


class _Update:
    """The newest state of something, as long as it waits. ``is_passed``: another message about it waits behind it."""

    __slots__ = ("frame", "is_passed", "key")

    def __init__(self, key: str, frame: bytes) -> None:
        self.key = key
        self.frame = frame
        self.is_passed = False


class Waiting:
    """The queue of a connection that takes less than there is for it.

    ``unsent_bytes`` are all that wait, ``kept_bytes`` those aside from updates: who reads slowly gets fewer of these,
    and they are never too much for it.
    """

    __slots__ = ("_entries", "_in_flight_bytes", "_offset", "_updates", "kept_bytes", "since", "unsent_bytes")

    def __init__(self, since: float) -> None:
        self.since = since
        self.unsent_bytes = 0
        self.kept_bytes = 0
        self._entries: deque[bytes | _Update] = deque()
        self._updates: dict[str, _Update] = {}  # those that may still be replaced
        self._offset = 0  # how much of the first entry has been written
        self._in_flight_bytes = 0  # of those, how much a stream without a descriptor is sending

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, frames: bytes) -> None:
        """Append what is sent as it is."""
        self._entries.append(frames)
        self.unsent_bytes += len(frames)
        self.kept_bytes += len(frames)

    def update(self, key: str, frame: bytes) -> None:
        """Put the newest state of something in the place of the older one, if that waits.

        If another message about it waits between, the older is dropped and the newer appended.
        """
        older = self._updates.get(key)
        if older is not None:
            self.unsent_bytes -= len(older.frame)
            if older.is_passed:
                self._entries.remove(older)
        if older is None or older.is_passed:
            older = self._updates[key] = _Update(key, frame)
            self._entries.append(older)
        older.frame = frame
        self.unsent_bytes += len(frame)

    def note_passed(self, keys: Iterable[str] | None) -> None:
        """A message about these things is added, or about everything (None)."""
        if self._updates:
            for key in list(self._updates) if keys is None else keys:
                if key in self._updates:
                    self._updates[key].is_passed = True

    def is_more_than(self, max_bytes: int) -> bool:
        """Whether more than so many bytes are kept, whichever one entry is left out of account."""
        excess = self.kept_bytes - max_bytes
        if excess <= 0:
            return False
        left = (
            len(entry) - (0 if number else self._offset)
            for number, entry in enumerate(self._entries)
            if isinstance(entry, bytes)
        )
        return all(size < excess for size in left)

    def parts(self) -> list[bytes | memoryview]:
        """What is to be sent next, in pieces."""
        parts: list[bytes | memoryview] = list(map(_bytes_of, islice(self._entries, _MAX_GATHERED)))
        parts[0] = memoryview(parts[0])[self._offset :]
        return parts

    def take_chunk(self, max_bytes: int) -> bytes:
        """What is to be sent next by a stream that tells only in the end that it has sent it."""
        self._freeze()
        chunk = _bytes_of(self._entries[0])[self._offset : self._offset + max_bytes]
        self._in_flight_bytes = len(chunk)
        return chunk

    def take_off(self, written: int) -> None:
        """So much has been sent."""
        if written:
            self._in_flight_bytes = 0
        self.unsent_bytes -= written
        while written:
            first = self._entries[0]
            left = len(_bytes_of(first)) - self._offset
            step = min(left, written)
            if isinstance(first, bytes):
                self.kept_bytes -= step
            written -= step
            self._offset += step
            self._freeze()
            if step == left:
                self._entries.popleft()
                self._offset = 0

    def _freeze(self) -> None:
        """The first entry is on its way: nothing takes its place any more."""
        first = self._entries[0]
        if isinstance(first, _Update) and self._updates.get(first.key) is first:
            del self._updates[first.key]

    def drop(self) -> None:
        """Keep only what is needed to end the frame that is partly sent."""
        first = _bytes_of(self._entries[0]) if self._entries else b""
        end = frame_end(first, self._offset + self._in_flight_bytes)
        self._entries.clear()
        self._updates.clear()
        self.unsent_bytes = self.kept_bytes = 0
        if end > self._offset:
            self._entries.append(first[:end])
            self.unsent_bytes = self.kept_bytes = end - self._offset
        else:
            self._offset = 0


def _bytes_of(entry: bytes | _Update) -> bytes:
    return entry if isinstance(entry, bytes) else entry.frame
