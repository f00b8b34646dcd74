"""What the targets of a pool were backed with in the course of time: its sums, recorded now and then.

Time is divided into periods of a pool's ``history_period_ms``. When the first bet of a period is placed, the sums are
recorded as the bets before it left them. Whenever there are more than `MAX_RECORDS`, the periods become longer, and of
each the last record stays. Records hold valid bets alone: one that is cancelled is taken out of those that hold it, and
records that hold late bets are deleted, because since the event nothing valid was placed.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.storage.connection import Connection, NotAlone

MAX_RECORDS = 256
# What is worth having others who place bets wait: they must, since theirs have lower ids and are in no sum yet.
_PERIOD_BESIDE_OTHERS_MS = 100


class History(NamedTuple):
    """The state of a pool's history: the length of its periods, how many records it has at most, and the last bet."""

    period_ms: int
    length: int
    last_bet_at: int | None


class Record(NamedTuple):
    """The sum on a position, in minor units, of the bets up to ``newest_bet_id``; the last was placed ``at``."""

    newest_bet_id: int
    at: int
    position: int
    amount: int


def continue_history(connection: Connection, pool_id: int, history: History, placed_at: int) -> History:
    """The history with bets that are about to be placed, the last at that time.

    It records the sums before them if a period has ended. Raises `NotAlone` if others place bets meanwhile.
    """
    period_ms, length, last_bet_at = history
    if last_bet_at is None:
        return History(period_ms, length, placed_at)
    if placed_at // period_ms > last_bet_at // period_ms and _is_worth_it(connection, history, placed_at):
        connection.execute(
            "INSERT INTO backing_history (pool_id, position, newest_bet_id, at, amount)"
            " SELECT pool_id, position, (SELECT max(id) FROM bets), last_bet_at, backing_money"
            " FROM pools JOIN pool_targets ON pool_id = pools.id WHERE pools.id = ? AND backing_money > 0",
            (pool_id,),
        )
        length += 1
        if length > MAX_RECORDS:
            period_ms, length = _thin(connection, pool_id, period_ms)
    return History(period_ms, length, max(last_bet_at, placed_at))


def _is_worth_it(connection: Connection, history: History, placed_at: int) -> bool:
    """Whether a period that has ended is recorded. Raises `NotAlone`."""
    if connection.try_alone():
        return True
    period_ms = max(history.period_ms, _PERIOD_BESIDE_OTHERS_MS)
    if placed_at // period_ms > (history.last_bet_at or 0) // period_ms:
        raise NotAlone
    return False


def _thin(connection: Connection, pool_id: int, period_ms: int) -> tuple[int, int]:
    """Leave half of the records, or fewer; the length of the periods and the number of records that there are then."""
    rows = connection.execute("SELECT DISTINCT at FROM backing_history WHERE pool_id = ?", (pool_id,)).fetchall()
    while (length := len({at // period_ms for (at,) in rows})) > MAX_RECORDS // 2:
        period_ms *= 2
    connection.execute(
        "DELETE FROM backing_history WHERE pool_id = ? AND at NOT IN"
        " (SELECT max(at) FROM backing_history WHERE pool_id = ? GROUP BY at / ?)",
        (pool_id, pool_id, period_ms),
    )
    return period_ms, length


def take_from_history(connection: Connection, pool_id: int, bets: Iterable[tuple[int, int, int]]) -> None:
    """Take bets that are cancelled out of the records that hold them; each is a position, an id and an amount."""
    connection.execute_many(
        "UPDATE backing_history SET amount = amount - ? WHERE pool_id = ? AND position = ? AND newest_bet_id >= ?",
        [(amount, pool_id, position, bet_id) for position, bet_id, amount in bets],
    )


def end_history(connection: Connection, pool_id: int, first_late_bet_id: int) -> None:
    """Delete the records that hold late bets."""
    query = "DELETE FROM backing_history WHERE pool_id = ? AND newest_bet_id >= ?"
    connection.execute(query, (pool_id, first_late_bet_id))


def list_records(connection: Connection, pool_id: int) -> list[Record]:
    """The records of a pool, in the order in which they were made."""
    rows = connection.execute(
        "SELECT newest_bet_id, at, position, amount FROM backing_history WHERE pool_id = ?"
        " ORDER BY newest_bet_id, position",
        (pool_id,),
    )
    return list(map(Record._make, rows))


def get_last_bet_at(connection: Connection, pool_id: int) -> int | None:
    """When the last bet of a pool was placed, whatever has become of it; None if there is none."""
    last_bet_at: int | None = connection.execute("SELECT last_bet_at FROM pools WHERE id = ?", (pool_id,)).fetchone()[0]
    return last_bet_at
