"""Sets of two servers are written beside each other; all else is written alone."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import psycopg
import pytest
import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.backing_history import History, continue_history
from gameserver.storage.batches import Write
from gameserver.storage.connection import Connection, NotAlone
from gameserver.storage.jobs import Due, Job, Outcome, SetJob
from gameserver.storage.ledger import lock_accounts
from gameserver.storage.postgres.announcements import Announcement, News, announce, list_announcements
from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from tests.support.writers import Node, name


class Item(NamedTuple):
    """A user to be stored, and what happens after that."""

    text: str
    then: Callable[[PostgresConnection], object]
    now_ms: int = 0


def store(connection: Connection, items: Sequence[Item]) -> list[Outcome]:
    for item in items:
        name(item.text)(connection)
        assert isinstance(connection, PostgresConnection)
        item.then(connection)
    return [Outcome(item.text) for item in items]


def claim_nothing(connection: Connection, items: Sequence[Item]) -> None:
    pass


def in_set(text: str, then: Callable[[PostgresConnection], object] = lambda connection: None) -> SetJob:
    return SetJob(store, Item(text, then), claim_nothing)


def run_batch(server: Node, job: Job[str]) -> Any:
    """What comes of a batch."""
    write = Write(job, 0, lambda outcome: None)
    server.writer._run_batch([write])
    return write.outcome.error or write.outcome.result


def meanwhile(server: Node, job: Job[str]) -> Any:
    """What comes of a batch of a server that does not wait long for locks."""
    server.writer._connection.execute("SET lock_timeout = '50ms'")
    return run_batch(server, job)


def is_busy(outcome: object) -> bool:
    return isinstance(outcome, Rejected) and outcome.code == ErrorCode.BUSY


async def test_a_set_is_committed_while_another_servers_is_under_way(node: Node, other: Node) -> None:
    outcomes: list[object] = []
    job = in_set("ann", lambda connection: outcomes.append(meanwhile(other, in_set("bob"))))
    assert await node.write(job, in_set("cat")) == ["ann", "cat"]
    assert outcomes == ["bob"]
    assert node.published == ["bob", "ann", "cat"]
    assert await other.write(name("dan")) == ["dan"]
    assert other.published == ["bob", "ann", "cat", "dan"]
    assert node.missed == other.missed == 0


@pytest.mark.parametrize("first", [in_set, name])
@pytest.mark.parametrize("second", [in_set, name])
async def test_all_but_two_sets_are_written_one_after_the_other(
    node: Node, other: Node, first: Callable[..., Job[str]], second: Callable[..., Job[str]]
) -> None:
    outcomes: list[object] = []

    def work(connection: Connection) -> str:
        outcomes.append(meanwhile(other, second("bob")))
        return "ann"

    job = in_set("ann", work) if first is in_set else work
    assert await node.write(job) == ["ann"]
    assert list(map(is_busy, outcomes)) == [not first is second is in_set]


async def test_a_set_beside_another_kind_of_job_is_written_alone(node: Node) -> None:
    alone: list[bool] = []
    await node.write(in_set("ann", lambda it: alone.append(it.is_alone)), name("bob"))
    await node.write(in_set("cat", lambda it: alone.append(it.is_alone)))
    assert alone == [True, False]


async def test_a_set_that_must_be_alone_goes_on_where_nobody_else_writes(node: Node) -> None:
    runs: list[str] = []

    def work(connection: PostgresConnection) -> None:
        runs.append("run")
        if not connection.try_alone():
            raise NotAlone

    assert await node.write(in_set("ann", work)) == ["ann"]
    assert runs == ["run"]


async def test_a_set_that_must_be_alone_waits_for_those_that_are_under_way(node: Node, other: Node) -> None:
    outcomes: list[object] = []
    alone: list[bool] = []

    def needs_all(connection: PostgresConnection) -> None:
        alone.append(connection.is_alone)
        if not connection.try_alone():
            raise NotAlone

    work = in_set("ann", lambda connection: outcomes.append(meanwhile(other, in_set("bob", needs_all))))
    assert await node.write(work) == ["ann"]
    assert list(map(is_busy, outcomes)) == [True]  # it tried again, alone, which it had to wait for
    assert alone == [False]
    assert await other.write(in_set("bob", needs_all)) == ["bob"]
    assert node.users() == ["ann", "bob"]


async def test_what_a_pool_was_backed_with_is_not_recorded_while_another_server_stores_bets(
    node: Node, other: Node
) -> None:
    def record(connection: Connection) -> None:
        continue_history(connection, 1, History(period_ms=1, length=0, last_bet_at=150), placed_at=200)

    def soon_after_another(connection: Connection) -> None:
        continue_history(connection, 1, History(period_ms=1, length=0, last_bet_at=150), placed_at=199)

    def within_a_period(connection: Connection) -> None:
        continue_history(connection, 1, History(period_ms=500, length=0, last_bet_at=150), placed_at=200)

    outcomes: list[object] = []

    def work(connection: PostgresConnection) -> None:
        outcomes.extend(
            meanwhile(other, in_set(it.__name__, it)) for it in (record, soon_after_another, within_a_period)
        )

    await node.write(in_set("ann", work))
    assert list(map(is_busy, outcomes)) == [True, False, False]


async def test_what_is_due_is_not_done_beside_others(node: Node, other: Node) -> None:
    due = [Due("work", name("due"), name("postponed"))]
    other.due = lambda connection, now_ms: due[0] if due else None
    outcomes: list[object] = []
    await node.write(in_set("ann", lambda connection: outcomes.append(meanwhile(other, in_set("bob")))))
    assert list(map(is_busy, outcomes)) == [True]
    other.due = lambda connection, now_ms: due.pop() if due else None
    assert await other.write(in_set("bob")) == ["bob"]
    assert node.users() == ["ann", "due", "bob"]


async def test_a_set_in_whose_way_another_transaction_was_is_tried_again_alone(node: Node) -> None:
    alone: list[bool] = []

    def work(connection: PostgresConnection) -> None:
        alone.append(connection.is_alone)
        if len(alone) == 1:
            raise psycopg.errors.DeadlockDetected

    assert await node.write(in_set("ann", work)) == ["ann"]
    assert alone == [False, True]
    assert node.users() == ["ann"]


async def test_what_is_deferred_is_done_with_the_commit_unless_its_job_has_failed(node: Node) -> None:
    there: list[list[str]] = []

    def defers(text: str, *, fails: bool = False) -> Callable[[PostgresConnection], object]:
        def work(connection: PostgresConnection) -> None:
            connection.defer(name(text))
            there.append([found for (found,) in connection.execute("SELECT username FROM users ORDER BY id")])
            if fails:
                raise ValueError

        return work

    first, second = in_set("ann", defers("late ann")), in_set("bob", defers("late bob", fails=True))
    outcomes = await node.write(first, second)
    assert outcomes[0] == "ann"
    assert isinstance(outcomes[1], ValueError)
    assert there == [["ann"], ["ann", "bob"], ["ann"], ["ann", "bob"]]  # the set, and then one by one
    assert node.users() == ["ann", "late ann"]


async def test_what_is_deferred_is_done_at_once_by_who_is_alone(node: Node) -> None:
    there: list[list[str]] = []

    def work(connection: PostgresConnection) -> None:
        connection.defer(name("early"))
        assert connection.try_alone()
        connection.defer(name("late"))
        there.append([found for (found,) in connection.execute("SELECT username FROM users ORDER BY id")])

    await node.write(in_set("ann", work))
    assert there == [["ann", "early", "late"]]


async def test_what_a_user_has_is_claimed_by_one_server_at_a_time(node: Node, other: Node) -> None:
    await node.write(name("ann"), name("bob"))
    with open_writer(node.url) as connection:
        for user_id in (1, 2):
            connection.execute(
                "INSERT INTO accounts (kind, user_id, currency) VALUES ('available', ?, 'DON')", (user_id,)
            )

    def of(user_id: int, text: str, then: Callable[[PostgresConnection], object] = lambda connection: None) -> SetJob:
        return SetJob(store, Item(text, then), lambda connection, items: lock_accounts(connection, [user_id]))

    outcomes: list[object] = []

    def work(connection: PostgresConnection) -> None:
        outcomes.extend(meanwhile(other, of(user_id, f"user{user_id}")) for user_id in (1, 2))

    await node.write(of(1, "cat", work))
    assert is_busy(outcomes[0])
    assert outcomes[1] == "user2"


async def test_who_commits_waits_for_who_is_about_to_so_that_no_row_comes_before_one_that_is_seen(
    node: Node, other: Node
) -> None:
    committing = other.writer._connection
    committing.execute("BEGIN")
    announce(committing, News(0, "other", b"bob"))
    with open_writer(node.url) as looking:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, run_batch, node, in_set("ann"))
            waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            with trio.fail_after(10):
                while looking.execute(waits).fetchone() == (0,):  # noqa: ASYNC110 - nothing else tells
                    await trio.sleep(0.01)
            assert list_announcements(looking, 0) == []
            committing.execute("COMMIT")
        rows = list_announcements(looking, 0)
    assert rows == [Announcement(1, 0, "other", b"bob"), Announcement(2, 0, node.writer.node, b"ann")]
    assert node.writer._heard == rows[:1]
