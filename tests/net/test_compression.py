import json
import random
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame as WebsocketsFrame
from websockets.frames import Opcode
from websockets.headers import build_extension, parse_extension
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage
from wsproto.extensions import PerMessageDeflate as WsprotoDeflate

from gameserver.errors import CloseCode
from gameserver.net.compression import (
    MAX_INLINE_BYTES,
    NO_COMPRESSION,
    Compression,
    MessageFrames,
    compress,
    deflate,
    inflate,
    is_costly,
    joined_frames,
    negotiate,
)
from gameserver.net.frames import FrameRefused, text_frame
from tests.support.wire import deflated

ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
OVER_BYTES = 256
ALL = Compression(OVER_BYTES)
TAIL = b"\0\0\xff\xff"
MESSAGE = json.dumps([{"bet": number, "target": f"argentina:{number % 23}"} for number in range(300)]).encode()


def refusal(payload: bytes, max_bytes: int = 10**6) -> CloseCode:
    with pytest.raises(FrameRefused) as caught:
        inflate(payload, max_bytes)
    return caught.value.code


# What is agreed upon


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("permessage-deflate", ANSWER),
        ("permessage-deflate; client_max_window_bits", ANSWER),  # browsers
        ("permessage-deflate; client_max_window_bits=8", ANSWER),
        ("permessage-deflate; client_no_context_takeover; server_no_context_takeover", ANSWER),
        (" permessage-deflate ;\tclient_max_window_bits = 15 ", ANSWER),
        ('permessage-deflate; client_max_window_bits="10"', ANSWER),
        ("permessage-deflate; server_max_window_bits=15", f"{ANSWER}; server_max_window_bits=15"),
        *((f"permessage-deflate; server_max_window_bits={bits}", "") for bits in range(8, 15)),
        *((f"permessage-deflate; server_max_window_bits={bits}, permessage-deflate", ANSWER) for bits in range(8, 15)),
        ("x-webkit-deflate-frame, permessage-deflate", ANSWER),
        ("permessage-deflate; server_max_window_bits=7, permessage-deflate", ANSWER),
        (
            "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=15, permessage-deflate",
            f"{ANSWER}; server_max_window_bits=15",
        ),
        ("", ""),
        (",", ""),
        ("; permessage-deflate", ""),
        ("x-webkit-deflate-frame", ""),
        ("permessage-deflate=1", ""),
        ("permessage-deflate;", ""),
        ("permessage-deflate; unknown", ""),
        ("permessage-deflate; mux=1", ""),
        ("permessage-deflate; server_no_context_takeover=1", ""),
        ("permessage-deflate; client_no_context_takeover=1", ""),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""),
        ("permessage-deflate; server_max_window_bits", ""),
        *(
            (f"permessage-deflate; {side}_max_window_bits={value}", "")
            for side in ("server", "client")
            for value in ("0", "7", "16", "08", "1", "-9", "9.0", "x", '""', '"9', "")
        ),
    ],
)
def test_the_first_offer_is_accepted_that_is_understood_as_a_whole_and_asks_for_no_smaller_window(
    header: str, answer: str
) -> None:
    agreed, compression = negotiate(header, OVER_BYTES)
    assert agreed == answer
    assert compression.is_agreed is bool(answer)


@given(
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 15]),
    st.sampled_from([None, True]) | st.integers(9, 15),
)
def test_each_such_offer_of_another_library_is_answered_so_that_it_agrees_and_understands_what_is_sent(
    server_keeps_none: bool, client_keeps_none: bool, server_bits: int | None, client_bits: int | None
) -> None:
    client = ClientPerMessageDeflateFactory(server_keeps_none, client_keeps_none, server_bits, client_bits)
    offered = build_extension([(client.name, client.get_request_params())])
    agreed, compression = negotiate(offered, OVER_BYTES)
    ((_, parameters),) = parse_extension(agreed)
    extension = client.process_response_params(parameters, [])
    assert (extension.remote_no_context_takeover, extension.local_no_context_takeover) == (True, True)
    for size in (1, 255, 256, 257, 300, 500, 4_000, len(MESSAGE)):
        for _ in range(2):
            frame = MessageFrames(MESSAGE[:size]).of(compression)
            assert read_by_websockets(extension, frame) == MESSAGE[:size]


def read_by_websockets(extension: PerMessageDeflate, frame: bytes) -> bytes:
    start = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
    received = WebsocketsFrame(Opcode(frame[0] & 0xF), frame[start:], rsv1=bool(frame[0] & 0x40))
    return bytes(extension.decode(received).data)


# What is sent


