import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from prometheus_client.parser import text_string_to_metric_families

from gameserver import __version__
from gameserver.ops.metrics import Histogram
from gameserver.storage.sqlite.writer import Writer
from tests.support.harness import Server, run_inline, running_server
from tests.support.wire import TEXT, Peer, frame, request_head

LOCAL = "127.0.0.1"


async def get(server: Server, address: str = LOCAL, method: str = "GET", **headers: str) -> tuple[int, str]:
    """The answer to a request for /metrics."""
    headers = {"Host": "127.0.0.1:9999", **headers}
    lines = [f"{method} /metrics HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    peer = Peer(server.open_stream(address))
    await peer.send(("\r\n".join(lines) + "\r\n\r\n").encode())
    response = await peer.response()
    await peer.stream.aclose()
    return response.status, response.body.decode()


async def samples(server: Server) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels' values."""
    status, text = await get(server)
    assert status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def named(found: dict[tuple[str, ...], float], name: str) -> dict[tuple[str, ...], float]:
    """The samples of one name, by their labels' values."""
    return {key[1:]: value for key, value in found.items() if key[0] == f"gameserver_{name}"}


def test_a_value_is_in_the_first_bucket_that_it_does_not_exceed() -> None:
    histogram = Histogram((1, 2, 4))
    for value in (0, 1, 1.5, 2, 4, 5, 100):
        histogram.add(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 1, 2], 113.5)


async def test_requests_are_counted_by_operation_and_outcome(server: Server) -> None:
    client = await server.connect("provider")
    for _ in range(3):
        await client.call(1)
    await client.call(365, source_name="Ours")
    await client.call(365, source_name="")
    await client.call(370, source_id="00000000-0000-0000-0000-000000000000", game_name="A", type="football")
    await client.send("nonsense")
    await client.receive()
    for op in range(10**6, 10**6 + 50):
        await client.call(op)
    found = await samples(server)
    assert named(found, "requests_total") == {
        ("ping", "ok"): 3,
        ("open_game_source", "ok"): 1,
        ("open_game_source", "missing_parameter"): 1,
        ("create_and_open_game", "not_found"): 1,
        ("unknown", "bad_json"): 1,
        ("unknown", "unknown_op"): 50,
    }
    buckets = list(named(found, "request_duration_seconds_bucket").values())
    assert (buckets, buckets[-1]) == (sorted(buckets), 57)
    assert named(found, "request_duration_seconds_count") == {(): 57}
    assert 0 < named(found, "request_duration_seconds_sum")[()] < 57


@pytest.mark.expects_errors
async def test_a_bug_is_counted_as_internal(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a bug")

    client = await server.connect("provider")
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "submit", fail)
        assert (await client.call(365, source_name="Ours"))["code"] == "internal"
    assert named(await samples(server), "requests_total") == {("open_game_source", "internal"): 1}


async def test_connections_are_counted_from_their_opening_to_their_close_code(server: Server) -> None:
    ann, again, bob = [await server.connect(name) for name in ("ann", "ann", "bob")]
    nobody = Peer(server.open_stream())
    await nobody.shake_hands()
    found = await samples(server)
    assert (named(found, "connections"), named(found, "users_connected")) == ({(): 4}, {(): 2})
    await ann.socket.aclose()
    await again.socket.send_message(b"binary")
    assert await again.close_code() == 1003
    await nobody.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    found = await samples(server)
    assert (named(found, "connections"), named(found, "users_connected")) == ({(): 1}, {(): 1})
    assert named(found, "connections_opened_total") == {(): 4}
    assert named(found, "connections_closed_total") == {("1000",): 1, ("1003",): 1, ("1006",): 1}
    assert bob.socket.closed is None
    await bob.socket.aclose()
    assert named(await samples(server), "connections_closed_total")["1000",] == 2


async def test_what_comes_to_nothing_is_counted_by_reason(
    database: Path, autojump_clock: trio.testing.MockClock
) -> None:
    settings: dict[str, Any] = {"max_connections_per_address": 1, "handshake_timeout_s": 5.0}
    async with running_server(database, run_sync=run_inline, **settings) as server:

        async def try_with(data: bytes, address: str = "a") -> None:
            peer = Peer(server.open_stream(address))
            await peer.send(data)
            if data:
                await peer.response()
            else:
                await peer.rest()
            await peer.stream.aclose()
            await trio.testing.wait_all_tasks_blocked()

        await server.connect("ann", address="b")
        await try_with(request_head(), address="b")
        await try_with(request_head(authorization="Bearer nonsense"))
        await try_with(request_head(origin="https://evil.example"))
        await try_with(request_head(sec_websocket_version="8"))
        await try_with(b"\x16\x03\x01\r\n\r\n")
        await try_with(b"")
        await server.open_stream("a").aclose()
        await trio.testing.wait_all_tasks_blocked()
        server.context.draining = True
        await try_with(request_head())
        assert named(await samples(server), "connections_refused_total") == {
            ("bad_request",): 1,
            ("closed",): 1,
            ("draining",): 1,
            ("not_authorized",): 1,
            ("not_logged_in",): 1,
            ("timeout",): 1,
            ("too_many",): 1,
            ("unsupported_version",): 1,
        }


async def test_deliveries_are_broadcasts_times_receivers(server: Server) -> None:
    admin = await server.connect("provider")
    game_id = await server.open_game(admin, await server.open_source(admin))
    players = [await server.connect(f"player-{number}") for number in range(5)]
    for player in players:
        await player.call(363, game_id=game_id)
    before = await samples(server)
    assert (await admin.call(616, game_id=game_id))["res"] != 666
    await admin.call(395, game_id=game_id, action_id="goal", target_id="Argentina:1")
    for player in players:
        assert await player.heard()
    after = await samples(server)
    assert named(after, "deliveries_total")[()] == named(before, "deliveries_total")[()] + 5
    assert (named(after, "hubs"), named(after, "hub_backlog")) == ({(): 1}, {(): 0})


