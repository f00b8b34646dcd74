"""Bets, and what each user has staked on each target of a pool."""

from collections.abc import Iterator
from typing import NamedTuple

from gameserver.domain.pools import PoolStatus, PoolTimes
from gameserver.storage.connection import Connection
from gameserver.storage.ids import new_uuid
from gameserver.storage.ledger import Balances, Wallet


class Bet(NamedTuple):
    """A bet: ``amount`` minor units staked by a user on the target at ``position`` in the pool; times in epoch ms.

    ``invalidated_by`` is the settlement that found it late and refunded it. What becomes of a valid bet, the
    settlements of its pool say: `gameserver.storage.outcomes`.
    """

    id: int
    uuid: str
    pool_id: int
    user_id: int
    position: int
    amount: int
    placed_at: int
    invalidated_by: int | None


_COLUMNS = ", ".join(Bet._fields)


class BetContext(NamedTuple):
    """What deciding on a bet requires: the pool, the target (None if the pool lacks it), and the user's accounts."""

    pool_id: int
    game_id: int
    game_uuid: str
    currency: str
    status: PoolStatus
    start_at: int
    finish_at: int | None
    stop_accepting_bets_at: int | None
    is_blocked: bool
    position: int | None
    available_id: int | None
    available: int | None
    staked_id: int | None
    staked: int | None
    may_bet: bool  # never an admin of the game or its source, unless the source has admins_may_bet

    @property
    def times(self) -> PoolTimes:
        """The times at which the pool takes bets: at the latest until its game's ``close_at``."""
        return PoolTimes(self.start_at, self.finish_at, self.stop_accepting_bets_at)

    @property
    def wallet(self) -> Wallet | None:
        """The user's accounts; None unless both are open."""
        if self.available_id is None or self.staked_id is None:
            return None
        return Wallet(self.available_id, self.staked_id, Balances(self.available or 0, self.staked or 0))


def find_bet_context(connection: Connection, pool_uuid: str, target_key: str, user_id: int) -> BetContext | None:
    """Read the context of a bet in one statement, since every bet begins with it; None if there is no such pool."""
    row = connection.execute(
        "SELECT pools.id, pools.game_id, games.uuid, games.currency, pools.status, pools.start_at, pools.finish_at,"
        " CASE WHEN pools.stop_accepting_bets_at <= games.close_at THEN pools.stop_accepting_bets_at"
        "  ELSE coalesce(games.close_at, pools.stop_accepting_bets_at) END, pools.is_blocked, pool_targets.position,"
        " available.id, available.balance, staked.id, staked.balance, sources.admins_may_bet OR NOT ("
        "  EXISTS (SELECT 1 FROM game_admins WHERE user_id = ? AND game_id = games.id)"
        "  OR EXISTS (SELECT 1 FROM source_admins WHERE user_id = ? AND source_id = sources.id"
        "   AND (removed_at IS NULL OR removed_at >= games.created_at)))"
        " FROM pools JOIN games ON games.id = pools.game_id JOIN sources ON sources.id = games.source_id"
        " LEFT JOIN pool_targets ON pool_targets.pool_id = pools.id AND pool_targets.key = ?"
        " LEFT JOIN accounts AS available ON available.user_id = ? AND available.currency = games.currency"
        "  AND available.kind = 'available'"
        " LEFT JOIN accounts AS staked ON staked.user_id = ? AND staked.currency = games.currency"
        "  AND staked.kind = 'staked'"
        " WHERE pools.uuid = ?",
        (user_id, user_id, target_key, user_id, user_id, pool_uuid),
    ).fetchone()
    return BetContext._make((*row[:4], PoolStatus(row[4]), *row[5:])) if row else None


def has_running_bet_in_game(connection: Connection, user_id: int, game_id: int) -> bool:
    """Whether a user has a running bet in a game."""
    query = "SELECT 1 FROM participations WHERE user_id = ? AND game_id = ? AND is_running = 1 LIMIT 1"
    return connection.execute(query, (user_id, game_id)).fetchone() is not None


def has_running_bet_in_source(connection: Connection, user_id: int, source_id: int) -> bool:
    """Whether a user has a running bet in any game of a source."""
    query = (
        "SELECT 1 FROM participations JOIN games ON games.id = game_id"
        " WHERE user_id = ? AND is_running = 1 AND source_id = ? LIMIT 1"
    )
    return connection.execute(query, (user_id, source_id)).fetchone() is not None


def insert_bet(connection: Connection, pool_id: int, user_id: int, position: int, amount: int, now_ms: int) -> Bet:
    """Store a new bet and return it; moving its stake is left to the caller."""
    uuid = new_uuid(now_ms)
    bet_id = connection.insert(
        "INSERT INTO bets (uuid, pool_id, user_id, position, amount, placed_at, after_journal_id)"
        " VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) FROM journal))",
        (uuid, pool_id, user_id, position, amount, now_ms),
    )
    return Bet(bet_id, uuid, pool_id, user_id, position, amount, now_ms, None)


def find_bet(connection: Connection, uuid: str) -> Bet | None:
    """The bet with this wire id; None if there is none."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM bets WHERE uuid = ?", (uuid,)).fetchone()
    return Bet(*row) if row else None


def insert_participation(connection: Connection, user_id: int, game_id: int, pool_id: int) -> bool:
    """Record that a user has a valid bet in a pool; returns whether that changed anything."""
    return bool(
        connection.execute(
            "INSERT INTO participations (user_id, game_id, pool_id) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET is_running = 1 WHERE is_running = 0",
            (user_id, game_id, pool_id),
        ).rowcount
    )


def add_to_stake(connection: Connection, user_id: int, pool_id: int, position: int, amount: int) -> bool:
    """Add minor units to a user's stake on a target; returns whether it is the user's first stake there."""
    row = connection.execute(
        "INSERT INTO stakes VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
        " RETURNING amount",
        (user_id, pool_id, position, amount),
    ).fetchone()
    return bool(row[0] == amount)


def list_stakes(connection: Connection, user_id: int, pool_id: int) -> dict[int, int]:
    """A user's stakes in a pool: position → amount in minor units."""
    return dict(
        connection.execute(
            "SELECT position, amount FROM stakes WHERE user_id = ? AND pool_id = ? AND amount > 0 ORDER BY position",
            (user_id, pool_id),
        )
    )


def list_bets_of_pool(connection: Connection, pool_id: int) -> Iterator[Bet]:
    """The bets of a pool, in the order they were placed."""
    return map(Bet._make, connection.execute(f"SELECT {_COLUMNS} FROM bets WHERE pool_id = ? ORDER BY id", (pool_id,)))


def list_bets_of_game(connection: Connection, game_id: int) -> Iterator[Bet]:
    """The bets of a game, in the order they were placed."""
    columns = ", ".join(f"bets.{field}" for field in Bet._fields)
    rows = connection.execute(
        f"SELECT {columns} FROM pools JOIN bets ON bets.pool_id = pools.id WHERE game_id = ? ORDER BY bets.id",
        (game_id,),
    )
    return map(Bet._make, rows)


def list_latest_bets(connection: Connection, pool_id: int, position: int, limit: int) -> list[Bet]:
    """The newest valid bets on a target, newest first; none in a pool that is voided."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM bets WHERE pool_id = ? AND position = ? AND invalidated_by IS NULL"
        " AND (SELECT status FROM pools WHERE pools.id = bets.pool_id) <> 'voided' ORDER BY id DESC LIMIT ?",
        (pool_id, position, limit),
    )
    return [Bet(*row) for row in rows]
