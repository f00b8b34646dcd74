import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.admin.commands import EndSession, ReplaceKeys
from gameserver.engine.sessions import Credentials, Login
from gameserver.storage.users import Session, User
from tests.support.harness import START_MS, Client, FakeClock, Server, run_inline, running_server
from tests.support.wire import request_head
from tests.support.world import (
    DAY_MS,
    HOUR_MS,
    NEVER_S,
    RunningClock,
    assert_refused,
    assert_reply,
    bearer,
    handshake_status,
    within,
)

LIMITS = {
    "max_message_bytes": 262_144,
    "max_unsent_bytes": 1_048_576,
    "max_requests_per_s": 100,
    "max_target_depth": 64,
    "max_targets": 20_000,
    "max_pool_targets": 500,
    "max_details_bytes": 786_432,
    "max_actions": 1_000,
    "max_game_admins": 10,
    "presence_detail_limit": 100,
}


def proof(user: dict[str, Any], nonce: str = "n1", /, **changes: Any) -> dict[str, Any]:
    """``id``, ``n`` and ``h`` for a user as `Server.add_user` gives it."""
    text = f"{user['id']}{nonce}{user['session_key']}"
    return {"id": user["id"], "n": nonce, "h": hashlib.sha256(text.encode()).hexdigest(), **changes}


def query(**proof: Any) -> str:
    return "/?" + "&".join(f"{name}={value}" for name, value in proof.items())


async def log_on(client: Client, key: str) -> dict[str, Any]:
    return await client.call(100, header={"session_key": key})


async def who(client: Client) -> tuple[int, str]:
    """Whom the connection acts for."""
    reply = await client.call(100)
    assert_reply(reply, 112, user_id=reply["user_id"], username=reply["username"])
    return reply["user_id"], reply["username"]


async def test_a_bearer_header_logs_on(server: Server) -> None:
    ann = await server.add_user("ann")
    client = await server.connect(headers=bearer(ann["session_key"]))
    assert await who(client) == (ann["id"], "ann")


@pytest.mark.parametrize("path", ["/", "/ws"])
async def test_a_digest_in_the_query_string_logs_on(server: Server, path: str) -> None:
    ann = await server.add_user("ann")
    client = await server.connect(path=path + query(**proof(ann))[1:])
    assert await who(client) == (ann["id"], "ann")


async def test_operation_100_logs_on_with_a_session_key(server: Server) -> None:
    ann = await server.add_user("ann")
    reply = await log_on(await server.connect(), ann["session_key"])
    limits = reply["limits"]
    assert_reply(reply, 100, session_key=ann["session_key"], user_id=ann["id"], username="ann", limits=limits)
    assert limits.items() >= LIMITS.items()


async def test_operation_100_logs_on_with_a_digest_and_gives_the_key_proven(server: Server) -> None:
    ann = await server.add_user("ann")
    second = {**ann, "session_key": await server.new_key("ann")}
    for user in (ann, second):
        reply = await (await server.connect()).call(100, **proof(user, user["session_key"][:9]))
        assert (reply["res"], reply["session_key"]) == (100, user["session_key"])


async def test_users_are_numbered_from_1_up_and_a_name_is_taken_in_any_case(server: Server) -> None:
    assert [(await server.add_user(name))["id"] for name in ("ann", "bob")] == [1, 2]
    with pytest.raises(Exception, match="ANN"):
        await server.add_user("ANN")


@pytest.mark.parametrize(
    "changes",
    [
        {"h": "0" * 64},
        {"id": 999},
        {"id": "x"},
        {"n": ""},
        {"n": "x" * 65},
        {"n": "other"},
        {"h": ""},
    ],
    ids=str,
)
async def test_a_wrong_digest_at_the_handshake_gets_401(server: Server, changes: dict[str, Any]) -> None:
    ann = await server.add_user("ann")
    assert await handshake_status(server, query(**proof(ann, **changes))) == 401


async def test_an_upper_case_digest_is_refused(server: Server) -> None:
    ann = await server.add_user("ann")
    upper = proof(ann)
    upper["h"] = upper["h"].upper()
    assert await handshake_status(server, query(**upper)) == 401
    assert_reply(await (await server.connect()).call(100, **upper), 110, reason="bad_credentials")


