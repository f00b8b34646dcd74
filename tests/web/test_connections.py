"""HTTP connections: kept, pipelined, slow, idle, ambiguous, and drained."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.realtime.listener import serve_connection
from tests.support.harness import Server, run_inline, running_server
from tests.support.http import HttpClient, assert_http_refused, client_of, content, http_request
from tests.support.wire import Peer, frame, nobody_is_connected, request, request_head

PING = http_request("GET", "/r/sources/")
CALL = {"op": 611}


async def bearer(server: Server) -> dict[str, str]:
    return (await client_of(server, "ann")).headers


async def chunked(server: Server, *chunks: bytes, **headers: str) -> bytes:
    """A call of ann's whose body is sent in chunks as they are."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fixed = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    return http_request("POST", "/r/call/", None, {**await bearer(server), **fixed, **named}) + b"".join(chunks)


# Kept connections


async def test_a_connection_is_kept_and_may_become_a_websocket(server: Server) -> None:
    client = await client_of(server, "ann")
    for _ in range(3):
        response = await client.post("/r/call/", CALL)
        assert (response.status, "connection" in response.headers) == (200, False)
    await client.peer.shake_hands(request(1, 7))
    assert (await client.peer.message())["response_header"]["id"] == 7


@pytest.mark.parametrize("headers", [{"Connection": "close"}, {"Connection": "x, Close"}])
async def test_a_client_may_ask_for_the_end_of_the_connection(server: Server, headers: dict[str, str]) -> None:
    client = HttpClient(server, headers)
    assert (await client.get("/r/sources/")).headers["connection"] == "close"
    await client.peer.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()


async def test_a_client_of_http_1_0_is_answered_once(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.send(b"GET /r/sources/ HTTP/1.0\r\n\r\n" * 2)
    response = await peer.response()
    assert (response.status, response.headers["connection"]) == (200, "close")


async def test_a_check_on_a_kept_connection_is_answered_and_ends_it(server: Server) -> None:
    client = HttpClient(server)
    await client.get("/r/sources/")
    check = await client.get("/healthz")
    assert (check.status, check.headers["connection"]) == (200, "close")


async def test_requests_sent_at_once_are_answered_in_order(server: Server) -> None:
    client = await client_of(server, "ann")
    calls = [{"op": 611, "header": {"id": number}} for number in range(20)]
    await client.peer.send(*(http_request("POST", "/r/call/", call, client.headers) for call in calls), PING)
    for number in range(20):
        assert content(await client.peer.response())["response_header"]["id"] == number
    assert "sources" in content(await client.peer.response())


async def test_a_request_that_comes_byte_by_byte_is_answered(server: Server) -> None:
    client = await client_of(server, "ann")
    for byte in http_request("POST", "/r/call/", CALL, client.headers) + await chunked(server, b"a\r\n", b'{"op":611}'):
        await client.peer.send(bytes([byte]))
        await trio.testing.wait_all_tasks_blocked()
    await client.peer.send(b"\r\n0\r\n\r\n")
    assert [(await client.peer.response()).status for _ in range(2)] == [200, 200]


async def test_a_body_in_chunks_is_read(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.send(await chunked(server, b'4\r\n{"op\r\n', b'6;x=y\r\n":611}\r\n0\r\nTrailer: x\r\n\r\n'), PING)
    assert content(await peer.response())["res"] == 621
    assert (await peer.response()).status == 200


async def test_a_client_that_waits_for_permission_to_send_a_body_gets_it(server: Server) -> None:
    peer = Peer(server.open_stream())
    head, _, body = http_request(
        "POST", "/r/call/", CALL, {**await bearer(server), "Expect": "100-Continue"}
    ).partition(b"\r\n\r\n")
    await peer.send(head + b"\r\n\r\n")
    assert (await peer.response()).status == 100
    await peer.send(body)
    assert (await peer.response()).status == 200
    await peer.send(head + b"\r\n\r\n" + body)  # which did not wait
    assert (await peer.response()).status == 200


async def test_a_body_that_is_too_long_is_refused_before_it_is_asked_for(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.send(http_request("POST", "/r/call/", None, {"Expect": "100-continue", "Content-Length": "65537"}))
    assert_http_refused(await peer.response(), 413, "bad_request")


async def test_a_body_may_have_64_kib_and_not_one_byte_more(server: Server) -> None:
    headers, body = await bearer(server), b'{"op":611}'
    client = HttpClient(server, headers)
    assert (await client.post("/r/call/", body + b" " * (65_536 - len(body)))).status == 200
    too_long = await client.post("/r/call/", body + b" " * (65_537 - len(body)))
    assert_http_refused(too_long, 413, "bad_request")
    assert too_long.headers["connection"] == "close"
    peer = Peer(server.open_stream())
    await peer.send(await chunked(server, b"10001\r\n" + b" " * 65_537 + b"\r\n0\r\n\r\n"))
    assert (await peer.response()).status == 413


async def test_chunks_that_are_mostly_framing_are_refused(server: Server) -> None:
    peer = Peer(server.open_stream())
    chunk = b"1;" + b"x" * 4_000 + b"\r\n \r\n"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.send, await chunked(server, chunk * 150))
        assert (await peer.response()).status == 413
        nursery.cancel_scope.cancel()


# What could be understood in two ways


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(http_request("POST", "/r/call/", b"{}", {"Transfer-Encoding": "chunked"}), id="both lengths"),
        pytest.param(http_request("POST", "/r/call/", None, {"Content-Length": "2, 3"}) + b"{}", id="two lengths"),
        pytest.param(http_request("POST", "/r/call/", None, {"Content-Length": "+2"}) + b"{}", id="a signed length"),
        pytest.param(http_request("POST", "/r/call/", None, {"X": "a\r\n b"}), id="a folded line"),
        pytest.param(PING.replace(b"\r\n", b"\n"), id="line feeds alone"),
        pytest.param(PING.replace(b"\r\nHost", b"\nHost"), id="one line feed alone"),
        pytest.param(PING.replace(b"Host", b"X: a\rHost"), id="a carriage return alone"),
        pytest.param(PING.replace(b"Host: testserver\r\n", b""), id="no host"),
        pytest.param(PING.replace(b"Host:", b"Host :"), id="a blank before the colon"),
        pytest.param(http_request("GET", "/r/sources/", None, {"host": "x"}), id="two hosts"),
        pytest.param(
            PING.replace(b"1.1", b"1.0").replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            id="chunks by HTTP/1.0",
        ),
    ],
)
async def test_an_ambiguous_request_is_refused_and_what_follows_is_no_request(server: Server, sent: bytes) -> None:
    peer = Peer(server.open_stream())
    await peer.send(sent + PING)
    response = await peer.response()
    assert_http_refused(response, 400, "bad_request")
    assert response.headers["connection"] == "close"
    await peer.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("encoding", ["xchunked", "chunked, identity", "gzip, chunked"])
