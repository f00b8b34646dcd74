import hashlib
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.realtime.listener import serve_connection
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import Peer, Response, frame, nobody_is_connected, plain, request, request_head, tcp_pair

CLIENT_HELLO = bytes.fromhex("16030100f8010000f40303") + bytes(range(240))


async def answer(server: Server, *sent: bytes, address: str = "test") -> Response:
    """What the server says to these bytes on a new connection."""
    peer = Peer(server.open_stream(address))
    with trio.fail_after(5):
        for data in sent:
            await peer.send(data)
        response = await peer.response()
        await peer.stream.aclose()
    return response


async def check_that_it_still_serves(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.shake_hands(request(1))
    assert (await peer.message())["res"] == 1


def digest_query(user_id: int, nonce: str, key: str) -> str:
    proof = hashlib.sha256(f"{user_id}{nonce}{key}".encode()).hexdigest()
    return f"/?id={user_id}&n={nonce}&h={proof}"


# What is no proper handshake


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request_head(host="\xff\xfe"), 400, id="Host of bytes that are no text"),
        pytest.param(request_head(host=None), 400, id="no Host"),
        pytest.param(request_head(sec_websocket_key=None), 400, id="no key"),
        pytest.param(request_head(sec_websocket_key="short"), 400, id="a key that is no base64"),
        pytest.param(request_head(sec_websocket_key="AAAA"), 400, id="a key that is too short"),
        pytest.param(request_head(sec_websocket_key="\xff" * 24), 400, id="a key of no ASCII characters"),
        pytest.param(request_head(sec_websocket_version=None), 426, id="no version"),
        pytest.param(request_head(sec_websocket_version="8"), 426, id="another version"),
        pytest.param(request_head(sec_websocket_version="\xb2"), 426, id="a version that is a superscript two"),
        pytest.param(request_head(connection="close"), 400, id="not Connection: Upgrade"),
        pytest.param(request_head("/", "POST", content_length="0"), 400, id="POST"),
        pytest.param(request_head("/", "OPTIONS"), 400, id="OPTIONS"),
        pytest.param(request_head("/elsewhere"), 404, id="an unknown path"),
        pytest.param(request_head(authorization="\xff\xfe"), 401, id="credentials of no known scheme"),
        pytest.param(request_head(authorization="Bearer \xff\xfe"), 401, id="a key of no ASCII characters as bearer"),
        pytest.param(request_head(cookie="x" * 20_000), 431, id="a head of 20 kB"),
        pytest.param(b"x" * 20_000, 431, id="20 kB without a line's end"),
        pytest.param(CLIENT_HELLO, 400, id="TLS"),
        pytest.param(b"\r\n\r\n\r\n\r\n", 400, id="empty lines"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="a line that is no request"),
        pytest.param(b"\x00" * 100, 400, id="zeros"),
    ],
)
async def test_what_is_no_handshake_is_refused_and_the_server_goes_on(server: Server, sent: bytes, status: int) -> None:
    response = await answer(server, sent)
    assert response.status == status, response
    assert set(msgspec.json.decode(response.body)) == {"msg", "code", "field"}
    await check_that_it_still_serves(server)


async def test_another_version_is_told_the_right_one(server: Server) -> None:
    response = await answer(server, request_head(sec_websocket_version="8"))
    assert (response.status, response.headers["sec-websocket-version"]) == (426, "13")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(request_head(sec_websocket_protocol="\xff\xfe"), id="a protocol of no ASCII characters"),
        pytest.param(request_head(sec_websocket_protocol="chat, game"), id="protocols"),
        pytest.param(request_head(sec_websocket_extensions="\xff"), id="an extension of no ASCII characters"),
        pytest.param(request_head(user_agent="Zo\xeb"), id="another header of no ASCII characters"),
        pytest.param(request_head(upgrade="WebSocket", connection="keep-alive, UPGRADE"), id="other letters"),
        pytest.param(request_head("/ws"), id="the other path"),
        pytest.param(request_head("/?x=%ff&y"), id="a query with bytes that are no text"),
    ],
)
async def test_what_the_server_does_not_use_is_no_obstacle(server: Server, head: bytes) -> None:
    peer = Peer(server.open_stream())
    await peer.send(head, request(1))
    response = await peer.response()
    assert response.status == 101
    assert not {"sec-websocket-protocol", "sec-websocket-extensions"} & set(response.headers)
    assert (await peer.message())["res"] == 1


