"""Operations by HTTP answer as they do on a WebSocket."""

from pathlib import Path
from typing import Any

import pytest

from gameserver.web.endpoint import Access, Endpoint
from gameserver.web.endpoints import ENDPOINTS
from tests.support.harness import START_MS, FakeClock, Server, running_server
from tests.support.http import HttpClient, assert_http_refused, client_of, content
from tests.support.logs import Lines
from tests.support.settling import Table, lay_table
from tests.support.world import UNKNOWN_ID

READS = [endpoint for endpoint in ENDPOINTS if endpoint.methods == ("GET",) and endpoint.request]
every_read = pytest.mark.parametrize("endpoint", READS, ids=lambda it: it.path)


async def filled(table: Table, path: str, user_id: int = 1) -> str:
    """A path of ann's, in a game of the table, with a pool if it names one."""
    pool = await table.pool() if "{pool_id}" in path else ""
    ids = {"source_id": table.source, "game_id": table.game, "pool_id": pool, "user_id": str(user_id)}
    return path.format(**ids)


async def pools_of_ann(table: Table) -> None:
    """Pools of the game: one that is resolved, one with a bet of ann's, and one without; an upcoming game; a friend."""
    ann, bob = await table.client("ann"), await table.client("bob")
    assert (await ann.call(462, username="bob"))["res"] == 462
    assert (await bob.call(465, user_id=1))["res"] == 465
    later = await table.admin.call(3701, source_id=table.source, game_name="Later", type="football")
    assert later["res"] == 3401
    await table.bet("ann", await table.pool(), "argentina", 5)
    await table.event(at=1_000)
    await table.bet("ann", await table.pool(), "brazil", "2.50", at=2_000)
    await table.pool()


async def on_the_socket(table: Table, endpoint: Endpoint) -> dict[str, Any]:
    """What ann is answered on a WebSocket."""
    assert endpoint.request is not None
    ids = {"source_id": table.source, "game_id": table.game}
    ids = {name: value for name, value in ids.items() if f"{{{name}}}" in endpoint.path}
    parameters = {name: ids[name] for name in endpoint.request.__struct_fields__ if name in ids}
    reply = await (await table.client("ann")).call(endpoint.request.__struct_config__.tag, **parameters)  # type: ignore[arg-type]
    del reply["response_header"]
    return reply


def path_to_pools(table: Table, rest: str) -> str:
    return f"/r/sources/{table.source}/games/active/{table.game}/pools/{rest}"


# Reads


@every_read
@pytest.mark.parametrize("end", ["", "/"])
async def test_a_read_answers_what_it_does_on_a_socket(table: Table, endpoint: Endpoint, end: str) -> None:
    await pools_of_ann(table)
    expected = await on_the_socket(table, endpoint)
    response = await (await client_of(table.server, "ann")).get(await filled(table, endpoint.path) + end)
    assert (response.status, content(response)) == (200, expected)
    told = ("sources", "games", "pools_list", "leaderboard", "friends", "past_events")
    assert any(expected.get(name) for name in told)


