"""Betting pools and their targets."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from gameserver.domain.pools import PoolStatus, PoolTimes, PoolType, UnlistedTarget
from gameserver.storage.connection import Connection
from gameserver.storage.ids import new_uuid


class NewPoolRow(Struct, frozen=True):
    """The fields of a new pool. ``is_blocked`` is its own block, beside which its game may be held."""

    game_id: int
    type: PoolType
    description: str
    action_id: int | None
    target_level: int
    unlisted_target: UnlistedTarget
    takeout_millionths: int
    created_at: int
    start_at: int
    finish_at: int | None
    stop_accepting_bets_at: int | None
    recreate_on_end: bool
    is_blocked: bool
    hot_since: int | None
    recreated_from: int | None
    min_stake: int
    max_stake: int | None
    is_cancellable: bool
    settle_delay_ms: int


class Pool(NewPoolRow, frozen=True, array_like=True):
    """A pool as stored, with its game's wire id and currency, and the wire ids of its action and its predecessor."""

    id: int
    uuid: str
    game_uuid: str
    currency: str
    action_key: str | None
    status: PoolStatus
    settlement_id: int | None
    participants: int
    amount_total: int
    bet_count: int
    version: int
    untold_at: int | None
    predecessor: str | None
    is_held: bool

    @property
    def is_betting_blocked(self) -> bool:
        """Whether betting is blocked, by the pool's own block or because its game is held."""
        return self.is_blocked or self.is_held

    @property
    def times(self) -> PoolTimes:
        """The times at which the pool takes bets."""
        return PoolTimes(self.start_at, self.finish_at, self.stop_accepting_bets_at)

    @property
    def ends_at(self) -> int | None:
        """When time ends the pool, ``settle_delay_ms`` after its ``finish_at``; None for an event-based pool."""
        return None if self.finish_at is None else self.finish_at + self.settle_delay_ms

    def has_finished(self, now_ms: int) -> bool:
        """Whether its ``finish_at`` has come, though it may still wait for events from before it."""
        return self.finish_at is not None and now_ms >= self.finish_at

    @property
    def action(self) -> str:
        """The wire id of the pool's action; for a binary pool, one made of the pool's own id."""
        return self.action_key if self.action_key is not None else f"pool-{self.uuid}"


class NewPoolTarget(NamedTuple):
    """What can be backed in a new pool: a target of the game by its row id, or a label, which has none."""

    key: str
    display_name: str
    target_id: int | None


class PoolTarget(NamedTuple):
    """A target of a pool as it is shown, with the sums of the valid bets on it."""

    pool_id: int
    position: int
    key: str
    display_name: str
    target_id: int | None
    backing_people: int
    backing_money: int
    is_active: int


_JOINED = {
    "game_uuid": "games.uuid",
    "currency": "games.currency",
    "action_key": "actions.key",
    "predecessor": "predecessors.uuid",
    "is_held": "(pools.status = 'open' AND games.held_at IS NOT NULL)",
}
_COLUMNS = ", ".join(_JOINED.get(field, f"pools.{field}") for field in Pool.__struct_fields__)
_POOLS = (
    f"SELECT {_COLUMNS} FROM pools JOIN games ON games.id = pools.game_id"
    " LEFT JOIN actions ON actions.id = pools.action_id"
    " LEFT JOIN pools AS predecessors ON predecessors.id = pools.recreated_from"
)
_LAST_ROW = 2**62


def _pool(row: Iterable[object]) -> Pool:
    return msgspec.convert(tuple(row), Pool, strict=False)  # an engine may have 0 and 1 for booleans


_TARGET = (
    "p.pool_id, p.position, p.key, coalesce(l.display_name, t.display_name, p.display_name) AS display_name,"
    " p.target_id, p.backing_people, p.backing_money, coalesce(t.is_active, 1) AS is_active"
)
_SHOWN = "LEFT JOIN targets AS t ON t.id = p.target_id LEFT JOIN target_labels AS l ON l.target_id = p.target_id"
_TARGETS = f"SELECT {_TARGET} FROM pool_targets AS p {_SHOWN}"


