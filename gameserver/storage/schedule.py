"""Timers: what the server does by itself, in the order it falls due (protocol, "Order of things")."""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from gameserver.storage.connection import Connection


class TimerKind(IntEnum):
    """The kinds of timers; of timers due at the same millisecond, the lower kind comes first."""

    FINISH_POOL = 10
    SETTLE_POOL = 11
    ALLOW_POOL = 20
    ALLOW_ACTION = 21
    BLOCK_POOL = 30
    BLOCK_ACTION = 31
    HEAT_POOL = 35
    CLOSE_GAME = 40
    PURGE_LOG = 90


class Timer(NamedTuple):
    """A timer; a timer of an action does not touch the pools that have since been excepted from it."""

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
    """Set a timer; it replaces a timer of the same kind for the same subject."""
    delete_timers(connection, game_id, [kind], pool_id=pool_id, action_id=action_id)
    connection.execute(
        "INSERT INTO timers (due_at, kind, game_id, pool_id, action_id) VALUES (?, ?, ?, ?, ?)",
        (due_at, kind, game_id, pool_id, action_id),
    )


def insert_finish_timers(connection: Connection, game_id: int, due_at: Mapping[int, int]) -> None:
    """Set the timers that finish new pools: pool row id → when it finishes."""
    rows = [(finish_at, TimerKind.FINISH_POOL, game_id, pool_id) for pool_id, finish_at in due_at.items()]
    connection.insert_many("timers", ("due_at", "kind", "game_id", "pool_id"), rows)


def delete_timers(
    connection: Connection,
    game_id: int,
    kinds: Iterable[TimerKind],
    *,
    pool_id: int | None = None,
    action_id: int | None = None,
) -> None:
    """Cancel the timer of a kind for a subject, if there is one."""
    connection.execute_many(
        "DELETE FROM timers WHERE game_id = ? AND kind = ? AND coalesce(pool_id, 0) = ? AND coalesce(action_id, 0) = ?",
        [(game_id, kind, pool_id or 0, action_id or 0) for kind in kinds],
    )


def except_from_timer(connection: Connection, game_id: int, kind: TimerKind, action_id: int, pool_id: int) -> None:
    """Except a pool from an action's pending timer, if there is one; a timer that replaces it affects the pool."""
    connection.execute(
        "INSERT INTO timer_exceptions SELECT id, ? FROM timers WHERE game_id = ? AND kind = ? AND action_id = ?"
        " ON CONFLICT DO NOTHING",
        (pool_id, game_id, kind, action_id),
    )


def delete_ends(connection: Connection, pool_ids: Iterable[int]) -> None:
    """Cancel the timers that would end the pools."""
    connection.execute_with(
        "DELETE FROM timers WHERE pool_id IN (SELECT given.pool_id FROM given)"
        f" AND kind IN ({TimerKind.FINISH_POOL}, {TimerKind.SETTLE_POOL})",
        ("pool_id",),
        [(pool_id,) for pool_id in pool_ids],
    )


def delete_timers_of_pool(connection: Connection, pool_id: int) -> None:
    """Cancel all timers of the pool."""
    connection.execute("DELETE FROM timers WHERE pool_id = ?", (pool_id,))


class ComingSteering(NamedTuple):
    """When a pool is next to be blocked, allowed and hot, in epoch ms; None where it is not."""

    block_at: int | None
    allow_at: int | None
    hot_at: int | None


def get_coming_steering(connection: Connection, pool_id: int, action_id: int | None) -> ComingSteering:
    """What is to come of a pool by its own timers, and by those of its action that affect it."""
    due_at = dict(
        connection.execute(
            "SELECT kind, min(due_at) FROM (SELECT kind, due_at FROM timers WHERE pool_id = ?"
            " UNION ALL SELECT kind, due_at FROM timers WHERE action_id = ? AND NOT EXISTS"
            "  (SELECT 1 FROM timer_exceptions AS e WHERE e.timer_id = timers.id AND e.pool_id = ?)) AS coming"
            " GROUP BY kind",
            (pool_id, action_id, pool_id),
        ).fetchall()
    )

    def first(*kinds: TimerKind) -> int | None:
        return min((due_at[kind] for kind in kinds if kind in due_at), default=None)

    return ComingSteering(
        first(TimerKind.BLOCK_POOL, TimerKind.BLOCK_ACTION),
        first(TimerKind.ALLOW_POOL, TimerKind.ALLOW_ACTION),
        first(TimerKind.HEAT_POOL),
    )


