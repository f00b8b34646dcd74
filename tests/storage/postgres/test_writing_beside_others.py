"""What is written in two games is written beside each other, sets in one game too; all else is written alone."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
import trio
import trio.testing

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.backing_history import History, continue_history
from gameserver.storage.batches import Write
from gameserver.storage.connection import Connection, NotAlone
from gameserver.storage.jobs import Due, Job, Outcome, Scope, SetJob, Subject, TimedJob, UserJob, Wake
from gameserver.storage.postgres import writer
from gameserver.storage.postgres.announcements import Announcement, News, announce, list_announcements
from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from gameserver.storage.postgres.subjects import GameFinder
from gameserver.storage.replies import NewReply, find_replies, insert_replies
from gameserver.storage.schedule import Timer, TimerKind, delete_timers_done, first_due
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


GAMES = (str(UUID(int=1)), str(UUID(int=2)))
Then = Callable[[PostgresConnection], object]


def nothing(connection: PostgresConnection) -> None:
    pass


def scope(game: int, user_id: int | None = None) -> Scope:
    return Scope((Subject("games", GAMES[game]),), user_id)


IN_FIRST = scope(0)


def in_set(text: str, then: Then = nothing, scope: Scope = IN_FIRST) -> SetJob:
    return SetJob(store, Item(text, then), scope)


class InGame(TimedJob):
    """A lone job, in a game, that stores a user."""

    def __init__(self, text: str, then: Then = nothing, scope: Scope = IN_FIRST) -> None:
        super().__init__(scope)
        self._item = Item(text, then)

    def __call__(self, connection: Connection) -> str:
        store(connection, [self._item])
        return self._item.text

    def at(self, now_ms: int) -> "InGame":
        return self


def of_user(text: str, then: Then = nothing, user_id: int | None = None) -> UserJob:
    """A job that stores a user, and changes what another has."""
    return UserJob(lambda connection, _: InGame(text, then)(connection), 0, Scope(user_id=user_id))


def anywhere(text: str, then: Then = nothing) -> Job[str]:
    """A job that stores a user and has no scope."""

    def job(connection: Connection) -> str:
        return InGame(text, then)(connection)

    return job


@pytest.fixture(autouse=True)
def _games(location: str) -> None:
    with open_writer(location) as connection:
        source = ("uuid", "name", "takeout_millionths", "created_at")
        connection.insert_many("sources", source, [(GAMES[0], "A", 0, 0)])
        columns = ("uuid", "source_id", "name", "type", "currency", "created_at", "open_at", "live_start_at")
        connection.insert_many("games", columns, [(uuid, 1, "A", "a", "DON", 0, 0, 0) for uuid in GAMES])


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


KINDS: tuple[Callable[..., Job[str]], ...] = (in_set, InGame, anywhere)


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
async def test_in_one_game_all_but_two_sets_are_written_one_after_the_other(
    node: Node, other: Node, first: Callable[..., Job[str]], second: Callable[..., Job[str]]
) -> None:
    outcomes: list[object] = []
    assert await node.write(first("ann", lambda it: outcomes.append(meanwhile(other, second("bob"))))) == ["ann"]
    assert list(map(is_busy, outcomes)) == [not first is second is in_set]


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", [in_set, InGame])
async def test_in_two_games_all_that_is_in_a_game_is_written_beside_each_other(
    node: Node, other: Node, first: Callable[..., Job[str]], second: Callable[..., Job[str]]
) -> None:
    outcomes: list[object] = []
    job = second("bob", scope=scope(1))
    assert await node.write(first("ann", lambda it: outcomes.append(meanwhile(other, job)))) == ["ann"]
    assert list(map(is_busy, outcomes)) == [first is anywhere]


@pytest.mark.parametrize("beside", [of_user, *KINDS])
@pytest.mark.parametrize("is_first", [True, False])
async def test_what_users_alone_have_is_written_beside_all_that_has_not_the_database(
    node: Node, other: Node, beside: Callable[..., Job[str]], is_first: bool
) -> None:
    outcomes: list[object] = []
    first, second = (of_user, beside) if is_first else (beside, of_user)
    assert await node.write(first("ann", lambda it: outcomes.append(meanwhile(other, second("bob"))))) == ["ann"]
    assert list(map(is_busy, outcomes)) == [beside is anywhere]


@pytest.mark.parametrize("user_id", [1, 2])
async def test_what_one_user_has_is_changed_by_one_server_after_the_other(
    node: Node, other: Node, user_id: int
) -> None:
    with open_writer(node.url) as connection:
        connection.insert_many(
            "users", ("id", "username", "is_provider", "created_at"), [(1, "eve", 0, 0), (2, "fay", 0, 0)]
        )
        connection.insert_many(
            "accounts", ("kind", "user_id", "currency"), [("available", id_, "DON") for id_ in (1, 2)]
        )
    outcomes: list[object] = []
    job = of_user("ann", lambda it: outcomes.append(meanwhile(other, of_user("bob", user_id=user_id))), user_id=1)
    assert await node.write(job) == ["ann"]
    assert list(map(is_busy, outcomes)) == [user_id == 1]


def test_what_is_written_of_users_takes_place_at_its_time_or_later(node: Node) -> None:
    job = UserJob(lambda _, now_ms: now_ms, 5, Scope(user_id=1))
    assert [job(node.writer._connection), job.at(9)(node.writer._connection)] == [5, 9]
    assert job.at(9).scope == Scope(user_id=1)


async def test_a_batch_ends_where_jobs_need_more_or_less_to_themselves(node: Node) -> None:
    has: list[tuple[bool, bool]] = []

    def note(connection: PostgresConnection) -> None:
        has.append((connection.games is None, connection.is_alone))

    jobs = (in_set("ann", note), InGame("bob", note), anywhere("cat", note), in_set("dan", note))
    assert await node.write(*jobs) == ["ann", "bob", "cat", "dan"]
    assert has == [(False, False), (False, True), (True, True), (False, False)]
    assert node.users() == node.published == ["ann", "bob", "cat", "dan"]


async def test_settlements_in_two_games_are_carried_out_one_after_the_other(node: Node, other: Node) -> None:
    outcomes: list[object] = []

    def settle(connection: PostgresConnection) -> None:
        assert connection.lock_settlements([7, 8]) == [7, 8]
        assert connection.lock_settlements([8, 9]) == [9]

    def settle_first(connection: PostgresConnection) -> None:
        settle(connection)
        jobs = (InGame("bob", settle, scope(1)), InGame("cat", scope=scope(1)))
        outcomes.extend(meanwhile(other, job) for job in jobs)

    assert await node.write(InGame("ann", settle_first)) == ["ann"]
    assert is_busy(outcomes[0])
    assert outcomes[1] == "cat"


async def test_who_ends_pools_without_bets_waits_for_no_settlement_of_another_game(node: Node, other: Node) -> None:
    outcomes: list[object] = []

    def end_nothing(connection: PostgresConnection) -> None:
        assert connection.lock_settlements([]) == []

    def settle_first(connection: PostgresConnection) -> None:
        connection.lock_settlements([7])
        outcomes.append(meanwhile(other, InGame("bob", end_nothing, scope(1))))

    assert await node.write(InGame("ann", settle_first)) == ["ann"]
    assert outcomes == ["bob"]


async def test_a_settlement_that_is_undone_is_locked_for_again(node: Node) -> None:
    unlocked: list[list[int]] = []

    def settle(connection: PostgresConnection) -> None:
        unlocked.append(connection.lock_settlements([7]))
        if len(unlocked) == 1:
            raise Rejected(ErrorCode.CONFLICT, "Not now.")

    await node.write(InGame("ann", settle), InGame("bob", settle))
    assert unlocked == [[7], [7]]


async def test_what_a_source_comes_to_is_added_up_with_the_commit(node: Node, other: Node) -> None:
    """So a pool that is made in one game keeps nobody waiting in another game of the source."""

    def make_pool(connection: PostgresConnection) -> None:
        (game_id,) = connection.games or ()
        connection.execute(
            "INSERT INTO pools (uuid, game_id, type, description, target_level, unlisted_target, takeout_millionths,"
            " created_at, start_at, recreate_on_end, is_blocked) VALUES (?, ?, 3, 'Who', 1, 'none', 0, 0, 0, 0, 0)",
            (str(UUID(int=game_id)), game_id),
        )

    outcomes: list[object] = []

    def make_both(connection: PostgresConnection) -> None:
        make_pool(connection)
        outcomes.append(meanwhile(other, InGame("bob", make_pool, scope(1))))

    assert await node.write(InGame("ann", make_both)) == ["ann"]
    assert outcomes == ["bob"]
    with open_writer(node.url) as connection:
        assert connection.execute("SELECT games, pools FROM source_sums").fetchone() == (2, 2)


async def test_what_is_due_is_done_by_a_wake_in_the_games_in_which_it_is(node: Node, other: Node) -> None:
    with open_writer(node.url) as connection:
        timers = [(100, TimerKind.PURGE_LOG, 1), (200, TimerKind.PURGE_LOG, 2)]
        connection.insert_many("timers", ("due_at", "kind", "game_id"), timers)
    found: list[int] = []
    outcomes: list[object] = []

    def due(connection: Connection, now_ms: int) -> Due | None:
        timer = first_due(connection, now_ms)
        return None if timer is None else Due("timer", partial(work, timer), lambda connection: None)

    def work(timer: Timer, connection: Connection) -> str:
        found.append(timer.game_id)
        delete_timers_done(connection, [timer])
        if timer.game_id == 1:
            outcomes.extend(meanwhile(other, job) for job in (in_set("bob"), in_set("cat", scope=scope(1))))
        return "due"

    node.due = due
    assert await node.write(in_set("ann", scope=scope(1)), now_ms=100) == ["ann"]
    assert found == []
    node.writer._run_batch([Write(Wake(), 100, lambda outcome: None)])
    assert found == [1]
    assert is_busy(outcomes[0])
    assert outcomes[1] == "cat"


async def test_a_batch_of_more_games_than_there_may_be_locks_for_has_all(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    has: list[tuple[bool, bool]] = []

    def note(connection: PostgresConnection) -> None:
        has.append((connection.games is None, connection.is_alone))

    monkeypatch.setattr(writer, "_MOST_GAMES", 1)
    kinds: tuple[Callable[..., Job[str]], ...] = (in_set, InGame)
    for number, kind in enumerate(kinds):
        await node.write(kind(f"ann{number}", note))
        await node.write(kind(f"bob{number}"), kind(f"cat{number}", note, scope(1)))
    assert has == [(False, False), (True, True), (False, True), (True, True)]


async def test_what_fails_unforeseen_beside_others_is_tried_again_alone(node: Node) -> None:
    games: list[object] = []

    def work(connection: PostgresConnection) -> None:
        games.append(connection.games)
        if connection.games is not None:
            raise ValueError

    assert await node.write(InGame("ann", work)) == ["ann"]
    assert games == [{1}, None]


@pytest.mark.parametrize("table", ["games", "pools", "events", "bets"])
def test_a_game_is_found_by_what_is_in_it(node: Node, table: str) -> None:
    """By statements that the tables answer; what there is none of is in no game."""
    found = GameFinder().find(node.writer._connection, [Subject(table, GAMES[1]), Subject(table, str(UUID(int=9)))])
    assert found == ({2} if table == "games" else set())


def test_games_that_were_found_are_found_again_without_asking(node: Node) -> None:
    finder, subject = GameFinder(), Subject("games", GAMES[1])
    assert finder.find(node.writer._connection, [subject]) == {2}
    node.writer._connection.execute("UPDATE games SET uuid = ? WHERE id = 2", (str(UUID(int=9)),))
    assert finder.find(node.writer._connection, [subject]) == {2}


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
                raise Rejected(ErrorCode.CONFLICT, "Not now.")

        return work

    first, second = in_set("ann", defers("late ann")), in_set("bob", defers("late bob", fails=True))
    outcomes = await node.write(first, second)
    assert outcomes[0] == "ann"
    assert isinstance(outcomes[1], Rejected)
    assert there == [["ann"], ["ann", "bob"], ["ann"], ["ann", "bob"]]  # the set, and then one by one
    assert node.users() == ["ann", "late ann"]


async def test_a_job_that_fails_takes_nothing_along_that_others_have_deferred(node: Node) -> None:
    def defer(connection: PostgresConnection) -> None:
        connection.defer(name("late ann"))

    def fail(connection: PostgresConnection) -> None:
        assert connection.try_alone()
        raise Rejected(ErrorCode.CONFLICT, "Not now.")

    class Other(SetJob):
        """Of another kind, so that it is carried out by itself."""

        def is_like(self, other: object) -> bool:
            return False

    jobs = (in_set("ann", defer), Other(store, Item("bob", fail), IN_FIRST))
    outcomes = await node.write(*jobs)
    assert outcomes[0] == "ann"
    assert isinstance(outcomes[1], Rejected)
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

    def of(user_id: int, text: str, then: Then = nothing) -> SetJob:
        return in_set(text, then, scope(0, user_id))

    outcomes: list[object] = []

    def work(connection: PostgresConnection) -> None:
        outcomes.extend(meanwhile(other, of(user_id, f"user{user_id}")) for user_id in (1, 2))

    await node.write(of(1, "cat", work))
    assert is_busy(outcomes[0])
    assert outcomes[1] == "user2"


async def test_a_key_that_is_used_in_two_games_at_once_is_used_once(node: Node, other: Node) -> None:
    await node.write(name("ann"))
    found: list[bool] = []

    def keep(connection: PostgresConnection) -> None:
        insert_replies(connection, [NewReply(1, "key", b"d" * 32, 0, b"{}")], kept_ms=0)

    def answer(connection: PostgresConnection) -> None:
        found.append(bool(find_replies(connection, {(1, "key"): 0})))
        if len(found) == 1:
            assert meanwhile(other, InGame("bob", keep, scope(1))) == "bob"
        if not found[-1]:
            keep(connection)

    assert await node.write(InGame("cat", answer)) == ["cat"]
    assert found == [False, True]


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
