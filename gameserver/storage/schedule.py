"""What is to happen by itself, in the order in which it falls due (protocol, "Order of things")."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from gameserver.storage.connection import Connection


class TimerKind(IntEnum):
    """What falls due; of those due at the same millisecond, the lower first."""

    FINISH_POOL = 10
    ALLOW_POOL = 20
    ALLOW_ACTION = 21
    BLOCK_POOL = 30
    BLOCK_ACTION = 31
    HEAT_POOL = 35
    CLOSE_GAME = 40
    PURGE_LOG = 90


class Timer(NamedTuple):
    """Something that falls due; one of an action leaves the pools alone that were excepted from it since."""

    id: int
    due_at: int
    kind: TimerKind
    game_id: int
    pool_id: int | None
    action_id: int | None
    excepted: frozenset[int]


def insert_timer(
    connection: Connection,
    due_at: int,
    kind: TimerKind,
    game_id: int,
    *,
    pool_id: int | None = None,
    action_id: int | None = None,
) -> None:
    """Let something fall due; it replaces what would fall due of the same kind for the same subject."""
    delete_timers(connection, game_id, [kind], pool_id=pool_id, action_id=action_id)
    connection.execute(
        "INSERT INTO timers (due_at, kind, game_id, pool_id, action_id) VALUES (?, ?, ?, ?, ?)",
        (due_at, kind, game_id, pool_id, action_id),
    )


def delete_timers(
    connection: Connection,
    game_id: int,
    kinds: Iterable[TimerKind],
    *,
    pool_id: int | None = None,
    action_id: int | None = None,
) -> None:
    """Let it not fall due after all."""
    connection.execute_many(
        "DELETE FROM timers WHERE game_id = ? AND kind = ? AND coalesce(pool_id, 0) = ? AND coalesce(action_id, 0) = ?",
        [(game_id, kind, pool_id or 0, action_id or 0) for kind in kinds],
    )


def except_from_timer(connection: Connection, game_id: int, kind: TimerKind, action_id: int, pool_id: int) -> None:
    """Let what falls due for an action leave a pool alone, if anything does; what replaces it does not."""
    connection.execute(
        "INSERT INTO timer_exceptions SELECT id, ? FROM timers WHERE game_id = ? AND kind = ? AND action_id = ?"
        " ON CONFLICT DO NOTHING",
        (pool_id, game_id, kind, action_id),
    )


def delete_timers_of_pool(connection: Connection, pool_id: int) -> None:
    """Nothing of the pool falls due any more."""
    connection.execute("DELETE FROM timers WHERE pool_id = ?", (pool_id,))


def next_due_at(connection: Connection) -> int | None:
    """The earliest moment at which something falls due."""
    due_at: int | None = connection.execute("SELECT min(due_at) FROM timers").fetchone()[0]
    return due_at


def first_due(connection: Connection, now_ms: int) -> Timer | None:
    """What is to be done first of all that is due."""
    row = connection.execute(
        "SELECT id, due_at, kind, game_id, pool_id, action_id FROM timers WHERE due_at <= ?"
        " ORDER BY due_at, kind, id LIMIT 1",
        (now_ms,),
    ).fetchone()
    if row is None:
        return None
    excepted = connection.execute("SELECT pool_id FROM timer_exceptions WHERE timer_id = ?", (row[0],))
    return Timer(row[0], row[1], TimerKind(row[2]), row[3], row[4], row[5], frozenset(pool for (pool,) in excepted))


def delete_timer(connection: Connection, timer_id: int) -> None:
    """It has been done."""
    connection.execute("DELETE FROM timers WHERE id = ?", (timer_id,))


def postpone_timer(connection: Connection, timer_id: int, due_at: int) -> None:
    """Try again later."""
    connection.execute("UPDATE timers SET due_at = ? WHERE id = ?", (due_at, timer_id))


def delete_timers_of_kinds(connection: Connection, game_id: int, kinds: Iterable[TimerKind]) -> None:
    """Nothing of these kinds falls due any more in the game, its pools' included."""
    connection.execute_many("DELETE FROM timers WHERE game_id = ? AND kind = ?", [(game_id, kind) for kind in kinds])


def delete_timers_of_game(connection: Connection, game_id: int) -> None:
    """Nothing of the game falls due any more."""
    connection.execute("DELETE FROM timers WHERE game_id = ?", (game_id,))
