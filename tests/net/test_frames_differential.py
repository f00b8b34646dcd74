"""The frame reader beside those of two other libraries: what a client may send is read alike, what it may not is
refused alike, however it is cut. Every reader has agreed to compression, each message by itself.
"""

import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame as WebsocketsFrame
from websockets.protocol import State
from websockets.server import ServerProtocol
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate as WsprotoDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol

from gameserver.errors import CloseCode
from gameserver.net.compression import inflate
from gameserver.net.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameReader,
    FrameRefused,
)

FINAL, COMPRESSED = 0x80, 0x40
RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]
BAD_UTF_8 = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"x\x80"]


class Wire(NamedTuple):
    """A frame as a client may send it; ``length_bytes`` are those of the extended length, None for as few as do."""

    first: int
    payload: bytes = b""
    length_bytes: int | None = None
    masked: bool = True
    mask: bytes = b"mask"

    def __bytes__(self) -> bytes:
        size = len(self.payload)
        length_bytes = self.length_bytes
        if length_bytes is None:
            length_bytes = 0 if size < 126 else 2 if size < 65_536 else 8
        code = {0: size, 2: 126, 8: 127}[length_bytes]
        head = bytes([self.first, (0x80 if self.masked else 0) | code]) + size.to_bytes(8)[8 - length_bytes :]
        if not self.masked:
            return head + self.payload
        return head + self.mask + bytes(byte ^ self.mask[at % 4] for at, byte in enumerate(self.payload))


def close_payload(code: int, reason: str) -> bytes:
    """Of a close frame; with 1005, which is never sent, that of one that does not say why."""
    return b"" if code == 1005 else code.to_bytes(2) + reason.encode()


class Read(NamedTuple):
    """Messages and control frames up to a close frame, and the code with which the rest was refused, if it was."""

    messages: list[str | Frame]
    refused: int | None


def read_by_us(parts: Iterable[bytes]) -> Read:
    reader, found = FrameReader(10**9, 10**6, inflate), list[str | Frame]()
    try:
        for part in parts:
            reader.feed(part)
            while (message := reader.read()) is not None:
                found.append(message)
                if isinstance(message, Frame) and message.opcode == CLOSE:
                    return Read(found, None)
    except FrameRefused as refused:
        return Read(found, refused.code)
    return Read(found, None)


def read_by_websockets(parts: Iterable[bytes]) -> Read:
    server, found = ServerProtocol(state=State.OPEN, max_size=None), list[str | Frame]()
    server.extensions = [PerMessageDeflate(True, True, 15, 15)]
    for part in parts:
        server.receive_data(part)
    opcode, payload = CONTINUATION, b""
    for frame in server.events_received():
        assert isinstance(frame, WebsocketsFrame)
        if frame.opcode >= CLOSE:
            found.append(Frame(frame.opcode, bytes(frame.data)))
            continue
        opcode, payload = frame.opcode or opcode, payload + bytes(frame.data)
        if frame.fin:
            try:
                found.append(payload.decode() if opcode == TEXT else Frame(opcode, payload))
            except UnicodeDecodeError:  # which it leaves to its caller
                return Read(found, CloseCode.INVALID_PAYLOAD)
            payload = b""
    if server.close_rcvd is None:
        return Read(found, server.close_sent.code if server.close_sent is not None else None)
    if server.parser_exc is not None:  # it does not take a close frame between two fragments, which section 5.4 allows
        found.append(Frame(CLOSE, close_payload(server.close_rcvd.code, server.close_rcvd.reason)))
    return Read(found, None)


class RememberingDeflate(WsprotoDeflate):
    """wsproto's own forgets, at a control frame between two fragments, that their message is compressed."""

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """Pass over control frames."""
        if self._inbound_is_compressible:
            return super().frame_inbound_complete(proto, fin)
        self._inbound_compressed = self._inbound_compressed or None
        return None


def read_by_wsproto(parts: Iterable[bytes]) -> Read:
    extension = RememberingDeflate(client_no_context_takeover=True, server_no_context_takeover=True)
    extension.accept("permessage-deflate")
    server, found = Connection(ConnectionType.SERVER, [extension]), list[str | Frame]()
    text, data = "", b""
    for part in parts:
        server.receive_data(part)
        for event in server.events():
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    found.append(text)
                    text = ""
            elif isinstance(event, BytesMessage):
                data += bytes(event.data)
                if event.message_finished:
                    found.append(Frame(BINARY, data))
                    data = b""
            elif isinstance(event, Ping | Pong):
                found.append(Frame(PING if isinstance(event, Ping) else PONG, bytes(event.payload)))
            elif isinstance(event, CloseConnection):
                if server.state is ConnectionState.OPEN:
                    return Read(found, event.code)
                found.append(Frame(CLOSE, close_payload(event.code, event.reason or "")))
    return Read(found, None)