async def test_the_key_is_answered_as_the_rfc_says(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.send(request_head(sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ=="))
    assert (await peer.response()).headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_a_handshake_that_comes_byte_by_byte_is_accepted(server: Server) -> None:
    peer = Peer(server.open_stream())
    for byte in request_head():
        await peer.send(bytes([byte]))
        await trio.lowlevel.checkpoint()
    assert (await peer.response()).status == 101


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", frame(1, b"{}")])
async def test_who_does_not_send_a_whole_head_in_time_is_cut_off(
    database: Path, autojump_clock: trio.testing.MockClock, sent: bytes
) -> None:
    async with running_server(database, run_sync=run_inline, max_connections=1, handshake_timeout_s=7) as server:
        started_at = trio.current_time()
        peer = Peer(server.open_stream())
        await peer.send(sent)
        await peer.rest()
        assert trio.current_time() - started_at == pytest.approx(7, abs=0.1)
        await trio.testing.wait_all_tasks_blocked()
        assert nobody_is_connected(server.context)


async def test_a_head_that_trickles_is_cut_off_in_time_too(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running_server(database, run_sync=run_inline, handshake_timeout_s=7) as server:
        peer = Peer(server.open_stream())

        async def trickle() -> None:
            for byte in request_head():
                await peer.send(bytes([byte]))
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trickle)
            started_at = trio.current_time()
            assert b"101" not in await peer.rest()
            assert trio.current_time() - started_at == pytest.approx(7, abs=0.1)
            nursery.cancel_scope.cancel()


async def test_a_refusal_reaches_a_client_that_still_sends(server: Server) -> None:
    theirs, ours = await tcp_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_connection, server.context, ours, "test", nursery)
        peer = Peer(theirs)
        await peer.send(b"POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"#" * 100_000)
        assert (await peer.response()).status == 404
        await theirs.aclose()


# Origins


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("http://play.example:9999", 101),
        ("https://play.example:9999", 101),
        ("HTTP://Play.Example:9999", 101),
        ("https://friend.example", 101),
        ("http://friend.example", 403),
        ("https://friend.example.evil.example", 403),
        ("http://play.example", 403),
        ("http://play.example:9998", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("http://play.example:9999.evil.example", 403),
        ("http://play.example:9999@evil.example", 403),
        ("http://evil.example/http://play.example:9999", 403),
        ("http://play.example.:9999", 403),
        ("http://play.example:9999/", 403),
        ("http://notplay.example:9999", 403),
        ("http://xn--ply-1na.example:9999", 403),
        ("http://pl\xe4y.example:9999", 403),
        ("http://play.example:9999, https://evil.example", 403),
        ("https://evil.example https://friend.example", 403),
        ("ws://play.example:9999", 403),
        ("\xff", 403),
    ],
)
async def test_only_the_servers_own_and_listed_origins_may_connect(
    database: Path, origin: str | None, status: int
) -> None:
    async with running_server(database, allowed_origins=("https://friend.example",)) as server:
        headers = {} if origin is None else {"origin": origin}
        peer = Peer(server.open_stream())
        await peer.send(request_head(host="play.example:9999", **headers))
        assert (await peer.response()).status == status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("play.example", "https://play.example:443", 101),
        ("play.example:443", "https://play.example", 101),
        ("play.example:443", "https://play.example:443", 101),
        ("play.example:80", "http://play.example", 101),
        ("play.example", "http://play.example:80", 101),
        ("[::1]:443", "https://[::1]", 101),
        ("play.example:443", "http://play.example", 403),
        ("play.example:80", "https://play.example", 403),
        ("play.example", "http://play.example:443", 403),
        ("play.example:8443", "https://play.example", 403),
        ("play.example", "https://play.example:4433", 403),
        ("other.example", "https://friend.example", 101),
        ("other.example", "https://friend.example:443", 101),
        ("other.example", "https://xn--strae-oqa.example:8443", 101),
        ("other.example", "https://friend.example:444", 403),
    ],
)
async def test_the_schemes_default_port_may_be_written_or_not(
    database: Path, host: str, origin: str, status: int
) -> None:
    allowed = ("https://Friend.example:443/", "https://straße.example:8443")
    async with running_server(database, allowed_origins=allowed) as server:
        assert (await answer(server, request_head(host=host, origin=origin))).status == status


