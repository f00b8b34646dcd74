"""WebSocket frames (RFC 6455, section 5): writing the server's, and reading those of a client.

A server's frames carry no mask and, without compression, no state: one encoded frame is the same bytes
for every connection.
"""

from typing import NamedTuple

from gameserver.errors import CloseCode

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FINAL = 0x80
_RESERVED = 0x70
_MASKED = 0x80
_CONTROL = 0x8
_MAX_CONTROL_BYTES = 125
# Those that may be sent (RFC 6455, section 7.4.1, and IANA's registry), besides 3000 to 4999.
_REGISTERED_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})

PING_FRAME = bytes([_FINAL | PING, 0])


def text_frame(payload: bytes) -> bytes:
    """A whole text message in one frame."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), payload)


def control_frame(opcode: int, payload: bytes) -> bytes:
    """A ping, pong or close frame; the payload is at most 125 bytes."""
    return bytes([_FINAL | opcode, len(payload)]) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut at 123 bytes."""
    return control_frame(CLOSE, code.to_bytes(2) + reason.encode()[:123])


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


class FrameRefused(Exception):
    """What a client sent ends its connection; ``code`` and ``reason`` go into the close frame."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Frame(NamedTuple):
    """Anything but a text message: a control frame, or a whole binary message."""

    opcode: int
    payload: bytes


class FrameReader:
    """Reads a client's bytes, however they are cut, into messages and control frames (RFC 6455, sections 5 to 8).

    A message has at most ``max_bytes`` in at most ``max_frames`` fragments; more is refused as soon as a
    frame's head announces it. ``fragments`` counts those that have come, for its user to set back.
    """

    __slots__ = ("_buffer", "_frames", "_max_frames", "_message", "_opcode", "_skipping", "fragments", "max_bytes")

    def __init__(self, max_bytes: int, max_frames: int) -> None:
        self.max_bytes = max_bytes
        self.fragments = 0
        self._max_frames = max_frames
        self._buffer = bytearray()
        self._opcode = CONTINUATION  # of the message of which fragments have come
        self._message: bytearray | None = None  # what they hold
        self._frames = 0  # how many they are
        self._skipping = 0

    def feed(self, data: bytes) -> None:
        """Take what was received; `read` tells what has become whole."""
        self._buffer += data

    def read(self) -> str | Frame | None:
        """The next text message, or anything else there is; None until more has come.

        Raises `FrameRefused`, and again if asked again: nothing more can be read then, only `discard`.
        """
        buffer = self._buffer
        while (head := _read_head(buffer)) is not None:
            first, masked, size, start = head
            self._check(first, masked, size, start)
            end = start + size
            if len(buffer) < end:
                return None
            payload = _unmask(buffer[start:end], buffer[start - 4 : start])
            if first == _FINAL | TEXT:
                text = _decode(payload)
                del buffer[:end]
                return text
            whole = self._take(first, payload)
            del buffer[:end]
            if whole is not None:
                return whole
        return None

    def _check(self, first: int, masked: bool, size: int, start: int) -> None:
        """Refuse a frame by its head."""
        opcode = first & 0xF
        if not masked or first & _RESERVED or opcode not in _OPCODES:
            raise FrameRefused(CloseCode.PROTOCOL_ERROR, "this is no frame of a client")
        if start != (6 if size < 126 else 8 if size < 65_536 else 14) or size >> 63:
            raise FrameRefused(CloseCode.PROTOCOL_ERROR, "a length is written as short as it can be, in 63 bits")
        if opcode & _CONTROL:
            if size > _MAX_CONTROL_BYTES or not first & _FINAL:
                raise FrameRefused(CloseCode.PROTOCOL_ERROR, "a control frame is short and in one piece")
            return
        message = self._message
        if (opcode == CONTINUATION) != (message is not None):
            raise FrameRefused(CloseCode.PROTOCOL_ERROR, "fragments continue one message, which they do not interrupt")
        if size + len(message or b"") > self.max_bytes or self._frames >= self._max_frames:
            raise FrameRefused(CloseCode.MESSAGE_TOO_BIG, "message too big")

    def _take(self, first: int, payload: bytes) -> str | Frame | None:
        """What a frame makes whole, if anything."""
        opcode = first & 0xF
        if opcode & _CONTROL:
            if opcode == CLOSE:
                _check_close(payload)
            return Frame(opcode, payload)
        if self._message is None:
            self._opcode, self._message = opcode, bytearray()
        self._message += payload
        self._frames += 1
        self.fragments += 1
        if not first & _FINAL:
            return None
        whole = bytes(self._message)
        self._message, self._frames = None, 0
        return _decode(whole) if self._opcode == TEXT else Frame(self._opcode, whole)

    def discard(self, data: bytes) -> bool:
        """Throw away what a client still sends while its connection closes; whether its close frame has come."""
        buffer = self._buffer
        buffer += data
        while True:
            step = min(self._skipping, len(buffer))
            del buffer[:step]
            self._skipping -= step
            head = _read_head(buffer)
            if head is None:
                return False
            first, _, size, start = head
            if first & 0xF == CLOSE:
                return True
            del buffer[:start]
            self._skipping = size


def _read_head(buffer: bytearray) -> tuple[int, bool, int, int] | None:
    """A frame's first byte, whether it is masked, its payload's size and where that starts; None if it is not whole."""
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 0x7F, 2
    if size >= 126:
        start = 4 if size == 126 else 10
    masked = buffer[1] & _MASKED != 0
    if masked:
        start += 4
    if len(buffer) < start:
        return None
    if size >= 126:
        size = int.from_bytes(buffer[2:4] if size == 126 else buffer[2:10])
    return buffer[0], masked, size, start


def _unmask(payload: bytearray, mask: bytearray) -> bytes:
    """The payload without its mask: one exclusive or of two big numbers, which is faster than a loop of small ones."""
    size = len(payload)
    repeated = mask * (size // 4) + mask[: size % 4]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)


def _decode(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameRefused(CloseCode.INVALID_PAYLOAD, "text is UTF-8") from None


def _check_close(payload: bytes) -> None:
    """Refuse a close frame that must not be sent (RFC 6455, sections 5.5.1 and 7.4)."""
    if not payload:
        return
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or not (code in _REGISTERED_CODES or 3000 <= code <= 4999):
        raise FrameRefused(CloseCode.PROTOCOL_ERROR, "this close code is never sent")
    _decode(payload[2:])
