"""How a pool is opened and shown, whatever opens it (protocol, "Betting pools")."""

from collections.abc import Iterable
from typing import Any

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import to_win_if_backed
from gameserver.engine.context import Change, Reading
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.pools import (
    NewBettingPool,
    TargetSums,
)
from gameserver.storage.games import Game
from gameserver.storage.pools import (
    NewPoolRow,
    Pool,
    PoolTarget,
    count_open_pools,
    insert_pool,
    list_pool_targets,
)
from gameserver.storage.schedule import TimerKind, insert_timer
from gameserver.storage.targets import find_action_id


def sums_of(pool: Pool, targets: Iterable[PoolTarget]) -> dict[str, TargetSums]:
    """The distribution of a pool's stakes."""
    unit = int(1 / to_units(1, pool.currency))
    return {
        target.key: TargetSums(
            target.display_name,
            target.backing_people,
            to_units(target.backing_money, pool.currency),
            to_win_if_backed(pool.amount_total, target.backing_money, pool.takeout_millionths, unit),
        )
        for target in targets
    }


def pool_fields(pool: Pool, distribution: object) -> dict[str, Any]:
    """The fields of the pool object."""
    return {
        "pool_id": pool.uuid,
        "game_id": pool.game_uuid,
        "description": pool.description,
        "type": pool.type,
        "action_id": pool.action,
        "target_level": pool.target_level,
        "participants": pool.participants,
        "amount_total": to_units(pool.amount_total, pool.currency),
        "bet_count": pool.bet_count,
        "distribution": distribution,
        "is_blocked": pool.is_blocked,
        "is_hot": pool.hot_since is not None,
        "start_at": pool.start_at,
        "finish_at": pool.finish_at,
        "stop_accepting_bets_at": pool.stop_accepting_bets_at,
        "recreate_on_end": pool.recreate_on_end,
        "unlisted_target": pool.unlisted_target.value,
        "status": pool.status.value,
        "version": pool.version,
    }


def view_fields(reading: Reading, pool: Pool) -> dict[str, Any]:
    """The fields of the pool object as it is in lists and broadcasts."""
    return pool_fields(pool, sums_of(pool, list_pool_targets(reading.connection, pool.id)))


def has_room(reading: Reading, game: Game) -> bool:
    """Whether one more pool may be open in the game."""
    return count_open_pools(reading.connection, game.id) < reading.settings.max_open_pools


def require_room(change: Change, game: Game) -> None:
    """Raise ``conflict`` unless one more pool may be open in the game."""
    if not has_room(change, game):
        text = f"a game has at most {change.settings.max_open_pools} open pools; resolve or void some first"
        raise Rejected(ErrorCode.CONFLICT, text)


def open_pool(change: Change, game: Game, new: NewPoolRow, targets: dict[str, str]) -> Pool:
    """Open a pool and tell the game's subscribers (352)."""
    pool = insert_pool(change.connection, new, targets)
    if pool.finish_at is not None:
        insert_timer(change.connection, pool.finish_at, TimerKind.FINISH_POOL, game.id, pool_id=pool.id)
    change.publish(game, NewBettingPool(**view_fields(change, pool)))
    return pool


def require_action(reading: Reading, game: Game, key: str) -> int:
    """The row of an action of the game. Raises ``invalid_parameter``."""
    row = find_action_id(reading.connection, game.id, key)
    if row is None:
        raise invalid("action_id", f"action_id names no action of this game: {key!r}")
    return row
