"""Listing and ending sessions (protocol, "Sessions")."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gameserver.realtime.connection import Connection
from tests.operations.test_writing import until, writer_at_work
from tests.support.harness import START_MS, Client, FakeClock, Server, running_server
from tests.support.world import (
    DAY_MS,
    HOUR_MS,
    UNKNOWN_ID,
    assert_refused,
    assert_reply,
    bearer,
    handshake_status,
    is_closed,
    within,
)


def id_of(key: str) -> str:
    """The id of the session that a key is of."""
    return key.partition(".")[0]


async def sessions_of(client: Client) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = (await client.call(102))["sessions"]
    return sessions


def entry(key: str, made_at: int, lifetime_ms: int = 24 * HOUR_MS, **flags: bool) -> dict[str, Any]:
    times = {"created_at": made_at, "expires_at": made_at + lifetime_ms}
    return {"session_id": id_of(key), **times, "is_current": False, "is_view": False, **flags}


async def test_a_users_sessions_are_listed_newest_first(server: Server, clock: FakeClock) -> None:
    first = await server.key_of("ann")
    await server.add_user("bob")
    clock.time_ms += 5
    second = await server.new_key("ann")
    clock.time_ms += 5
    ann = await server.connect(headers=bearer(second))
    view = (await ann.call(101))["session_key"]
    expected = [
        entry(view, START_MS + 10, 30 * DAY_MS, is_view=True),
        entry(second, START_MS + 5, is_current=True),
        entry(first, START_MS),
    ]
    assert_reply(await ann.call(102), 102, sessions=expected)


async def test_a_session_that_has_expired_is_neither_listed_nor_ended(server: Server, clock: FakeClock) -> None:
    expiring = await server.key_of("ann")
    clock.time_ms += HOUR_MS
    ann = await server.connect(headers=bearer(await server.new_key("ann")))
    clock.time_ms += 23 * HOUR_MS - 1
    assert len(await sessions_of(ann)) == 2
    clock.time_ms += 1
    assert [session["is_current"] for session in await sessions_of(ann)] == [True]
    assert_refused(await ann.call(103, session_id=id_of(expiring)), 103, "not_found", "session_id")


async def test_ending_a_session_closes_all_its_connections_and_no_others(server: Server) -> None:
    ann, other = await server.connect("ann"), await server.new_key("ann")
    ending = [await server.connect(headers=bearer(other)) for _ in range(2)]
    staying = [await server.connect("ann"), await server.connect(headers=bearer(await server.new_key("ann")))]
    assert_reply(await ann.call(103, session_id=id_of(other)), 103, session_id=id_of(other))
    async with within():
        assert [await client.close_code() for client in ending] == [4002, 4002]
    assert await handshake_status(server, Authorization=f"Bearer {other}") == 401
    for client in (ann, *staying):
        assert_reply(await client.call(1), 1)
    assert id_of(other) not in [session["session_id"] for session in await sessions_of(ann)]
    assert_refused(await ann.call(103, session_id=id_of(other)), 103, "not_found", "session_id")


async def test_ones_own_session_ends_after_the_reply(server: Server) -> None:
    ann, beside = await server.connect("ann"), await server.connect("ann")
    key = await server.key_of("ann")
    assert_reply(await ann.call(103, session_id=id_of(key)), 103, session_id=id_of(key))
    async with within():
        assert [await client.close_code() for client in (ann, beside)] == [4002, 4002]
    assert await handshake_status(server, Authorization=f"Bearer {key}") == 401


async def test_what_was_sent_before_ones_session_ends_is_answered_and_what_comes_after_is_not(server: Server) -> None:
    provider = await server.connect("provider")
    await provider.send({"header": {"id": 1}, "op": 365, "source_name": "A"})
    await provider.send({"header": {"id": 2}, "op": 103, "session_id": id_of(await server.key_of("provider"))})
    await provider.send({"header": {"id": 3}, "op": 365, "source_name": "B"})
    assert [(await provider.receive())["res"] for _ in range(2)] == [335, 103]
    async with within():
        assert await provider.close_code() == 4002
    again = await server.connect(headers=bearer(await server.new_key("provider")))
    assert [source["name"] for source in (await again.call(611))["sources"]] == ["A"]


async def test_a_view_key_is_ended_like_any_session(server: Server) -> None:
    ann = await server.connect("ann")
    key = (await ann.call(101))["session_key"]
    view = await server.connect(headers=bearer(key))
    assert_reply(await ann.call(103, session_id=id_of(key)), 103, session_id=id_of(key))
    async with within():
        assert await view.close_code() == 4002


@pytest.mark.parametrize("session_id", ["x", "x" * 64, "%", "ann", "a\0b", "\u2028", UNKNOWN_ID])
async def test_a_session_that_does_not_exist_is_not_found(server: Server, session_id: str) -> None:
    ann = await server.connect("ann")
    assert_refused(await ann.call(103, session_id=session_id), 103, "not_found", "session_id")


async def test_another_users_session_is_not_found_and_goes_on(server: Server) -> None:
    ann, bob = await server.connect("ann"), await server.connect("bob")
    assert_refused(await bob.call(103, session_id=id_of(await server.key_of("ann"))), 103, "not_found", "session_id")
    assert not await is_closed(ann)


async def test_a_session_key_names_no_session(server: Server) -> None:
    ann = await server.connect("ann")
    assert_refused(await ann.call(103, session_id=await server.key_of("ann")), 103, "not_found", "session_id")


async def test_a_session_id_is_no_key(server: Server) -> None:
    ann = await server.connect("ann")
    await ann.call(101)
    user_id = (await ann.call(100))["user_id"]
    for session in await sessions_of(ann):
        given = session["session_id"]
        proof = hashlib.sha256(f"{user_id}n{given}".encode()).hexdigest()
        assert await handshake_status(server, Authorization=f"Bearer {given}") == 401
        assert await handshake_status(server, f"/?id={user_id}&n=n&h={proof}") == 401
        anonymous = await server.connect()
        for credentials in ({"header": {"session_key": given}}, {"id": user_id, "n": "n", "h": proof}):
            assert (await anonymous.call(100, **credentials))["res"] == 110


async def test_an_ended_session_stays_ended_after_a_restart(database: Path) -> None:
    async with running_server(database) as server:
        ann, other = await server.connect("ann"), await server.new_key("ann")
        assert (await ann.call(103, session_id=id_of(other)))["res"] == 103
    async with running_server(database) as server:
        assert await handshake_status(server, Authorization=f"Bearer {other}") == 401
        assert await handshake_status(server, Authorization=f"Bearer {other}x") == 401


async def test_a_session_ends_though_the_connection_that_asked_for_it_is_dropped_meanwhile(server: Server) -> None:
    ann, other = await server.connect("ann"), await server.new_key("ann")
    (dropped,) = server.context.registry.all_connections()
    assert isinstance(dropped, Connection)
    ending = await server.connect(headers=bearer(other))
    async with writer_at_work(server):
        await ann.send({"op": 103, "session_id": id_of(other)})
        await until(lambda: server.context.store.writer.waiting == 1)
        dropped._drop()
        await trio.testing.wait_all_tasks_blocked()
    async with within():
        assert await ending.close_code() == 4002


async def test_a_key_is_ignored_when_a_session_is_ended(server: Server) -> None:
    ann, other = await server.connect("ann"), await server.new_key("ann")
    header = {"key": "k1"}
    assert (await ann.call(103, header=header, session_id=id_of(other)))["res"] == 103
    assert (await ann.call(103, header=header, session_id=id_of(other)))["code"] == "not_found"
