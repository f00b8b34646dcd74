"""Accounts by HTTP: coming in, passwords, who one is, and leaving."""

from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from gameserver.engine import passwords
from tests.operations.test_betting import balances
from tests.support.harness import START_MS, FakeClock, Server, running_server
from tests.support.http import HttpClient, assert_http_refused, content
from tests.support.settling import accepted
from tests.support.wire import Response
from tests.support.world import DAY_MS, HOUR_MS, bearer

PASSWORD = "correct horse"
HERE, PUBLIC = "127.0.0.1", "8.8.8.8"
OWN = "http://testserver"
ANN = {"username": "ann", "password": PASSWORD}

# Each endpoint, with a body that is accepted of somebody who has come in by it or as "ann".
ENTRANCES: list[tuple[str, dict[str, Any]]] = [
    ("/r/signup/", {"username": "bob", "password": PASSWORD}),
    ("/r/guest/", {}),
    ("/r/login/", ANN),
]
OF_USERS: list[tuple[str, str, Any]] = [
    ("POST", "/r/cookie/", {}),
    ("POST", "/r/logout/", {}),
    ("POST", "/r/password/", {"old": PASSWORD, "new": "another horse"}),
    ("GET", "/r/me/", None),
    ("POST", "/r/delete/", {"password": PASSWORD}),
]
WITH_PASSWORDS = [
    ("/r/signup/", {"username": "bob", "password": PASSWORD}),
    ("/r/login/", ANN),
    ("/r/password/", {"old": PASSWORD, "new": "another horse"}),
    ("/r/delete/", {"password": PASSWORD}),
]


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with as little work as argon2 can."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def visitor(server: Server, headers: dict[str, str] | None = None, address: str = HERE) -> HttpClient:
    """Somebody whom nobody knows yet."""
    return HttpClient(server, headers, address)


async def enter(server: Server, path: str = "/r/signup/", body: dict[str, Any] = ANN) -> dict[str, Any]:
    """Come in; what is answered."""
    response = await visitor(server).post(path, body)
    assert response.status == 200, response
    entered: dict[str, Any] = content(response)
    return entered


def by_key(server: Server, entered: dict[str, Any], address: str = HERE) -> HttpClient:
    """Who has come in, by the bearer header."""
    return visitor(server, {"Authorization": f"Bearer {entered['user_session_key']}"}, address)


def cookie_in(response: Response) -> str:
    """The cookie that a response sets, without its attributes."""
    return response.headers["set-cookie"].partition(";")[0]


# Coming in


@pytest.mark.parametrize(("path", "body"), ENTRANCES)
async def test_who_comes_in_gets_a_key_and_a_cookie_that_are_good_everywhere(
    server: Server, path: str, body: dict[str, Any]
) -> None:
    await enter(server)
    response = await visitor(server).post(path, body)
    entered = content(response)
    is_guest = path == "/r/guest/"
    assert set(entered) == {"username", "id", "user_session_key", "is_guest"}
    assert (response.status, entered["is_guest"]) == (200, is_guest)
    key, max_age_s = entered["user_session_key"], 30 * 86_400 if is_guest else 86_400
    set_cookie = response.headers["set-cookie"]
    assert set_cookie == f"session={key}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax"
    assert response.headers["cache-control"] == "no-store"
    cookie = {"Cookie": cookie_in(response)}
    for headers in ({"Authorization": f"Bearer {key}"}, cookie):
        me = content(await visitor(server, headers).get("/r/me/"))
        assert (me["id"], me["username"]) == (entered["id"], entered["username"])
    socket = await server.connect(headers=bearer(key))
    assert await balances(socket) == (1000, 1000, 0)
    page = [(b"Cookie", cookie["Cookie"].encode()), (b"Origin", OWN.encode())]
    assert (await (await server.connect(headers=page)).call(611))["res"] == 621


async def test_a_guest_chooses_a_name(server: Server) -> None:
    assert (await enter(server, "/r/guest/", {"username": "Zoe"}))["username"] == "Zoe"
    again = await visitor(server).post("/r/guest/", {"username": "zoe"})
    assert_http_refused(again, 409, "conflict", "username")


