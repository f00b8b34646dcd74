"""Who asks by HTTP: bearer headers and cookies, and pages of other sites."""

from pathlib import Path

import pytest

from gameserver.net.cookies import clear_session_cookie, session_cookie, set_session_cookie
from gameserver.net.head import Head
from tests.support.harness import Server, running_server
from tests.support.http import HttpClient, assert_http_refused, client_of, content
from tests.support.world import HOUR_MS, handshake_status

OWN, ALLOWED, FOREIGN = "http://testserver", "https://play.example", "https://evil.example"
CALL = {"op": 611}


async def cookie_of(server: Server, name: str = "ann") -> dict[str, str]:
    return {"Cookie": f"session={await server.key_of(name)}"}


# Cookies


@pytest.mark.parametrize(
    ("cookies", "is_secure", "found"),
    [
        (["session=a.b_c-d"], False, "a.b_c-d"),
        (["x=1; session=k; y=2"], False, "k"),
        (["x=1", "session=k"], False, "k"),
        (["__Host-session=k; session=other"], True, "k"),
        # A page of another host, or of plain HTTP, can make a browser send any of these.
        (["session=k"], True, None),
        (["__Secure-session=k"], True, None),
        (["__host-session=k"], True, None),
        (["__Host-session=k"], False, None),
        (["session=mine; session=theirs"], False, None),
        (["session=mine", "session=theirs"], False, None),
        (["__Host-session=a; __Host-session=b"], True, None),
        (["=session=k"], False, None),
        (["session"], False, None),
        (["session="], False, None),
        (["Session=k"], False, None),
        (['x="; session=k; y="'], False, "k"),
        (["session=k, session=l"], False, "k, session=l"),
        ([""], False, None),
        ([], False, None),
    ],
)
def test_a_cookie_counts_only_by_its_exact_name_and_only_once(
    cookies: list[str], is_secure: bool, found: str | None
) -> None:
    head = Head("GET", "/", "", {"cookie": cookies} if cookies else {}, b"")
    assert session_cookie(head, is_secure=is_secure) == found


