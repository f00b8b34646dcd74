import json
import logging
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.net.reserve import Reserve
from gameserver.ops.log import JsonFormatter, TextFormatter, log, set_context
from gameserver.ops.metrics import Metrics
from gameserver.ops.writer_monitor import WriterMonitor
from gameserver.realtime.hub import Hub
from gameserver.storage.jobs import QueuedJob
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import MIGRATIONS, migrate
from tests.support.harness import Server, run_inline, running_server
from tests.support.logs import Lines
from tests.support.wire import Peer, request_head

logger = logging.getLogger("tests")

FORWARDED = [(b"X-Forwarded-For", b"203.0.113.9")]
FORGED = "x\n2026-01-01T00:00:00.000Z ERROR gameserver: forged\r\x1b[2K\x85\u2028\u202e\x00\t"


# A line


def test_a_line_of_text_has_time_level_logger_message_and_fields(text: Lines) -> None:
    log(logger, logging.INFO, "fed", "the cat is fed", cat=3, food="dry food", where="10.0.0.1:80", none=None)
    (line,) = text.text
    time, _, rest = line.partition(" ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert rest == 'INFO tests: the cat is fed event=fed cat=3 food="dry food" where=10.0.0.1:80 none=None'


def test_an_entry_of_json_has_the_same(entries: Lines) -> None:
    log(logger, logging.INFO, "fed", "the cat is fed", cat=3, food="dry food")
    (line,) = entries.text
    entry = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert entry == {
        "level": "info",
        "logger": "tests",
        "message": "the cat is fed",
        "event": "fed",
        "cat": 3,
        "food": "dry food",
    }


@pytest.mark.parametrize("where", ["message", "argument", "field", "exception"])
def test_nothing_that_is_logged_can_pretend_to_be_a_line_of_its_own(text: Lines, where: str) -> None:
    write(where, FORGED)
    heads = [line for line in text.text if not line.startswith("  | ")]
    assert len(heads) == 1
    assert not [line for line in text.text if not line.isprintable()]
    assert "forged" in "".join(text.text)


@pytest.mark.parametrize("where", ["message", "argument", "field", "exception"])
def test_an_entry_of_json_is_one_line_whatever_is_in_it(entries: Lines, where: str) -> None:
    write(where, FORGED)
    (line,) = entries.text
    assert (line.isascii(), line.isprintable()) == (True, True)
    assert FORGED in str(list(json.loads(line).values())[-1] if where != "exception" else FORGED)


def write(where: str, value: str) -> None:
    """Log something hostile, in one of the places where it could be."""
    if where == "message":
        logger.warning(value)
    elif where == "argument":
        logger.warning("%s", value)
    elif where == "field":
        log(logger, logging.WARNING, "event", "message", field=value)
    else:
        try:
            raise LookupError(value)
        except LookupError:
            logger.warning("failed", exc_info=True)


@pytest.mark.parametrize("value", ['a b=c"d', "a=1 b=2", "", '"'])
def test_a_fields_value_can_pretend_to_be_no_other_field(text: Lines, value: str) -> None:
    log(logger, logging.INFO, "event", "message", one=value, two=2)
    _, _, rest = text.text[0].partition(" one=")
    decoded, end = json.JSONDecoder().raw_decode(rest)
    assert (decoded, rest[end:]) == (value, " two=2")


def test_a_lone_surrogate_does_not_stop_the_log() -> None:
    record = logger.makeRecord("tests", logging.INFO, "file", 1, "\ud800", (), None)
    assert json.loads(JsonFormatter().format(record))["message"] == "\ud800"
    assert TextFormatter().format(record).endswith("\ud800")  # which standard error writes with a backslash


async def test_a_tasks_fields_are_those_of_the_tasks_it_starts_and_of_no_others(entries: Lines) -> None:
    async def serve(number: int) -> None:
        fields: dict[str, object] = {"connection": number}
        set_context(fields)
        fields["user"] = 10 * number
        async with trio.open_nursery() as nursery:
            nursery.start_soon(said)
        await trio.to_thread.run_sync(logger.info, "from a thread")

    async def said() -> None:
        log(logger, logging.INFO, "said", "hello", op=1)

    async with trio.open_nursery() as nursery:
        for number in (1, 2):
            nursery.start_soon(serve, number)
    await said()
    said_by = sorted((entry.get("connection", 0), entry.get("user", 0)) for entry in entries.of("said"))
    assert said_by == [(0, 0), (1, 10), (2, 20)]
    threads = [json.loads(line) for line in entries.text if "from a thread" in line]
    assert sorted(entry["connection"] for entry in threads) == [1, 2]


# What a server logs


async def test_a_connections_lines_name_it_its_user_and_the_clients_address(database: Path, entries: Lines) -> None:
    async with running_server(database, trusted_proxies=("10.0.0.1",)) as server:
        key = await server.key_of("ann")
        peer = Peer(server.open_stream("10.0.0.1"))
        await peer.log_on(key)
        await peer.stream.aclose()
        proxied = Peer(server.open_stream("10.0.0.1"))
        await proxied.shake_hands(X_Forwarded_For="203.0.113.9", Authorization=f"Bearer {key}")
        await proxied.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
    opened = [(line["connection"], line["address"]) for line in entries.of("opened")]
    assert opened == [(1, "10.0.0.1"), (2, "203.0.113.9")]
    closed = entries.of("closed")[0]
    assert closed.pop("duration_s") >= 0
    assert closed == {
        "level": "info",
        "connection": 1,
        "address": "10.0.0.1",
        "user": 1,
        "code": 1006,
        "reason": "1006",
    }


async def test_a_database_of_an_older_version_is_said_to_be_brought_up_to_date(database: Path, entries: Lines) -> None:
    schema = Path(__file__).parents[1] / "storage" / "sqlite" / "schema_3.sql"
    with closing(open_writer(database)) as connection:
        migrate(connection, schema.read_text(encoding="utf-8"), MIGRATIONS[:2])
    for _ in range(2):
        async with running_server(database):
            pass
    newest = len(MIGRATIONS) + 1
    assert entries.of("migrated") == [
        {"level": "info", "database": str(database), "from_version": 3, "to_version": newest}
    ]


@pytest.mark.parametrize("by_handshake", [False, True])
async def test_a_failed_logon_is_a_warning_with_the_clients_address(
    server: Server, entries: Lines, by_handshake: bool
) -> None:
    if by_handshake:
        peer = Peer(server.open_stream("203.0.113.9"))
        await peer.send(request_head(authorization="Bearer nonsense"))
        assert (await peer.response()).status == 401
    else:
        client = await server.connect(address="203.0.113.9")
        assert "session_key" not in await client.call(100, header={"session_key": "nonsense"})
    assert entries.of("logon_failed") == [
        {"level": "warning", "connection": 1, "address": "203.0.113.9", "reason": "credentials"}
    ]
    assert entries.of("refused") == []


async def test_a_refused_handshake_is_logged_with_its_reason(server: Server, entries: Lines) -> None:
    peer = Peer(server.open_stream("203.0.113.9"))
    await peer.send(request_head(origin="https://evil.example"))
    await peer.response()
    why = "this origin may not connect; the operator can add it to allowed_origins"
    what = {"reason": "not_authorized", "why": why, "origin": "https://evil.example", "host": "testserver"}
    assert entries.of("refused") == [{"level": "info", "connection": 1, "address": "203.0.113.9", **what}]


async def test_who_closes_before_asking_for_anything_is_not_worth_a_line(server: Server, entries: Lines) -> None:
    await server.open_stream().aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert entries.of("refused") == []
    assert server.context.metrics.refused["closed"] == 1


async def test_what_is_wrong_with_a_handshake_is_logged_in_words(server: Server, entries: Lines) -> None:
    peer = Peer(server.open_stream())
    await peer.send(request_head(sec_websocket_key="short"))
    await peer.response()
    (refused,) = entries.of("refused")
    assert (refused["reason"], refused["why"]) == ("bad_request", "Sec-WebSocket-Key must be 16 bytes in base64")


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_address", "descriptors"])
@pytest.mark.parametrize("peer_address", ["test", "10.0.0.1"])
async def test_of_one_connection_too_many_the_limit_is_logged(
    database: Path, entries: Lines, monkeypatch: pytest.MonkeyPatch, limit: str, peer_address: str
) -> None:
    settings: dict[str, Any] = {} if limit == "descriptors" else {limit: 1}
    async with running_server(database, trusted_proxies=("10.0.0.1",), **settings) as server:
        await server.connect("ann", address=peer_address, headers=FORWARDED)
        if limit == "descriptors":
            monkeypatch.setattr(Reserve, "replenish", lambda self: False)
        late = Peer(server.open_stream(peer_address))
        await late.send(request_head(x_forwarded_for="203.0.113.9"))
        assert (await late.response()).status == 503
    assert [(line["reason"], line["limit"]) for line in entries.of("refused")] == [("too_many", limit)]


async def test_a_reader_that_is_too_slow_is_a_warning(database: Path, entries: Lines) -> None:
    async with running_server(database, max_unsent_bytes=1) as server:
        peer = Peer(server.open_stream())
        await peer.log_on(await server.key_of("ann"))
        (connection,) = server.context.registry.all_connections()
        for _ in range(3):
            connection.outbox.push(b"\x81\x01a")
        assert (await peer.messages_until_close())[1] == 4008
        await peer.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
    (closed,) = entries.of("closed")
    assert (closed["level"], closed["code"], closed["user"]) == ("warning", 4008, 1)
    assert closed["why"] == "too slow"


@pytest.mark.expects_errors
@pytest.mark.parametrize("where", ["handlers.execution.encode_body", "storage.batches.BatchWriter.submit"])
async def test_a_bug_is_logged_with_its_incident_operation_connection_and_user(
    server: Server, entries: Lines, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise AssertionError("a bug")

    client = await server.connect("provider")
    with monkeypatch.context() as patched:
        patched.setattr(f"gameserver.{where}", fail)
        reply = await client.call(365, source_name="Ours")
    (line,) = entries.of("internal_error")
    assert line["incident"] in reply["text"]
    assert (line["level"], line["op"], line["connection"], line["user"]) == ("error", 365, 1, 1)
    assert line["exception"].endswith("AssertionError: a bug")


@pytest.mark.expects_errors
async def test_a_bug_in_decoding_is_answered_and_the_connection_goes_on(
    server: Server, entries: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise AssertionError("a bug")

    client = await server.connect("ann")
    with monkeypatch.context() as patched:
        patched.setattr("gameserver.realtime.requests.decode_request", fail)
        await client.send({"op": 1})
        reply = await client.receive()
    (line,) = entries.of("internal_error")
    assert (reply["res"], reply["code"], line["incident"] in reply["text"]) == (666, "internal", True)
    assert (await client.call(1))["res"] == 1


@pytest.mark.expects_errors
async def test_a_bug_that_ends_a_connection_is_logged_and_ends_no_other(
    server: Server, entries: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise AssertionError("a bug")

    client = await server.connect("ann")
    with monkeypatch.context() as patched:
        patched.setattr("gameserver.realtime.listener.read_query", fail)
        stream = server.open_stream()
        await stream.send_all(request_head())
        assert await stream.receive_some() == b""
    (line,) = entries.of("internal_error")
    assert (line["level"], line["connection"]) == ("error", 2)
    assert "AssertionError: a bug" in line["exception"]
    assert (await client.call(1))["res"] == 1


@pytest.mark.expects_errors
async def test_a_hubs_failure_is_not_put_down_to_the_connection_that_woke_it(
    server: Server, entries: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Hub) -> None:
        raise AssertionError("a bug")

    admin = await server.connect("provider")
    game_id = await server.open_game(admin, await server.open_source(admin))
    monkeypatch.setattr(Hub, "_flush", fail)
    await admin.send({"op": 363, "game_id": game_id})
    assert await admin.close_code() == 4009
    line = entries.of("internal_error")[0]
    assert line["game"] == game_id
    assert "connection" not in line


async def test_a_transaction_that_takes_a_second_is_a_warning(entries: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, metrics = [10.0], Metrics()
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    watch = WriterMonitor(metrics, run_inline)

    durations_s = [0.0, 6.0]

    def run_batch(batch: list[QueuedJob]) -> int:
        duration_s = durations_s.pop(0)
        now_s[0] += duration_s
        assert watch.busy_s == duration_s
        return len(batch)

    def entries_of(count: int) -> list[QueuedJob]:
        return [QueuedJob(lambda connection: None, lambda outcome: None) for _ in range(count)]

    assert await watch.run(run_batch, entries_of(2)) == 2
    assert entries.of("slow_commit") == []
    assert await watch.run(run_batch, entries_of(3)) == 3
    assert entries.of("slow_commit") == [{"level": "warning", "writes": 3, "duration_s": 6.0}]
    assert (watch.busy_s, metrics.batch_seconds.total, metrics.batch_sizes.total) == (0, 6.0, 5)