async def test_an_address_for_mail_is_accepted_and_kept_nowhere(server: Server, database: Path) -> None:
    await enter(server, body={**ANN, "email": "ann@mail.example"})
    assert b"mail.example" not in b"".join(path.read_bytes() for path in database.parent.iterdir() if path.is_file())


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize(("path", "body"), ENTRANCES)
async def test_a_path_is_answered_with_and_without_its_end(
    server: Server, path: str, body: dict[str, Any], end: str
) -> None:
    await enter(server)
    assert (await visitor(server).post(path.removesuffix("/") + end, body)).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("/r/signup/", {}, 400, "missing_parameter", "username"),
        ("/r/signup/", {"username": "bob"}, 400, "missing_parameter", "password"),
        ("/r/signup/", {"username": "bob", "password": ""}, 400, "missing_parameter", "password"),
        ("/r/signup/", {"username": "bob", "password": "short"}, 400, "invalid_parameter", "password"),
        ("/r/signup/", {"username": "bob", "password": 12345678}, 400, "invalid_parameter", "password"),
        ("/r/signup/", {"username": "b o b", "password": PASSWORD}, 400, "invalid_parameter", "username"),
        ("/r/signup/", {"username": "<b>", "password": PASSWORD}, 400, "invalid_parameter", "username"),
        ("/r/signup/", {"username": "bob\u0000", "password": PASSWORD}, 400, "invalid_parameter", "username"),
        ("/r/signup/", {"username": ["bob"], "password": PASSWORD}, 400, "invalid_parameter", "username"),
        ("/r/signup/", {"username": "ANN", "password": PASSWORD}, 409, "conflict", "username"),
        ("/r/signup/", {**ANN, "is_admin": True}, 400, "invalid_parameter", "is_admin"),
        ("/r/guest/", {"username": "a b"}, 400, "invalid_parameter", "username"),
        ("/r/guest/", {"name": "bob"}, 400, "invalid_parameter", "name"),
        ("/r/login/", {"username": "ann"}, 400, "missing_parameter", "password"),
        ("/r/login/", {"username": "ann", "password": "wrong horse"}, 401, "not_logged_in", None),
        ("/r/login/", {"username": "nobody", "password": "wrong horse"}, 401, "not_logged_in", None),
        ("/r/login/", b"nonsense", 400, "bad_json", None),
        ("/r/login/", [], 400, "bad_request", None),
        ("/r/login/", b"[}", 400, "bad_json", None),
        ("/r/login/", b"[" * 60_000, 400, "bad_json", None),
        ("/r/login/", b'{"username": "ann", "password": "' + b"\\ud800" * 8 + b'"}', 400, "bad_json", None),
    ],
)
async def test_who_cannot_come_in_so_is_told_why(
    server: Server, path: str, body: Any, status: int, code: str, field: str | None
) -> None:
    await enter(server)
    response = await visitor(server).post(path, body)
    assert_http_refused(response, status, code, field)
    assert "set-cookie" not in response.headers


async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(server: Server) -> None:
    await enter(server)
    answers = [
        await visitor(server).post("/r/login/", {"username": name, "password": password})
        for name, password in (("ann", "wrong horse"), ("ann", "x"), ("nobody", "wrong horse"), ("a b", PASSWORD))
    ]
    assert (
        len(
            {
                (it.status, it.body, *(it.headers[name] for name in sorted(it.headers) if name != "date"))
                for it in answers
            }
        )
        == 1
    )


async def test_hostile_passwords_are_passwords(server: Server) -> None:
    hostile = ["'; DROP TABLE users; --", "\u0000" * 8, "\u202e" * 8, "\U0001f469\u200d\U0001f467" * 4, "%s%n{0}${x}"]
    for number, password in enumerate(hostile):
        entered = await enter(server, body={"username": f"u{number}", "password": password})
        again = await enter(server, "/r/login/", {"username": f"u{number}", "password": password})
        assert again["id"] == entered["id"]