@pytest.mark.parametrize("size", [1, 64, 256, 257, 512, 1_024, 4_096, 4_097, 16_384, 65_536, 131_072])
def test_what_is_sent_is_read_with_the_window_that_was_agreed_on(size: int) -> None:
    _, compression = negotiate("permessage-deflate; server_max_window_bits=15", 0)
    payload = (MESSAGE * (size // len(MESSAGE) + 1))[:size]
    reader = PerMessageDeflate(True, True, 15, 15)
    assert read_by_websockets(reader, MessageFrames(payload).of(compression)) == payload


@given(st.binary(max_size=2_000), st.integers(0, 2_000))
def test_a_message_is_compressed_exactly_if_it_is_long_enough_and_becomes_shorter(
    payload: bytes, over_bytes: int
) -> None:
    frame = MessageFrames(payload).of(Compression(over_bytes))
    is_compressed = over_bytes < len(payload) and len(deflate(payload)) < len(payload)
    assert bool(frame[0] & 0x40) is is_compressed
    if not is_compressed:
        assert frame == text_frame(payload)
    assert read_by_websockets(PerMessageDeflate(True, True, 15, 15), frame) == payload


def test_each_frame_of_a_message_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []

    def deflate_noted(payload: bytes) -> bytes:
        made.append(payload)
        return deflate(payload)

    monkeypatch.setattr("gameserver.net.compression.deflate", deflate_noted)
    message, noise = MessageFrames(MESSAGE), MessageFrames(random.Random(1).randbytes(1_000))
    for one in (message, noise):
        assert one.of(NO_COMPRESSION) is one.of(NO_COMPRESSION)
        assert made == []
        assert one.of(ALL) is one.of(Compression(0))
        assert made.pop() == one.payload
    assert len(message.of(ALL)) < len(MESSAGE) / 4
    assert noise.of(ALL) is noise.of(NO_COMPRESSION)


def test_messages_are_joined_in_order_for_each_kind_of_reader() -> None:
    messages = [MessageFrames(payload) for payload in (b"short", MESSAGE, b"last")]
    assert joined_frames(messages, NO_COMPRESSION) == b"".join(map(text_frame, (b"short", MESSAGE, b"last")))
    assert joined_frames(messages, ALL) == text_frame(b"short") + messages[1].of(ALL) + text_frame(b"last")


def test_much_is_costly_until_it_is_compressed() -> None:
    payload = b"x" * (MAX_INLINE_BYTES // 2)
    messages = [MessageFrames(payload), MessageFrames(payload), MessageFrames(b"y" * OVER_BYTES)]
    assert not is_costly(messages, ALL)
    messages.append(MessageFrames(b"z" * (OVER_BYTES + 1)))
    assert is_costly(messages, ALL)
    assert not is_costly(messages, NO_COMPRESSION)
    compress(messages, ALL)
    assert not is_costly(messages, ALL)


# What is received


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("f2 48 cd c9 c9 07 00", id="one block"),
        pytest.param("00 05 00 fa ff 48 65 6c 6c 6f 00", id="a block that is not compressed"),
        pytest.param("f3 48 cd c9 c9 07 00 00", id="a final block"),
        pytest.param("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", id="two blocks"),
        pytest.param("f3 48 05 00 cb c9 c9 07 00 00", id="two final blocks"),
        pytest.param("03 00 f2 48 cd c9 c9 07 00", id="an empty final block first"),
    ],
)
def test_the_forms_that_the_rfc_shows_are_read(payload: str) -> None:
    assert inflate(bytes.fromhex(payload), 5) == b"Hello"
    assert refusal(bytes.fromhex(payload), 4) == CloseCode.MESSAGE_TOO_BIG


@given(st.binary(max_size=3_000), st.integers(0, 9), st.integers(9, 15), st.integers(1, 9))
def test_what_anybody_compresses_is_inflated(payload: bytes, level: int, window_bits: int, memory: int) -> None:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window_bits, memory)
    sent = (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)
    assert inflate(sent, len(payload)) == payload
    if payload:
        assert refusal(sent, len(payload) - 1) == CloseCode.MESSAGE_TOO_BIG


def test_a_compressed_message_cut_anywhere_is_refused() -> None:
    whole = deflated(MESSAGE)
    assert {refusal(whole[:size]) for size in range(len(whole))} == {CloseCode.INVALID_PAYLOAD}


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_inflated(payload: bytes) -> None:
    with suppress(FrameRefused):
        assert inflate(payload, 10_000).startswith(zlib.decompressobj(-15).decompress(payload + TAIL))


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff" * 10, id="an unknown kind of block"),
        pytest.param(bytes.fromhex("f2 00 11 00 00"), id="what refers to the message before"),
        pytest.param(bytes.fromhex("00 05 00 fa fe 48 65 6c 6c 6f 00"), id="a length that is not repeated right"),
        pytest.param(b"\x03\x00" * 64, id="many final blocks"),
        pytest.param(b"\x03\x00" * 100_000, id="very many final blocks"),
        pytest.param(bytes.fromhex("f3 48 cd c9 c9 07 00") + b"rubbish", id="rubbish behind a final block"),
    ],
)
def test_what_is_no_compressed_message_is_refused(payload: bytes) -> None:
    assert refusal(payload) == CloseCode.INVALID_PAYLOAD


def test_an_empty_message_is_inflated() -> None:
    assert inflate(b"\x00", 0) == b""


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    bomb = deflated(bytes(100_000_000))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        assert refusal(bomb, 262_144) == CloseCode.MESSAGE_TOO_BIG
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=2_000))
def test_what_we_send_is_read_by_wsproto_message_by_message(text: str) -> None:
    extension = WsprotoDeflate()
    extension.finalize(ANSWER)
    client = Connection(ConnectionType.CLIENT, [extension])
    for _ in range(2):
        client.receive_data(MessageFrames(text.encode()).of(Compression(0)))
        assert "".join(event.data for event in client.events() if isinstance(event, TextMessage)) == text
