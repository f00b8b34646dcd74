import pytest

from gameserver.storage.connection import Connection
from gameserver.storage.schedule import (
    TimerKind,
    delete_timers_done,
    delete_timers_of_game,
    delete_timers_of_pool,
    except_from_timer,
    first_due,
    insert_timer,
    next_due_at,
    postpone_timer,
)
from gameserver.storage.targets import find_action_id, insert_actions
from tests.support.rows import make_game, make_pool

CLOSE, PURGE = TimerKind.CLOSE_GAME, TimerKind.PURGE_LOG


@pytest.fixture
def game_id(connection: Connection) -> int:
    """A game that timers belong to."""
    return make_game(connection).id


def drain(connection: Connection, now_ms: int) -> list[tuple[int, TimerKind]]:
    """Everything due, in the order in which it is done."""
    done: list[tuple[int, TimerKind]] = []
    while (timer := first_due(connection, now_ms)) is not None:
        done.append((timer.due_at, timer.kind))
        delete_timers_done(connection, [timer])
    return done


def test_nothing_is_due_without_timers(connection: Connection) -> None:
    assert next_due_at(connection) is None
    assert first_due(connection, 2**62) is None


def test_a_timer_is_due_from_its_millisecond_on(connection: Connection, game_id: int) -> None:
    insert_timer(connection, 100, CLOSE, game_id)
    assert first_due(connection, 99) is None
    timer = first_due(connection, 100)
    assert timer is not None
    assert (timer.due_at, timer.kind, timer.game_id) == (100, CLOSE, game_id)


def test_what_falls_due_is_done_by_time_then_by_kind(connection: Connection, game_id: int) -> None:
    others = [make_game(connection).id for _ in range(4)]
    due = [(20, PURGE), (20, CLOSE), (30, CLOSE), (10, PURGE), (40, CLOSE)]
    for (due_at, kind), owner in zip(due, [*others, game_id], strict=True):
        insert_timer(connection, due_at, kind, owner)
    assert next_due_at(connection) == 10
    assert drain(connection, 30) == [(10, PURGE), (20, CLOSE), (20, PURGE), (30, CLOSE)]
    assert next_due_at(connection) == 40


def test_pools_end_before_betting_is_allowed_then_blocked_and_the_game_closes_last(
    connection: Connection, game_id: int
) -> None:
    kinds = [TimerKind.FINISH_POOL, TimerKind.ALLOW_POOL, TimerKind.ALLOW_ACTION]
    kinds += [TimerKind.BLOCK_POOL, TimerKind.BLOCK_ACTION, TimerKind.HEAT_POOL, CLOSE, PURGE]
    for kind in reversed(kinds):
        insert_timer(connection, 10, kind, game_id)
    assert drain(connection, 10) == [(10, kind) for kind in kinds]


def test_a_newer_timer_of_a_kind_replaces_the_older_of_its_subject_alone(connection: Connection, game_id: int) -> None:
    pools = [make_pool(connection, game_id).id for _ in range(2)]
    for due_at, pool_id in [(30, pools[0]), (20, pools[1]), (10, pools[0])]:
        insert_timer(connection, due_at, TimerKind.BLOCK_POOL, game_id, pool_id=pool_id)
    insert_timer(connection, 40, CLOSE, game_id)
    insert_timer(connection, 50, CLOSE, game_id)
    assert drain(connection, 100) == [(10, TimerKind.BLOCK_POOL), (20, TimerKind.BLOCK_POOL), (50, CLOSE)]


def test_the_timers_of_one_pool_are_deleted_alone(connection: Connection, game_id: int) -> None:
    pools = [make_pool(connection, game_id).id for _ in range(2)]
    for kind in (TimerKind.FINISH_POOL, TimerKind.HEAT_POOL):
        for pool_id in pools:
            insert_timer(connection, pool_id, kind, game_id, pool_id=pool_id)
    delete_timers_of_pool(connection, pools[0])
    assert drain(connection, 100) == [(pools[1], TimerKind.FINISH_POOL), (pools[1], TimerKind.HEAT_POOL)]


def test_of_two_alike_the_one_set_first_is_done_first(connection: Connection, game_id: int) -> None:
    other = make_game(connection).id
    insert_timer(connection, 10, CLOSE, other)
    insert_timer(connection, 10, CLOSE, game_id)
    timer = first_due(connection, 10)
    assert timer is not None
    assert timer.game_id == other


def test_a_postponed_timer_is_due_later(connection: Connection, game_id: int) -> None:
    insert_timer(connection, 10, CLOSE, game_id)
    timer = first_due(connection, 10)
    assert timer is not None
    postpone_timer(connection, timer.id, 50)
    assert first_due(connection, 49) is None
    assert next_due_at(connection) == 50


def test_the_timers_of_one_game_are_deleted_alone(connection: Connection, game_id: int) -> None:
    other = make_game(connection).id
    for due_at, kind, owner in [(10, CLOSE, game_id), (20, CLOSE, other), (30, PURGE, game_id)]:
        insert_timer(connection, due_at, kind, owner)
    delete_timers_of_game(connection, game_id)
    assert drain(connection, 100) == [(20, CLOSE)]


def test_a_pool_is_excepted_from_the_timer_there_is_and_not_from_the_one_that_replaces_it(
    connection: Connection, game_id: int
) -> None:
    pool_id = make_pool(connection, game_id).id
    insert_actions(connection, game_id, {"goal": "Goal"})
    action_id = find_action_id(connection, game_id, "goal")
    assert action_id is not None
    for due_at, excepted in ((20, frozenset({pool_id})), (30, frozenset())):
        insert_timer(connection, due_at, TimerKind.ALLOW_ACTION, game_id, action_id=action_id)
        for _ in excepted:
            except_from_timer(connection, game_id, TimerKind.ALLOW_ACTION, action_id, pool_id)
            except_from_timer(connection, game_id, TimerKind.ALLOW_ACTION, action_id, pool_id)
        timer = first_due(connection, due_at)
        assert timer is not None
        assert timer.excepted == excepted
    except_from_timer(connection, game_id, TimerKind.ALLOW_ACTION, action_id, pool_id)
    assert drain(connection, 30) == [(30, TimerKind.ALLOW_ACTION)]
    assert connection.execute("SELECT * FROM timer_exceptions").fetchall() == []


def test_a_pool_is_excepted_from_nothing_where_no_timer_is_set(connection: Connection, game_id: int) -> None:
    except_from_timer(connection, game_id, TimerKind.ALLOW_ACTION, 1, make_pool(connection, game_id).id)
    assert connection.execute("SELECT * FROM timer_exceptions").fetchall() == []