def insert_pool(connection: Connection, new: NewPoolRow, targets: Iterable[NewPoolTarget]) -> Pool:
    """Store a new pool and return it."""
    columns, marks = ", ".join(NewPoolRow.__struct_fields__), ", ".join("?" * len(NewPoolRow.__struct_fields__))
    values = (new_uuid(new.created_at), *astuple(new))
    pool_id = connection.insert(f"INSERT INTO pools (uuid, {columns}) VALUES (?, {marks})", values)
    columns_of_target = ("pool_id", "position", *NewPoolTarget._fields)
    rows = [(pool_id, position, *target) for position, target in enumerate(targets)]
    connection.insert_many("pool_targets", columns_of_target, rows)
    return get_pool(connection, pool_id)


def find_pool(connection: Connection, uuid: str) -> Pool | None:
    """The pool with this wire id; None if there is none."""
    row = connection.execute(f"{_POOLS} WHERE pools.uuid = ?", (uuid,)).fetchone()
    return _pool(row) if row else None


def get_pool(connection: Connection, pool_id: int) -> Pool:
    """The pool with this row id, which must exist."""
    return _pool(connection.execute(f"{_POOLS} WHERE pools.id = ?", (pool_id,)).fetchone())


def list_pool_targets(connection: Connection, pool_id: int) -> list[PoolTarget]:
    """The targets of a pool, in the order given when it was opened."""
    rows = connection.execute(f"{_TARGETS} WHERE pool_id = ? ORDER BY position", (pool_id,))
    return list(map(PoolTarget._make, rows))


def list_targets_of_pools(connection: Connection, pool_ids: Iterable[int]) -> dict[int, list[PoolTarget]]:
    """The targets of pools by the pools' row ids, in order."""
    targets: dict[int, list[PoolTarget]] = {pool_id: [] for pool_id in pool_ids}
    query = f"SELECT {_TARGET} FROM given JOIN pool_targets AS p ON p.pool_id = given.pool_id {_SHOWN} ORDER BY 1, 2"
    for target in connection.list_rows_with(PoolTarget, query, ("pool_id",), [(pool_id,) for pool_id in targets]):
        targets[target.pool_id].append(target)
    return targets


class Position(NamedTuple):
    """The position of a target in a pool."""

    pool_id: int
    position: int


def list_positions(connection: Connection, targets: Iterable[tuple[int, str]]) -> dict[int, int]:
    """The positions of targets, each given by a pool's row id and the target's id: pool → position, where it has it."""
    targets = list(targets)
    if not targets:
        return {}
    query = (
        "SELECT p.pool_id, p.position FROM given JOIN pool_targets AS p"
        " ON p.pool_id = given.pool_id AND p.key = given.key"
    )
    return dict(connection.list_rows_with(Position, query, ("pool_id", "key"), targets))


def find_pool_target(connection: Connection, pool_id: int, key: str) -> PoolTarget | None:
    """A target of a pool by its id; None if the pool does not have it."""
    row = connection.execute(f"{_TARGETS} WHERE pool_id = ? AND p.key = ?", (pool_id, key)).fetchone()
    return PoolTarget._make(row) if row else None


def list_open_pools(connection: Connection, game_id: int, before: int | None, limit: int) -> list[Pool]:
    """A page of a game's unresolved pools, newest first, with row ids below ``before``."""
    return _list(connection, "pools.game_id = ? AND pools.status = 'open'", (game_id,), before, limit)


def list_ended_pools(connection: Connection, game_id: int, before: int | None, limit: int) -> list[Pool]:
    """A page of a game's ended pools, newest first, with row ids below ``before``."""
    return _list(connection, "pools.game_id = ? AND pools.status <> 'open'", (game_id,), before, limit)


