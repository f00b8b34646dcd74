"""Signing up, logging in, guests, passwords and the end of accounts."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from argon2 import PasswordHasher

from gameserver.engine import passwords
from gameserver.engine.scheduled import delete_old
from gameserver.errors import ErrorCode, Rejected
from gameserver.realtime import hashing
from gameserver.realtime.accounts import Entry
from gameserver.realtime.attempts import Attempts
from gameserver.realtime.hashing import MAX_RUNNING, Hashing
from gameserver.storage.check import find_faults
from gameserver.storage.connection import Connection
from gameserver.storage.sqlite.connection import open_reader
from gameserver.storage.users import Session, get_session
from tests.operations.examples import POOL
from tests.operations.test_betting import balances
from tests.support.harness import START_MS, Client, FakeClock, Server, running_server
from tests.support.settling import accepted, faults_of
from tests.support.world import DAY_MS, HOUR_MS, World, assert_broadcast, bearer, handshake_status

PASSWORD = "correct horse"
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with as little work as argon2 can."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


async def sign_up(server: Server, name: str = "ann", password: str = PASSWORD, address: str = HERE) -> Entry:
    return await server.context.accounts.sign_up(name, password, address)


async def log_in(server: Server, name: str = "ann", password: str = PASSWORD, address: str = HERE) -> Entry:
    return await server.context.accounts.log_in(name, password, address)


async def client_of(server: Server, entry: Entry) -> Client:
    """A connection by the key of an entry."""
    return await server.connect(headers=bearer(entry.session_key))


async def session_of(server: Server, entry: Entry) -> Session:
    """The live session of an entry."""
    session_id = entry.session_key.partition(".")[0]
    find = partial(get_session, session_id=session_id, now_ms=server.context.clock.now_ms())
    session = await server.context.store.read(find)
    assert session is not None
    return session


async def refusal(code: ErrorCode, attempt: Callable[[], Any]) -> Rejected:
    """The refusal of what is attempted, which has this code."""
    with pytest.raises(Rejected) as caught:
        await attempt()
    assert caught.value.code is code, caught.value
    return caught.value


# Signing up


async def test_who_signs_up_has_a_session_and_the_starting_balance(server: Server) -> None:
    entry = await sign_up(server, "Ann.B-c_1")
    assert (entry.user_id, entry.username, entry.is_guest) == (1, "Ann.B-c_1", False)
    assert entry.expires_at == START_MS + 24 * HOUR_MS
    assert await balances(await client_of(server, entry)) == (1000, 1000, 0)


@pytest.mark.parametrize(
    ("name", "password", "code", "field"),
    [
        ("", PASSWORD, ErrorCode.INVALID_PARAMETER, "username"),
        ("a b", PASSWORD, ErrorCode.INVALID_PARAMETER, "username"),
        ("x" * 33, PASSWORD, ErrorCode.INVALID_PARAMETER, "username"),
        ("ann\n", PASSWORD, ErrorCode.INVALID_PARAMETER, "username"),
        ("'; DROP TABLE users; --", PASSWORD, ErrorCode.INVALID_PARAMETER, "username"),
        ("Deleted-7", PASSWORD, ErrorCode.INVALID_PARAMETER, "username"),
        ("ann", "a" * 7, ErrorCode.INVALID_PARAMETER, "password"),
        ("ann", "a" * 129, ErrorCode.INVALID_PARAMETER, "password"),
        ("TAKEN", PASSWORD, ErrorCode.CONFLICT, "username"),
    ],
)
async def test_who_cannot_sign_up_so_is_told_why(
    server: Server, name: str, password: str, code: ErrorCode, field: str
) -> None:
    await server.add_user("taken")
    refused = await refusal(code, lambda: sign_up(server, name, password))
    assert refused.field == field


async def test_an_operator_closes_signing_up_and_guests(database: Path) -> None:
    async with running_server(database, signup="closed", guests=False) as server:
        await refusal(ErrorCode.NOT_AUTHORIZED, lambda: sign_up(server))
        await refusal(ErrorCode.NOT_AUTHORIZED, lambda: server.context.accounts.enter_as_guest(None, HERE))


async def test_an_address_makes_so_many_accounts_and_guests_an_hour(database: Path) -> None:
    async with running_server(database, max_signups_per_address_per_h=2) as server:
        await sign_up(server, "ann")
        await server.context.accounts.enter_as_guest(None, HERE)
        refused = await refusal(ErrorCode.RATE_LIMITED, lambda: sign_up(server, "bob"))
        assert 3_590_000 < refused.details["retry_after_ms"] <= 3_600_000
        await refusal(ErrorCode.RATE_LIMITED, lambda: server.context.accounts.enter_as_guest(None, HERE))
        await sign_up(server, "bob", address=THERE)


# Logging in


async def test_a_password_is_the_same_however_its_letters_are_composed(server: Server) -> None:
    await sign_up(server, password="caf\u00e9 cre\u0300me")
    entry = await log_in(server, "ANN", "cafe\u0301 cr\u00e8me")
    assert (entry.user_id, entry.username) == (1, "ann")


async def test_a_log_in_makes_a_session_and_leaves_the_others(server: Server) -> None:
    first = await client_of(server, await sign_up(server))
    second = await client_of(server, await log_in(server))
    assert len((await accepted(first, 102))["sessions"]) == 2
    assert (await second.call(1))["res"] == 1


async def test_log_in_works_after_a_restart(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        await sign_up(server)
    async with running_server(database, clock) as server:
        assert (await log_in(server)).user_id == 1


async def test_it_is_not_told_whether_a_name_or_a_password_is_wrong_nor_by_the_work_done(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str | None] = []

    def count(password: str, password_hash: str | None) -> bool:
        checked.append(password_hash)
        return passwords.is_password(password, password_hash)

    await sign_up(server)
    await server.add_user("keyed")  # has no password
    monkeypatch.setattr("gameserver.realtime.accounts.is_password", count)
    texts = set()
    for number, name in enumerate(("ann", "keyed", "nobody", "deleted-9", "a b", "", "x" * 500), 1):
        refused = await refusal(ErrorCode.NOT_LOGGED_IN, partial(log_in, server, name, "wrong horse"))
        texts.add((refused.text, refused.field))
        assert len(checked) == number
    assert len(texts) == 1
    await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server, "ann", "short"))
    await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server, "nobody", "short"))
    assert len(checked) == number


def test_a_check_against_no_hash_costs_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []

    class Counting:
        def verify(self, password_hash: str, password: str) -> None:
            verified.append(password_hash)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    assert not passwords.is_password(PASSWORD, None)
    (nobodys,) = verified
    assert nobodys.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_passwords_are_hashed_as_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    made = passwords.hash_password(PASSWORD)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert made != passwords.hash_password(PASSWORD)
    assert passwords.is_password(PASSWORD, made)


async def test_ten_failures_from_an_address_close_it_to_the_user_for_a_while(database: Path) -> None:
    async with running_server(database) as server:
        await sign_up(server)
        for name in ("ann", "nobody"):
            for _ in range(10):
                await refusal(ErrorCode.NOT_LOGGED_IN, partial(log_in, server, name.upper(), "wrong horse"))
            refused = await refusal(ErrorCode.RATE_LIMITED, partial(log_in, server, name, "wrong horse"))
            assert 890_000 < refused.details["retry_after_ms"] <= 900_000
        await refusal(ErrorCode.RATE_LIMITED, lambda: log_in(server))  # the right one too
        assert (await log_in(server, address=THERE)).user_id == 1


async def test_log_ins_that_succeed_are_no_failures(server: Server) -> None:
    await sign_up(server)
    for _ in range(12):
        await log_in(server)


async def test_a_hundred_failures_from_everywhere_close_a_user_but_to_where_it_has_logged_in_from(
    server: Server,
) -> None:
    entry = await sign_up(server)
    session = await session_of(server, entry)
    for number in range(100):
        await refusal(ErrorCode.NOT_LOGGED_IN, partial(log_in, server, "ann", "wrong horse", f"a{number}"))
    await refusal(ErrorCode.RATE_LIMITED, lambda: log_in(server, address=THERE))
    assert (await log_in(server, address=HERE)).user_id == 1  # where it signed up
    accounts = server.context.accounts
    assert (await accounts.log_in("ann", PASSWORD, THERE, session)).user_id == 1
    server.clock.time_ms += 31 * DAY_MS
    await refusal(ErrorCode.RATE_LIMITED, lambda: log_in(server, address=HERE))


async def test_many_at_once_are_no_way_around_the_limit(server: Server) -> None:
    await sign_up(server)
    outcomes: list[ErrorCode] = []

    async def guess(number: int) -> None:
        try:
            await log_in(server, "ann", f"wrong horse {number}")
        except Rejected as rejected:
            outcomes.append(rejected.code)

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(guess, number)
    assert outcomes.count(ErrorCode.NOT_LOGGED_IN) == 10
    assert outcomes.count(ErrorCode.RATE_LIMITED) == 40


async def test_a_thousand_log_ins_take_no_more_than_a_few_threads(server: Server) -> None:
    running = most = 0
    done: set[int] = set()

    async def run_sync(function: Callable[[], Any], *, limiter: trio.CapacityLimiter) -> Any:
        nonlocal running, most
        async with limiter:
            running += 1
            most = max(most, running)
            await trio.lowlevel.checkpoint()
            running -= 1
            return function()

    async def log_in_as(number: int) -> None:
        await log_in(server, f"user{number % 20}")
        done.add(number)

    for number in range(20):
        await sign_up(server, f"user{number}")
    accounts = server.context.accounts
    accounts._hashing = Hashing(run_sync)
    async with trio.open_nursery() as nursery:
        for number in range(1000):
            nursery.start_soon(log_in_as, number)
    assert (len(done), most) == (1000, MAX_RUNNING)
    assert accounts._locks == {}


async def test_beyond_what_may_wait_is_busy_and_no_failure(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    await sign_up(server)
    monkeypatch.setattr(hashing, "MAX_WAITING", 0)
    for _ in range(12):
        await refusal(ErrorCode.BUSY, lambda: log_in(server))
    monkeypatch.undo()
    assert (await log_in(server)).user_id == 1


async def test_who_is_banned_is_told_so_if_the_password_is_right(server: Server) -> None:
    entry, admin = await sign_up(server), await server.connect("admin")
    await accepted(admin, 1001, user_id=entry.user_id, is_banned=True)
    await refusal(ErrorCode.NOT_AUTHORIZED, lambda: log_in(server))
    await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server, "ann", "wrong horse"))


async def test_logging_out_ends_the_session_alone(server: Server) -> None:
    entry = await sign_up(server)
    first, second = await client_of(server, entry), await client_of(server, await log_in(server))
    await server.context.accounts.log_out(await session_of(server, entry))
    assert await first.close_code() == 4002
    assert (await second.call(1))["res"] == 1
    assert await handshake_status(server, Authorization=f"Bearer {entry.session_key}") == 401


# Attempts


def test_attempts_are_counted_within_a_span_by_key_and_the_oldest_key_is_forgotten() -> None:
    attempts = Attempts(2, 10, "too many", max_keys=2)
    attempts.add("a", 0)
    attempts.require("a", 1)
    attempts.add("a", 1)
    with pytest.raises(Rejected) as caught:
        attempts.require("a", 9)
    assert caught.value.details == {"retry_after_ms": 1000}
    attempts.require("a", 10)  # the first is over
    attempts.add("a", 10)
    with pytest.raises(Rejected):
        attempts.require("a", 10)
    attempts.add("b", 10)
    attempts.add("c", 10)
    attempts.require("a", 10)  # is forgotten


# Guests


async def test_a_guest_comes_in_by_a_name_of_its_own_or_one_it_is_given(server: Server) -> None:
    accounts = server.context.accounts
    named, unnamed = await accounts.enter_as_guest("Zoe", HERE), await accounts.enter_as_guest(None, HERE)
    assert (named.username, named.is_guest) == ("Zoe", True)
    assert unnamed.username.startswith("guest-")
    assert len(unnamed.username) == 12
    assert named.expires_at == START_MS + 30 * DAY_MS
    await refusal(ErrorCode.CONFLICT, lambda: accounts.enter_as_guest("zoe", HERE))
    await refusal(ErrorCode.INVALID_PARAMETER, lambda: accounts.enter_as_guest("z o e", HERE))
    assert await balances(await client_of(server, named)) == (1000, 1000, 0)
    await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server, "zoe"))


@pytest.mark.parametrize(("balance", "has"), [("5.50", 5.5), ("0", 0)])
async def test_a_guest_begins_with_what_the_operator_says(database: Path, balance: str, has: float) -> None:
    async with running_server(database, guest_starting_balance=balance) as server:
        guest = await server.context.accounts.enter_as_guest(None, HERE)
        assert await balances(await client_of(server, guest)) == (has, has, 0)


async def test_a_guests_session_is_renewed_by_its_use_also_across_a_restart(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        entry = await server.context.accounts.enter_as_guest(None, HERE)
        server.clock.time_ms += 20 * DAY_MS
        client = await client_of(server, entry)
        (session,) = (await accepted(client, 102))["sessions"]
        assert session["is_current"]
    async with running_server(database, clock) as server:
        assert (await session_of(server, entry)).expires_at == START_MS + 50 * DAY_MS
        server.clock.time_ms += 29 * DAY_MS
        assert (await (await client_of(server, entry)).call(1))["res"] == 1


async def housekeeping(server: Server) -> None:
    """Do what the server does once a minute."""
    now_ms = server.context.clock.now_ms()
    await server.context.store.write(partial(delete_old, server.context.settings, now_ms), now_ms)


async def names(server: Server) -> list[str]:
    """The names of all users that there are."""
    admin = await server.connect("admin")
    return [user["username"] for user in (await accepted(admin, 1000))["users"] if user["username"] != "admin"]


async def test_a_guest_without_session_or_bet_is_deleted_and_its_name_is_free(world: World) -> None:
    server = world.server
    pool = (await world.game_admin.call(385, game_id=world.game, **POOL))["pool_id"]
    gambler = await client_of(server, await server.context.accounts.enter_as_guest("Gambler", HERE))
    await accepted(gambler, 392, pool_id=pool, target="brazil", amount=1)
    await server.context.accounts.enter_as_guest("Idle", HERE)
    leaver = await server.context.accounts.enter_as_guest("Leaver", HERE)
    await server.context.accounts.log_out(await session_of(server, leaver))
    found = await names(server)
    assert {"Gambler", "Idle"} <= set(found)
    assert "Leaver" not in found
    await gambler.socket.aclose()
    server.clock.time_ms += 31 * DAY_MS
    server._keys.clear()
    await housekeeping(server)
    admin = await client_of_new_key(server, "admin")
    left = {user["username"] for user in (await accepted(admin, 1000))["users"]}
    assert "Gambler" in left
    assert "Idle" not in left
    again = await server.context.accounts.enter_as_guest("Idle", HERE)
    assert await balances(await client_of(server, again)) == (1000, 1000, 0)


@pytest.mark.parametrize("ended_by", ["itself", "time"])
async def test_the_friend_of_a_guest_that_cannot_come_back_is_told(server: Server, ended_by: str) -> None:
    ann = await server.connect("ann")
    entry = await server.context.accounts.enter_as_guest("Zoe", HERE)
    await befriend(server, entry.user_id, (await accepted(ann, 100))["user_id"])
    if ended_by == "itself":
        zoe = await client_of(server, entry)
        await accepted(zoe, 103, session_id=entry.session_key.partition(".")[0])
    else:
        server.clock.time_ms += 31 * DAY_MS
        await housekeeping(server)
    told = [message for message in await ann.heard() if message["res"] == 466]
    (message,) = told
    assert_broadcast(message, 466, None, user_id=entry.user_id, username="Zoe", change="removed")


async def client_of_new_key(server: Server, name: str) -> Client:
    """A connection by a new key of a user."""
    return await server.connect(headers=bearer(await server.new_key(name)))


async def test_a_guest_that_sets_a_password_is_an_account_and_keeps_everything(server: Server) -> None:
    accounts = server.context.accounts
    entry = await accounts.enter_as_guest("Zoe", HERE)
    client, session = await client_of(server, entry), await session_of(server, entry)
    other = await client_of_new_key(server, "Zoe")
    await refusal(ErrorCode.CONFLICT, lambda: taken_name(server, session))
    user = await accounts.set_password(session, None, PASSWORD, "Zoe_the_Great", HERE)
    assert (user.username, user.is_guest, user.id) == ("Zoe_the_Great", False, entry.user_id)
    assert await other.close_code() == 4002
    assert await balances(client) == (1000, 1000, 0)
    assert (await log_in(server, "zoe_the_great")).user_id == entry.user_id
    assert server.context.registry.of_user(entry.user_id)[0].session is not None
    shown = server.context.registry.of_user(entry.user_id)[0].session
    assert shown is not None
    assert shown.user.username == "Zoe_the_Great"
    # Once: it is a guest no longer.
    now = await session_of(server, entry)
    await refusal(ErrorCode.CONFLICT, lambda: accounts.set_password(now, PASSWORD, "another one", "Zoe2", HERE))


async def test_who_has_taken_another_name_leaves_games_by_it(world: World) -> None:
    entry = await world.server.context.accounts.enter_as_guest("Zoe", HERE)
    client, session = await client_of(world.server, entry), await session_of(world.server, entry)
    for joining in (world.user, client):
        await accepted(joining, 363, game_id=world.game)
    await world.server.context.accounts.set_password(session, None, PASSWORD, "Anna", HERE)
    await accepted(client, 364, game_id=world.game)
    presence = [(message["res"], message["user_name"]) for message in await world.user.heard()]
    assert presence == [(470, "Zoe"), (480, "Anna")]


async def taken_name(server: Server, session: Session) -> None:
    """Try to take the name of another user."""
    await server.add_user("bob")
    await server.context.accounts.set_password(session, None, PASSWORD, "BOB", HERE)


async def test_a_guest_may_only_change_how_its_name_is_written(server: Server) -> None:
    entry = await server.context.accounts.enter_as_guest("zoe", HERE)
    user = await server.context.accounts.set_password(await session_of(server, entry), None, PASSWORD, "ZOE", HERE)
    assert user.username == "ZOE"


# Passwords


async def test_a_new_password_takes_the_old_one_and_ends_all_other_sessions_and_view_keys(server: Server) -> None:
    accounts = server.context.accounts
    entry = await sign_up(server)
    client, other = await client_of(server, entry), await client_of(server, await log_in(server))
    viewer = await server.connect(headers=bearer((await client.call(101))["session_key"]))
    session = await session_of(server, entry)
    missing = await refusal(
        ErrorCode.MISSING_PARAMETER, lambda: accounts.set_password(session, None, "another horse", None, HERE)
    )
    wrong = await refusal(
        ErrorCode.NOT_AUTHORIZED, lambda: accounts.set_password(session, "wrong horse", "another horse", None, HERE)
    )
    assert (missing.field, wrong.field) == ("old", "old")
    await refusal(ErrorCode.INVALID_PARAMETER, lambda: accounts.set_password(session, PASSWORD, "short", None, HERE))
    await accounts.set_password(session, PASSWORD, "another horse", None, HERE)
    assert [await other.close_code(), await viewer.close_code()] == [4002, 4002]
    assert (await client.call(1))["res"] == 1
    await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server))
    assert (await log_in(server, "ann", "another horse")).user_id == 1


async def test_guessing_the_old_password_is_limited_as_logging_in_is(server: Server) -> None:
    accounts = server.context.accounts
    session = await session_of(server, await sign_up(server))
    for _ in range(10):
        await refusal(
            ErrorCode.NOT_AUTHORIZED, lambda: accounts.set_password(session, "wrong horse", PASSWORD, None, HERE)
        )
    await refusal(ErrorCode.RATE_LIMITED, lambda: accounts.set_password(session, PASSWORD, PASSWORD, None, HERE))
    await refusal(ErrorCode.RATE_LIMITED, lambda: accounts.delete(session, PASSWORD, HERE))


async def test_a_user_of_the_command_line_sets_its_first_password_by_its_session(server: Server) -> None:
    client = await server.connect("ann")
    (connection,) = server.context.registry.all_connections()
    assert connection.session is not None
    await server.context.accounts.set_password(connection.session, None, PASSWORD, None, HERE)
    assert (await client.call(1))["res"] == 1
    assert (await log_in(server)).user_id == 1


# Deletion


async def test_a_deleted_account_leaves_its_bets_and_nothing_that_logs_on(world: World, database: Path) -> None:
    server = world.server
    entry = await sign_up(server, "bob")
    client, session = await client_of(server, entry), await session_of(server, entry)
    pool = (await world.game_admin.call(385, game_id=world.game, **POOL))["pool_id"]
    await accepted(client, 392, pool_id=pool, target="brazil", amount=10)
    accounts = server.context.accounts
    await refusal(ErrorCode.MISSING_PARAMETER, lambda: accounts.delete(session, None, HERE))
    await refusal(ErrorCode.NOT_AUTHORIZED, lambda: accounts.delete(session, "wrong horse", HERE))
    await befriend(server, entry.user_id, 1)
    await accounts.delete(session, PASSWORD, HERE)
    assert await client.close_code() == 4002
    assert await handshake_status(server, Authorization=f"Bearer {entry.session_key}") == 401
    await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server, "bob"))
    await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server, f"deleted-{entry.user_id}"))
    shown = (await accepted(world.user, 393, pool_id=pool))["amount_total"]
    assert shown == 10
    assert "bob" not in await names(server)
    resolved = await accepted(world.game_admin, 395, game_id=world.game, action_id="goal", target_id="brazil")
    assert resolved["res"] == 366
    again = await sign_up(server, "bob", address=THERE)
    assert again.user_id != entry.user_id
    reader = open_reader(database)
    assert find_faults(reader) == []
    left = reader.execute("SELECT username, password_hash FROM users WHERE deleted_at IS NOT NULL").fetchall()
    assert left == [(f"deleted-{entry.user_id}", None)]
    assert reader.execute("SELECT count(*) FROM friendships").fetchone() == (0,)
    reader.close()


async def befriend(server: Server, user_id: int, friend_id: int) -> None:
    """Make two users friends."""

    def insert(connection: Connection) -> None:
        pairs = [(user_id, friend_id), (friend_id, user_id)]
        connection.execute_many("INSERT INTO friendships VALUES (?, ?, 5)", pairs)

    await server.context.store.write(insert, START_MS)


async def test_the_last_admin_of_the_server_cannot_delete_itself(server: Server) -> None:
    await server.connect("admin")
    (connection,) = server.context.registry.all_connections()
    session = connection.session
    assert session is not None
    await refusal(ErrorCode.CONFLICT, lambda: server.context.accounts.delete(session, None, HERE))


async def test_a_name_that_deleted_users_have_is_taken_by_an_old_user(server: Server) -> None:
    def insert(connection: Connection) -> None:
        connection.execute("INSERT INTO users (username, is_provider, created_at) VALUES ('deleted-2', 0, 5)")

    await server.context.store.write(insert, START_MS)
    entry = await server.context.accounts.enter_as_guest(None, HERE)
    assert entry.user_id == 2
    await server.context.accounts.delete(await session_of(server, entry), None, HERE)
    assert (await server.context.accounts.enter_as_guest(None, HERE)).user_id == 3


# Secrets


async def test_no_password_is_in_the_files_or_the_log(
    database: Path, caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    secrets = ["correct horse battery", "wrong battery staple", "a newer staple"]
    caplog.set_level("DEBUG", "gameserver")
    async with running_server(database, clock) as server:
        accounts, admin = server.context.accounts, await server.connect("admin")
        entry = await sign_up(server, "ann", secrets[0])
        await refusal(ErrorCode.NOT_LOGGED_IN, lambda: log_in(server, "ann", secrets[1]))
        await accounts.set_password(await session_of(server, entry), secrets[0], secrets[2], None, HERE)
        await accepted(admin, 1001, user_id=entry.user_id, password=secrets[1], header={"key": "k"})
        held = [path.read_bytes() for path in database.parent.iterdir() if path.is_file()]
    held += [path.read_bytes() for path in database.parent.iterdir() if path.is_file()]
    logged = "\n".join(
        record.getMessage() + str(record.__dict__) for record in caplog.records if "trio" not in record.name
    )
    for secret in secrets:
        assert all(secret.encode() not in content for content in held)
        assert secret not in logged
    assert HERE.encode() not in b"".join(held)


async def test_a_guest_with_points_is_ranked_by_its_new_name_and_among_all(world: World) -> None:
    server = world.server
    entry = await server.context.accounts.enter_as_guest("Zoe", HERE)
    client = await client_of(server, entry)
    pool = (await world.game_admin.call(385, game_id=world.game, **POOL))["pool_id"]
    await accepted(client, 392, pool_id=pool, target="brazil", amount=10)
    await accepted(world.user, 392, pool_id=pool, target="argentina", amount=10)
    server.clock.time_ms += 1
    await accepted(world.game_admin, 395, game_id=world.game, action_id="goal", target_id="brazil")
    ranked = [it["username"] for it in (await accepted(client, 451, game_id=world.game))["leaderboard"]]
    assert ranked == ["Zoe", "user"]
    assert [it["username"] for it in (await accepted(client, 450))["leaderboard"]] == ["user"]
    await server.context.accounts.set_password(await session_of(server, entry), None, PASSWORD, "Anna", HERE)
    ranked = [it["username"] for it in (await accepted(client, 451, game_id=world.game))["leaderboard"]]
    assert ranked == ["Anna", "user"]
    assert [it["username"] for it in (await accepted(client, 450))["leaderboard"]] == ["Anna", "user"]
    assert faults_of(server.context.settings.db) == []
