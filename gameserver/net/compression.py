"""Compression of messages: permessage-deflate (RFC 7692), each message by itself (protocol, "Transport").

No side keeps what it has compressed or inflated before ("no context takeover"). So a connection holds no memory for it,
and one compressed frame is the same bytes for every reader.
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from gameserver.errors import CloseCode
from gameserver.net.frames import FrameRefused, text_frame

MAX_INLINE_BYTES = 32_768  # fewer are compressed sooner than they are passed to a thread, and more take 0.5 ms

_EXTENSION = "permessage-deflate"
_ANSWER = f"{_EXTENSION}; server_no_context_takeover; client_no_context_takeover"
_WINDOW_BITS = 12  # a window of 4 KiB compresses JSON as well as the largest one, and takes half the time to set up
_MAX_WINDOW_BITS = 15
_TAIL = b"\x00\x00\xff\xff"  # what a sender leaves out at the end of a message (section 7.2.1)
_END = b"\x03\x00"  # an empty final block, by which the end of whole data is known
_MAX_FINAL_BLOCKS = 64

# A parameter of an offer: its name and value, which may be quoted (RFC 6455, section 9.1).
_PARAMETER = re.compile(r'[ \t]*([a-z_]+)[ \t]*(?:=[ \t]*("?)([0-9]+)\2[ \t]*)?')
# The parameters that are understood, and their values; "" stands for none (section 7.1). A window of the server smaller
# than the largest is no offer for us: all readers get the same frame, so nobody's may need a window of its own.
_VALUES = {
    "server_no_context_takeover": re.compile(""),
    "client_no_context_takeover": re.compile(""),
    "server_max_window_bits": re.compile("15"),
    "client_max_window_bits": re.compile("([89]|1[0-5])?"),
}


@dataclass(frozen=True, eq=False, slots=True)
class Compression:
    """Which messages a client takes compressed: those of more than ``over_bytes``.

    ``is_agreed`` says whether the client may compress what it sends. Clients that agreed on the same have the same
    object, by which what is joined for them is found quickly.
    """

    over_bytes: int
    is_agreed: bool = True

    def takes(self, size_bytes: int) -> bool:
        """Whether a message of that size is to be compressed."""
        return self.is_agreed and size_bytes > self.over_bytes


NO_COMPRESSION = Compression(0, is_agreed=False)


class MessageFrames:
    """The frames of one message: a plain one, and a compressed one, each made at most once for all its readers."""

    __slots__ = ("_compressed", "_plain", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._plain: bytes | None = None
        self._compressed: bytes | None = None

    def of(self, compression: Compression) -> bytes:
        """The frame for a reader of that compression; a plain one where a compressed one would be no shorter."""
        if not compression.takes(len(self.payload)):
            if self._plain is None:
                self._plain = text_frame(self.payload)
            return self._plain
        if self._compressed is None:
            deflated = deflate(self.payload)
            shorter = len(deflated) < len(self.payload)
            self._compressed = text_frame(deflated, compressed=True) if shorter else self.of(NO_COMPRESSION)
        return self._compressed

    def is_uncompressed(self, compression: Compression) -> bool:
        """Whether the frame for a reader of that compression is still to be compressed."""
        return self._compressed is None and compression.takes(len(self.payload))


def is_costly(messages: Iterable[MessageFrames], compression: Compression) -> bool:
    """Whether so much is to be compressed that it is to be done in a worker thread, by `compress`."""
    sizes = (len(message.payload) for message in messages if message.is_uncompressed(compression))
    return sum(sizes) > MAX_INLINE_BYTES


def compress(messages: Iterable[MessageFrames], compression: Compression) -> None:
    """Compress messages for readers of one compression, so that `MessageFrames.of` has nothing left to do."""
    for message in messages:
        message.of(compression)


def joined_frames(messages: Iterable[MessageFrames], compression: Compression) -> bytes:
    """The frames of messages, one behind the other, for readers of one compression."""
    return b"".join([message.of(compression) for message in messages])


def deflate(payload: bytes) -> bytes:
    """Compress a message's payload (section 7.2.1)."""
    compressor = zlib.compressobj(wbits=-_WINDOW_BITS)
    deflated = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return deflated.removesuffix(_TAIL)


def inflate(deflated: bytes, max_bytes: int) -> bytes:
    """Inflate a message's payload, of which no more than ``max_bytes`` and one are ever held (section 7.2.2).

    Raises `FrameRefused`: 1009 if it is longer, 1007 if it is no whole DEFLATE data.
    """
    inflated, rest = b"", deflated + _TAIL + _END
    for _ in range(_MAX_FINAL_BLOCKS):
        inflater = zlib.decompressobj(-_MAX_WINDOW_BITS)
        try:
            inflated += inflater.decompress(rest, max_bytes + 1 - len(inflated))
        except zlib.error:
            break
        if len(inflated) > max_bytes:
            raise FrameRefused(CloseCode.MESSAGE_TOO_BIG, f"a message may have at most {max_bytes} bytes")
        if not inflater.eof:
            break
        if not inflater.unused_data:
            return inflated
        rest = inflater.unused_data  # a sender may end a stream, and go on with another (section 7.2.3.5)
    text = f"compressed data must be whole DEFLATE data of fewer than {_MAX_FINAL_BLOCKS} final blocks"
    raise FrameRefused(CloseCode.INVALID_PAYLOAD, text)


def negotiate(header: str, over_bytes: int) -> tuple[str, Compression]:
    """Accept the first offer in a Sec-WebSocket-Extensions header that is understood as a whole (section 5).

    Returns the extension to answer with, "" for none, and what was agreed upon: messages of more than ``over_bytes``
    are to be compressed.
    """
    for offer in header.split(","):
        name, *parameters = offer.split(";")
        if name.strip() == _EXTENSION and (given := _read_parameters(parameters)) is not None:
            window = "; server_max_window_bits=15" if "server_max_window_bits" in given else ""
            return f"{_ANSWER}{window}", _compression_over(over_bytes)
    return "", NO_COMPRESSION


def _read_parameters(parameters: list[str]) -> dict[str, str] | None:
    """The values of an offer's parameters by name; None if one is unknown, repeated or has another value."""
    given: dict[str, str] = {}
    for parameter in parameters:
        found = _PARAMETER.fullmatch(parameter)
        if found is None or found[1] in given or found[1] not in _VALUES:
            return None
        given[found[1]] = value = found[3] or ""
        if not _VALUES[found[1]].fullmatch(value):
            return None
    return given


@cache
def _compression_over(over_bytes: int) -> Compression:
    return Compression(over_bytes)