async def test_the_storage_tells_its_batches_its_queue_and_its_size(server: Server, database: Path) -> None:
    client = await server.connect("provider")
    await client.call(365, source_name="After what the server writes when it starts")
    found = await samples(server)
    batches = named(found, "write_batch_size_count")[()]
    assert batches >= 1
    assert named(found, "write_batch_duration_seconds_count") == {(): batches}
    assert named(found, "writes_waiting") == {(): 0}
    await client.call(365, source_name="Ours")
    found = await samples(server)
    assert named(found, "write_batch_size_count") == {(): batches + 1}
    assert named(found, "database_bytes") == {(): (await trio.Path(database).stat()).st_size}
    assert named(found, "wal_bytes")[()] > 0
    assert named(found, "info") == {(sqlite3.sqlite_version, __version__): 1}
    assert found["process_resident_memory_bytes",] > 10**6


async def test_a_request_that_is_never_answered_is_not_counted(server: Server) -> None:
    peer = Peer(server.open_stream())
    await peer.shake_hands(frame(TEXT, b'{"op"')[:-2])
    await peer.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert named(await samples(server), "requests_total") == {}


# Who may read them

PROXY_HEADERS = ["X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "X-Request-Id", "X-Envoy-Internal", "X-Scheme"]
PROXY_HEADERS += ["CF-Ray", "CF-Connecting-IP", "CDN-Loop", "True-Client-IP", "Client-IP", "Proxy-Connection"]
PROXY_HEADERS += ["Fastly-Client-IP", "Fly-Client-IP", "Forwarded-For", "Tailscale-User-Login", "Max-Forwards"]


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        (LOCAL, {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("203.0.113.1", {}, 403),
        ("unknown", {}, 403),
        # A web page, one of a server whose name leads here now, or a client that does not say whom it asks
        (LOCAL, {"Origin": "http://127.0.0.1:9999"}, 403),
        (LOCAL, {"Origin": "null"}, 403),
        (LOCAL, {"Host": "evil.example"}, 403),
        (LOCAL, {"Host": "evil.example:9999"}, 403),
        (LOCAL, {"Host": "127.0.0.1.evil.example"}, 403),
        (LOCAL, {"Host": "localhost.evil.example"}, 403),
        (LOCAL, {"Host": "evil.localhost"}, 403),
        (LOCAL, {"Host": ""}, 403),
        (LOCAL, {"Host": "127.0.0.1"}, 200),
        (LOCAL, {"Host": "192.168.1.5:80"}, 200),
        (LOCAL, {"Host": "[::1]:9999"}, 200),
        (LOCAL, {"Host": "localhost"}, 200),
        (LOCAL, {"Host": "LocalHost:9999"}, 200),
        (LOCAL, {"Host": "prometheus.example:9999"}, 200),
        (LOCAL, {"Host": "Prometheus.example:9999"}, 200),
        (LOCAL, {"Host": "prometheus.example:9998"}, 403),
        # A scraper
        (LOCAL, {"X-Prometheus-Scrape-Timeout-Seconds": "10", "Accept": "*/*", "User-Agent": "Prometheus"}, 200),
        # A proxy on the same machine that nobody declared to be trusted
        (LOCAL, {"X-Forwarded-For": "203.0.113.1"}, 403),
        (LOCAL, {"X-Forwarded-For": "127.0.0.1"}, 403),
        (LOCAL, {"Forwarded": "for=127.0.0.1"}, 403),
        (LOCAL, {"Via": "1.1 proxy"}, 403),
        *[(LOCAL, {name: "https"}, 403) for name in PROXY_HEADERS],
        # One that is
        ("10.0.0.1", {"X-Forwarded-For": "203.0.113.1"}, 403),
        ("10.0.0.1", {"X-Forwarded-For": "127.0.0.1, 203.0.113.1"}, 403),
        ("10.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 200),
        ("10.0.0.1", {"Via": "1.1 proxy"}, 403),
        ("10.0.0.1", {}, 403),
    ],
)
async def test_metrics_are_for_the_machine_itself(
    database: Path, address: str, headers: dict[str, str], status: int
) -> None:
    settings: dict[str, Any] = {"trusted_proxies": ("10.0.0.1",), "metrics_hosts": ("prometheus.example:9999",)}
    async with running_server(database, **settings) as server:
        answered, body = await get(server, address, **headers)
        assert (answered, "gameserver_connections 0.0" in body) == (status, status == 200)


async def test_the_operator_says_who_else_may_read_metrics(database: Path) -> None:
    async with running_server(database, metrics_addresses=("203.0.113.0/24",)) as server:
        assert [(await get(server, address))[0] for address in ("203.0.113.1", LOCAL)] == [200, 403]
    async with running_server(database, metrics_addresses=()) as server:
        assert (await get(server))[0] == 403


async def test_metrics_are_asked_for_with_get(server: Server) -> None:
    assert [(await get(server, method=method))[0] for method in ("POST", "DELETE")] == [405, 405]


async def test_two_servers_count_apart(database: Path, tmp_path: Path) -> None:
    async with running_server(database) as one, running_server(tmp_path / "other.db") as other:
        await one.connect("ann")
        assert named(await samples(one), "connections") == {(): 1}
        assert named(await samples(other), "connections") == {(): 0}
