"""A proxy that says, before anything else, whose connection it passes on."""

from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from gameserver.net.head import HeadRefused
from gameserver.net.proxy_protocol import read_source
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import Peer, plain, request, request_head

PROXY = "10.0.0.1"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
SETTINGS: dict[str, Any] = {"proxy_protocol": True, "trusted_proxies": (PROXY,)}


def line(source: str, kind: str = "TCP4", target: str = "192.0.2.1", ports: str = "51000 443") -> bytes:
    return f"PROXY {kind} {source} {target} {ports}\r\n".encode("latin-1")


def binary(
    source: str, *, command: int = 0x21, kind: int | None = None, more: bytes = b"", size: int | None = None
) -> bytes:
    packed = ip_address(source).packed
    addresses = packed + packed + (51_000).to_bytes(2) + (443).to_bytes(2) + more
    kind = kind if kind is not None else 0x11 if len(packed) == 4 else 0x21
    return SIGNATURE + bytes([command, kind]) + (len(addresses) if size is None else size).to_bytes(2) + addresses


async def read(sent: bytes, piece_bytes: int = 65_536) -> tuple[str | None, bytes]:
    """The address, and what is left in the stream."""
    ours, theirs = trio.testing.memory_stream_pair()

    async def send() -> None:
        for start in range(0, len(sent), piece_bytes):
            await ours.send_all(sent[start : start + piece_bytes])
        await ours.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        source = await read_source(theirs)
        rest = b""
        while data := await theirs.receive_some():
            rest += bytes(data)
    return source, rest


HEADERS = [
    (line("203.0.113.9"), "203.0.113.9"),
    (line("0.0.0.0", "TCP4", "0.0.0.0", "0 0"), "0.0.0.0"),
    (line("255.255.255.255", "TCP4", "255.255.255.255", "65535 65535"), "255.255.255.255"),
    (line("2001:DB8::9", "TCP6", "::1"), "2001:db8::9"),
    (line("ffff:" * 7 + "ffff", "TCP6", "ffff:" * 7 + "ffff", "65535 65535"), "ffff:" * 7 + "ffff"),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f...f:ffff anything 0 0\r\n", None),
    (binary("203.0.113.9"), "203.0.113.9"),
    (binary("2001:db8::9"), "2001:db8::9"),
    (binary("203.0.113.9", more=b"\x03\x00\x04abcd"), "203.0.113.9"),
    (binary("203.0.113.9", more=b"x" * 4_000), "203.0.113.9"),
    (binary("203.0.113.9", command=0x20), None),
    (SIGNATURE + b"\x20\x00\x00\x00", None),
    (SIGNATURE + b"\x21\x00\x00\x00", None),
    (SIGNATURE + b"\x21\x00\x00\x03abc", None),
    (SIGNATURE + b"\x21\x31\x00\xd8" + b"/" * 216, None),
]


@pytest.mark.parametrize(("header", "source"), HEADERS, ids=range(len(HEADERS)))
@pytest.mark.parametrize("piece_bytes", [1, 7, 65_536])
async def test_the_source_is_read_and_not_a_byte_more(header: bytes, source: str | None, piece_bytes: int) -> None:
    rest = b"\x16\x03\x01GET / HTTP/1.1\r\n"
    assert await read(header + rest, piece_bytes) == (source, rest)


MALFORMED = [
    request_head(),
    plain("GET", "/healthz"),
    b"\x16\x03\x01" + bytes(100),
    b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n" + b"x" * 100,
    b"PROXY UNKNOWNX 1.2.3.4 1.2.3.4 1 2\r\n",
    b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1  2\r\n",
    line("1.2.3"),
    line("1.2.3.256"),
    line("01.2.3.4"),
    line("::1"),
    line("1.2.3.4", "TCP6"),
    line("1.2.3.4", target="::1"),
    line("fe80::1%eth0", "TCP6", "::1"),
    line("1.2.3.4", ports="1 65536"),
    line("1.2.3.4", ports="100000 1"),
    line("1.2.3.4", ports="01 2"),
    line("1.2.3.4", ports="-1 2"),
    line("\xb2.2.3.4"),
    b"PROXY UNKNOWN " + b"x" * 93,
    SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
    SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
    SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
    SIGNATURE + b"\x21\x41\x00\x0c" + bytes(12),
    SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),
    SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12),
    SIGNATURE + b"\x21\x11\x10\x01" + bytes(4097),
    SIGNATURE + b"\x20\x00\xff\xff" + bytes(65_535),
]


