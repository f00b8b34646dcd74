from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.frames import Close
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from gameserver.errors import CloseCode
from gameserver.net.frames import (
    BINARY,
    CLOSE,
    PING,
    PING_FRAME,
    PONG,
    Frame,
    FrameReader,
    FrameRefused,
    close_frame,
    control_frame,
    frame_end,
    text_frame,
)

characters = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]

sizes = st.one_of(st.integers(0, 300), st.sampled_from(SIZES))
messages = st.builds(
    lambda pieces, binary: [
        BytesMessage(b"x" * size, message_finished=last) if binary else TextMessage("x" * size, message_finished=last)
        for size, last in zip(pieces, [False] * (len(pieces) - 1) + [True], strict=True)
    ],
    st.lists(sizes, min_size=1, max_size=4),
    st.booleans(),
)
controls = st.one_of(st.builds(Ping, st.binary(max_size=125)), st.builds(Pong, st.binary(max_size=125)))


def client_bytes(events: Iterable[Event]) -> bytes:
    client = Connection(ConnectionType.CLIENT)
    return b"".join(client.send(event) for event in events)


def read_by_wsproto(data: bytes) -> list[Event]:
    """What a client hears of a server's frames."""
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(data)
    return list(client.events())


def chunks(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


def read_all(reader: FrameReader, parts: Iterable[bytes]) -> list[str | Frame]:
    """Feed the parts, reading after each what has become whole. Raises `FrameRefused`."""
    found = []
    for part in parts:
        reader.feed(part)
        while (message := reader.read()) is not None:
            found.append(message)
    return found


def refusal(reader: FrameReader, parts: Iterable[bytes]) -> CloseCode | None:
    """The code with which the parts are refused, if they are."""
    try:
        read_all(reader, parts)
    except FrameRefused as refused:
        return refused.code
    return None


def meaning(message: list[Event]) -> str | Frame:
    """What is to be read of a message or control frame that wsproto has sent."""
    first = message[0]
    if isinstance(first, TextMessage):
        return "".join(event.data for event in message if isinstance(event, TextMessage))
    if isinstance(first, BytesMessage):
        return Frame(BINARY, b"".join(bytes(event.data) for event in message if isinstance(event, BytesMessage)))
    assert isinstance(first, Ping | Pong)
    return Frame(PING if isinstance(first, Ping) else PONG, bytes(first.payload))


@pytest.mark.parametrize("size", SIZES)
def test_a_text_frame_is_what_wsproto_would_send(size: int) -> None:
    server = Connection(ConnectionType.SERVER)
    assert text_frame(b"x" * size) == server.send(TextMessage("x" * size))


@given(characters)
def test_a_text_frame_is_read_as_its_text(text: str) -> None:
    assert read_by_wsproto(text_frame(text.encode())) == [TextMessage(text)]


@pytest.mark.parametrize("code", CloseCode)
def test_a_close_frame_carries_its_code_and_reason(code: CloseCode) -> None:
    assert read_by_wsproto(close_frame(code, "the reason")) == [CloseConnection(code, "the reason")]
    assert read_by_wsproto(close_frame(code)) == [CloseConnection(code, "")]


def test_a_close_frames_reason_is_cut_at_123_bytes() -> None:
    assert read_by_wsproto(close_frame(1000, "x" * 200)) == [CloseConnection(1000, "x" * 123)]


def test_a_ping_frame_is_an_empty_ping() -> None:
    assert read_by_wsproto(PING_FRAME) == [Ping(b"")]


@given(st.binary(max_size=125))
def test_a_control_frame_carries_its_payload(payload: bytes) -> None:
    assert read_by_wsproto(control_frame(PING, payload) + control_frame(PONG, payload)) == [
        Ping(payload),
        Pong(payload),
    ]


@given(st.lists(sizes, max_size=5), st.integers(min_value=0))
def test_the_end_is_found_of_the_frame_that_holds_an_offset(payloads: list[int], offset: int) -> None:
    frames = [text_frame(b"x" * size) for size in payloads]
    ends = [0]
    for frame in frames:
        ends.append(ends[-1] + len(frame))
    offset %= ends[-1] + 1
    assert frame_end(b"".join(frames), offset) == min(end for end in ends if end >= offset)


@given(st.lists(st.one_of(messages, controls.map(lambda one: [one])), max_size=5), st.lists(st.integers(0), max_size=8))
def test_what_wsproto_sends_is_read_however_it_is_cut(sent: list[list[Event]], cuts: list[int]) -> None:
    data = client_bytes(event for message in sent for event in message)
    assert read_all(FrameReader(4 * 70_000, 4), chunks(data, cuts)) == [meaning(message) for message in sent]


@given(characters, st.lists(st.integers(0), max_size=4))
def test_text_is_read_as_it_was_sent_though_fragments_cut_its_characters(text: str, cuts: list[int]) -> None:
    pieces = chunks(text.encode(), cuts)
    client = Connection(ConnectionType.CLIENT)
    frames = [client.send(BytesMessage(piece, message_finished=False)) for piece in pieces[:-1]]
    frames.append(client.send(BytesMessage(pieces[-1])))
    as_text = bytes([frames[0][0] & 0xF0 | 0x1]) + frames[0][1:]
    assert read_all(FrameReader(10_000, 10), [as_text, *frames[1:]]) == [text]


@given(messages, st.integers(0, 2), st.lists(st.integers(0), max_size=8))
def test_a_message_is_refused_exactly_from_its_bound_on(
    message: list[BytesMessage | TextMessage], spare: int, cuts: list[int]
) -> None:
    size = sum(len(piece.data) for piece in message)
    code = refusal(FrameReader(max(0, size - 1) + spare, 4), chunks(client_bytes(message), cuts))
    assert code == (CloseCode.MESSAGE_TOO_BIG if spare == 0 < size else None)


@given(messages, st.lists(st.integers(0), max_size=8))
def test_the_frames_of_a_message_are_counted(message: list[Event], cuts: list[int]) -> None:
    parts = chunks(client_bytes(message), cuts)
    assert refusal(FrameReader(10**6, len(message)), parts) is None
    assert refusal(FrameReader(10**6, len(message) - 1), parts) == CloseCode.MESSAGE_TOO_BIG


def test_control_frames_between_fragments_do_not_count() -> None:
    first, last = TextMessage("x" * 10, message_finished=False), TextMessage("x" * 10)
    data = client_bytes([first, Ping(b"y" * 125), Pong(b"z" * 125), last])
    assert read_all(FrameReader(20, 2), [data]) == [Frame(PING, b"y" * 125), Frame(PONG, b"z" * 125), "x" * 20]
    assert refusal(FrameReader(19, 2), [data]) == CloseCode.MESSAGE_TOO_BIG


def test_each_message_is_counted_anew() -> None:
    reader = FrameReader(10, 2)
    halves = [TextMessage("x" * 5, message_finished=False), TextMessage("x" * 5)]
    assert read_all(reader, [client_bytes(halves) for _ in range(5)]) == ["x" * 10] * 5


def test_a_message_is_refused_by_its_head_before_it_has_come() -> None:
    head = client_bytes([TextMessage("x" * 70_000)])[:14]
    reader = FrameReader(69_999, 1)
    assert refusal(reader, [head[:13]]) is None
    assert refusal(reader, [head[13:]]) == CloseCode.MESSAGE_TOO_BIG


def test_a_size_of_many_exabytes_is_refused() -> None:
    data = b"\x81\xff\x7f" + b"\xff" * 7 + b"mask"
    assert refusal(FrameReader(262_144, 10), [data]) == CloseCode.MESSAGE_TOO_BIG


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """What a client may send, but for some bytes."""
    data = bytearray(b"".join(client_bytes(message) for message in draw(st.lists(messages, min_size=1, max_size=3))))
    for at in draw(st.lists(st.integers(0, 20) | st.integers(0, len(data)), max_size=2)):
        data[at % len(data)] = draw(st.integers(0, 255))
    return bytes(data)


@given(st.binary(max_size=300) | damaged(), st.lists(st.integers(0), max_size=4))
def test_whatever_comes_is_read_or_refused_and_the_same_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    def outcome(parts: Iterable[bytes]) -> tuple[list[str | Frame], CloseCode | None]:
        reader, found = FrameReader(1_000, 4), []
        try:
            for part in parts:
                reader.feed(part)
                while (message := reader.read()) is not None:
                    found.append(message)
        except FrameRefused as refused:
            return found, refused.code
        return found, None

    assert outcome(chunks(data, cuts)) == outcome([data])


close_payloads = st.one_of(
    st.binary(min_size=1, max_size=1),
    st.builds(
        lambda code, reason: code.to_bytes(2) + reason,
        st.one_of(st.integers(0, 0xFFFF), st.integers(995, 1020), st.sampled_from([2999, 3000, 4999, 5000])),
        st.one_of(
            st.binary(max_size=123), st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(str.encode)
        ),
    ),
)


@given(close_payloads)
def test_a_close_frame_is_accepted_exactly_if_another_library_accepts_it(payload: bytes) -> None:
    try:
        Close.parse(payload).check()
        accepted = True
    except (ProtocolError, UnicodeDecodeError):
        accepted = False
    frame = bytes([0x80 | CLOSE, 0x80 | len(payload)]) + bytes(4) + payload
    assert (refusal(FrameReader(100, 1), [frame]) is None) is accepted


def test_a_close_frame_need_not_say_why() -> None:
    assert read_all(FrameReader(100, 1), [bytes([0x80 | CLOSE, 0x80]) + bytes(4)]) == [Frame(CLOSE, b"")]


@given(st.lists(st.integers(0), max_size=8))
def test_a_close_is_seen_however_it_is_cut_also_after_a_message_too_big(cuts: list[int]) -> None:
    data = client_bytes([TextMessage("x" * 200), Ping(b"\x88" * 20), CloseConnection(1000, "bye")])
    reader = FrameReader(100, 1)
    parts = chunks(data, cuts)
    seen = False
    for number, part in enumerate(parts):
        reader.feed(part)
        try:
            assert reader.read() is None
        except FrameRefused:
            seen = any([reader.discard(b""), *(reader.discard(rest) for rest in parts[number + 1 :])])
            break
    assert seen


def test_a_close_is_seen_only_when_its_head_is_whole() -> None:
    data = client_bytes([CloseConnection(1000)])
    reader = FrameReader(100, 1)
    assert not reader.discard(data[:5])
    assert reader.discard(data[5:6])