async def test_the_log_names_the_origin_that_was_refused(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await answer(server, request_head(host="play.example", origin="https://evil.example\x7f" + "x" * 1000))
    (record,) = [record for record in caplog.records if getattr(record, "event", None) == "refused"]
    assert record.__dict__["fields"]["origin"] == "https://evil.example\x7f" + "x" * 179


async def test_a_foreign_origin_is_refused_with_the_right_credentials_too(server: Server) -> None:
    key = await server.key_of("ann")
    response = await answer(server, request_head(origin="https://evil.example", authorization=f"Bearer {key}"))
    assert response.status == 403


# Credentials


async def test_a_digest_opens_the_socket_once(server: Server) -> None:
    ann = await server.add_user("ann")
    path = digest_query(ann["id"], "once", ann["session_key"])
    peer = Peer(server.open_stream())
    await peer.send(request_head(path), request(611))
    assert (await peer.response()).status == 101
    assert (await peer.message())["res"] == 621
    assert (await answer(server, request_head(path))).status == 401


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/?id=1&n=x&h=" + "0" * 64, id="a wrong digest"),
        pytest.param("/?id=2&n=x&h=" + "0" * 64, id="an unknown user"),
        pytest.param("/?id=1&n=x", id="no digest"),
        pytest.param("/?id=1&h=" + "0" * 64, id="no nonce"),
        pytest.param("/?id=&n=&h=", id="nothing in them"),
        pytest.param("/?id=one&n=x&h=" + "0" * 64, id="an id that is no number"),
        pytest.param("/?id=%C2%B2&n=x&h=" + "0" * 64, id="an id that is a superscript two"),
        pytest.param("/?id=" + "9" * 30 + "&n=x&h=" + "0" * 64, id="an id that is too large"),
        pytest.param("/?id=1&n=" + "x" * 65 + "&h=" + "0" * 64, id="a nonce that is too long"),
        pytest.param("/?id=1&id=1&n=x&h=" + "0" * 64, id="two ids"),
        pytest.param("/?id=1&n=x&h=%ff%00", id="a digest of bytes that are no text"),
    ],
)
async def test_a_digest_that_proves_nobody_is_refused_with_401(server: Server, path: str) -> None:
    await server.add_user("ann")
    response = await answer(server, request_head(path))
    assert response.status == 401
    assert msgspec.json.decode(response.body)["code"] == "not_logged_in"


async def test_an_upper_case_digest_is_refused(server: Server) -> None:
    ann = await server.add_user("ann")
    path, _, proof = digest_query(ann["id"], "once", ann["session_key"]).rpartition("=")
    assert (await answer(server, request_head(f"{path}={proof.upper()}"))).status == 401
    assert (await answer(server, request_head(f"{path}={proof}"))).status == 101


@pytest.mark.parametrize("value", ["Bearer nonsense", "Bearer a.b", "Bearer ", "Bearer", "Basic YTpi", ""])
async def test_a_key_that_proves_nobody_is_refused_with_401(server: Server, value: str) -> None:
    await server.add_user("ann")
    assert (await answer(server, request_head(authorization=value))).status == 401


# Limits and paths