@pytest.mark.parametrize("left_out", ["id", "n", "h"])
async def test_a_digest_without_one_of_its_parts_is_refused(server: Server, left_out: str) -> None:
    ann = await server.add_user("ann")
    partly = proof(ann)
    del partly[left_out]
    assert await handshake_status(server, query(**partly)) == 401
    assert_refused(await (await server.connect()).call(100, **partly), 100, "missing_parameter", left_out)


@pytest.mark.parametrize("emptied", ["id", "n", "h"])
async def test_an_empty_part_of_a_digest_is_missing(server: Server, emptied: str) -> None:
    ann = await server.add_user("ann")
    reply = await (await server.connect()).call(100, **proof(ann, **{emptied: ""}))
    assert_refused(reply, 100, "missing_parameter", emptied)


@pytest.mark.parametrize("value", ["Bearer nonsense", "Bearer a.b", "Bearer ", "Basic QTpC", "Bearer"])
async def test_a_wrong_authorization_header_gets_401(server: Server, value: str) -> None:
    assert await handshake_status(server, Authorization=value) == 401


async def test_a_key_with_a_forged_end_gets_401(server: Server) -> None:
    key = (await server.add_user("ann"))["session_key"]
    forged = key[:-2] + ("AA" if key[-2:] != "AA" else "BB")
    assert await handshake_status(server, Authorization=f"Bearer {forged}") == 401


async def test_a_wrong_key_fails_to_log_on_and_the_right_one_still_may(server: Server) -> None:
    ann = await server.add_user("ann")
    client = await server.connect()
    reply = await log_on(client, "nonsense")
    assert_reply(reply, 110, reason="bad_credentials")
    for digest in ("0" * 64, "abc", "\u00e9"):
        assert_reply(await client.call(100, **proof(ann, h=digest)), 110, reason="bad_credentials")
    assert (await client.call(611))["code"] == "not_logged_in"
    assert (await log_on(client, ann["session_key"]))["res"] == 100


async def test_logon_without_any_credentials_asks_for_the_session_key(server: Server) -> None:
    client = await server.connect()
    assert_refused(await client.call(100), 100, "missing_parameter", "header.session_key")


@pytest.mark.parametrize(
    ("parameter", "value"), [("n", "x" * 65), ("n", 5), ("h", 5), ("id", 0), ("id", "ann"), ("id", True)]
)
async def test_a_malformed_part_of_a_digest_is_refused_by_name(server: Server, parameter: str, value: Any) -> None:
    ann = await server.add_user("ann")
    reply = await (await server.connect()).call(100, **proof(ann, **{parameter: value}))
    assert_refused(reply, 100, "invalid_parameter", parameter)


async def test_a_nonce_is_accepted_once_however_it_is_sent(server: Server) -> None:
    ann = await server.add_user("ann")
    await server.connect(path=query(**proof(ann)))
    assert await handshake_status(server, query(**proof(ann))) == 401
    client = await server.connect()
    assert (await client.call(100, **proof(ann)))["res"] == 110
    assert (await client.call(100, **proof(ann, "n2")))["res"] == 100
    assert await handshake_status(server, query(**proof(ann, "n2"))) == 401


async def test_a_nonce_stays_spent_after_a_restart_of_the_server(database: Path) -> None:
    async with running_server(database) as server:
        ann = await server.add_user("ann")
        await server.connect(path=query(**proof(ann)))
    async with running_server(database) as server:
        assert await handshake_status(server, query(**proof(ann))) == 401
        assert await handshake_status(server, query(**proof(ann, "n2"))) == 101


async def test_a_nonce_spent_with_one_key_is_spent_for_the_user_s_other_keys(server: Server) -> None:
    ann = await server.add_user("ann")
    await server.connect(path=query(**proof(ann)))
    other = {**ann, "session_key": await server.new_key("ann")}
    assert await handshake_status(server, query(**proof(other))) == 401