@pytest.mark.parametrize(("path", "setting"), [("/r/signup/", {"signup": "closed"}), ("/r/guest/", {"guests": False})])
async def test_what_the_operator_has_closed_is_refused(database: Path, path: str, setting: dict[str, Any]) -> None:
    async with running_server(database, **setting) as server:
        body = ANN if path == "/r/signup/" else {}
        assert_http_refused(await visitor(server).post(path, body), 403, "not_authorized")


async def test_too_many_failures_or_accounts_are_told_when_to_try_again(database: Path) -> None:
    async with running_server(database, max_failed_logins_per_user=2, max_signups_per_address_per_h=2) as server:
        await enter(server)
        await enter(server, "/r/guest/", {})
        refused = await visitor(server).post("/r/signup/", {"username": "bob", "password": PASSWORD})
        assert_http_refused(refused, 429, "rate_limited")
        assert 3590 <= int(refused.headers["retry-after"]) <= 3600
        for _ in range(2):
            wrong = await visitor(server).post("/r/login/", {**ANN, "password": "wrong horse"})
            assert_http_refused(wrong, 401, "not_logged_in")
        refused = await visitor(server).post("/r/login/", ANN)
        assert_http_refused(refused, 429, "rate_limited")
        assert 890 <= int(refused.headers["retry-after"]) <= 900


async def test_requests_of_nobody_are_limited_by_address(database: Path) -> None:
    async with running_server(database, max_requests_per_s_per_address=1) as server:
        client = visitor(server)
        statuses = [(await client.post("/r/login/", {"username": "x", "password": "y"})).status for _ in range(4)]
        assert statuses[0] == 401
        assert 429 in statuses


# Where passwords may come from


@pytest.mark.parametrize(("path", "body"), WITH_PASSWORDS)
@pytest.mark.parametrize(
    ("address", "settings", "headers", "is_taken"),
    [
        (HERE, {}, {}, True),
        ("::1", {}, {}, True),
        ("192.168.1.7", {}, {}, True),
        ("10.9.8.7", {}, {}, True),
        ("fd00::1", {}, {}, True),
        (PUBLIC, {}, {}, False),
        ("2001:4860::8888", {}, {}, False),
        (PUBLIC, {"allow_plain_passwords": True}, {}, True),
        ("10.0.0.1", {"trusted_proxies": ("10.0.0.1",)}, {"X-Forwarded-For": PUBLIC}, False),
        (
            "10.0.0.1",
            {"trusted_proxies": ("10.0.0.1",)},
            {"X-Forwarded-For": PUBLIC, "X-Forwarded-Proto": "https"},
            True,
        ),
        (PUBLIC, {}, {"X-Forwarded-Proto": "https"}, False),
    ],
)
async def test_a_password_is_taken_only_where_nobody_on_the_way_reads_it(
    database: Path,
    path: str,
    body: dict[str, Any],
    address: str,
    settings: dict[str, Any],
    headers: dict[str, str],
    is_taken: bool,
) -> None:
    async with running_server(database, **settings) as server:
        entered = await enter(server)
        key = {"Authorization": f"Bearer {entered['user_session_key']}"}
        response = await visitor(server, {**headers, **key}, address).post(path, body)
        if is_taken:
            assert response.status == 200
        else:
            assert_http_refused(response, 403, "not_authorized")
            assert "HTTPS" in content(response)["msg"]


async def test_a_guest_comes_in_over_plain_http_from_anywhere(server: Server) -> None:
    assert (await visitor(server, address=PUBLIC).post("/r/guest/", {})).status == 200


async def test_the_cookie_of_https_is_for_this_host_alone(database: Path) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.1",)) as server:
        headers = {"X-Forwarded-For": PUBLIC, "X-Forwarded-Proto": "https"}
        response = await visitor(server, headers, "10.0.0.1").post("/r/signup/", ANN)
        assert response.headers["set-cookie"].startswith("__Host-session=")
        assert response.headers["set-cookie"].endswith("; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure")


