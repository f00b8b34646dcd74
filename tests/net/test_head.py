"""Requests made to be understood in two ways: each gets one response, and what follows it is no request."""

from pathlib import Path

import pytest
import trio
import trio.testing

from gameserver.realtime.listener import serve_connection
from tests.support.harness import Server, running_server
from tests.support.wire import Peer, request, request_head, tcp_pair

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def plain(method: str, target: str, *lines: str, version: str = "1.1") -> bytes:
    """A request head with ``Host: x`` and these lines."""
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: x", *lines, "", ""]).encode("latin-1")


async def status_of_pieces(server: Server, *pieces: bytes) -> int:
    """The answer to a request that comes in pieces."""
    peer = Peer(server.open_stream())
    for piece in pieces:
        await peer.send(piece)
        await trio.testing.wait_all_tasks_blocked()
    return (await peer.response()).status


async def everything_answered(server: Server, sent: bytes) -> bytes:
    """All that the server says until it closes."""
    theirs, ours = await tcp_pair()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
            peer = Peer(theirs)
            await peer.send(sent)
            rest = await peer.rest()
            await theirs.aclose()
    return rest


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(plain("GET", "http://x/healthz"), 200, id="absolute URI"),
        pytest.param(plain("GET", "https://other:1/healthz?x"), 200, id="absolute URI of another host"),
        pytest.param(plain("GET", "http://[::1/healthz"), 200, id="absolute URI of no valid host"),
        pytest.param(plain("GET", "http://x", "Connection: close"), 200, id="absolute URI without a path"),
        pytest.param(plain("GET", "ftp://x/healthz"), 404, id="absolute URI of another scheme"),
        pytest.param(plain("GET", "//evil/healthz"), 404, id="two slashes"),
        pytest.param(plain("GET", "///healthz"), 404, id="three slashes"),
        pytest.param(plain("GET", "healthz"), 404, id="no slash"),
        pytest.param(plain("GET", "\\healthz"), 404, id="a backslash"),
        pytest.param(plain("GET", "/%68ealthz"), 404, id="percent-encoded"),
        pytest.param(plain("GET", "/healthz%00"), 404, id="percent-encoded NUL"),
        pytest.param(plain("GET", "/x/../healthz"), 404, id="dots"),
        pytest.param(plain("GET", "/healthz#x"), 404, id="a fragment"),
        pytest.param(plain("GET", "/healthz;x"), 404, id="path parameters"),
        pytest.param(plain("CONNECT", "evil:80"), 404, id="CONNECT"),
        pytest.param(plain("OPTIONS", "*"), 200, id="OPTIONS *"),
        pytest.param(plain("OPTIONS", "/x"), 404, id="OPTIONS of nothing"),
        pytest.param(b"OPTIONS / HTTP/1.0\r\n\r\n", 200, id="the check of HAProxy"),
        pytest.param(plain("get", "/healthz"), 405, id="a method in lower case"),
        pytest.param(plain("GET", "/healthz", version="1.0"), 200, id="HTTP/1.0"),
        pytest.param(b"GET /healthz\r\n\r\n", 400, id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404, id="the preface of HTTP/2"),
        pytest.param(plain("GET", "/healthz", "Upgrade: h2c", "Connection: Upgrade"), 200, id="an upgrade to HTTP/2"),
        pytest.param(HEALTHZ * 3, 200, id="three requests at once"),
        pytest.param(plain("GET", "/healthz", "Content-Length: 5") + b"hello", 200, id="a body on GET"),
        pytest.param(plain("POST", "/x", f"Content-Length: {len(HEALTHZ)}") + HEALTHZ, 404, id="a request in a body"),
        pytest.param(
            plain("POST", "/x", "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + HEALTHZ,
            404,
            id="a length and chunks",
        ),
        pytest.param(plain("POST", "/x", "Content-Length: 5", "Content-Length: 6"), 400, id="two lengths"),
        pytest.param(plain("POST", "/x", "Content-Length: +5"), 400, id="a length with a sign"),
        pytest.param(plain("POST", "/x", "Transfer-Encoding: xchunked"), 501, id="an encoding that does not exist"),
        pytest.param(plain("POST", "/x", "Expect: 100-continue", "Content-Length: 5"), 404, id="Expect: 100-continue"),
        pytest.param(plain("GET", "/healthz", "Host: y"), 400, id="two hosts"),
        pytest.param(plain("GET", "/healthz", "X : a"), 400, id="a blank before the colon"),
        pytest.param(plain("GET", "/healthz", "X: a\x00b"), 400, id="NUL in a header"),
        pytest.param(plain("GET", "/healthz", "X: a\rHost: y"), 400, id="a carriage return alone"),
        pytest.param(plain("GET", "/healthz", "X: a\nY: b"), 400, id="a line feed alone"),
        pytest.param(plain("GET", "/healthz", "X: a", " b"), 400, id="a folded line"),
        pytest.param(b"GET /healthz HTTP/1.1\nHost: x\n\n", 400, id="line feeds alone"),
        pytest.param(plain("GET", "/healthz", "X: a\r"), 400, id="a carriage return too many"),
        pytest.param(plain("GET", "/healthz", "X: a\fb"), 400, id="a form feed in a header"),
        pytest.param(plain("GET", "/healthz", "X: a\vb"), 400, id="a vertical tab in a header"),
        pytest.param(plain("GET", "/h\xe9"), 400, id="a target of no ASCII characters"),
        pytest.param(b"GET\t/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="a tab for a blank"),
        pytest.param(request_head("//evil/"), 404, id="a handshake on two slashes"),
        pytest.param(request_head("/ws/"), 404, id="a handshake on another path"),
        pytest.param(request_head("/%77s"), 404, id="a handshake on a path percent-encoded"),
        pytest.param(request_head().replace(b"/1.1", b"/1.0"), 200, id="a handshake by HTTP/1.0"),
        pytest.param(request_head(content_length="5") + b"hello", 400, id="a handshake with a body"),
        pytest.param(request_head(transfer_encoding="chunked") + b"0\r\n\r\n", 400, id="a handshake in chunks"),
        pytest.param(request_head(origin="https://evil.example") + HEALTHZ, 403, id="a request after a handshake"),
    ],
)
async def test_an_ambiguous_request_is_answered_once(database: Path, sent: bytes, status: int) -> None:
    async with running_server(database) as server:
        answered = await everything_answered(server, sent)
    assert answered.startswith(b"HTTP/1.1 %d " % status), answered
    assert answered.count(b"Content-Length: ") == 1
    head, _, body = answered.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    assert b"Connection: close" in head.split(b"\r\n")


@pytest.mark.parametrize(
    "head", [request_head("http://other/ws"), request_head(expect="100-continue"), request_head(content_length="0")]
)
async def test_a_handshake_may_be_odd(server: Server, head: bytes) -> None:
    peer = Peer(server.open_stream())
    await peer.send(head, request(1))
    assert (await peer.response()).status == 101
    assert (await peer.message())["res"] == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request_head() + request(1), 101),
        (request_head() + b"\x00\v\f\rx", 101),
        (request_head().replace(b"\r\n", b"\n") + b"\x00", 400),
        (request_head(cookie="a\r\n b"), 400),
        (request_head(cookie="a\nb: c"), 400),
        (request_head(cookie="a\rb"), 400),
        (request_head(cookie="a\x00b"), 400),
    ],
)
async def test_a_head_means_the_same_wherever_it_is_cut(server: Server, sent: bytes, status: int) -> None:
    end = sent.index(b"\n\r\n" if b"\r" in sent else b"\n\n") + 3
    for cut in range(end - 30, min(end + 4, len(sent))):
        assert await status_of_pieces(server, sent[:cut], sent[cut:]) == status