@every_read
async def test_a_list_has_a_tag_that_holds_as_long_as_it_does(table: Table, endpoint: Endpoint) -> None:
    await pools_of_ann(table)
    client, path = await client_of(table.server, "ann"), await filled(table, endpoint.path)
    first = await client.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    table.clock.time_ms += 1_000
    for listed in (tag, f'"other", W/{tag}', "*"):
        unchanged = await client.get(path, If_None_Match=listed)
        assert (unchanged.status, unchanged.body, unchanged.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in unchanged.headers
    assert (await client.get(path, If_None_Match='"other"')).body == first.body


@every_read
async def test_the_head_of_a_read_says_how_long_it_is(table: Table, endpoint: Endpoint) -> None:
    client, path = await client_of(table.server, "ann"), await filled(table, endpoint.path)
    whole = await client.get(path)
    head = await client.ask("HEAD", path)
    del head.headers["date"], whole.headers["date"]  # by the machine's clock
    assert (head.status, head.headers, head.body) == (200, whole.headers, b"")
    assert int(head.headers["content-length"]) == len(whole.body)
    assert (await client.get(path)).body == whole.body  # the connection goes on


@every_read
async def test_a_read_needs_a_session_where_public_reads_are_off(
    database: Path, clock: FakeClock, endpoint: Endpoint
) -> None:
    async with running_server(database, clock, public_reads=False) as server:
        table = await lay_table(server, clock)
        path = await filled(table, endpoint.path)
        assert_http_refused(await HttpClient(server).get(path), 401, "not_logged_in")
        assert (await (await client_of(server, "ann")).get(path)).status == 200


@every_read
async def test_lists_are_for_everybody_and_what_is_a_users_own_for_nobody_else(
    table: Table, endpoint: Endpoint
) -> None:
    path = await filled(table, endpoint.path)
    anonymous = await HttpClient(table.server).get(path)
    bob = await (await client_of(table.server, "bob")).get(path)
    ann = await (await client_of(table.server, "ann")).get(path)
    if endpoint.access is Access.READER:
        assert (anonymous.status, anonymous.body, bob.body) == (200, ann.body, ann.body)
    else:
        assert_http_refused(anonymous, 401, "not_logged_in")
        if "{user_id}" in endpoint.path:
            assert_http_refused(bob, 403, "not_authorized")
        else:
            assert bob.status == 200
        assert anonymous.headers["www-authenticate"] == "Bearer"


async def test_a_view_key_reads_what_everybody_may_and_nothing_of_its_users(table: Table) -> None:
    key = (await (await table.client("ann")).call(101))["session_key"]
    client = HttpClient(table.server, {"Authorization": f"Bearer {key}"})
    assert (await client.get("/r/sources")).status == 200
    assert_http_refused(await client.get(path_to_pools(table, "running/1")), 403, "not_authorized")
    bet = {"target_id": "argentina", "amount": 1}
    path = path_to_pools(table, f"open/{await table.pool()}/predictions")
    assert_http_refused(await client.post(path, bet), 403, "not_authorized")


async def test_a_list_goes_on_by_the_query(table: Table) -> None:
    pools = [await table.pool() for _ in range(3)]
    client, path = HttpClient(table.server), path_to_pools(table, "open/")
    first = content(await client.get(f"{path}?limit=2"))
    rest = content(await client.get(f"{path}?after={first['next']}&limit=2"))
    assert [*first["pools_list"], *rest["pools_list"]] == pools[::-1]
    closed = await client.get(f"/r/sources/{table.source}/games/active?status=closed")
    assert content(closed)["games"] == {}


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("limit=0", "invalid_parameter", "limit"),
        ("limit=many", "invalid_parameter", "limit"),
        ("limit=1&limit=2", "invalid_parameter", "limit"),
        ("limmit=1", "invalid_parameter", "limmit"),
        ("source_id=x", "invalid_parameter", "source_id"),
        ("op=1", "invalid_parameter", "op"),
        ("header=1", "invalid_parameter", "header"),
        ("limit=%ff", "bad_request", None),
        ("&".join(f"a{number}=1" for number in range(101)), "bad_request", None),
    ],
)
async def test_a_parameter_at_fault_is_named(table: Table, query: str, code: str, field: str | None) -> None:
    response = await HttpClient(table.server).get(f"/r/sources/{table.source}/games/active?{query}")
    assert_http_refused(response, 400, code, field)


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        (f"/r/sources/{UNKNOWN_ID}/games/active", 404, "source_id"),
        ("/r/sources/x/games/active", 400, "source_id"),
        (f"/r/sources/{{source}}/games/active/{UNKNOWN_ID}/pools/open", 404, "game_id"),
        (f"/r/sources/{UNKNOWN_ID}/games/active/{{game}}/pools/open", 404, "game_id"),
        ("/r/sources/{source}/games/active/{game}/pools/running/99", 403, None),
        ("/r/sources/{source}/games/active/{game}/pools/running/x", 400, "user_id"),
        ("/r/leaderboard/global/0", 400, "user_id"),
        ("/r/statistics/01", 400, "user_id"),
        ("/r/games/history/-1", 400, "user_id"),
    ],
)
async def test_an_id_that_names_nothing_there_is_refused(table: Table, path: str, status: int, field: str) -> None:
    client = await client_of(table.server, "ann")
    response = await client.get(path.format(source=table.source, game=table.game))
    code = {400: "invalid_parameter", 403: "not_authorized", 404: "not_found"}[status]
    assert_http_refused(response, status, code, field)