def next_due_at(connection: Connection) -> int | None:
    """The earliest time, in epoch ms, at which a timer falls due; None if no timer is set."""
    due_at: int | None = connection.execute("SELECT min(due_at) FROM timers").fetchone()[0]
    return due_at


def next_due_in(connection: Connection, games: Iterable[int]) -> int | None:
    """The earliest time, in epoch ms, at which a timer of one of the games falls due; None if they have none."""
    query = "SELECT min(due_at) FROM given JOIN timers ON timers.game_id = given.game_id"
    rows = connection.execute_with(query, ("game_id",), [(game,) for game in games]).fetchone()
    due_at: int | None = rows[0] if rows else None
    return due_at


def list_due_games(connection: Connection, now_ms: int) -> list[int]:
    """The row ids of the games in which timers are due at ``now_ms``."""
    rows = connection.execute("SELECT DISTINCT game_id FROM timers WHERE due_at <= ?", (now_ms,))
    return [game_id for (game_id,) in rows]


def first_due(connection: Connection, now_ms: int) -> Timer | None:
    """The first of the timers that are due at ``now_ms``, of the transaction's games; None if none is."""
    fields, order = "timers.id, due_at, kind, timers.game_id, pool_id, action_id", "ORDER BY due_at, kind, timers.id"
    if connection.games is None:
        due = connection.execute(f"SELECT {fields} FROM timers WHERE due_at <= ? {order} LIMIT 1", (now_ms,))
    else:
        due = connection.execute_with(
            f"SELECT {fields} FROM given JOIN timers ON timers.game_id = given.game_id"
            f" WHERE due_at <= given.now_ms {order} LIMIT 1",
            ("game_id", "now_ms"),
            [(game, now_ms) for game in connection.games],
        )
    row = due.fetchone()
    if row is None:
        return None
    excepted = connection.execute("SELECT pool_id FROM timer_exceptions WHERE timer_id = ?", (row[0],))
    return Timer(row[0], row[1], TimerKind(row[2]), row[3], row[4], row[5], frozenset(pool for (pool,) in excepted))


def list_due_with(connection: Connection, timer: Timer) -> list[Timer]:
    """A timer that ends a pool, and those that do the same to others of its game at the same moment, in order.

    It is alone where the end of its pool may close the game.
    """
    rows = connection.execute(
        "SELECT timers.id, pool_id FROM timers JOIN games ON games.id = game_id"
        " WHERE due_at = ? AND kind = ? AND game_id = ? AND closing_at IS NULL ORDER BY timers.id",
        (timer.due_at, timer.kind, timer.game_id),
    )
    return [timer._replace(id=timer_id, pool_id=pool_id) for timer_id, pool_id in rows] or [timer]


def delete_timers_done(connection: Connection, timers: Iterable[Timer]) -> None:
    """Delete timers whose work is done."""
    connection.execute_many("DELETE FROM timers WHERE id = ?", [(timer.id,) for timer in timers])


def postpone_timer(connection: Connection, timer_id: int, due_at: int) -> None:
    """Postpone a timer whose work failed, to try it again later."""
    connection.execute("UPDATE timers SET due_at = ? WHERE id = ?", (due_at, timer_id))


def delete_timers_of_kinds(connection: Connection, game_id: int, kinds: Iterable[TimerKind]) -> None:
    """Cancel the timers of these kinds of a game and its pools."""
    connection.execute_many("DELETE FROM timers WHERE game_id = ? AND kind = ?", [(game_id, kind) for kind in kinds])


def delete_timers_of_game(connection: Connection, game_id: int) -> None:
    """Cancel all timers of a game."""
    connection.execute("DELETE FROM timers WHERE game_id = ?", (game_id,))