async def test_an_encoding_other_than_chunks_is_refused(server: Server, encoding: str) -> None:
    peer = Peer(server.open_stream())
    await peer.send(http_request("POST", "/r/call/", None, {"Transfer-Encoding": encoding}) + b"0\r\n\r\n" + PING)
    assert (await peer.response()).status == 501


@pytest.mark.parametrize(
    "chunks", [b"g\r\n", b"-1\r\n", b"0x1\r\n \r\n", b"1\r\n  \r\n", b"1\n \n0\n\n", b"1\r\n xx0\r\n\r\n"]
)
async def test_malformed_chunks_are_refused(server: Server, chunks: bytes) -> None:
    peer = Peer(server.open_stream())
    await peer.send(await chunked(server, chunks), PING)
    response = await peer.response()
    assert (response.status, response.headers["connection"]) == (400, "close")


async def test_a_request_within_a_body_is_no_request(server: Server) -> None:
    client = await client_of(server, "ann")
    assert (await client.post("/r/call/", PING)).status == 400  # not JSON
    assert content(await client.post("/r/call/", CALL))["res"] == 621
    await client.peer.send(http_request("GET", "/r/sources/", PING, client.headers))
    assert "sources" in content(await client.peer.response())
    assert content(await client.post("/r/call/", CALL))["res"] == 621


# Time


TIMES: dict[str, Any] = {"http_idle_timeout_s": 30, "handshake_timeout_s": 10, "close_timeout_s": 3}


async def ends_after(peer: Peer, begin: Callable[[], Awaitable[object]], seconds: float) -> None:
    """The server closes the connection so many seconds after this."""
    await begin()
    began_at = trio.current_time()
    assert await peer.rest() == b""
    assert trio.current_time() - began_at == pytest.approx(seconds)


async def test_an_idle_connection_is_closed_after_a_while(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline, max_connections=1, **TIMES) as server:
        client = HttpClient(server)
        await client.get("/r/sources/")
        await trio.sleep(29)

        async def ask() -> None:
            assert (await client.get("/r/sources/")).status == 200

        await ends_after(client.peer, ask, 30)
        assert nobody_is_connected(server.context)


async def test_a_request_begun_on_a_kept_connection_must_arrive_in_time(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline, max_connections=1, **TIMES) as server:
        client = HttpClient(server)
        await client.get("/r/sources/")
        await trio.sleep(20)
        await ends_after(client.peer, lambda: client.peer.send(PING[:10]), 10)
        assert nobody_is_connected(server.context)


