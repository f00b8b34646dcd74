"""Opening pools, and the pool object (protocol, "Betting pools")."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import MILLION, to_win_if_backed
from gameserver.engine.context import Change, Reading
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.pools import NewBettingPool, PoolObject, TargetSums
from gameserver.storage.games import Game
from gameserver.storage.pools import (
    NewPoolRow,
    NewPoolTarget,
    Pool,
    PoolTarget,
    count_open_pools,
    insert_pool,
    list_pool_targets,
)
from gameserver.storage.schedule import TimerKind, insert_timer
from gameserver.storage.targets import find_action_id

PoolT = TypeVar("PoolT", bound=PoolObject)


def sums_of(pool: Pool, targets: Iterable[PoolTarget]) -> dict[str, TargetSums]:
    """The distribution of a pool's stakes: target id → sums."""
    unit = int(1 / to_units(1, pool.currency))
    return {
        target.key: TargetSums(
            target.display_name,
            target.backing_people,
            to_units(target.backing_money, pool.currency),
            to_win_if_backed(pool.amount_total, target.backing_money, pool.takeout_millionths, unit),
            bool(target.is_active),
        )
        for target in targets
    }


def pool_object(kind: type[PoolT], pool: Pool, distribution: Mapping[str, TargetSums]) -> PoolT:
    """A pool's state as a message, or as an entry of a list."""
    return kind(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        description=pool.description,
        type=pool.type,
        action_id=pool.action,
        target_level=pool.target_level,
        participants=pool.participants,
        amount_total=to_units(pool.amount_total, pool.currency),
        bet_count=pool.bet_count,
        distribution=distribution,
        is_blocked=pool.is_betting_blocked,
        is_hot=pool.hot_since is not None,
        start_at=pool.start_at,
        finish_at=pool.finish_at,
        stop_accepting_bets_at=pool.stop_accepting_bets_at,
        recreate_on_end=pool.recreate_on_end,
        unlisted_target=pool.unlisted_target.value,
        status=pool.status.value,
        takeout=Decimal(pool.takeout_millionths) / MILLION,
        min_stake=to_units(pool.min_stake, pool.currency),
        max_stake=None if pool.max_stake is None else to_units(pool.max_stake, pool.currency),
        is_cancellable=pool.is_cancellable,
        settle_delay_ms=pool.settle_delay_ms,
        recreated_from=pool.predecessor,
        version=pool.version,
    )


def publish_open_pool(change: Change, game: Game, pool: Pool) -> None:
    """Tell the game's subscribers of a pool that is open, for the first time or again (352)."""
    sums = sums_of(pool, list_pool_targets(change.connection, pool.id))
    change.publish(game, pool_object(NewBettingPool, pool, sums))


def may_open_pool(reading: Reading, game: Game) -> bool:
    """Whether one more pool may be open in the game."""
    return count_open_pools(reading.connection, game.id) < reading.settings.max_open_pools


def require_may_open_pool(change: Change, game: Game) -> None:
    """Raise ``conflict`` unless one more pool may be open in the game."""
    if not may_open_pool(change, game):
        text = f"a game may have at most {change.settings.max_open_pools} open pools; resolve or void some first"
        raise Rejected(ErrorCode.CONFLICT, text)


def open_pool(change: Change, game: Game, new: NewPoolRow, targets: Iterable[NewPoolTarget]) -> Pool:
    """Open a pool, and publish it (352)."""
    pool = insert_pool(change.connection, new, targets)
    if pool.finish_at is not None:
        insert_timer(change.connection, pool.finish_at, TimerKind.FINISH_POOL, game.id, pool_id=pool.id)
    publish_open_pool(change, game, pool)
    return pool


def require_action(reading: Reading, game: Game, key: str) -> int:
    """The row of an action of the game. Raises ``invalid_parameter`` if the game has no such action."""
    row = find_action_id(reading.connection, game.id, key)
    if row is None:
        raise invalid("action_id", f"this game has no action {key[:80]!r}; get_game_details lists its actions")
    return row
