from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.net.forwarded import Addresses, came_by_https, client_address, is_private
from gameserver.net.head import Head, HeadRefused
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import Peer, request, request_head

PROXIES = Addresses(["10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48"])
XFF, FORWARDED = "x-forwarded-for", "forwarded"


def located(peer: str, header: str, *lines: str) -> str:
    return client_address(peer, Head("GET", "/", "", {header: list(lines)} if lines else {}, b""), PROXIES, header)


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.0.0.1", True),
        ("10.255.255.255", True),
        ("11.0.0.1", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:11.0.0.1", False),
        ("2001:db8:1::5", True),
        ("2001:DB8:1:0::5", True),
        ("2001:db8:2::5", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_an_address_is_in_a_network_however_it_is_written(address: str, trusted: bool) -> None:
    assert (address in PROXIES) is trusted


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ((), "10.0.0.1"),
        (("203.0.113.9",), "203.0.113.9"),
        (("6.6.6.6, 203.0.113.9",), "203.0.113.9"),
        (("6.6.6.6", "203.0.113.9"), "203.0.113.9"),
        (("6.6.6.6, 203.0.113.9, 10.0.0.2",), "203.0.113.9"),
        (("6.6.6.6,203.0.113.9 ,192.0.2.1,10.9.9.9",), "203.0.113.9"),
        (("garbage, \x00, 203.0.113.9",), "203.0.113.9"),
        (("10.0.0.7",), "10.0.0.7"),
        (("10.0.0.7, 10.0.0.2",), "10.0.0.7"),
        (("203.0.113.9:4711",), "203.0.113.9"),
        (("2001:DB8::0:9",), "2001:db8::9"),
        (("[2001:db8::9]:4711",), "2001:db8::9"),
        (("[2001:db8::9]",), "2001:db8::9"),
        (("::ffff:203.0.113.9",), "203.0.113.9"),
    ],
)
def test_the_client_is_the_last_whom_no_trusted_proxy_vouches_for(lines: tuple[str, ...], client: str) -> None:
    assert located("10.0.0.1", XFF, *lines) == client


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (("for=203.0.113.9",), "203.0.113.9"),
        (('For="203.0.113.9:80";proto=https;by=10.0.0.1',), "203.0.113.9"),
        (('proto=https; for="[2001:db8::9]:80"',), "2001:db8::9"),
        (("for=6.6.6.6, for=203.0.113.9, for=10.0.0.2",), "203.0.113.9"),
        (("for=6.6.6.6", "for=203.0.113.9"), "203.0.113.9"),
        (("for=_hidden, for=203.0.113.9",), "203.0.113.9"),
        (('for=203.0.113.9;host="x, for=6.6.6.6"',), "203.0.113.9"),
        (('for=203.0.113.9;host="x\\", for=6.6.6.6"',), "203.0.113.9"),
        (('for=203.0.113.9;host="x;for=6.6.6.6"',), "203.0.113.9"),
    ],
)
def test_forwarded_is_read_as_rfc_7239_says(lines: tuple[str, ...], client: str) -> None:
    assert located("10.0.0.1", FORWARDED, *lines) == client


MALFORMED = [
    *[(XFF, value) for value in ("", ",", "unknown", "203.0.113.9,", "203.0.113", "1.2.3.4.5", "999.1.1.1", "a b")],
    *[(XFF, value) for value in ("fe80::1%eth0", "203.0.113.9:http", "203.0.113.9 6.6.6.6", "[::1")],
    *[(XFF, value) for value in ("6.6.6.6, oops, 10.0.0.2", "²03.0.113.9", "0x7f.1", "-1")],
    *[(FORWARDED, value) for value in ("", "for=", "for=unknown", "for=_hidden", "by=203.0.113.9", "203.0.113.9")],
    *[(FORWARDED, value) for value in ('for="203.0.113.9', "for=203.0.113.9;for=6.6.6.6", 'for="x, for=203.0.113.9')],
    *[(FORWARDED, value) for value in ("for=203.0.113.9;ho st=x", "for=203.0.113.9,")],
]


@pytest.mark.parametrize(("header", "value"), MALFORMED)
def test_a_trusted_proxy_that_names_no_client_is_told_so(header: str, value: str) -> None:
    with pytest.raises(HeadRefused, match=header) as refused:
        located("10.0.0.1", header, value)
    assert refused.value.response.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("header", "value"), [*MALFORMED, (XFF, "6.6.6.6"), (FORWARDED, "for=6.6.6.6")])
def test_what_anybody_else_says_of_where_they_are_is_nothing_to_us(header: str, value: str) -> None:
    assert located("203.0.113.1", header, value) == "203.0.113.1"


def test_only_the_header_that_the_proxies_write_counts() -> None:
    head = Head("GET", "/", "", {XFF: ["203.0.113.9"], FORWARDED: ["for=6.6.6.6"]}, b"")
    assert client_address("10.0.0.1", head, PROXIES, XFF) == "203.0.113.9"
    assert client_address("10.0.0.1", head, PROXIES, FORWARDED) == "6.6.6.6"


# On a running server


async def status_of(server: Server, peer: str, client: str | None) -> tuple[int, Peer]:
    """The answer to a handshake of a client behind a peer; the connection stays open."""
    connection = Peer(server.open_stream(peer))
    headers = {} if client is None else {"x_forwarded_for": client}
    await connection.send(request_head(**headers))
    return (await connection.response()).status, connection