# Who one is


async def test_a_user_reads_who_it_is_and_what_it_has(server: Server) -> None:
    entered = await enter(server)
    response = await by_key(server, entered).get("/r/me/")
    assert content(response) == {
        "id": 1,
        "user_id": 1,
        "username": "ann",
        "is_guest": False,
        "is_provider": False,
        "is_admin": False,
        "has_password": True,
        "created_at": START_MS,
        "balances": {"DON": {"current_balance": 1000, "available_balance": 1000}},
    }
    assert response.headers["cache-control"] == "no-store"
    admin = visitor(server, {"Authorization": f"Bearer {await server.key_of('admin')}"})
    me = content(await admin.get("/r/me/"))
    assert (me["is_admin"], me["has_password"]) == (True, False)


async def test_who_asks_is_told_or_that_it_is_nobody(server: Server) -> None:
    entered = await enter(server)
    ann = by_key(server, entered)
    assert content(await ann.get("/r/session/")) == {"user": content(await ann.get("/r/me/"))}
    socket = await server.connect(headers=bearer(entered["user_session_key"]))
    view = (await accepted(socket, 101))["session_key"]
    for headers in ({}, {"Cookie": "session=nonsense"}, {"Authorization": f"Bearer {view}"}):
        assert content(await visitor(server, headers).get("/r/session/")) == {"user": None}