# Predictions


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("end", ["", "/"])
async def test_a_prediction_is_a_bet_that_everybody_hears_of(table: Table, method: str, end: str) -> None:
    pool, watcher, ann = await table.pool(), await table.watcher(), await table.client("ann")
    client = await client_of(table.server, "ann")
    path = path_to_pools(table, f"open/{pool}/predictions{end}")
    response = await client.ask(method, path, {"target_id": "Argentina", "amount": "12.5"})
    placed = content(response)
    assert response.status == 200
    assert placed == {
        "response_header": {"t": START_MS},
        "res": 356,
        "pool_id": pool,
        "bet_id": placed["bet_id"],
        "target": "argentina",
        "amount": 12.5,
        "placed_at": START_MS,
    }
    assert (await ann.expect(815))["available_balance"] == 987.5
    assert (await watcher.expect(361))["new_bets_count"] == 1
    assert (await table.pool_object(pool))["amount_total"] == 12.5


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"target_id": "argentina"}, 400, "missing_parameter", "amount"),
        ({"amount": 1}, 400, "missing_parameter", "target_id"),
        ({"target_id": "argentina", "amount": -1}, 400, "invalid_parameter", "amount"),
        ({"target_id": "peru", "amount": 1}, 400, "invalid_parameter", "target_id"),
        ({"target_id": 5, "amount": 1}, 400, "invalid_parameter", "target_id"),
        ({"target_id": "argentina", "amount": 1, "op": 365}, 400, "invalid_parameter", "op"),
        ({"target_id": "argentina", "amount": 1, "pool_id": UNKNOWN_ID}, 400, "invalid_parameter", "pool_id"),
        ({"target_id": "argentina", "target": "brazil", "amount": 1}, 400, "invalid_parameter", "target"),
        ({"target_id": "argentina", "amount": 1001}, 409, "insufficient_funds", "amount"),
        ([], 400, "bad_request", None),
        (b"{", 400, "bad_json", None),
        (b"[1,", 400, "bad_json", None),
        (b"\xff", 400, "bad_json", None),
        (b'{"amount":' + b"[" * 20_000, 400, "bad_json", None),
    ],
)
async def test_a_prediction_that_is_refused_takes_nothing(
    table: Table, body: object, status: int, code: str, field: str | None
) -> None:
    client = await client_of(table.server, "ann")
    response = await client.post(path_to_pools(table, f"open/{await table.pool()}/predictions"), body)
    assert_http_refused(response, status, code, field)
    await table.client("ann")
    assert await table.nets() == {"ann": 0}


@pytest.mark.parametrize(("known", "named"), [("target", "argentina"), ("target_id", "Argentina")])
async def test_a_prediction_takes_the_target_by_either_name(table: Table, known: str, named: str) -> None:
    client = await client_of(table.server, "ann")
    path = path_to_pools(table, f"open/{await table.pool()}/predictions")
    assert content(await client.post(path, {known: named, "amount": 1}))["target"] == "argentina"