def list_unbacked_pools(
    connection: Connection, game_id: int, user_id: int, before: int | None, limit: int
) -> list[Pool]:
    """A page of a game's unresolved pools without a running bet of the user, newest first."""
    where = (
        "pools.game_id = ? AND pools.status = 'open'"
        " AND coalesce((SELECT is_running FROM participations WHERE user_id = ? AND pool_id = pools.id), 0) <> 1"
    )
    return _list(connection, where, (game_id, user_id), before, limit)


def list_backed_pools(
    connection: Connection, game_id: int, user_id: int, before: int | None, limit: int, *, running: bool
) -> list[Pool]:
    """A page of a game's pools with bets of the user: the unresolved with a running bet, or the ended with any bet."""
    status = "= 'open'" if running else "<> 'open'"
    rows = connection.execute(
        "SELECT pool_id FROM participations AS p WHERE user_id = ? AND game_id = ? AND is_running = ? AND pool_id < ?"
        f" AND (SELECT status FROM pools WHERE pools.id = p.pool_id) {status} ORDER BY pool_id DESC LIMIT ?",
        (user_id, game_id, running, _LAST_ROW if before is None else before, limit),
    )
    return [get_pool(connection, row[0]) for row in rows]


def list_all_open_pools(connection: Connection, game_id: int) -> list[Pool]:
    """The unresolved pools of a game, oldest first."""
    rows = connection.execute(
        f"{_POOLS} WHERE pools.game_id = ? AND pools.status = 'open' ORDER BY pools.id", (game_id,)
    )
    return [_pool(row) for row in rows]


def list_pools_to_void(connection: Connection, game_id: int, *, include_resolved: bool) -> list[Pool]:
    """The unresolved pools of a game, and if asked for the resolved ones, oldest first."""
    ends = "pools.status <> 'voided'" if include_resolved else "pools.status = 'open'"
    rows = connection.execute(f"{_POOLS} WHERE pools.game_id = ? AND {ends} ORDER BY pools.id", (game_id,))
    return [_pool(row) for row in rows]


def count_open_pools(connection: Connection, game_id: int) -> int:
    """The number of a game's unresolved pools."""
    query = "SELECT count(*) FROM pools WHERE game_id = ? AND status = 'open'"
    return int(connection.execute(query, (game_id,)).fetchone()[0])


class PoolCount(NamedTuple):
    """How many of a game's pools are unresolved, and how many of these are hot."""

    game_id: int
    open_pools: int
    hot_pools: int


def count_pools(connection: Connection, game_ids: Iterable[int]) -> dict[int, PoolCount]:
    """The numbers of unresolved pools of games by row id, of those that have any."""
    rows = connection.list_rows_with(
        PoolCount,
        "SELECT given.game_id, count(*) AS open_pools, count(hot_since) AS hot_pools"
        " FROM given JOIN pools ON pools.game_id = given.game_id AND pools.status = 'open' GROUP BY given.game_id",
        ("game_id",),
        [(game_id,) for game_id in game_ids],
    )
    return {row.game_id: row for row in rows}


def update_recreate_on_end(connection: Connection, pool_id: int, *, recreate_on_end: bool) -> None:
    """Set whether a pool is recreated when it ends."""
    connection.execute(
        "UPDATE pools SET recreate_on_end = ?, version = version + 1 WHERE id = ?", (recreate_on_end, pool_id)
    )


def list_open_pools_of_action(connection: Connection, action_id: int) -> list[Pool]:
    """The unresolved pools on an action, oldest first."""
    rows = connection.execute(
        f"{_POOLS} WHERE pools.action_id = ? AND pools.status = 'open' ORDER BY pools.id", (action_id,)
    )
    return [_pool(row) for row in rows]


