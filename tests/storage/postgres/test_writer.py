import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import trio
import trio.lowlevel
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Due, Job, TimedJob
from gameserver.storage.postgres.announcements import (
    Announcement,
    News,
    announce,
    begin_batch,
    delete_old_announcements,
    last_announcement,
    list_announcements,
)
from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from gameserver.storage.postgres.peers import PostgresPeers
from gameserver.storage.postgres.version import LOCK
from tests.support.writers import Node, name


def failing(text: str, error: Exception) -> Job[str]:
    def job(connection: Connection) -> str:
        name(text)(connection)
        raise error

    return job


def cutting(node: Node, text: str, times: int) -> Job[str]:
    """A job whose connection is cut so many times before it is done."""
    left = iter(range(times))

    def job(connection: Connection) -> str:
        name(text)(connection)
        if next(left, None) is not None:
            (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
            with psycopg.connect(node.url, autocommit=True) as killer:
                killer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        return text

    return job


async def test_jobs_of_a_batch_are_on_disk_and_published_in_order(node: Node) -> None:
    assert await node.write(name("ann"), name("bob")) == ["ann", "bob"]
    assert node.users() == node.published == ["ann", "bob"]


async def test_a_job_that_fails_undoes_itself_alone(node: Node) -> None:
    conflict = Rejected(ErrorCode.CONFLICT, "Not now.")
    outcomes = await node.write(name("ann"), failing("bob", conflict), name("ann"), name("cat"))
    assert [outcomes[0], outcomes[1], outcomes[3]] == ["ann", conflict, "cat"]
    assert isinstance(outcomes[2], psycopg.errors.UniqueViolation)
    assert node.users() == node.published == ["ann", "cat"]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_batch_whose_connection_is_cut_before_its_commit_is_run_again(node: Node, times: int) -> None:
    assert await node.write(name("ann"), cutting(node, "bob", times), name("cat")) == ["ann", "bob", "cat"]
    assert node.users() == node.published == ["ann", "bob", "cat"]


async def test_a_batch_whose_connection_is_always_cut_is_given_up(node: Node) -> None:
    (ann, bob) = await node.write(name("ann"), cutting(node, "bob", 100))
    assert ann.code == bob.code == ErrorCode.STORAGE_UNAVAILABLE
    assert node.users() == node.published == []
    assert await node.write(name("cat")) == ["cat"]


async def test_a_server_that_stands_still_in_a_batch_holds_nobody_up_for_long(node: Node, other: Node) -> None:
    node.writer._connection.execute("SET idle_in_transaction_session_timeout = '100ms'")
    stands = iter([True])

    def standing(connection: Connection) -> str:
        name("ann")(connection)
        if next(stands, False):
            with psycopg.connect(node.url, autocommit=True) as waiting:  # meanwhile the other server wants to write
                waiting.execute("SET lock_timeout = '10s'")
                waiting.execute("SELECT pg_advisory_lock(%s), pg_advisory_unlock(%s)", (LOCK, LOCK))
        return "ann"

    assert await node.write(standing) == ["ann"]
    assert await other.write(name("bob")) == ["bob"]
    assert node.users() == other.published == ["ann", "bob"]


async def test_due_work_whose_connection_is_cut_is_done_and_not_postponed(node: Node) -> None:
    due = iter([Due("work", cutting(node, "due", 1), failing("postponed", ValueError()))] * 2)
    node.due = lambda connection, now_ms: None if node_has(connection, "due") else next(due, None)
    assert await node.write(name("ann")) == ["ann"]
    assert node.users() == node.published == ["due", "ann"]


def node_has(connection: Connection, text: str) -> bool:
    return connection.execute("SELECT 1 FROM users WHERE username = ?", (text,)).fetchone() is not None


class CutInCommit(PostgresConnection):
    """A connection that is lost right after its next commit, before the server's answer."""

    def __init__(self, connection: PostgresConnection) -> None:
        super().__init__(connection.raw)
        raw = self.raw

        class Raw:
            @contextmanager
            def pipeline(self) -> Iterator[None]:
                with raw.pipeline():
                    yield
                raw.close()
                raise psycopg.OperationalError("the connection is lost")

            def __getattr__(self, attribute: str) -> Any:
                return getattr(raw, attribute)

        self.raw = Raw()  # type: ignore[assignment]


async def test_what_is_committed_unknown_to_its_writer_is_published_all_the_same(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    node.writer._connection = CutInCommit(node.writer._connection)
    (error,) = await node.write(name("ann"))
    assert (error.code, node.published) == (ErrorCode.STORAGE_UNAVAILABLE, [])
    assert await node.write(name("bob")) == ["bob"]
    assert node.users() == node.published == ["ann", "bob"]
    assert [record.levelno for record in caplog.records if record.levelno > logging.WARNING] == []


async def test_a_batch_that_another_holds_up_too_long_is_busy_and_changes_nothing(node: Node) -> None:
    node.writer._connection.execute("SET lock_timeout = '50ms'")
    with psycopg.connect(node.url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        (error,) = await node.write(name("ann"))
    assert error.code == ErrorCode.BUSY
    assert node.users() == []
    assert await node.write(name("bob")) == ["bob"]


async def test_a_writer_publishes_what_others_have_committed_before_its_own(node: Node, other: Node) -> None:
    await node.write(name("ann"))
    await other.write(name("bob"))
    await node.write(name("cat"))
    assert node.published == ["ann", "bob", "cat"]
    assert other.published == ["ann", "bob"]
    assert node.missed == other.missed == 0


class Dated(TimedJob):
    """A job that stores a user, with its time in the name."""

    def __init__(self, text: str, now_ms: int) -> None:
        super().__init__()
        self._text = text
        self._now_ms = now_ms

    def __call__(self, connection: Connection) -> str:
        return name(f"{self._text}-{self._now_ms}")(connection)

    def at(self, now_ms: int) -> "Dated":
        return Dated(self._text, now_ms)


async def test_nothing_takes_place_before_what_another_server_has_done(node: Node, other: Node) -> None:
    await other.write(Dated("ann", 1_000), now_ms=1_000)
    assert await node.write(Dated("bob", 900), name("cat"), now_ms=900) == ["bob-1000", "cat"]
    assert node.heard_at == [1_000]


async def test_who_waited_for_the_lock_sees_what_was_committed_meanwhile(node: Node, other: Node) -> None:
    found: list[Announcement] = []

    def begin() -> None:
        found.extend(begin_batch(node.writer._connection, 0))

    holder = other.writer._connection
    assert begin_batch(holder, 0) == []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, begin)
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        with open_writer(node.url) as looking, trio.fail_after(10):
            while looking.execute(waits).fetchone() == (0,):  # noqa: ASYNC110 - nothing else tells
                await trio.sleep(0.01)
        announce(holder, News(0, "other", b"ann"))
        holder.execute("COMMIT")
    assert found == [Announcement(1, 0, "other", b"ann")]


async def test_what_is_heard_twice_is_published_once(node: Node, other: Node) -> None:
    await other.write(name("ann"))
    node.writer.publish_heard(Announcement(1, 0, "other", b"ann"))
    await node.write(name("bob"))
    assert node.published == ["ann", "bob"]


async def test_a_gap_is_told(node: Node) -> None:
    node.writer.publish_heard(Announcement(5, 0, "other", b"eve"))
    assert (node.published, node.missed, node.writer.position) == (["eve"], 1, 5)


@pytest.mark.expects_errors
async def test_what_is_not_understood_is_missed_and_passed_over(node: Node, other: Node) -> None:
    node.writer.publish_heard(Announcement(1, 0, "other", b"\xff"))
    assert (node.published, node.missed, node.writer.position) == ([], 1, 1)


async def test_a_peer_hears_what_its_own_writer_does_not(node: Node, other: Node) -> None:
    peers = PostgresPeers(lambda: open_writer(node.url), node.writer, 0, monotonic_s=lambda: 0.0)
    peers.open()
    await other.write(name("ann"), name("bob"))
    with trio.fail_after(10):
        while not peers.is_behind:
            await trio.lowlevel.wait_readable(peers.fileno())
            peers.take_hints()
    peers.publish(peers.look())
    peers.close()
    assert node.published == ["ann", "bob"]


async def test_announcements_have_no_gap_though_batches_fail(node: Node, other: Node) -> None:
    for writer, text in ((node, "ann"), (other, "bob"), (node, "cat")):
        await writer.write(failing("nobody", ValueError()))
        await writer.write(name(text))
    with open_writer(node.url) as connection:
        assert last_announcement(connection) == 3


async def test_nothing_takes_place_before_what_was_heard_since_it_was_asked_for(node: Node, other: Node) -> None:
    await other.write(Dated("ann", 1_000), now_ms=1_000)
    with open_writer(node.url) as connection:
        (heard,) = list_announcements(connection, 0)
    node.writer.publish_heard(heard)
    assert await node.write(Dated("bob", 900), now_ms=900) == ["bob-1000"]


def test_of_announcements_the_newest_ten_thousand_stay(connection: PostgresConnection) -> None:
    connection.execute("INSERT INTO announcements SELECT n, 0, '', '' FROM generate_series(1, 10050) AS n")
    delete_old_announcements(connection)
    found = connection.execute("SELECT min(id), max(id) FROM announcements").fetchone()
    assert found == (51, 10_050)