async def test_a_body_must_arrive_in_time(database: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with running_server(database, run_sync=run_inline, max_connections=1, **TIMES) as server:
        client = HttpClient(server)
        await client.peer.send(http_request("POST", "/r/call/", None, {"Content-Length": "2"}))
        began_at = trio.current_time()
        for _ in range(3):
            await trio.sleep(3)
            await client.peer.send(b"" if _ else b"{")
        assert_http_refused(await client.peer.response(), 408, "bad_request")
        assert trio.current_time() - began_at == pytest.approx(10)
        assert await client.peer.rest() == b""
        assert nobody_is_connected(server.context)
        assert server.context.metrics.refused["timeout"] == 1


async def test_a_client_that_takes_nothing_of_its_response_is_let_go(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline, max_connections=1, max_blocked_s=20) as server:
        theirs, ours = trio.testing.lockstep_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
            await theirs.send_all(PING)
            await trio.sleep(19)
            assert not nobody_is_connected(server.context)
            await trio.sleep(2)
            assert nobody_is_connected(server.context)


# Limits and draining


async def test_a_kept_connection_counts_among_all(database: Path) -> None:
    async with running_server(database, max_connections=1) as server:
        client = HttpClient(server)
        assert (await client.get("/r/sources/")).status == 200
        assert_http_refused_503(await HttpClient(server, address="other").get("/r/sources/"))
        assert (await HttpClient(server, address="other").get("/healthz")).status == 200
        assert (await client.get("/r/sources/")).status == 200
        await client.peer.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert nobody_is_connected(server.context)
        assert (await HttpClient(server).get("/r/sources/")).status == 200


def assert_http_refused_503(response: Any) -> None:
    assert (response.status, content(response)["code"], response.headers["retry-after"]) == (503, "busy", "5")


async def test_each_client_of_a_proxys_connection_is_counted_at_its_own_address(database: Path) -> None:
    settings: dict[str, Any] = {"trusted_proxies": ("10.0.0.1",), "max_connections_per_address": 1}
    async with running_server(database, **settings, max_requests_per_s_per_address=1) as server:
        proxy = HttpClient(server, address="10.0.0.1")
        for _ in range(2):
            assert (await proxy.get("/r/sources/", X_Forwarded_For="1.1.1.1")).status == 200
        assert (await proxy.get("/r/sources/", X_Forwarded_For="1.1.1.1")).status == 429
        assert (await proxy.get("/r/sources/", X_Forwarded_For="2.2.2.2")).status == 200
        await server.connect("ann", address="1.1.1.1")  # whose place is free again
        assert_http_refused_503(await proxy.get("/r/sources/", X_Forwarded_For="1.1.1.1"))


async def test_a_server_that_drains_closes_idle_connections_and_answers_what_is_in_flight(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, busy = HttpClient(server), await client_of(server, "ann")
    await idle.get("/r/sources/")
    answered, read = trio.Event(), server.context.read

    async def read_late(*arguments: Any) -> bytes:
        await answered.wait()
        return await read(*arguments)

    monkeypatch.setattr(server.context, "read", read_late)
    await busy.peer.send(http_request("POST", "/r/call/", CALL, busy.headers) * 2)
    await trio.testing.wait_all_tasks_blocked()
    server.context.drain()
    assert await idle.peer.rest() == b""
    answered.set()
    response = await busy.peer.response()
    assert (response.status, response.headers["connection"]) == (200, "close")
    late = HttpClient(server)
    assert_http_refused_503(await late.get("/r/sources/"))
    assert (await HttpClient(server).get("/healthz")).status == 200


async def test_at_the_metrics_port_nothing_else_is_answered(database: Path) -> None:
    async with running_server(database, metrics_port=1) as server:
        peer = Peer(server.open_stream(at_metrics_port=True))
        await peer.send(PING)
        assert (await peer.response()).status == 404


async def test_a_path_that_a_proxy_leaves_in_front_is_ignored(database: Path) -> None:
    async with running_server(database, base_path="/game") as server:
        client = HttpClient(server)
        assert (await client.get("/game/r/sources/")).status == 200
        assert (await client.get("/r/sources/")).status == 200


async def test_a_websocket_after_requests_ends_as_any_other(server: Server) -> None:
    client = HttpClient(server)
    await client.get("/r/sources/")
    await client.peer.send(request_head(), frame(8))
    assert (await client.peer.response()).status == 101
    assert (await client.peer.frame()).opcode == 8
    assert await client.peer.rest() == b""