def _list(connection: Connection, where: str, parameters: Iterable[int], before: int | None, limit: int) -> list[Pool]:
    rows = connection.execute(
        f"{_POOLS} WHERE {where} AND pools.id < ? ORDER BY pools.id DESC LIMIT ?",
        (*parameters, _LAST_ROW if before is None else before, limit),
    )
    return [_pool(row) for row in rows]


class PoolChange(NamedTuple):
    """The properties of an open pool that can be changed."""

    description: str
    start_at: int
    finish_at: int | None
    stop_accepting_bets_at: int | None
    recreate_on_end: bool
    min_stake: int
    max_stake: int | None


def update_pool(connection: Connection, pool_id: int, change: PoolChange) -> Pool:
    """Change a pool's properties; returns the pool as it is then."""
    columns = ", ".join(f"{field} = ?" for field in PoolChange._fields)
    connection.execute(f"UPDATE pools SET {columns}, version = version + 1 WHERE id = ?", (*change, pool_id))
    return get_pool(connection, pool_id)


def update_blocked(connection: Connection, pool_id: int, *, is_blocked: bool, untold_at: int | None = None) -> int:
    """Set or lift a pool's own block; returns its new version. ``untold_at`` is set until a broadcast tells it."""
    query = "UPDATE pools SET is_blocked = ?, untold_at = ?, version = version + 1 WHERE id = ? RETURNING version"
    return int(connection.execute(query, (is_blocked, untold_at, pool_id)).fetchone()[0])


def update_hot_since(connection: Connection, pool_id: int, hot_since: int | None) -> int:
    """Mark a pool as hot, or no longer so (None); returns its new version."""
    query = "UPDATE pools SET hot_since = ?, version = version + 1 WHERE id = ? RETURNING version"
    return int(connection.execute(query, (hot_since, pool_id)).fetchone()[0])


class PoolBets(NamedTuple):
    """New bets in a pool: their sum in minor units, how many they are, and how many users had none there before.

    The other fields are the pool's `gameserver.storage.backing_history.History` with them.
    """

    pool_id: int
    amount: int
    bet_count: int
    participants: int
    history_period_ms: int
    history_length: int
    last_bet_at: int | None


class TargetBets(NamedTuple):
    """New bets on a target: their sum in minor units, and how many users had none on it before."""

    pool_id: int
    position: int
    amount: int
    people: int


def add_bets_to_sums(connection: Connection, pools: Iterable[PoolBets], targets: Iterable[TargetBets]) -> None:
    """Add bets to the sums of their pools and targets; each bet makes a new version of its pool."""
    connection.execute_with(
        "UPDATE pools SET amount_total = amount_total + given.amount, bet_count = pools.bet_count + given.bet_count,"
        " participants = pools.participants + given.participants, version = version + given.bet_count,"
        " history_period_ms = given.history_period_ms, history_length = given.history_length,"
        " last_bet_at = CASE WHEN pools.last_bet_at > given.last_bet_at THEN pools.last_bet_at"
        "  ELSE given.last_bet_at END"
        " FROM given WHERE pools.id = given.pool_id",
        PoolBets._fields,
        pools,
    )
    connection.execute_with(
        "UPDATE pool_targets SET backing_money = backing_money + given.amount,"
        " backing_people = backing_people + given.people FROM given"
        " WHERE pool_targets.pool_id = given.pool_id AND pool_targets.position = given.position",
        TargetBets._fields,
        targets,
    )


def list_versions(connection: Connection, pool_uuids: Iterable[str]) -> dict[str, int]:
    """The versions of the given pools: pool row id → version."""
    query = "SELECT version FROM pools WHERE uuid = ?"
    return {uuid: connection.execute(query, (uuid,)).fetchone()[0] for uuid in pool_uuids}


def list_pool_uuids(connection: Connection, game_id: int) -> list[str]:
    """The wire ids of a game's pools, in the order opened."""
    rows = connection.execute("SELECT uuid FROM pools WHERE game_id = ? ORDER BY id", (game_id,))
    return [row[0] for row in rows]
