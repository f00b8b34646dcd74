"""Encodes a server's WebSocket frames and decodes a client's (RFC 6455, section 5), without I/O.

A server's frames have no mask, and none depends on those before it, so that one encoded frame is the same bytes for
every connection.
"""

from collections.abc import Callable
from typing import NamedTuple

from gameserver.errors import CloseCode

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FINAL = 0x80
_RESERVED = 0x70
_COMPRESSED = 0x40  # RFC 7692, section 6
_MASKED = 0x80
_CONTROL = 0x8
_MAX_CONTROL_BYTES = 125
# Close codes that may be sent (RFC 6455, section 7.4.1, and IANA's registry), besides 3000 to 4999.
_REGISTERED_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})

PING_FRAME = bytes([_FINAL | PING, 0])


def text_frame(payload: bytes, *, compressed: bool = False) -> bytes:
    """Encode a text message, whose payload may be compressed already, as one frame."""
    first, size = _FINAL | TEXT | (_COMPRESSED if compressed else 0), len(payload)
    if size < 126:
        return b"%c%c%b" % (first, size, payload)
    if size < 65_536:
        return b"%c\x7e%b%b" % (first, size.to_bytes(2), payload)
    return b"%c\x7f%b%b" % (first, size.to_bytes(8), payload)


def control_frame(opcode: int, payload: bytes) -> bytes:
    """Encode a ping, pong or close frame; the payload has at most 125 bytes."""
    return bytes([_FINAL | opcode, len(payload)]) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """Encode a close frame; the reason is truncated to 123 bytes."""
    return control_frame(CLOSE, code.to_bytes(2) + reason.encode()[:123])


def frame_end(data: bytes, offset: int) -> int:
    """The end of the server's frame that contains ``offset`` in ``data``, or ``offset`` if it is a frame boundary.

    ``data`` consists of whole frames.
    """
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
    """A client's frame that the connection is closed for; ``code`` and ``reason`` go into the close frame."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Frame(NamedTuple):
    """A control frame or a whole binary message; text messages are plain strings."""

    opcode: int
    payload: bytes


class FrameReader:
    """Decodes a client's bytes, split anywhere, into messages and control frames (RFC 6455, sections 5 to 8).

    A message has at most ``max_bytes`` in at most ``max_frames`` fragments; a larger one is refused as soon as a
    frame's head announces it. ``inflate(payload, max_bytes)`` inflates a compressed message, within the same bound; it
    is None where compression was not agreed upon. ``fragments`` counts the fragments received; the caller resets it.
    """

    __slots__ = (
        "_buffer",
        "_first",
        "_frames",
        "_inflate",
        "_max_frames",
        "_message",
        "_skipping",
        "fragments",
        "max_bytes",
    )

    def __init__(self, max_bytes: int, max_frames: int, inflate: Callable[[bytes, int], bytes] | None = None) -> None:
        self.max_bytes = max_bytes
        self.fragments = 0
        self._inflate = inflate
        self._max_frames = max_frames
        self._buffer = bytearray()
        self._first = 0  # the first byte of the message whose fragments are being received
        self._message: bytearray | None = None  # the payload received so far
        self._frames = 0  # the number of fragments received so far
        self._skipping = 0  # bytes of a payload that `discard` still drops

    def feed(self, data: bytes) -> None:
        """Buffer received bytes; `read` returns what they complete."""
        self._buffer += data

    def read(self) -> str | Frame | None:
        """The next text message, control frame or binary message; None if more bytes are needed.

        Raises `FrameRefused`, and again at each further call: after that, only `discard` is of use.
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
        """Raise `FrameRefused` if a frame's head is not allowed."""
        opcode = first & 0xF
        if not masked or opcode not in _OPCODES or (first & _RESERVED and not self._may_be_compressed(first)):
            raise FrameRefused(
                CloseCode.PROTOCOL_ERROR,
                "a client's frame must be masked, without reserved bits, and of a known opcode",
            )
        if start != (6 if size < 126 else 8 if size < 65_536 else 14) or size >> 63:
            raise FrameRefused(
                CloseCode.PROTOCOL_ERROR, "a payload length must use the shortest form, and at most 63 bits"
            )
        if opcode & _CONTROL:
            if size > _MAX_CONTROL_BYTES or not first & _FINAL:
                raise FrameRefused(
                    CloseCode.PROTOCOL_ERROR, "a control frame must have at most 125 bytes and not be fragmented"
                )
            return
        message = self._message
        if (opcode == CONTINUATION) != (message is not None):
            raise FrameRefused(
                CloseCode.PROTOCOL_ERROR, "a fragmented message must be continued, and not be interrupted by another"
            )
        if size + len(message or b"") > self.max_bytes or self._frames >= self._max_frames:
            text = f"a message may have at most {self.max_bytes} bytes in {self._max_frames} frames"
            raise FrameRefused(CloseCode.MESSAGE_TOO_BIG, text)

    def _may_be_compressed(self, first: int) -> bool:
        """Whether a frame may have its reserved bits: only a message's first frame says that it is compressed."""
        return self._inflate is not None and first & _RESERVED == _COMPRESSED and first & 0xF in (TEXT, BINARY)

    def _take(self, first: int, payload: bytes) -> str | Frame | None:
        """Add a frame's payload; the message or control frame that it completes, None if it completes none."""
        opcode = first & 0xF
        if opcode & _CONTROL:
            if opcode == CLOSE:
                _check_close(payload)
            return Frame(opcode, payload)
        if self._message is None:
            self._first, self._message = first, bytearray()
        self._message += payload
        self._frames += 1
        self.fragments += 1
        if not first & _FINAL:
            return None
        whole = bytes(self._message)
        self._message, self._frames = None, 0
        if self._first & _COMPRESSED and self._inflate is not None:
            whole = self._inflate(whole, self.max_bytes)
        opcode = self._first & 0xF
        return _decode(whole) if opcode == TEXT else Frame(opcode, whole)

    def discard(self, data: bytes) -> bool:
        """Drop what a client still sends while its connection closes; whether its close frame was among it."""
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
    """A frame's first byte, whether it is masked, its payload's size and offset; None if the head is incomplete."""
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
    """The unmasked payload. One exclusive or of two big integers is faster than a loop over bytes."""
    size = len(payload)
    repeated = mask * (size // 4) + mask[: size % 4]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)


def _decode(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameRefused(CloseCode.INVALID_PAYLOAD, "text must be UTF-8") from None


def _check_close(payload: bytes) -> None:
    """Raise `FrameRefused` if a close frame's payload is not allowed (RFC 6455, sections 5.5.1 and 7.4)."""
    if not payload:
        return
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or not (code in _REGISTERED_CODES or 3000 <= code <= 4999):
        raise FrameRefused(
            CloseCode.PROTOCOL_ERROR, "a close frame must have no payload, or a close code that may be sent"
        )
    _decode(payload[2:])