async def test_a_guests_cookie_is_renewed_with_its_session(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        response = await visitor(server).post("/r/guest/", {})
        cookie = {"Cookie": cookie_in(response)}
        clock.time_ms += 20 * DAY_MS
        for path in ("/r/me/", "/r/session/"):
            again = await visitor(server, cookie).get(path)
            assert cookie_in(again) == cookie["Cookie"]
            assert f"Max-Age={30 * 86_400};" in again.headers["set-cookie"]
        full = await visitor(server, {"Cookie": cookie_in(await visitor(server).post("/r/signup/", ANN))}).get("/r/me/")
        assert "set-cookie" not in full.headers
    clock.time_ms += 29 * DAY_MS
    async with running_server(database, clock) as server:
        assert (await visitor(server, cookie).get("/r/me/")).status == 200


@pytest.mark.parametrize(("method", "path", "body"), OF_USERS)
async def test_what_is_of_users_is_refused_to_nobody_to_view_keys_and_to_other_sites(
    server: Server, method: str, path: str, body: Any
) -> None:
    entered = await enter(server)
    assert_http_refused(await visitor(server).ask(method, path, body), 401, "not_logged_in")
    socket = await server.connect(headers=bearer(entered["user_session_key"]))
    view = (await accepted(socket, 101))["session_key"]
    seen = await visitor(server, {"Authorization": f"Bearer {view}"}).ask(method, path, body)
    assert_http_refused(seen, 403, "not_authorized")
    if method == "POST":
        cookie = {"Cookie": f"session={entered['user_session_key']}"}
        for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert_http_refused(
                await visitor(server, {**cookie, **headers}).ask(method, path, body), 403, "not_authorized"
            )
        form = await visitor(server, {**cookie, "Origin": OWN, "Content-Type": "text/plain"}).ask(method, path, body)
        assert_http_refused(form, 415, "bad_request")
        assert (await visitor(server, {**cookie, "Origin": OWN}).ask(method, path, body)).status == 200


@pytest.mark.parametrize(("path", "body"), ENTRANCES)
async def test_no_page_of_another_site_brings_anybody_in(server: Server, path: str, body: dict[str, Any]) -> None:
    await enter(server)
    response = await visitor(server, {"Origin": "https://evil.example"}).post(path, body)
    assert_http_refused(response, 403, "not_authorized")
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", [*(path for path, _ in ENTRANCES), *(path for _, path, _ in OF_USERS)])
async def test_other_methods_are_told_which_there_are(server: Server, path: str) -> None:
    method = "DELETE" if path == "/r/me/" else "GET"
    response = await visitor(server).ask(method, path)
    assert response.status == 405
    assert ("GET" if path == "/r/me/" else "POST") in response.headers["allow"]


# Leaving


async def test_logging_out_ends_the_session_its_sockets_and_the_cookie(server: Server) -> None:
    entered = await enter(server)
    other = await enter(server, "/r/login/")
    socket = await server.connect(headers=bearer(entered["user_session_key"]))
    kept = await server.connect(headers=bearer(other["user_session_key"]))
    response = await by_key(server, entered).post("/r/logout/", {})
    assert (response.status, content(response)) == (200, {})
    assert response.headers["set-cookie"].startswith("session=; Path=/; Max-Age=0;")
    assert await socket.close_code() == 4002
    assert (await kept.call(1))["res"] == 1
    assert_http_refused(await by_key(server, entered).get("/r/me/"), 401, "not_logged_in")


async def test_a_new_password_ends_the_other_sessions_with_4002(server: Server) -> None:
    entered = await enter(server)
    other = await server.connect(headers=bearer((await enter(server, "/r/login/"))["user_session_key"]))
    client = by_key(server, entered)
    assert_http_refused(await client.post("/r/password/", {"new": "another horse"}), 400, "missing_parameter", "old")
    wrong = {"old": "wrong horse", "new": "another horse"}
    assert_http_refused(await client.post("/r/password/", wrong), 403, "not_authorized", "old")
    short = {"old": PASSWORD, "new": "x"}
    assert_http_refused(await client.post("/r/password/", short), 400, "invalid_parameter", "new")
    response = await client.post("/r/password/", {"old": PASSWORD, "new": "another horse"})
    assert content(response) == {"username": "ann", "id": 1, "is_guest": False}
    assert await other.close_code() == 4002
    assert (await client.get("/r/me/")).status == 200
    assert_http_refused(await visitor(server).post("/r/login/", ANN), 401, "not_logged_in")
    assert (await visitor(server).post("/r/login/", {**ANN, "password": "another horse"})).status == 200


async def test_a_guest_becomes_an_account_and_takes_a_free_name(server: Server) -> None:
    await enter(server)
    guest = await enter(server, "/r/guest/", {})
    client = by_key(server, guest)
    taken = await client.post("/r/password/", {"new": PASSWORD, "username": "Ann"})
    assert_http_refused(taken, 409, "conflict", "username")
    invalid = await client.post("/r/password/", {"new": PASSWORD, "username": "a b"})
    assert_http_refused(invalid, 400, "invalid_parameter", "username")
    became = await client.post("/r/password/", {"new": PASSWORD, "username": "zoe"})
    assert content(became) == {"username": "zoe", "id": guest["id"], "is_guest": False}
    assert (await enter(server, "/r/login/", {"username": "zoe", "password": PASSWORD}))["id"] == guest["id"]
    once = await client.post("/r/password/", {"old": PASSWORD, "new": PASSWORD, "username": "zoe2"})
    assert_http_refused(once, 409, "conflict")


async def test_who_deletes_the_account_is_gone(server: Server) -> None:
    entered = await enter(server)
    socket = await server.connect(headers=bearer(entered["user_session_key"]))
    client = by_key(server, entered)
    assert_http_refused(await client.post("/r/delete/", {}), 400, "missing_parameter", "password")
    assert_http_refused(await client.post("/r/delete/", {"password": "wrong horse"}), 403, "not_authorized", "password")
    response = await client.post("/r/delete/", {"password": PASSWORD})
    assert (response.status, content(response)) == (200, {})
    assert "Max-Age=0" in response.headers["set-cookie"]
    assert await socket.close_code() == 4002
    assert_http_refused(await client.get("/r/me/"), 401, "not_logged_in")
    assert_http_refused(await visitor(server).post("/r/login/", ANN), 401, "not_logged_in")
    assert (await enter(server))["id"] == 2


async def test_a_guest_leaves_without_a_password(server: Server) -> None:
    guest = await enter(server, "/r/guest/", {"username": "zoe"})
    assert (await by_key(server, guest).post("/r/delete/", {})).status == 200
    assert (await enter(server, "/r/guest/", {"username": "zoe"}))["id"] == 2


async def test_the_last_admin_cannot_leave(server: Server) -> None:
    admin = visitor(server, {"Authorization": f"Bearer {await server.key_of('admin')}"})
    assert_http_refused(await admin.post("/r/delete/", {}), 409, "conflict")


# Bans


async def test_who_is_banned_is_refused_and_may_come_in_as_somebody_else(server: Server) -> None:
    response = await visitor(server).post("/r/signup/", ANN)
    cookie = {"Cookie": cookie_in(response), "Origin": OWN}
    admin = await server.connect("admin")
    await accepted(admin, 1001, user_id=1, is_banned=True)
    assert_http_refused(await by_key(server, content(response)).get("/r/me/"), 403, "not_authorized")
    assert_http_refused(await visitor(server, cookie).get("/r/me/"), 403, "not_authorized")
    assert_http_refused(await visitor(server, cookie).post("/r/login/", ANN), 403, "not_authorized")
    assert (await visitor(server, cookie).post("/r/guest/", {})).status == 200
    await accepted(admin, 1001, user_id=1, is_banned=False)
    assert (await visitor(server).post("/r/login/", ANN)).status == 200


# Restarts


async def test_everything_is_there_after_a_restart(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        entered, guest = await enter(server), await enter(server, "/r/guest/", {"username": "zoe"})
    async with running_server(database, clock) as server:
        assert content(await by_key(server, entered).get("/r/me/"))["username"] == "ann"
        assert content(await by_key(server, guest).get("/r/me/"))["is_guest"]
        assert (await visitor(server).post("/r/login/", ANN)).status == 200
        clock.time_ms += 25 * HOUR_MS
        assert_http_refused(await by_key(server, entered).get("/r/me/"), 401, "not_logged_in")
        assert (await by_key(server, guest).get("/r/me/")).status == 200


async def test_a_password_set_by_an_admin_is_taken_only_where_nobody_on_the_way_reads_it(server: Server) -> None:
    request = {"op": 1001, "user_id": (await server.add_user("ann"))["id"], "is_provider": True}
    admin = visitor(server, {"Authorization": f"Bearer {await server.key_of('admin')}"}, PUBLIC)
    response = await admin.post("/r/call/", {**request, "password": PASSWORD})
    assert (response.status, content(response)["res"], content(response)["code"]) == (403, 666, "not_authorized")
    assert "HTTPS" in content(response)["text"]
    assert content(await admin.post("/r/call/", request))["res"] == 1001


async def test_passwords_are_set_by_admins_through_call_too(server: Server) -> None:
    await server.add_user("ann")
    admin = visitor(server, {"Authorization": f"Bearer {await server.key_of('admin')}"})
    reply = await admin.post("/r/call/", {"op": 1001, "user_id": 1, "password": PASSWORD})
    assert content(reply)["res"] == 1001
    assert (await visitor(server).post("/r/login/", ANN)).status == 200


async def test_a_browser_keeps_the_key_it_is_given_as_its_cookie(server: Server) -> None:
    entered = await enter(server)
    key = entered["user_session_key"]
    response = await visitor(server, {"Authorization": f"Bearer {key}"}).post("/r/cookie/", {}, Origin=OWN)
    assert (response.status, content(response)) == (200, entered)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"session={key};")
    assert "HttpOnly" in cookie
    me = content(await visitor(server, {"Cookie": f"session={key}"}).get("/r/me/"))
    assert me["username"] == "ann"


async def test_no_other_site_gives_a_browser_its_key(server: Server) -> None:
    key = (await enter(server))["user_session_key"]
    response = await visitor(server, {"Authorization": f"Bearer {key}"}).post(
        "/r/cookie/", {}, Origin="http://elsewhere.example"
    )
    assert_http_refused(response, 403, "not_authorized")
    assert "set-cookie" not in response.headers