async def test_connections_behind_a_proxy_are_counted_where_they_come_from(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.0/8",), max_connections_per_address=2) as server:
        for number in range(5):
            assert (await status_of(server, "10.0.0.1", f"203.0.113.{number}"))[0] == 101
        kept = [await status_of(server, "10.0.0.2", "203.0.113.4"), await status_of(server, "10.0.0.2", "203.0.113.4")]
        assert [status for status, _ in kept] == [101, 503]
        assert (await status_of(server, "203.0.113.4", None))[0] == 503
        assert (await status_of(server, "10.0.0.1", "nonsense"))[0] == 400
        await kept[0][1].stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await status_of(server, "203.0.113.4", None))[0] == 101


async def test_a_connection_of_a_proxy_itself_counts_as_its_own(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.0/8",), max_connections_per_address=1) as server:
        assert [(await status_of(server, "10.0.0.1", None))[0] for _ in range(2)] == [101, 503]


async def test_who_is_no_trusted_proxy_escapes_no_limit_by_a_header(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.0/8",), max_connections_per_address=2) as server:
        answers = [(await status_of(server, "203.0.113.1", f"6.6.6.{number}"))[0] for number in range(3)]
        assert answers == [101, 101, 503]


async def test_connections_that_have_not_said_where_they_are_leave_no_trace(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.0/8",), max_connections=2) as server:
        silent = [server.open_stream("10.0.0.1") for _ in range(2)]
        await trio.testing.wait_all_tasks_blocked()
        assert (await status_of(server, "10.0.0.1", "203.0.113.1"))[0] == 503
        for stream in silent:
            await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await status_of(server, "10.0.0.1", "203.0.113.1"))[0] == 101


async def test_requests_are_rated_by_the_clients_address(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    settings: dict[str, Any] = {"trusted_proxies": ("10.0.0.0/8",), "max_requests_per_s_per_address": 1}
    async with running_server(database, run_sync=run_inline, **settings) as server:

        async def answers(client: str) -> list[int]:
            _, peer = await status_of(server, "10.0.0.1", client)
            await peer.send(*(request(1) for _ in range(3)))
            return [(await peer.message())["res"] for _ in range(3)]

        assert await answers("203.0.113.1") == [1, 1, 666]
        assert await answers("203.0.113.2") == [1, 1, 666]
        assert await answers("203.0.113.1") == [666, 666, 666]


async def test_addresses_of_one_ipv6_network_share_its_limits(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    settings: dict[str, Any] = {"max_connections_per_address": 2, "max_requests_per_s_per_address": 1}
    async with running_server(database, run_sync=run_inline, **settings) as server:
        opened = [await status_of(server, f"2001:db8::{number}", None) for number in range(3)]
        assert [status for status, _ in opened] == [101, 101, 503]
        assert (await status_of(server, "2001:db8:0:1::1", None))[0] == 101
        codes = []
        for _, peer in opened[:2]:
            await peer.send(request(1), request(1))
            codes += [(await peer.message())["res"] for _ in range(2)]
        assert codes == [1, 1, 666, 666]
        await opened[0][1].stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await status_of(server, "2001:db8::9", None))[0] == 101


async def test_networks_are_limited_behind_a_proxy_too(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.1",), max_connections_per_address=1) as server:
        answers = [(await status_of(server, "10.0.0.1", f"2001:db8::{number}"))[0] for number in range(2)]
        assert answers == [101, 503]


@pytest.mark.parametrize(
    ("peer", "header", "lines", "is_https"),
    [
        ("10.0.0.1", "x-forwarded-proto", ["https"], True),
        ("10.0.0.1", "x-forwarded-proto", ["HTTPS"], True),
        ("10.0.0.1", "x-forwarded-proto", ["http, https"], True),
        ("10.0.0.1", "x-forwarded-proto", ["https", "http"], False),
        ("10.0.0.1", "x-forwarded-proto", ["http"], False),
        ("10.0.0.1", "x-forwarded-proto", [], False),
        ("192.0.2.2", "x-forwarded-proto", ["https"], False),
        ("10.0.0.1", "forwarded", ["for=1.1.1.1;proto=https"], False),
    ],
)
def test_only_a_trusted_proxy_says_that_it_was_asked_by_https(
    peer: str, header: str, lines: list[str], is_https: bool
) -> None:
    head = Head("GET", "/", "", {header: lines} if lines else {}, b"")
    assert came_by_https(peer, head, PROXIES, XFF) is is_https


@pytest.mark.parametrize(
    ("forwarded", "is_https"),
    [
        ("for=1.1.1.1;proto=https", True),
        ('proto="HTTPS";for=1.1.1.1', True),
        ("proto=https, proto=http", False),
        ("proto=http, for=1.1.1.1;proto=https", True),
        ("proto=https, for=1.1.1.1", False),
        ("proto=https;proto=https", False),
        ('proto="https', False),
        ("", False),
    ],
)
def test_the_last_proxy_says_how_it_was_asked(forwarded: str, is_https: bool) -> None:
    head = Head("GET", "/", "", {FORWARDED: [forwarded], "x-forwarded-proto": ["https"]}, b"")
    assert came_by_https("10.0.0.1", head, PROXIES, FORWARDED) is is_https


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.168.0.1", True),
        ("::1", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("::ffff:10.0.0.1", True),
        ("unix", True),
        ("8.8.8.8", False),
        ("100.64.0.1", False),
        ("2001:4860:4860::8888", False),
        ("::ffff:8.8.8.8", False),
        ("unknown", False),
    ],
)
def test_what_is_private_is_this_machine_and_its_networks(address: str, private: bool) -> None:
    assert is_private(address) is private