async def test_who_names_an_unknown_parameter_is_told_those_of_the_endpoint(table: Table) -> None:
    client = await client_of(table.server, "ann")
    path = path_to_pools(table, f"open/{await table.pool()}/predictions")
    refused = await client.post(path, {"target_id": "argentina", "amount": 1, "colour": "red"})
    assert content(refused)["msg"] == "there is no parameter 'colour'; those accepted: target_id, amount"
    refused = await client.get(f"/r/sources/{table.source}/games/upcoming/?status=open")
    assert content(refused)["msg"] == "there is no parameter 'status'; those accepted: limit, after"


async def test_what_is_wrong_with_the_parameters_is_told_before_what_is_not_there(table: Table) -> None:
    client = await client_of(table.server, "ann")
    nowhere = f"/r/sources/{table.source}/games/active/{UNKNOWN_ID}/pools/open"
    assert_http_refused(await client.get(f"{nowhere}/?limit=0"), 400, "invalid_parameter", "limit")
    refused = await client.post(f"{nowhere}/{UNKNOWN_ID}/predictions", {"target_id": "argentina"})
    assert_http_refused(refused, 400, "missing_parameter", "amount")


async def test_a_prediction_is_only_for_a_pool_of_the_game_in_the_path(table: Table) -> None:
    client, bet = await client_of(table.server, "ann"), {"target_id": "argentina", "amount": 1}
    other = await table.pool_of_another_game()
    assert_http_refused(
        await client.post(path_to_pools(table, f"open/{other}/predictions"), bet), 404, "not_found", "pool_id"
    )
    assert_http_refused(
        await client.post(path_to_pools(table, f"open/{UNKNOWN_ID}/predictions"), bet), 404, "not_found", "pool_id"
    )


@pytest.mark.parametrize("wrong", ["x", UNKNOWN_ID.upper() + "A", "%00"])
async def test_a_malformed_id_in_a_path_is_refused_by_name(table: Table, wrong: str) -> None:
    client = await client_of(table.server, "ann")
    pool = path_to_pools(table, f"open/{await table.pool()}/predictions")
    bet = {"target_id": "argentina", "amount": 1}
    for name, known in (("source_id", table.source), ("game_id", table.game)):
        path = pool.replace(known, wrong)
        assert_http_refused(await client.post(path, bet), 400, "invalid_parameter", name)
    path = path_to_pools(table, f"open/{wrong}/predictions")
    assert_http_refused(await client.post(path, bet), 400, "invalid_parameter", "pool_id")
    path = path_to_pools(table, "open").replace(table.game, wrong)
    assert_http_refused(await client.get(path), 400, "invalid_parameter", "game_id")


async def test_an_admin_of_the_game_may_not_predict(table: Table) -> None:
    client = await client_of(table.server, "provider")
    path = path_to_pools(table, f"open/{await table.pool()}/predictions")
    assert_http_refused(await client.post(path, {"target_id": "argentina", "amount": 1}), 403, "not_authorized")


async def test_a_prediction_with_a_key_is_made_once_also_across_a_restart(database: Path, clock: FakeClock) -> None:
    bet = {"target_id": "argentina", "amount": 1}
    async with running_server(database, clock) as server:
        table = await lay_table(server, clock)
        path = path_to_pools(table, f"open/{await table.pool()}/predictions/")
        client = await client_of(server, "ann")
        key = client.headers["Authorization"]
        first = content(await client.post(path, bet, Idempotency_Key="k"))
        again = content(await client.post(path, bet, Idempotency_Key="k"))
        assert (first["response_header"], again["response_header"]) == (
            {"t": START_MS},
            {"t": START_MS, "repeated": True},
        )
        other = await client.post(path, {**bet, "amount": 2}, Idempotency_Key="k")
        assert_http_refused(other, 409, "key_reused", "header.key")
        too_long = await client.post(path, bet, Idempotency_Key="k" * 65)
        assert_http_refused(too_long, 400, "invalid_parameter", "header.key")
        twice = await client.post(path, bet, Idempotency_Key="k", idempotency_key="k")
        assert_http_refused(twice, 400, "invalid_parameter", "header.key")
    async with running_server(database, clock) as server:
        client = HttpClient(server, {"Authorization": key})
        after = content(await client.post(path, bet, Idempotency_Key="k"))
        assert (after["bet_id"], after["response_header"]["repeated"]) == (first["bet_id"], True)
        pools = content(await client.get(path.partition("open/")[0] + "running/1"))["pools_list"]
        assert [pool["amount_total"] for pool in pools.values()] == [1]


