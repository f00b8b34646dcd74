"""Pools that were recreated from others."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gameserver.storage.connection import Connection


class Successor(NamedTuple):
    """The pool recreated from another; ``bet_count`` is the number of its bets."""

    uuid: str
    bet_count: int


def find_successor(connection: Connection, pool_id: int) -> Successor | None:
    """The pool recreated from another after it ended; None if there is none."""
    query = "SELECT uuid, bet_count FROM pools WHERE recreated_from = ? ORDER BY id"
    row = connection.execute(query, (pool_id,)).fetchone()
    return Successor(*row) if row else None


def count_unbacked_runs(connection: Connection, pool_id: int, most: int) -> int:
    """The number of runs, this one and those it was recreated from, that ended by time without a bet, up to a limit.

    One that still waits for late events counts too.
    """
    row = connection.execute(
        "WITH RECURSIVE runs (pool_id, number) AS (VALUES (?, 1)"
        "  UNION ALL SELECT recreated_from, number + 1 FROM runs JOIN pools ON pools.id = runs.pool_id"
        "   LEFT JOIN settlements ON settlements.id = settlement_id"
        "   WHERE bet_count = 0 AND coalesce(cause, 'time') = 'time' AND number <= ?)"
        " SELECT max(number) - 1 FROM runs",
        (pool_id, most),
    ).fetchone()
    return int(row[0])


class _Recreated(NamedTuple):
    """A pool that has been recreated."""

    pool_id: int


def list_recreated(connection: Connection, pool_ids: Iterable[int]) -> set[int]:
    """Those of the pools that have been recreated after they ended, by row id."""
    query = "SELECT pools.recreated_from AS pool_id FROM given JOIN pools ON pools.recreated_from = given.pool_id"
    rows = connection.list_rows_with(_Recreated, query, ("pool_id",), [(pool_id,) for pool_id in pool_ids])
    return {row.pool_id for row in rows}


def reserve_pool_ids(connection: Connection, count: int) -> Sequence[int]:
    """The row ids of so many new pools, in ascending order."""
    return connection.reserve_ids("pools", count)


class NewSuccessor(NamedTuple):
    """What is a recreated pool's own: its ids, and the times at which it takes bets."""

    id: int
    uuid: str
    recreated_from: int
    start_at: int
    finish_at: int | None
    stop_accepting_bets_at: int | None


# What a pool has from the one that it was recreated from.
_KEPT = (
    *("game_id", "type", "description", "action_id", "target_level", "unlisted_target", "takeout_millionths"),
    *("min_stake", "max_stake", "is_cancellable", "settle_delay_ms"),
)


def insert_successors(connection: Connection, successors: Sequence[NewSuccessor]) -> None:
    """Store pools that are recreated, with ids from `reserve_pool_ids`, with the targets as they are shown."""
    given = ", ".join(f"given.{field}" for field in NewSuccessor._fields)
    kept, from_pool = ", ".join(_KEPT), ", ".join(f"pools.{column}" for column in _KEPT)
    connection.execute_with(
        f"INSERT INTO pools ({', '.join(NewSuccessor._fields)}, created_at, recreate_on_end, is_blocked, {kept})"
        f" SELECT {given}, given.start_at, 1, 0, {from_pool}"
        " FROM given JOIN pools ON pools.id = given.recreated_from ORDER BY given.id",
        NewSuccessor._fields,
        successors,
    )
    connection.execute_with(
        "INSERT INTO pool_targets (pool_id, position, key, display_name, target_id)"
        " SELECT given.id, p.position, p.key, coalesce(l.display_name, t.display_name, p.display_name), p.target_id"
        " FROM given JOIN pool_targets AS p ON p.pool_id = given.recreated_from"
        " LEFT JOIN targets AS t ON t.id = p.target_id LEFT JOIN target_labels AS l ON l.target_id = p.target_id",
        ("id", "recreated_from"),
        [(successor.id, successor.recreated_from) for successor in successors],
    )
