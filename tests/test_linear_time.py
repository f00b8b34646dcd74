"""Nothing that a client sends takes time that grows faster than its size.

Each input is far beyond what the limits let through, so that anything but linear work would not come to its end.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest
import trio
import trio.testing

from gameserver.admin.commands import decode_command
from gameserver.domain.names import hashtag, parse_actions
from gameserver.domain.targets import parse_targets
from gameserver.errors import Rejected
from gameserver.net.compression import inflate, negotiate
from gameserver.net.forwarded import Addresses, client_address
from gameserver.net.frames import TEXT, FrameReader, FrameRefused
from gameserver.net.head import Head, HeadRefused, read_head
from gameserver.ops.log import TextFormatter
from gameserver.protocol.codec import Undecodable, decode_request, request_digest
from gameserver.realtime.logon import read_query
from tests.support.linear import TooMuchWork, bounded_work
from tests.support.wire import frame

SIZE = 500_000


def repeated(*pieces: str, size: int = SIZE) -> list[str]:
    """Each piece over and over."""
    return [piece * (size // len(piece)) for piece in pieces]


def work_for_ever() -> None:
    with bounded_work(0.1):
        while True:
            pass


def test_the_bound_stops_what_is_not_linear() -> None:
    with pytest.raises(TooMuchWork):
        work_for_ever()


# Request heads

LINES = [
    "X:" + " " * SIZE + "\x00",
    "X:" + " " * SIZE + "\x0b",
    "X:" + " " * SIZE + "\ry",
    "X: a" + " " * SIZE + "\x0c",
]
LINES += ["X: " + text for text in repeated("a ", "a", "\t", '"', "\\", ",")]
LINES += ["X: " + text + "\x00" for text in repeated("a ", "a", "\t ")]
LINES += repeated("X:\r\n", "X: \r\n ", "x" * 1000)


async def read_in_pieces(data: bytes, piece_bytes: int) -> None:
    ours, theirs = trio.testing.memory_stream_pair()

    async def send() -> None:
        for start in range(0, len(data), piece_bytes):
            with suppress(trio.BrokenResourceError):
                await ours.send_all(data[start : start + piece_bytes])
        await ours.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        with suppress(HeadRefused):
            await read_head(theirs, 2 * SIZE)
        await theirs.aclose()


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
async def test_a_request_head_is_read_in_linear_time(line: str) -> None:
    with bounded_work():
        await read_in_pieces(f"GET / HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n".encode("latin-1"), 65_536)


async def test_a_head_that_comes_byte_by_byte_is_read_in_linear_time() -> None:
    with bounded_work():
        await read_in_pieces(b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, 1)


UNCLOSED = ['"' + text for text in repeated("a", ",", ";", "\\", '\\"', "\\\\", " ", "a=")]
CHAINS = [
    *repeated(
        '"', '""', '"",', '"\\', ",", ";", "=", "for=", 'for="1.2.3.4",', "for=1.2.3.4, ", "1.2.3.4, ", "1", ":", "["
    )
]
CHAINS += ["for=" + text for text in [*UNCLOSED, *repeated(" ", "1", "1.")]] + [" " * SIZE + "x", "1" * SIZE + ":x"]


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
@pytest.mark.parametrize("value", [*UNCLOSED, *CHAINS], ids=range(len(UNCLOSED) + len(CHAINS)))
def test_a_proxys_header_is_read_in_linear_time(header: str, value: str) -> None:
    proxies = Addresses(["1.2.3.4"])
    with bounded_work(), suppress(HeadRefused):
        client_address("1.2.3.4", Head("GET", "/", "", {header: [value]}, b""), proxies, header)


@pytest.mark.parametrize("query", repeated("&", "a=1&", "%", "%41", "+", "=", "%ff", "source=x&", "\xe9"))
def test_a_query_is_read_in_linear_time(query: str) -> None:
    with bounded_work(), suppress(HeadRefused):
        read_query(Head("GET", "/", query, {}, b""))
        read_query(Head("GET", "/", "id=" + query.replace("&", "x"), {}, b""))


@pytest.mark.parametrize("value", [text + "\x00" for text in repeated("Bearer ", " ", ",", "a, ", "a")])
def test_other_headers_are_read_in_linear_time(value: str) -> None:
    head = Head("GET", "/", "", {"authorization": [value], "upgrade": [value], "host": [value], "origin": [value]}, b"")
    with bounded_work():
        with suppress(HeadRefused):
            read_query(head)
        assert not head.wants_websocket


# Messages


def shapes() -> Iterator[str]:
    """Messages in which one thing is repeated: where values stand, where names do, and in what is no JSON."""
    for text in repeated(
        "a", " ", "_", ":", ",", "\\u0301", "e\u0301", "\ufdfa", "\u0130", "-", "'", "\\\\", "0", "://"
    ):
        yield f'{{"op":370,"source_id":"{text}"}}'
        yield f'{{"op":370,"source_id":"x","game_name":"{text}","hashtag":"{text}","image_url":"http://{text}"}}'
        yield f'{{"op":373,"targets":"{text}","actions":["{text}"]}}'
        yield f'{{"op":1,"{text}":1}}'
        yield f'{{"op":1,"header":{{"id":"{text}","api_version":"{text}","key":"{text}","session_key":"{text}"}}}}'
        yield f'{{"op":100,"id":"{text}","n":"{text}","h":"{text}"}}'
        yield f'{{"op":392,"amount":"{text}","target":"{text}"}}'
        yield f'{{"op":395,"happened_at":"{text}"}}'
        yield text
    for text in repeated(
        "1", "9", "0.", "1e", "-", "[", "]", "{", '{"a":', '"', '"\\', "[],", '"a",', "{},", "1,", "null,"
    ):
        yield f'{{"op":392,"amount":{text}}}'
        yield f'{{"op":{text}}}'
        yield f'{{"op":373,"targets":[{text}"a"]}}'
        yield f'{{"op":1,"header":{{"id":[{text}1],"api_version":{text}}}}}'
        yield f'{{"op":1,"header":{{"api_version":[{text}1]}}}}'
        yield f'{{"op":1,"x":[{text}1]}}'
        yield text
    yield "{" + ",".join(f'"{number}":1' for number in range(SIZE // 10)) + "}"
    yield "{" + ",".join('"op":1' for _ in range(SIZE // 7)) + "}"
    yield '{"op":1,' + ",".join('"header":{}' for _ in range(SIZE // 12)) + "}"


def test_a_message_is_decoded_in_linear_time() -> None:
    for text in shapes():
        with bounded_work():
            for logged_in in (False, True):
                with suppress(Undecodable):
                    decode_request(text, logged_in=logged_in)
            with suppress(Rejected, msgspec.DecodeError, RecursionError):
                request_digest(text)


NAMES = repeated(
    "a", " ", "_", ":", ",", "a:", "a,", "\u0301", "e\u0301", "\u0315\u0300", "\ufdfa", "\u0130", "\uff1a", "\u3000"
)
NAMES += [", ".join(f"{number}" for number in range(SIZE // 8)), ":".join(["\u0315\u0300" * 60] * (SIZE // 121))]


@pytest.mark.parametrize("value", NAMES, ids=range(len(NAMES)))
def test_names_are_folded_in_linear_time(value: str) -> None:
    with bounded_work():
        for names in (value, [value], value.split(",")):
            with suppress(Rejected):
                parse_actions(names, "actions", SIZE)
            with suppress(Rejected):
                parse_targets(names, "targets", 64, SIZE)
        hashtag(value)


@pytest.mark.parametrize("sent", [frame(TEXT, b"x" * SIZE), frame(TEXT, final=False) + frame(0, final=False) * 200_000])
@pytest.mark.parametrize("piece_bytes", [1000, SIZE])
def test_frames_are_read_in_linear_time(sent: bytes, piece_bytes: int) -> None:
    reader = FrameReader(SIZE, SIZE)
    with bounded_work(), suppress(FrameRefused):
        for start in range(0, len(sent), piece_bytes):
            reader.feed(sent[start : start + piece_bytes])
            while reader.read() is not None:
                pass


@pytest.mark.parametrize("text", repeated(" ", "\t", ",", ";", "; ", "; a=", "a", "permessage-deflate;", '"'))
def test_offers_of_compression_are_read_in_linear_time(text: str) -> None:
    with bounded_work():
        negotiate(text, 0)
        negotiate(f"permessage-deflate; server_max_window_bits={text}", 0)


@pytest.mark.parametrize("block", [b"\x03\x00", b"\x4b\x04\x00", b"\x00\x00\x00\xff\xff", b"\x01\x00\x00\xff\xff"])
def test_compressed_data_of_many_blocks_is_inflated_in_linear_time(block: bytes) -> None:
    with bounded_work(), suppress(FrameRefused):
        inflate(block * (SIZE // len(block)), SIZE)


@pytest.mark.parametrize("text", repeated("a", "\n", "\x1b[", '"', "\\", "\u202e", ".", " "))
def test_a_log_line_is_written_in_linear_time(text: str) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (text,), "event": "x", "fields": {"value": text}})
    with bounded_work():
        TextFormatter().format(record)


@pytest.mark.parametrize("text", repeated("[", '{"', "1", '"\\'))
def test_a_command_is_decoded_in_linear_time(text: str) -> None:
    with bounded_work(), suppress(msgspec.DecodeError, RecursionError):
        decode_command(text.encode())