async def test_over_the_limit_of_connections_the_answer_is_503(database: Path) -> None:
    async with running_server(database, max_connections=2, max_connections_per_address=1) as server:
        first = await server.connect("ann", address="a")
        over_address = await answer(server, request_head(), address="a")
        await server.connect("ann", address="b")
        over_all = await answer(server, request_head(), address="c")
        for response in (over_address, over_all):
            assert (response.status, int(response.headers["retry-after"]) > 0) == (503, True)
        await first.socket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        await server.connect("ann", address="a")


async def test_a_tls_handshake_that_fails_is_counted_among_the_refused(server: Server) -> None:
    class Failing:
        def secure(self, transport: trio.abc.Stream) -> "Failing":
            self.aclose = transport.aclose
            return self

        async def do_handshake(self) -> None:
            raise trio.BrokenResourceError

    server.context.certificate = Failing()  # type: ignore[assignment]
    assert await server.open_stream().receive_some() == b""
    assert server.context.metrics.refused["tls"] == 1


async def test_while_the_database_cannot_be_read_the_answer_is_503(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*arguments: object, **parameters: object) -> None:
        raise Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be read now")

    monkeypatch.setattr("gameserver.engine.sessions.get_session", unreadable)
    response = await answer(server, request_head(authorization=f"Bearer {await server.key_of('ann')}"))
    assert (response.status, int(response.headers["retry-after"]) > 0) == (503, True)
    assert b"storage_unavailable" in response.body


@pytest.mark.parametrize("source", ["00000000-0000-0000-0000-000000000000", "nonsense", ""])
async def test_who_has_not_logged_on_learns_of_no_source_and_costs_no_read(
    server: Server, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    looked_up: list[str] = []
    monkeypatch.setattr("gameserver.realtime.context.find_source", lambda connection, uuid: looked_up.append(uuid))
    path = f"/?source={source}"
    assert (await answer(server, request_head(path))).status == 101
    assert (await answer(server, request_head(path, authorization="Bearer nonsense"))).status == 401
    assert (await answer(server, request_head(f"{path}&id=1&n=x&h={'0' * 64}"))).status == 401
    assert looked_up == []
    key = await server.key_of("ann")
    assert (await answer(server, request_head(path, authorization=f"Bearer {key}"))).status == 404
    assert looked_up == [source]


async def test_a_user_has_at_most_so_many_connections(database: Path) -> None:
    async with running_server(database, max_connections_per_user=2) as server:
        key, ann = await server.key_of("ann"), [await server.connect("ann") for _ in range(2)]
        response = await answer(server, request_head(authorization=f"Bearer {key}"))
        assert (response.status, int(response.headers["retry-after"]) > 0) == (503, True)
        await server.connect("bob")
        late = await server.connect()
        reply = await late.call(100, header={"session_key": key})
        assert (reply["res"], reply["reason"]) == (110, "too_many_connections")
        assert (await late.call(611))["code"] == "not_logged_in"
        await ann[0].socket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await late.call(100, header={"session_key": key}))["res"] == 100
        assert (await answer(server, request_head(authorization=f"Bearer {key}"))).status == 503


async def test_of_many_handshakes_at_once_no_more_than_may_be_are_accepted(database: Path) -> None:
    async with running_server(database, max_connections_per_user=3) as server:
        head = request_head(authorization=f"Bearer {await server.key_of('ann')}")
        peers = [Peer(server.open_stream()) for _ in range(10)]
        async with trio.open_nursery() as nursery:
            for peer in peers:
                nursery.start_soon(peer.send, head)
        statuses = [(await peer.response()).status for peer in peers]
        assert sorted(statuses) == [101] * 3 + [503] * 7