async def test_a_wrong_digest_does_not_spend_the_nonce(server: Server) -> None:
    ann = await server.add_user("ann")
    assert await handshake_status(server, query(**proof(ann, h="0" * 64))) == 401
    assert await handshake_status(server, query(**proof(ann))) == 101


async def test_users_spend_nonces_apart_from_each_other(server: Server) -> None:
    for name in ("ann", "bob"):
        assert await handshake_status(server, query(**proof(await server.add_user(name)))) == 101


async def test_a_nonce_is_free_again_when_the_key_it_was_used_with_has_ended(server: Server) -> None:
    ann = await server.add_user("ann")
    await server.connect(path=query(**proof(ann)))
    new = await server.command(ReplaceKeys("ann"))
    assert await handshake_status(server, query(**proof(ann))) == 401
    assert await handshake_status(server, query(**proof(new))) == 101


async def test_one_nonce_sent_eight_times_at_once_is_accepted_once(server: Server) -> None:
    ann = await server.add_user("ann")
    results: list[int] = []

    async def attempt(client: Client) -> None:
        results.append((await client.call(100, **proof(ann)))["res"])

    clients = [await server.connect() for _ in range(8)]
    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(attempt, client)
    assert sorted(results) == [100] + [110] * 7


async def test_who_is_logged_in_cannot_log_on_again(server: Server) -> None:
    ann, bob = await server.add_user("ann"), await server.add_user("bob")
    client = await server.connect("ann")
    for credentials in ({"header": {"session_key": bob["session_key"]}}, proof(bob), {}):
        assert_reply(await client.call(100, **credentials), 112, user_id=ann["id"], username="ann")
    # The refused logon has not spent the nonce.
    assert await handshake_status(server, query(**proof(bob))) == 101


async def test_a_replaced_key_ends_the_connections_made_with_it(server: Server) -> None:
    first, second = await server.connect("ann"), await server.connect()
    assert (await log_on(second, await server.new_key("ann")))["res"] == 100
    bob = await server.connect("bob")
    new = await server.command(ReplaceKeys("ann"))
    async with within():
        assert [await client.close_code() for client in (first, second)] == [4002, 4002]
    assert await handshake_status(server, Authorization=f"Bearer {await server.key_of('ann')}") == 401
    assert await handshake_status(server, Authorization=f"Bearer {new['session_key']}") == 101
    assert_reply(await bob.call(1), 1)


async def test_a_key_that_is_ended_by_logout_closes_its_connections_alone(server: Server) -> None:
    leaving, staying = await server.connect("ann"), await server.connect(headers=bearer(await server.new_key("ann")))
    await server.command(EndSession(await server.key_of("ann")))
    async with within():
        assert await leaving.close_code() == 4002
    assert_reply(await staying.call(1), 1)


async def test_the_eleventh_key_ends_the_oldest(server: Server, clock: FakeClock) -> None:
    oldest = await server.connect("ann")
    clock.time_ms += 1
    second = await server.connect(headers=bearer(await server.new_key("ann")))
    for _ in range(9):
        clock.time_ms += 1
        await server.new_key("ann")
    async with within():
        assert await oldest.close_code() == 4002
    assert_reply(await second.call(1), 1)


@pytest.mark.parametrize(("age_ms", "status"), [(24 * HOUR_MS - 1, 101), (24 * HOUR_MS, 401)])
async def test_a_key_is_valid_for_24_hours(server: Server, clock: FakeClock, age_ms: int, status: int) -> None:
    ann = await server.add_user("ann")
    clock.time_ms = START_MS + age_ms
    assert await handshake_status(server, query(**proof(ann))) == status
    assert await handshake_status(server, Authorization=f"Bearer {ann['session_key']}") == status


async def test_a_connection_ends_when_its_key_expires(database: Path, autojump_clock: MockClock) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "session_hours": 1, "ping_interval_s": NEVER_S}
    async with running_server(database, RunningClock(), **settings) as server:
        client = await server.connect("ann")
        began_s = trio.current_time()
        async with within(2 * 3600):
            assert await client.close_code() == 4002
        assert trio.current_time() - began_s == pytest.approx(3600, abs=1)