# Any operation


async def test_any_operation_is_carried_out_and_answered_as_on_a_socket(server: Server) -> None:
    client = await client_of(server, "provider")
    opened = await client.post("/r/call/", {"header": {"id": "a"}, "op": 365, "source_name": "Cup"})
    reply = content(opened)
    assert opened.status == 200
    assert reply == {"response_header": {"t": START_MS, "id": "a"}, "res": 335, "source_id": reply["source_id"]}
    listed = content(await client.post("/r/call", {"op": 611}))
    assert [source["id"] for source in listed["sources"]] == [reply["source_id"]]


@pytest.mark.parametrize(
    ("request_", "status", "code", "op"),
    [
        ({"op": 365}, 400, "missing_parameter", 365),
        ({"op": 366, "source_id": UNKNOWN_ID}, 404, "not_found", 366),
        ({"op": 99_999}, 400, "unknown_op", 99_999),
        ({"op": 365, "header": {"api_version": 2}}, 400, "unsupported_version", 365),
        ({"op": "x"}, 400, "bad_request", None),
        ([], 400, "bad_request", None),
        (b"{", 400, "bad_json", None),
        (b"", 400, "bad_json", None),
        ({"op": 1}, 400, "bad_request", 1),
        ({"op": 363, "game_id": UNKNOWN_ID}, 400, "bad_request", 363),
        (b"\xff", 400, "bad_json", None),
    ],
)
async def test_a_call_that_is_refused_gets_the_refusal_with_the_status_of_its_code(
    server: Server, request_: object, status: int, code: str, op: int | None
) -> None:
    client = await client_of(server, "provider")
    response = await client.post("/r/call/", request_)
    reply = content(response)
    assert (response.status, reply["res"], reply["code"], reply["op"]) == (status, 666, code, op)
    assert reply["response_header"].keys() == {"t"}


async def test_a_call_whose_effects_stay_though_it_is_refused_has_that_status(table: Table) -> None:
    await table.pool(pool_type=3)
    client = await client_of(table.server, "provider")
    response = await client.post("/r/call/", {"op": 375, "game_id": table.game})
    assert (response.status, content(response)["code"]) == (409, "manual_pools_remain")
    assert (await table.details())["status"] == "game_in_progress_betting_closed"


async def test_a_call_requires_a_session_and_the_role(table: Table) -> None:
    request = {"op": 375, "game_id": table.game}
    assert_http_refused(await HttpClient(table.server).post("/r/call/", request), 401, "not_logged_in")
    response = await (await client_of(table.server, "ann")).post("/r/call/", request)
    assert (response.status, content(response)["code"]) == (403, "not_authorized")


@pytest.mark.expects_errors
async def test_a_bug_is_told_by_its_incident_and_the_connection_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch, text: Lines
) -> None:
    client = await client_of(server, "ann")

    async def fail(*arguments: object) -> bytes:
        raise RuntimeError("secret")

    with monkeypatch.context() as patch:
        patch.setattr(server.context, "read", fail)
        response = await client.get("/r/sources/")
    assert_http_refused(response, 500, "internal")
    assert "secret" not in response.body.decode()
    assert f"incident={content(response)['msg'].rpartition(' ')[2]}" in "\n".join(text.text)
    assert (await client.get("/r/sources/")).status == 200


