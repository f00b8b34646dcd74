from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from gameserver.errors import CloseCode
from gameserver.realtime.frames import (
    PING_FRAME,
    FrameMeter,
    MessageTooBig,
    close_frame,
    frame_end,
    is_close_frame,
    text_frame,
)

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


def feed_all(meter: FrameMeter, parts: Iterable[bytes]) -> bool:
    """Feed the parts; whether any was refused."""
    refused = False
    for part in parts:
        try:
            meter.feed(part)
        except MessageTooBig:
            refused = True
    return refused


@pytest.mark.parametrize("size", SIZES)
def test_a_text_frame_is_what_wsproto_would_send(size: int) -> None:
    server = Connection(ConnectionType.SERVER)
    assert text_frame(b"x" * size) == server.send(TextMessage("x" * size))


@given(st.text(st.characters(exclude_categories=["Cs"])))
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


@pytest.mark.parametrize(
    ("data", "is_close"),
    [
        (close_frame(1000), True),
        (b"\x88", True),
        (b"", False),
        (text_frame(b"\x88"), False),
        (PING_FRAME, False),
        (b"HTTP/1.1 101 Switching Protocols\r\n", False),
    ],
)
def test_a_close_frame_is_told_by_its_first_byte(data: bytes, is_close: bool) -> None:
    assert is_close_frame(data) is is_close


@given(st.lists(sizes, max_size=5), st.integers(min_value=0))
def test_the_end_is_found_of_the_frame_that_holds_an_offset(payloads: list[int], offset: int) -> None:
    frames = [text_frame(b"x" * size) for size in payloads]
    ends = [0]
    for frame in frames:
        ends.append(ends[-1] + len(frame))
    offset %= ends[-1] + 1
    assert frame_end(b"".join(frames), offset) == min(end for end in ends if end >= offset)


@given(st.lists(st.one_of(messages, controls.map(lambda one: [one])), max_size=5), st.lists(st.integers(0), max_size=8))
def test_a_meter_accepts_what_is_within_its_bounds_however_it_is_cut(sent: list[list[Event]], cuts: list[int]) -> None:
    meter = FrameMeter(4 * 70_000, 4)
    data = client_bytes(event for message in sent for event in message)
    assert not feed_all(meter, chunks(data, cuts))
    assert not meter.close_seen


@given(messages, st.integers(0, 2), st.lists(st.integers(0), max_size=8))
def test_a_meter_refuses_a_message_exactly_from_its_bound_on(
    message: list[BytesMessage | TextMessage], spare: int, cuts: list[int]
) -> None:
    size = sum(len(piece.data) for piece in message)
    parts = chunks(client_bytes(message), cuts)
    assert feed_all(FrameMeter(max(0, size - 1) + spare, 4), parts) is (spare == 0 < size)


@given(messages, st.lists(st.integers(0), max_size=8))
def test_a_meter_counts_the_frames_of_a_message(message: list[Event], cuts: list[int]) -> None:
    parts = chunks(client_bytes(message), cuts)
    assert not feed_all(FrameMeter(10**6, len(message)), parts)
    assert feed_all(FrameMeter(10**6, len(message) - 1), parts)


def test_control_frames_between_fragments_do_not_count() -> None:
    first, last = TextMessage("x" * 10, message_finished=False), TextMessage("x" * 10)
    data = client_bytes([first, Ping(b"y" * 125), Pong(b"z" * 125), last])
    FrameMeter(20, 2).feed(data)
    with pytest.raises(MessageTooBig):
        FrameMeter(19, 2).feed(data)


def test_each_message_is_counted_anew() -> None:
    meter = FrameMeter(10, 1)
    for _ in range(5):
        meter.feed(client_bytes([TextMessage("x" * 10)]))


def test_a_message_is_refused_by_its_head_before_it_has_come() -> None:
    head = client_bytes([TextMessage("x" * 70_000)])[:10]
    meter = FrameMeter(69_999, 1)
    meter.feed(head[:9])
    with pytest.raises(MessageTooBig):
        meter.feed(head[9:] + b"mask")


def test_a_size_of_many_exabytes_is_refused() -> None:
    with pytest.raises(MessageTooBig):
        FrameMeter(262_144, 10).feed(b"\x81\xff" + b"\xff" * 8 + b"mask")


@given(st.lists(st.integers(0), max_size=8))
def test_a_close_is_seen_however_it_is_cut_also_after_a_message_too_big(cuts: list[int]) -> None:
    data = client_bytes([TextMessage("x" * 200), Ping(b"\x88" * 20), CloseConnection(1000, "bye")])
    meter = FrameMeter(100, 1)
    assert feed_all(meter, chunks(data, cuts))
    assert meter.close_seen


def test_a_close_is_seen_only_when_its_head_is_whole() -> None:
    data = client_bytes([CloseConnection(1000)])
    meter = FrameMeter(100, 1)
    meter.feed(data[:5])
    assert not meter.close_seen
    meter.feed(data[5:6])
    assert meter.close_seen


def test_a_message_too_big_is_closed_with_1009() -> None:
    assert MessageTooBig.code == 1009