@pytest.mark.parametrize("ping_interval_s", [60, NEVER_S])
async def test_a_connection_ends_when_its_key_expires_though_the_servers_clock_goes_slower(
    database: Path, autojump_clock: MockClock, ping_interval_s: float
) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "session_hours": 1, "ping_interval_s": ping_interval_s}
    clock = RunningClock()
    async with running_server(database, clock, **settings) as server:
        clock.time_ms += DAY_MS
        client = await server.connect("ann")
        clock.time_ms -= DAY_MS
        began_s = trio.current_time()
        async with within(2 * 3600):
            assert await client.close_code() == 4002
        assert trio.current_time() - began_s == pytest.approx(4000, abs=1)


async def test_a_connection_ends_at_the_next_ping_if_the_clock_goes_beyond_its_keys_end(
    database: Path, autojump_clock: MockClock
) -> None:
    clock = RunningClock()
    async with running_server(database, clock, run_sync=run_inline, ping_interval_s=60) as server:
        client = await server.connect("ann")
        clock.time_ms += DAY_MS
        began_s = trio.current_time()
        async with within(100):
            assert await client.close_code() == 4002
        assert trio.current_time() - began_s <= 60


async def test_pings_set_no_more_timers_than_there_were(database: Path, autojump_clock: MockClock) -> None:
    async with running_server(database, RunningClock(), run_sync=run_inline, ping_interval_s=1) as server:
        client = await server.connect("ann")
        counts = []
        for _ in range(2):
            await trio.sleep(20)
            await client.call(1)
            counts.append(sum(timer.call is not None for *_, timer in server.context.timers._heap))
        assert counts[0] == counts[1]


async def test_who_does_not_log_on_in_time_is_closed_with_4001(database: Path, autojump_clock: MockClock) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        client = await server.connect()
        began_s = trio.current_time()
        await client.call(1)
        async with within(60):
            assert await client.close_code() == 4001
        assert trio.current_time() - began_s == pytest.approx(10, abs=0.5)


async def test_a_failed_logon_does_not_give_more_time(database: Path, autojump_clock: MockClock) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        client = await server.connect()
        began_s = trio.current_time()
        await trio.sleep(9)
        assert (await log_on(client, "nonsense"))["res"] == 110
        async with within(60):
            assert await client.close_code() == 4001
        assert trio.current_time() - began_s == pytest.approx(10, abs=0.5)


async def test_who_logs_on_in_time_stays(database: Path, autojump_clock: MockClock) -> None:
    async with running_server(database, run_sync=run_inline, ping_interval_s=NEVER_S) as server:
        call = partial(log_on, key=await server.key_of("ann"))
        client = await server.connect()
        await trio.sleep(9)
        assert (await call(client))["res"] == 100
        await trio.sleep(60)
        assert_reply(await client.call(1), 1)


async def test_a_key_may_expire_at_any_step_of_a_connection_s_end(database: Path, mock_clock: MockClock) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "session_hours": 1, "ping_interval_s": NEVER_S}
    async with running_server(database, RunningClock(), **settings) as server:
        await server.add_user("ann")
        for steps in [*range(15)] * 8:
            key = await server.new_key("ann")
            stream = server.open_stream()
            await stream.send_all(request_head(Authorization=f"Bearer {key}"))
            assert b" 101 " in await stream.receive_some()
            await stream.aclose()
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            mock_clock.jump(3600)
            await wait_all_tasks_blocked()


async def test_a_session_that_ends_while_a_connection_logs_on_with_it_ends_the_connection(server: Server) -> None:
    user = await server.add_user("ann")
    await server.command(ReplaceKeys("ann"))
    # As if the key had been looked up just before it was replaced.
    now_ms, session_id = server.clock.time_ms, user["session_key"].partition(".")[0]
    session = Session(session_id, User(user["id"], "ann", False), now_ms, now_ms + 10**6, is_view=False)

    async def authenticate(credentials: Credentials) -> Login:
        return Login(session, user["session_key"])

    server.context.authenticate = authenticate  # type: ignore[method-assign]
    late = await server.connect(headers=[(b"Authorization", b"Bearer " + user["session_key"].encode())])
    assert await late.close_code() == 4002