@pytest.mark.parametrize("sent", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_no_header_is_refused(sent: bytes) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    await ours.send_all(sent)
    with pytest.raises(HeadRefused, match="PROXY protocol"):
        await read_source(theirs)


@pytest.mark.parametrize("header", [header for header, _ in HEADERS], ids=range(len(HEADERS)))
async def test_a_header_that_is_cut_off_names_nobody(header: bytes) -> None:
    for end in range(len(header)):
        assert await read(header[:end]) == (None, b"")


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]))
async def test_nothing_makes_it_fail_otherwise(sent: bytes, start: bytes) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    await ours.send_all(start + sent)
    await ours.aclose()
    with suppress(HeadRefused):
        source = await read_source(theirs)
        assert source is None or ip_address(source)


# On a running server


async def answered(server: Server, *sent: bytes, peer: str = PROXY) -> tuple[int, Peer]:
    connection = Peer(server.open_stream(peer))
    await connection.send(*sent)
    return (await connection.response()).status, connection


@pytest.mark.parametrize("header", [line("203.0.113.9"), binary("203.0.113.9")])
async def test_the_client_is_where_the_proxy_says(database: Path, header: bytes) -> None:
    async with running_server(database, **SETTINGS, max_connections_per_address=1) as server:
        status, first = await answered(server, header, request_head(), request(1))
        assert (status, (await first.message())["res"]) == (101, 1)
        assert (await answered(server, header, request_head()))[0] == 503
        assert (await answered(server, line("203.0.113.8"), request_head()))[0] == 101
        await first.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await answered(server, header, request_head()))[0] == 101


async def test_who_is_no_trusted_proxy_is_spoken_to_as_ever(database: Path) -> None:
    async with running_server(database, **SETTINGS) as server:
        assert (await answered(server, request_head(), peer="203.0.113.1"))[0] == 101
        assert (await answered(server, line(PROXY), request_head(), peer="203.0.113.1"))[0] == 400


async def test_a_trusted_proxy_that_says_nothing_is_refused(database: Path) -> None:
    async with running_server(database, **SETTINGS) as server:
        for sent in (request_head(), plain("GET", "/healthz")):
            connection = Peer(server.open_stream(PROXY))
            await connection.send(sent)
            response = await connection.response()
            assert response.status == 400
            assert "PROXY protocol" in msgspec.json.decode(response.body)["msg"]
        assert server.context.metrics.refused == {"proxy_protocol": 2}


async def test_without_the_setting_there_is_no_such_header(database: Path) -> None:
    async with running_server(database, trusted_proxies=(PROXY,)) as server:
        assert (await answered(server, line("203.0.113.9"), request_head()))[0] == 400


async def test_a_header_that_trickles_is_cut_off_in_time(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline, **SETTINGS, handshake_timeout_s=7) as server:
        started_at = trio.current_time()
        connection = Peer(server.open_stream(PROXY))
        await connection.send(line("203.0.113.9")[:-1])
        assert await connection.rest() == b""
        assert trio.current_time() - started_at == pytest.approx(7, abs=0.1)


async def test_the_proxys_own_check_is_answered(database: Path) -> None:
    async with running_server(database, **SETTINGS) as server:
        for header in (b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\x00\x00\x00"):
            assert (await answered(server, header, plain("GET", "/healthz")))[0] == 200


async def test_metrics_are_for_the_client_that_the_proxy_names(database: Path) -> None:
    metrics = plain("GET", "/metrics", Host="localhost")
    async with running_server(database, **SETTINGS, metrics_addresses=("203.0.113.9",)) as server:
        assert (await answered(server, line("203.0.113.9"), metrics))[0] == 200
        assert (await answered(server, line("203.0.113.8"), metrics))[0] == 403


async def test_a_proxy_behind_the_proxy_is_believed_as_far_as_it_is_trusted(database: Path) -> None:
    forwarded = plain("GET", "/metrics", Host="localhost", **{"X-Forwarded-For": "203.0.113.9"})
    settings: dict[str, Any] = {"proxy_protocol": True, "metrics_addresses": ("203.0.113.9",)}
    async with running_server(database, trusted_proxies=(PROXY, "10.0.0.2"), **settings) as server:
        assert (await answered(server, line("10.0.0.2"), forwarded))[0] == 200
        assert (await answered(server, line("10.0.0.3"), forwarded))[0] == 403