# Methods, paths, limits


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda it: it.path)
async def test_another_method_is_refused_and_options_tells_which_there_are(table: Table, endpoint: Endpoint) -> None:
    client, path = await client_of(table.server, "ann"), await filled(table, endpoint.path)
    methods = {*endpoint.methods, "OPTIONS"} | ({"HEAD"} if "GET" in endpoint.methods else set())
    for method in ("DELETE", "PATCH", "get"):
        refused = await client.ask(method, path, {})
        assert_http_refused(refused, 405, "bad_request")
        assert set(refused.headers["allow"].split(", ")) == methods
    told = await client.ask("OPTIONS", path)
    assert (told.status, set(told.headers["allow"].split(", "))) == (204, methods)


@pytest.mark.parametrize("path", ["/r/", "/r/nothing", "/r//sources", "/r/sources//", "/r/Sources", "/r/%73ources"])
async def test_a_path_of_nothing_is_not_found(server: Server, path: str) -> None:
    client = await client_of(server, "ann")
    assert_http_refused(await client.get(path), 404, "not_found")
    assert (await client.get("/r/sources")).status == 200


async def test_requests_count_towards_the_limits_of_their_user_on_a_socket_too(database: Path) -> None:
    async with running_server(database, max_requests_per_s=2) as server:
        ann, bob = await client_of(server, "ann"), await client_of(server, "bob")
        socket = await server.connect("ann")
        for _ in range(3):
            assert (await ann.get("/r/sources/")).status == 200
        assert (await socket.call(611))["res"] == 621
        assert (await socket.call(611))["code"] == "rate_limited"
        refused = await ann.get("/r/sources/")
        assert_http_refused(refused, 429, "rate_limited")
        assert refused.headers["retry-after"] == "1"
        call = await ann.post("/r/call/", {"op": 611})
        assert (call.status, call.headers["retry-after"], content(call)["retryable"]) == (429, "1", True)
        assert (await bob.get("/r/sources/")).status == 200


async def test_requests_of_nobody_are_limited_by_address(database: Path) -> None:
    async with running_server(database, max_requests_per_s_per_address=1) as server:
        client = HttpClient(server)
        for _ in range(2):
            assert (await client.get("/r/sources/")).status == 200
        assert_http_refused(await client.get("/r/sources/"), 429, "rate_limited")
        assert_http_refused(await client.ask("OPTIONS", "/r/sources/"), 429, "rate_limited")
        wrong = HttpClient(server, {"Authorization": "Bearer x"})
        assert_http_refused(await wrong.get("/r/sources/"), 429, "rate_limited")
        assert (await HttpClient(server, address="other").get("/r/sources/")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/r/sources/{UNKNOWN_ID}/games/active/{UNKNOWN_ID}", 404),
        ("GET", "/r/sources/?limit=1&limit=1", 400),
        ("GET", "/r/sources/?op=382", 400),
        ("GET", "/r/friends/", 401),
        ("GET", "/r/nothing", 404),
        ("POST", "/r/sources/", 405),
    ],
)
async def test_a_request_counts_also_if_it_is_refused(database: Path, method: str, path: str, status: int) -> None:
    async with running_server(database, max_requests_per_s_per_address=1) as server:
        client = HttpClient(server)
        assert [(await client.ask(method, path)).status for _ in range(3)] == [status, status, 429]


async def test_requests_are_counted_by_operation_and_outcome(table: Table) -> None:
    client = await client_of(table.server, "ann")
    await client.get("/r/sources/")
    await client.get("/r/sources/?limit=0")
    await client.get(f"/r/sources/{table.source}/games/active/{UNKNOWN_ID}")
    await client.post("/r/call/", {"op": 365, "source_name": "Cup"})
    requests = table.server.context.metrics.requests
    assert (requests[382, "ok"], requests[382, "invalid_parameter"], requests[365, "not_authorized"]) == (1, 1, 1)
    assert requests[372, "not_found"] == 1