def test_the_cookie_is_for_this_host_and_no_script() -> None:
    assert set_session_cookie("k", 60, is_secure=False) == (
        "Set-Cookie",
        "session=k; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
    )
    assert set_session_cookie("k", 60, is_secure=True)[1] == (
        "__Host-session=k; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )
    assert clear_session_cookie(is_secure=True)[1].startswith("__Host-session=; Path=/; Max-Age=0;")


async def test_a_cookie_tells_who_asks(server: Server) -> None:
    client = HttpClient(server, await cookie_of(server, "provider"))
    opened = await client.post("/r/call/", {"op": 365, "source_name": "Cup"}, Origin=OWN)
    assert content(opened)["res"] == 335


async def test_behind_a_proxy_that_was_asked_by_https_the_cookie_is_that_of_https(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.1",)) as server:
        key = await server.key_of("ann")
        for address, scheme, name, status in [
            ("10.0.0.1", "https", "__Host-session", 200),
            ("10.0.0.1", "https", "session", 401),
            ("10.0.0.1", "http", "session", 200),
            ("10.0.0.1", "https, http", "session", 200),
            ("10.0.0.2", "https", "__Host-session", 401),
        ]:
            client = HttpClient(server, {"Cookie": f"{name}={key}", "X-Forwarded-For": "1.1.1.1"}, address)
            response = await client.post("/r/call/", CALL, Origin=OWN, X_Forwarded_Proto=scheme)
            assert response.status == status, (address, scheme, name)


async def test_a_cookie_of_no_live_session_is_nobodys(server: Server) -> None:
    stale = HttpClient(server, {"Cookie": "session=stale"})
    assert (await stale.get("/r/sources/")).status == 200
    assert_http_refused(await stale.post("/r/call/", CALL, Origin=OWN), 401, "not_logged_in")


@pytest.mark.parametrize("value", ["Bearer x", "Bearer", "Bearer ", "Basic x", "x"])
async def test_a_bearer_header_that_proves_nothing_is_refused_everywhere(server: Server, value: str) -> None:
    client = HttpClient(server, {**await cookie_of(server), "Authorization": value})
    response = await client.get("/r/sources/")
    assert_http_refused(response, 401, "not_logged_in")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_session_that_has_ended_or_expired_is_none(server: Server) -> None:
    socket, client = await server.connect("ann"), await client_of(server, "ann")
    assert (await client.post("/r/call/", CALL)).status == 200
    (session,) = (await socket.call(102))["sessions"]
    assert (await socket.call(103, session_id=session["session_id"]))["res"] == 103
    assert_http_refused(await client.post("/r/call/", CALL), 401, "not_logged_in")
    other = HttpClient(server, {"Authorization": f"Bearer {await server.new_key('ann')}"})
    assert (await other.post("/r/call/", CALL)).status == 200
    server.clock.time_ms += 24 * HOUR_MS
    assert_http_refused(await other.post("/r/call/", CALL), 401, "not_logged_in")


# Pages of other sites


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": OWN}, 200),
        ({"Origin": "http://TESTSERVER:80"}, 200),
        ({"Origin": ALLOWED}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": FOREIGN}, 403),
        ({"Origin": FOREIGN, "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://testserver.evil.example"}, 403),
        ({"Origin": "http://testserver:8080"}, 403),
        ({"Origin": f"{OWN} {FOREIGN}"}, 403),
        ({"Origin": OWN, "origin": FOREIGN}, 403),
        ({"Referer": f"{OWN}/"}, 403),
    ],
)
async def test_a_change_by_cookie_comes_from_the_servers_own_page_or_a_listed_one(
    database: Path, headers: dict[str, str], status: int
) -> None:
    async with running_server(database, allowed_origins=(ALLOWED,)) as server:
        client = HttpClient(server, {**await cookie_of(server), **headers})
        response = await client.post("/r/call/", CALL)
        assert response.status == status
        if status == 403:
            assert_http_refused(response, 403, "not_authorized")


async def test_a_change_by_bearer_header_needs_no_origin_and_no_foreign_one(server: Server) -> None:
    client = await client_of(server, "ann")
    assert (await client.post("/r/call/", CALL)).status == 200
    assert_http_refused(await client.post("/r/call/", CALL, Origin=FOREIGN), 403, "not_authorized")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
@pytest.mark.parametrize("how", ["bearer", "cookie"])
async def test_a_change_that_is_not_said_to_be_json_is_refused(server: Server, how: str, content_type: str) -> None:
    headers = (await client_of(server, "ann")).headers if how == "bearer" else await cookie_of(server)
    client = HttpClient(server, {**headers, "Content-Type": content_type})
    assert_http_refused(await client.post("/r/call/", CALL, Origin=OWN), 415, "bad_request")


async def test_json_may_be_said_with_a_charset(server: Server) -> None:
    client = HttpClient(server, {**await cookie_of(server), "Content-Type": "Application/JSON; charset=utf-8"})
    assert (await client.post("/r/call/", CALL, Origin=OWN)).status == 200


async def test_only_a_page_of_a_listed_origin_may_read_answers(database: Path) -> None:
    async with running_server(database, allowed_origins=(ALLOWED,)) as server:
        client = HttpClient(server)
        listed = await client.get("/r/sources/", Origin=ALLOWED)
        assert listed.headers["access-control-allow-origin"] == ALLOWED
        assert listed.headers["access-control-allow-credentials"] == "true"
        for origin in (OWN, FOREIGN, "null"):
            other = await client.get("/r/sources/", Origin=origin)
            assert other.status == 200
            assert not any(name.startswith("access-control") for name in other.headers)
            assert "Origin" in other.headers["vary"]
        refused = await client.post("/r/call/", CALL, Origin=ALLOWED)
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, ALLOWED)


async def test_a_browser_that_asks_first_is_told_what_a_listed_page_may_send(database: Path) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    async with running_server(database, allowed_origins=(ALLOWED,)) as server:
        client = HttpClient(server, asked)
        told = (await client.ask("OPTIONS", "/r/call/", Origin=ALLOWED)).headers
        assert (told["access-control-allow-origin"], told["access-control-allow-methods"]) == (ALLOWED, "POST, OPTIONS")
        assert "Idempotency-Key" in told["access-control-allow-headers"]
        foreign = (await client.ask("OPTIONS", "/r/call/", Origin=FOREIGN)).headers
        assert "access-control-allow-origin" not in foreign


# WebSockets


async def test_a_cookie_logs_a_websocket_of_an_own_page_on(server: Server) -> None:
    (cookie,) = (await cookie_of(server)).values()
    page = [(b"Cookie", cookie.encode()), (b"Origin", OWN.encode())]
    assert (await (await server.connect(headers=page)).call(611))["res"] == 621
    elsewhere = await server.connect(headers=page[:1])
    assert (await elsewhere.call(611))["code"] == "not_logged_in"
    assert await handshake_status(server, cookie=cookie, origin=FOREIGN) == 403
    assert await handshake_status(server, cookie="session=stale", origin=OWN) == 401