@pytest.mark.parametrize("path", ["/nothing", "/healthz//", "/r/", "/..%2f", "//healthz", "/x?/", "*"])
async def test_an_unknown_path_is_answered_with_404(server: Server, path: str) -> None:
    response = await answer(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert response.status == 404
    assert response.headers["content-type"] == "application/json"
    assert len(response.body) == int(response.headers["content-length"])


async def test_a_server_that_drains_is_healthy_and_not_ready(server: Server) -> None:
    for path in ("/healthz", "/readyz"):
        response = await answer(server, plain("GET", path))
        assert (response.status, msgspec.json.decode(response.body)) == (200, {"status": "ok"})
    server.context.draining = True
    response = await answer(server, plain("GET", "/healthz"))
    assert (response.status, msgspec.json.decode(response.body)) == (200, {"status": "draining"})
    response = await answer(server, plain("GET", "/readyz"))
    assert (response.status, msgspec.json.decode(response.body)) == (503, {"status": "draining"})
    assert "retry-after" in response.headers
    handshake = await answer(server, request_head())
    assert (handshake.status, "retry-after" in handshake.headers) == (503, True)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_an_endpoint_may_have_a_last_slash(server: Server, path: str) -> None:
    local = {"Host": "127.0.0.1"}
    responses = [await answer(server, plain("GET", path + end, **local), address="127.0.0.1") for end in ("", "/")]
    assert [response.status for response in responses] == [200, 200]


@pytest.mark.parametrize("base_path", ["/game", "/game/"])
async def test_a_path_that_a_proxy_leaves_in_front_is_passed_over(database: Path, base_path: str) -> None:
    async with running_server(database, base_path=base_path) as server:
        for path in ("/", "/ws", "/game", "/game/", "/game/ws", "/game/?x", "/game/ws?x"):
            assert (await answer(server, request_head(path))).status == 101, path
        for path in ("/healthz", "/game/healthz", "/game/readyz/"):
            assert (await answer(server, plain("GET", path))).status == 200, path
        for path in ("/games", "/games/ws", "/game//", "/GAME/ws", "/game/game/ws", "/x/game/ws", "/game%2fws"):
            assert (await answer(server, request_head(path))).status == 404, path


@pytest.mark.parametrize("base_path", ["", "/"])
async def test_nothing_in_front_is_passed_over_where_nothing_is_left(database: Path, base_path: str) -> None:
    async with running_server(database, base_path=base_path) as server:
        assert (await answer(server, request_head("/ws"))).status == 101
        assert (await answer(server, request_head("//ws"))).status == 404


@pytest.mark.parametrize("path", ["/", "/ws", "*", "/healthz", "/readyz/", "/metrics"])
async def test_options_are_told_of_what_there_is(server: Server, path: str) -> None:
    response = await answer(server, plain("OPTIONS", path))
    assert (response.status, response.headers["allow"], response.body) == (200, "GET, HEAD, OPTIONS", b"")


async def test_healthz_with_a_query_is_still_healthz(server: Server) -> None:
    assert (await answer(server, plain("GET", "/healthz?now"))).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(plain("GET", "/healthz"), id="something"),
        pytest.param(plain("GET", "/nothing"), id="nothing"),
        pytest.param(plain("GET", "/metrics"), id="what is not for everybody"),
        pytest.param(plain("GET", "/healthz", **{"X-Forwarded-For": "nonsense"}), id="a refusal by a header"),
        pytest.param(request_head(connection="close"), id="a handshake"),
    ],
)
async def test_head_is_answered_like_get_without_a_body(
    database: Path, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gameserver.net.responses.formatdate", lambda **_: "Fri, 18 Nov 2022 16:00:00 GMT")
    responses = []
    async with running_server(database, trusted_proxies=("10.0.0.1",)) as server:
        for data in (sent, sent.replace(b"GET", b"HEAD", 1)):
            theirs, ours = await tcp_pair()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_connection, server.context, ours, "10.0.0.1", nursery)
                peer = Peer(theirs)
                await peer.send(data)
                responses.append((await peer.rest()).partition(b"\r\n\r\n"))
                await theirs.aclose()
    (get_head, _, body), (head_head, _, nothing) = responses
    assert get_head == head_head
    assert (bool(body), nothing) == (True, b"")


async def test_another_method_is_told_which_are_allowed(server: Server) -> None:
    response = await answer(server, b"DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
