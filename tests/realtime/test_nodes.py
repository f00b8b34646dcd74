"""Several servers on one PostgreSQL database are one server to their clients."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
import trio

from gameserver.admin.client import control
from gameserver.admin.commands import CreditUser
from gameserver.config import Settings
from gameserver.storage.postgres.announcements import CHANNEL
from gameserver.storage.postgres.peers import PostgresPeers
from gameserver.storage.postgres.version import LOCK
from gameserver.storage.postgres.writer import PostgresWriter
from tests.support.harness import Client, FakeClock, Server, running_server
from tests.support.nodes import execute, join, until
from tests.support.settling import Table, accepted, faults_of, lay_table, of_kind, seqs

STAKE = 1


@pytest.fixture
def engine() -> str:
    """Only a database server can be shared."""
    return "postgres"


@asynccontextmanager
async def node(location: str, clock: FakeClock) -> AsyncIterator[Server]:
    """One server more on the database."""
    async with running_server(location, clock) as running:
        yield running


@pytest.fixture
async def table(server: Server, clock: FakeClock, location: str) -> AsyncIterator[Table]:
    """A game to bet on, made at the first server; the database must be sound at the end."""
    yield await lay_table(server, clock)
    assert faults_of(location) == []


@pytest.fixture
async def other(table: Table, location: str, clock: FakeClock) -> AsyncIterator[Server]:
    """The second server."""
    async with node(location, clock) as running:
        yield running


async def connect(table: Table, other: Server, name: str) -> Client:
    """A connection at the other server of a user of the first."""
    key = await table.server.key_of(name)
    return await other.connect(headers=[(b"Authorization", f"Bearer {key}".encode())])


async def test_who_has_joined_at_one_server_hears_what_happens_at_another(table: Table, other: Server) -> None:
    here, there = await table.watcher(), await connect(table, other, "ann")
    await join(there, table.game)
    pool = await table.pool()
    await table.bet("bob", pool, "argentina", STAKE)
    await table.event()
    mine, theirs = await until(here, 362), await until(there, 362)
    assert seqs(mine) == seqs(theirs)


async def test_what_both_servers_do_is_told_by_both_in_one_order(table: Table, other: Server) -> None:
    here, there = await table.watcher(), await connect(table, other, "ann")
    await join(there, table.game)
    admin_there = await connect(table, other, "provider")
    for number in range(6):
        admin = (table.admin, admin_there)[number % 2]
        await accepted(admin, 385, **pool_of(table.game, f"Pool {number}"))
    mine, theirs = await until(here, 352, 6), await until(there, 352, 6)
    told = [it["description"] for it in of_kind(mine, 352)]
    assert told == [it["description"] for it in of_kind(theirs, 352)] == [f"Pool {number}" for number in range(6)]
    assert seqs(mine) == seqs(theirs) == list(range(min(seqs(mine)), max(seqs(mine)) + 1))


def pool_of(game: str, description: str) -> dict[str, Any]:
    targets = ["argentina", "brazil", "chile"]
    return {"game_id": game, "description": description, "action_id": "goal", "targets": targets}


async def test_balances_reach_the_user_wherever_connected(table: Table, other: Server) -> None:
    there = await connect(table, other, "ann")
    await table.bet("ann", await table.pool(), "argentina", 10)
    (*_, told) = await until(there, 815)
    assert (told["current_balance"], told["available_balance"]) == (1000, 990)


async def test_what_was_missed_at_one_server_is_recovered_at_another(table: Table, other: Server) -> None:
    here = await table.watcher()
    await table.pool()
    first = seqs(await until(here, 352))[-1]
    await table.pool()
    second = seqs(await until(here, 352))[-1]
    there = await connect(table, other, "ann")
    reply = await join(there, table.game, after_seq=first)
    assert (reply["recovered"], reply["seq"]) == (True, second)
    assert seqs(await until(there, 352)) == [second]


async def test_a_bet_sent_again_with_its_key_at_another_server_is_taken_once(table: Table, other: Server) -> None:
    pool, there = await table.pool(), await connect(table, other, "ann")
    here = await table.client("ann")
    bet = {"pool_id": pool, "target": "argentina", "amount": 10}
    first = await here.call(392, header={"key": "k"}, **bet)
    again = await there.call(392, header={"key": "k"}, **bet)
    assert first["bet_id"] == again["bet_id"]
    assert (await table.pool_object(pool))["amount_total"] == 10


async def test_a_key_that_is_ended_at_one_server_ends_its_connections_at_the_other(table: Table, other: Server) -> None:
    there = await connect(table, other, "ann")
    here = await table.client("ann")
    (session,) = [it for it in (await accepted(here, 102))["sessions"] if it["is_current"]]
    await accepted(here, 103, session_id=session["session_id"])
    with trio.fail_after(10):
        assert await there.close_code() == 4002


async def test_bets_at_both_servers_and_a_goal_at_one_moment_leave_a_sound_ledger(
    table: Table, other: Server, location: str
) -> None:
    pool = await table.pool()
    names = ("ann", "bob", "cat", "dan", "eve")
    here = [await table.client(name) for name in names]
    there = [await connect(table, other, name) for name in names]
    taken: list[str] = []

    async def bet(client: Client) -> None:
        for _ in range(8):
            reply = await client.call(392, pool_id=pool, target="argentina", amount=STAKE)
            taken.append(reply.get("code", "taken"))

    async with trio.open_nursery() as nursery:
        for client in (*here, *there):
            nursery.start_soon(bet, client)
        await trio.sleep(0.05)
        await table.event()
    assert len(taken) == 80
    (count,) = execute(location, "SELECT count(*) FROM bets")
    assert count == (taken.count("taken"),)


async def test_a_timer_is_carried_out_once_and_told_by_both(
    table: Table, other: Server, clock: FakeClock, location: str
) -> None:
    finish_at = clock.time_ms + 10_000
    await table.pool(pool_type=2, finish_at=finish_at)
    here, there = await table.watcher(), await connect(table, other, "ann")
    await join(there, table.game)
    clock.time_ms = finish_at
    assert seqs(await until(here, 363)) == seqs(await until(there, 363))
    assert execute(location, "SELECT count(*) FROM settlements") == [(1,)]


async def test_a_notification_that_is_lost_is_made_up_for(
    table: Table, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await connect(table, other, "ann")
    await join(there, table.game)
    monkeypatch.setattr(PostgresPeers, "_note", lambda peers, payload: None)
    await table.pool()
    assert len(of_kind(await until(there, 352), 352)) == 1


async def test_messages_are_written_beside_bets_and_heard_at_once_at_another_server(
    table: Table, other: Server, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, writer, pool = await connect(table, other, "ann"), await table.client("bob"), await table.pool()
    for client in (there, writer):
        await join(client, table.game)
    noted: list[str] = []
    monkeypatch.setattr(PostgresPeers, "_note", lambda peers, payload: noted.append(payload))
    with psycopg.connect(location) as betting:  # as another server does
        share = (
            "SELECT pg_advisory_xact_lock_shared({0}), pg_advisory_xact_lock_shared({0}, CAST(id AS int)) FROM games"
        )
        betting.execute(share.format(LOCK).encode())
        await table.bet("bob", pool, "argentina", STAKE)
        ((of_bet,),) = execute(location, "SELECT max(id) FROM announcements")
        await accepted(writer, 900, text="Hello", targets=[table.game])
        (*_, heard) = await until(there, 901)
    assert heard["text"] == "Hello"
    told = {int(payload.partition(" ")[0]) for payload in noted}
    assert of_bet + 1 in told
    assert of_bet not in told
    assert execute(location, "SELECT max(id) FROM announcements") == [(of_bet + 1,)]


async def test_who_is_too_far_behind_reconnects_and_misses_nothing(table: Table, other: Server) -> None:
    there = await connect(table, other, "ann")
    joined = await join(there, table.game)
    writer = other.context.store.writer
    assert isinstance(writer, PostgresWriter)
    writer.position = -1_000
    await table.pool()
    with trio.fail_after(10):
        assert await there.close_code() == 4009
    again = await connect(table, other, "ann")
    await join(again, table.game, after_seq=joined["seq"])
    assert len(of_kind(await until(again, 352), 352)) == 1


async def test_a_command_beside_the_servers_is_told_by_them(table: Table, other: Server, location: str) -> None:
    here, there = await table.client("ann"), await connect(table, other, "ann")
    credit = CreditUser("ann", "5", "EUR")
    await trio.to_thread.run_sync(control, Settings(db=location), credit)
    for client in (here, there):
        (*_, told) = await until(client, 815)
        assert (told["currency"], told["available_balance"]) == ("EUR", 5)


@pytest.fixture
def killer(location: str) -> Callable[[], None]:
    """What ends all connections to the database but its own."""

    def kill() -> None:
        execute(
            location,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )

    return kill


async def test_nothing_acknowledged_is_lost_when_connections_are_cut(
    table: Table, other: Server, location: str, killer: Callable[[], None]
) -> None:
    pool = await table.pool()
    watchers = [await table.watcher(), await connect(table, other, "ann")]
    await join(watchers[1], table.game)
    bettors = [await table.client("bob"), await connect(table, other, "cat")]
    acknowledged: set[str] = set()
    done = trio.Event()

    async def bet(client: Client) -> None:
        while not done.is_set():
            reply = await client.call(392, pool_id=pool, target="argentina", amount=STAKE)
            if reply["res"] == 666:
                assert reply["code"] in ("storage_unavailable", "busy"), reply
            else:
                acknowledged.add(reply["bet_id"])

    async with trio.open_nursery() as nursery:
        for client in bettors:
            nursery.start_soon(bet, client)
        for enough in range(3, 18, 3):
            with trio.fail_after(30):
                while len(acknowledged) < enough:  # noqa: ASYNC110 - nothing else tells
                    await trio.sleep(0.01)
            await trio.to_thread.run_sync(killer)
        done.set()
    stored = {uuid for (uuid,) in execute(location, "SELECT uuid FROM bets")}
    assert acknowledged <= stored
    with trio.fail_after(10):
        while (await table.admin.call(395, **table.draft()))["res"] == 666:  # noqa: ASYNC110
            await trio.sleep(0.1)
    mine, theirs = await until(watchers[0], 362), await until(watchers[1], 362)
    assert seqs(mine) == seqs(theirs)


def test_the_channel_is_a_name_that_needs_no_quotes() -> None:
    assert CHANNEL.isidentifier()


async def eventually(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    with trio.fail_after(10):
        while (found := await ask()) != expected:  # noqa: ASYNC110 - nothing else tells
            await trio.sleep(0.05)
    assert found == expected


async def test_presence_is_that_of_all_servers(table: Table, other: Server) -> None:
    here, there = await table.watcher(), await connect(table, other, "ann")
    await join(there, table.game)

    async def counts() -> object:
        details = [await accepted(client, 372, game_id=table.game) for client in (here, there)]
        return [it["subscribers"] for it in details]

    await eventually(counts, [2, 2])
    audience = table.server.context.audience
    (ann,) = (session.user.id for session in [other.context.registry.all_connections()[0].session] if session)
    assert (audience.is_online(ann), audience.games_of(ann)) == (True, [table.game])
    await accepted(there, 364, game_id=table.game)
    await eventually(counts, [1, 1])


async def test_a_user_is_told_of_when_the_first_connection_joins_and_the_last_leaves_at_whichever_server(
    table: Table, other: Server
) -> None:
    here = await table.watcher()
    bobs = await table.client("bob"), await connect(table, other, "bob")
    for bob in bobs:
        await join(bob, table.game)
    (joined,) = of_kind(await until(here, 470), 470)
    assert joined["user_name"] == "bob"

    async def present() -> object:
        return table.server.context.hubs.elsewhere.subscribers_of(table.game)

    await eventually(present, 1)
    await accepted(bobs[0], 364, game_id=table.game)
    await accepted(bobs[1], 364, game_id=table.game)
    (*_, left) = await until(here, 480)
    assert left["user_name"] == "bob"
    there = await connect(table, other, "cat")
    await join(there, table.game)
    (*before, cat) = await until(here, 470)
    assert (before, cat["user_name"]) == ([], "cat")


async def test_the_size_of_the_database_is_told_as_it_grows(table: Table, other: Server, location: str) -> None:
    store = table.server.context.store
    before = store.database_bytes
    execute(
        location,
        "WITH made AS (INSERT INTO users (username, is_provider, created_at)"
        " SELECT 'user' || n, 0, 0 FROM generate_series(1, 10000) AS n RETURNING 1) SELECT count(*) FROM made",
    )

    async def has_grown() -> object:
        return store.database_bytes > before + 500_000

    await eventually(has_grown, True)
