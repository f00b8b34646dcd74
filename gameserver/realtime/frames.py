"""WebSocket frames (RFC 6455, section 5): writing the server's, and metering those of a client.

A server's frames carry no mask and, without compression, no state: one encoded frame is the same bytes
for every connection.
"""

from gameserver.errors import CloseCode

TEXT, CLOSE, PING = 0x1, 0x8, 0x9
_FINAL = 0x80
_MASKED = 0x80
_CONTROL = 0x8

PING_FRAME = bytes([_FINAL | PING, 0])


def text_frame(payload: bytes) -> bytes:
    """A whole text message in one frame."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is at most 123 bytes."""
    payload = code.to_bytes(2) + reason.encode()[:123]
    return bytes([_FINAL | CLOSE, len(payload)]) + payload


def is_close_frame(frame: bytes) -> bool:
    """Whether what a server sends is a close frame (and no HTTP response, whose letters are below 0x80)."""
    return frame[:1] == bytes([_FINAL | CLOSE])


def frame_end(data: bytes, offset: int) -> int:
    """Where the server's frame ends that holds ``offset``, in ``data`` of whole frames; ``offset`` if between two."""
    end = 0
    while end < offset:
        size = data[end + 1]
        if size == 126:
            end += 4 + int.from_bytes(data[end + 2 : end + 4])
        elif size == 127:
            end += 10 + int.from_bytes(data[end + 2 : end + 10])
        else:
            end += 2 + size
    return end


class MessageTooBig(Exception):
    """A message has more bytes or frames than are accepted."""

    code = CloseCode.MESSAGE_TOO_BIG


class FrameMeter:
    """Follows a client's frames by their heads alone, counting each message's bytes and frames.

    ``close_seen`` tells that the client has sent a close frame.
    """

    __slots__ = ("_frames", "_head", "_max_bytes", "_max_frames", "_payload_left", "_size", "close_seen")

    def __init__(self, max_bytes: int, max_frames: int) -> None:
        self._max_bytes = max_bytes
        self._max_frames = max_frames
        self._head = b""
        self._payload_left = 0
        self._size = 0
        self._frames = 0
        self.close_seen = False

    def feed(self, data: bytes) -> None:
        """Follow what was received. Raises `MessageTooBig` as soon as a head announces too much.

        It can be fed on after that.
        """
        position = 0
        too_big = False
        while position < len(data):
            if self._payload_left:
                step = min(self._payload_left, len(data) - position)
                self._payload_left -= step
                position += step
                continue
            needed = _head_size(self._head) - len(self._head)
            self._head += data[position : position + needed]
            position += needed
            if len(self._head) >= _head_size(self._head):
                too_big |= self._begin_frame(self._head)
                self._head = b""
        if too_big:
            raise MessageTooBig

    def _begin_frame(self, head: bytes) -> bool:
        """Take note of a frame; whether its message is now too big."""
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(head[2:4])
        elif size == 127:
            size = int.from_bytes(head[2:10])
        self._payload_left = size
        opcode = head[0] & 0xF
        if opcode & _CONTROL:
            self.close_seen |= opcode == CLOSE
            return False
        self._size += size
        self._frames += 1
        too_big = self._size > self._max_bytes or self._frames > self._max_frames
        if head[0] & _FINAL:
            self._size = self._frames = 0
        return too_big


def _head_size(head: bytes) -> int:
    """How long a frame's head is, as far as its beginning tells."""
    if len(head) < 2:
        return 2
    extended = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
    return 2 + extended + (4 if head[1] & _MASKED else 0)
