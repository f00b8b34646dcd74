"""What is to happen by itself, in the order in which it falls due (contract, section 6, "Order of things")."""

import sqlite3
from enum import IntEnum
from typing import NamedTuple


class TimerKind(IntEnum):
    """What falls due; of those due at the same millisecond, the lower first."""

    CLOSE_GAME = 40
    PURGE_LOG = 90


class Timer(NamedTuple):
    """Something that falls due."""

    id: int
    due_at: int
    kind: TimerKind
    game_id: int


def insert_timer(connection: sqlite3.Connection, due_at: int, kind: TimerKind, game_id: int) -> None:
    """Let something fall due."""
    connection.execute("INSERT INTO timers (due_at, kind, game_id) VALUES (?, ?, ?)", (due_at, kind, game_id))


def next_due_at(connection: sqlite3.Connection) -> int | None:
    """The earliest moment at which something falls due."""
    due_at: int | None = connection.execute("SELECT min(due_at) FROM timers").fetchone()[0]
    return due_at


def first_due(connection: sqlite3.Connection, now_ms: int) -> Timer | None:
    """What is to be done first of all that is due."""
    row = connection.execute(
        "SELECT id, due_at, kind, game_id FROM timers WHERE due_at <= ? ORDER BY due_at, kind, id LIMIT 1",
        (now_ms,),
    ).fetchone()
    return Timer(row[0], row[1], TimerKind(row[2]), row[3]) if row else None


def delete_timer(connection: sqlite3.Connection, timer_id: int) -> None:
    """It has been done."""
    connection.execute("DELETE FROM timers WHERE id = ?", (timer_id,))


def postpone_timer(connection: sqlite3.Connection, timer_id: int, due_at: int) -> None:
    """Try again later."""
    connection.execute("UPDATE timers SET due_at = ? WHERE id = ?", (due_at, timer_id))


def delete_timers_of_game(connection: sqlite3.Connection, game_id: int) -> None:
    """Nothing of the game falls due any more."""
    connection.execute("DELETE FROM timers WHERE game_id = ?", (game_id,))