READERS = {"websockets": read_by_websockets, "wsproto": read_by_wsproto}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.encode)
sizes = st.sampled_from([0, 1, 2, 125, 126, 127, 300]) | st.integers(0, 300)
payloads = st.builds(lambda size, byte: bytes([byte]) * size, sizes, st.integers(0, 255))
masks = st.sampled_from([b"\0\0\0\0", b"\1\2\3\4", b"\xff\xff\xff\xff", b"\x80\x00\x80\x00"])
# Of those between 1014 and 3000, wsproto knows none.
good_codes = st.sampled_from([1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 3000, 4999])
bad_codes = st.sampled_from([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65_535])
finals = st.sampled_from([0, FINAL])
not_utf_8 = st.sampled_from(BAD_UTF_8)
controls = st.builds(
    lambda opcode, payload, mask: Wire(FINAL | opcode, payload, mask=mask),
    st.sampled_from([PING, PONG]),
    st.binary(max_size=125),
    masks,
)
closings = st.builds(close_payload, good_codes | st.just(1005), st.text("aä€", max_size=40))


def deflated(payload: bytes, level: int, window_bits: int) -> bytes:
    """A compressed message's payload."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window_bits)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


compressions = st.tuples(st.integers(0, 9), st.integers(9, 15))


@st.composite
def messages(draw: st.DrawFn) -> list[Wire]:
    """The frames of one message, compressed or not, and controls between them."""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(texts if opcode == TEXT else payloads)
    if (compression := draw(st.none() | compressions)) is not None:
        opcode, payload = opcode | COMPRESSED, deflated(payload, *compression)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
    frames: list[Wire] = []
    for start, end in pairwise([0, *cuts, len(payload)]):
        frames.append(Wire(CONTINUATION if frames else opcode, payload[start:end], mask=draw(masks)))
        frames += draw(st.lists(controls, max_size=1))
    last = max(at for at, frame in enumerate(frames) if frame.first & 0xF < CLOSE)
    frames[last] = frames[last]._replace(first=FINAL | frames[last].first)
    return frames


@st.composite
def good_streams(draw: st.DrawFn) -> list[Wire]:
    """Frames that a client may send; the last message may not be whole."""
    frames = [frame for message in draw(st.lists(messages(), max_size=3)) for frame in message]
    if draw(st.booleans()):
        begun = Wire(draw(st.sampled_from([TEXT, BINARY])), draw(texts))
        if draw(st.booleans()):
            begun = Wire(begun.first | COMPRESSED, deflated(begun.payload, *draw(compressions)))
        frames.append(begun)
    return frames


def is_unfinished(frames: list[Wire]) -> bool:
    """Whether a message has begun and not ended."""
    data = [frame for frame in frames if frame.first & 0xF < CLOSE]
    return bool(data) and not data[-1].first & FINAL


def misplaced(frames: list[Wire]) -> list[int]:
    """The opcodes of data that must not come next."""
    return [TEXT, BINARY] if is_unfinished(frames) else [CONTINUATION]


def begun_by(frames: list[Wire]) -> int:
    """The first byte of the last message, without its first bit."""
    return [frame.first & ~FINAL for frame in frames if frame.first & 0xF in (TEXT, BINARY)][-1]


def next_opcode(frames: list[Wire]) -> int:
    """The opcode of the data that may come next; of text."""
    return CONTINUATION if is_unfinished(frames) else TEXT


def bad_frames(after: list[Wire]) -> st.SearchStrategy[Wire]:
    """Frames that a client must not send after these, each for one reason alone."""
    good = st.sampled_from([FINAL | next_opcode(after), next_opcode(after), FINAL | PING, FINAL | PONG])
    control = st.sampled_from([PING, PONG, CLOSE])
    return st.one_of(
        st.tuples(good, st.integers(1, 7))
        .filter(lambda head: head[0] & 0xF != TEXT or head[1] << 4 != COMPRESSED)
        .map(lambda head: Wire(head[0] | head[1] << 4, b"x")),
        st.builds(lambda final, opcode: Wire(final | opcode, b"x"), finals, st.sampled_from(RESERVED_OPCODES)),
        st.builds(lambda first, payload: Wire(first, payload, masked=False), good, texts),
        st.builds(lambda opcode: Wire(opcode), control),
        st.builds(lambda opcode, size: Wire(FINAL | opcode, bytes(size)), control, st.integers(126, 300)),
        st.builds(lambda final, opcode: Wire(final | opcode, b"x"), finals, st.sampled_from(misplaced(after))),
        st.builds(lambda byte: Wire(FINAL | CLOSE, byte), st.binary(min_size=1, max_size=1)),
        st.builds(lambda code, reason: Wire(FINAL | CLOSE, code.to_bytes(2) + reason), bad_codes, texts),
    )


def bad_texts(after: list[Wire]) -> st.SearchStrategy[Wire]:
    """Frames that end a text, or a connection, with bytes that are no UTF-8."""
    closing = st.builds(lambda code, bad: Wire(FINAL | CLOSE, code.to_bytes(2) + bad), good_codes, not_utf_8)
    last = st.builds(lambda good, bad: Wire(FINAL | next_opcode(after), good + bad), texts, not_utf_8)
    if is_unfinished(after):
        return closing | last if begun_by(after) == TEXT else closing
    compressed = st.builds(lambda bad, how: deflated(bad, *how), not_utf_8, compressions)
    return closing | last | compressed.map(lambda payload: Wire(FINAL | TEXT | COMPRESSED, payload))


def badly_compressed(after: list[Wire]) -> st.SearchStrategy[Wire]:
    """Frames that end a message, or a connection, with what is no compressed data."""
    first = FINAL | (CONTINUATION if is_unfinished(after) else TEXT | COMPRESSED)
    payloads = st.builds(lambda byte, rest: bytes([byte]) + rest, st.sampled_from([0x06, 0x07, 0x9E]), texts)
    plain = is_unfinished(after) and not begun_by(after) & COMPRESSED
    return bad_texts(after) if plain else payloads.map(lambda payload: Wire(first, payload))


def badly_measured(after: list[Wire]) -> st.SearchStrategy[bytes]:
    """Frames whose length takes more bytes than it needs, or has its top bit set (RFC 6455, section 5.2)."""
    first = st.sampled_from([FINAL | next_opcode(after), next_opcode(after)])
    return st.one_of(
        st.builds(lambda first, size: bytes(Wire(first, bytes(size), 2)), first, st.integers(0, 125)),
        st.builds(lambda first, size: bytes(Wire(first, bytes(size), 8)), first, st.integers(0, 300) | st.just(65_535)),
        st.builds(
            lambda first, size: bytes([first, 0xFF]) + size.to_bytes(8) + b"mask", first, st.integers(2**63, 2**64 - 1)
        ),
    )


def followed_by(bad: Callable[[list[Wire]], st.SearchStrategy[Wire | bytes]]) -> st.SearchStrategy[bytes]:
    """Streams of good frames and then a bad one."""
    streams = good_streams().flatmap(lambda frames: st.tuples(st.just(frames), bad(frames)))
    return streams.map(lambda stream: b"".join(map(bytes, [*stream[0], stream[1]])))


def cut(data: bytes, cuts: list[int] | None) -> list[bytes]:
    """The parts of a stream; None for single bytes."""
    bounds = range(len(data) + 1) if cuts is None else [0, *sorted(at % (len(data) + 1) for at in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


def assert_read_alike(data: bytes, parts: list[bytes], *others: str) -> Read:
    """What the readers read, all the same, however the stream is cut."""
    ours = read_by_us(parts)
    assert ours == read_by_us([data])
    for other in others:
        assert READERS[other](parts) == ours, other
    return ours


cuttings = st.none() | st.lists(st.integers(0), max_size=6)


@given(good_streams(), st.none() | closings, cuttings)
def test_what_a_client_may_send_is_read_as_others_read_it(
    frames: list[Wire], closing: bytes | None, cuts: list[int] | None
) -> None:
    data = b"".join(map(bytes, frames)) + (b"" if closing is None else bytes(Wire(FINAL | CLOSE, closing)))
    read = assert_read_alike(data, cut(data, cuts), *READERS)
    assert read.refused is None
    assert len(read.messages) == sum(1 for frame in frames if frame.first & FINAL) + (closing is not None)


@given(followed_by(bad_frames), texts, cuttings)
def test_what_a_client_must_not_send_is_refused_as_others_refuse_it(
    data: bytes, rest: bytes, cuts: list[int] | None
) -> None:
    parts = cut(data + rest, cuts)
    assert assert_read_alike(data + rest, parts, *READERS).refused == CloseCode.PROTOCOL_ERROR


@given(followed_by(bad_texts), texts, cuttings)
def test_text_that_is_no_utf_8_is_refused_as_others_refuse_it(data: bytes, rest: bytes, cuts: list[int] | None) -> None:
    parts = cut(data + rest, cuts)
    assert assert_read_alike(data + rest, parts, *READERS).refused == CloseCode.INVALID_PAYLOAD


@given(followed_by(badly_compressed), texts, cuttings)
def test_what_is_no_compressed_data_is_refused_as_wsproto_refuses_it(
    data: bytes, rest: bytes, cuts: list[int] | None
) -> None:
    # websockets takes it for a breach of the protocol.
    read = assert_read_alike(data + rest, cut(data + rest, cuts), "wsproto")
    assert read.refused == CloseCode.INVALID_PAYLOAD


@given(followed_by(badly_measured), cuttings)
def test_a_length_that_is_not_written_as_short_as_it_can_be_or_has_its_top_bit_set_is_refused_as_wsproto_refuses_it(
    data: bytes, cuts: list[int] | None
) -> None:
    # websockets does not look at how a length is written.
    assert assert_read_alike(data, cut(data, cuts), "wsproto").refused == CloseCode.PROTOCOL_ERROR


@given(good_streams())
def test_a_stream_that_ends_anywhere_is_read_up_to_there_as_others_read_it(frames: list[Wire]) -> None:
    data = b"".join(map(bytes, frames))
    whole = read_by_us([data]).messages
    for end in range(len(data)):
        read = assert_read_alike(data[:end], cut(data[:end], [end // 2]), *READERS)
        assert read == Read(whole[: len(read.messages)], None)
