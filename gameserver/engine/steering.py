"""Blocking and allowing betting, and hot pools, by request or by time (protocol, "Blocking, allowing, hot pools")."""

from collections.abc import Callable
from functools import partial

import msgspec

from gameserver.domain.pools import PoolStatus
from gameserver.engine.context import Change
from gameserver.protocol.steering import (
    BettingForGameAndActionAllowed,
    BettingForGameAndActionBlocked,
    BettingForGameHeld,
    BettingForGameReleased,
    BettingInPoolAllowed,
    BettingInPoolBlocked,
    HotBettingPoolSuggested,
)
from gameserver.storage.games import Game, get_game, update_held_at
from gameserver.storage.pools import (
    Pool,
    get_pool,
    list_all_open_pools,
    list_open_pools_of_action,
    update_blocked,
    update_hot_since,
)
from gameserver.storage.schedule import Timer, TimerKind, delete_timers, except_from_timer
from gameserver.storage.targets import get_action_key


def cancel_allows(change: Change, pool: Pool) -> None:
    """Cancel the scheduled allows of a pool, its own and those of its action."""
    delete_timers(change.connection, pool.game_id, [TimerKind.ALLOW_POOL], pool_id=pool.id)
    if pool.action_id is not None:
        except_from_timer(change.connection, pool.game_id, TimerKind.ALLOW_ACTION, pool.action_id, pool.id)


def block_pool(change: Change, pool: Pool, at_ms: int) -> BettingInPoolBlocked:
    """Stop a pool from accepting bets, and publish that (368)."""
    return publish_blocked(change, msgspec.structs.replace(pool, is_blocked=True), at_ms)


def publish_blocked(change: Change, pool: Pool, at_ms: int) -> BettingInPoolBlocked:
    """Publish that a pool is blocked, by itself or because its game is held (368)."""
    version = update_blocked(change.connection, pool.id, is_blocked=pool.is_blocked)
    blocked = BettingInPoolBlocked(pool_id=pool.uuid, blocked_at=at_ms, version=version)
    change.publish(get_game(change.connection, pool.game_id), blocked)
    return blocked


def allow_pool(change: Change, pool: Pool, at_ms: int) -> BettingInPoolAllowed:
    """Lift a pool's own block, and publish that it accepts bets again (369); while its game is held, it does not."""
    version = update_blocked(change.connection, pool.id, is_blocked=False)
    allowed = BettingInPoolAllowed(pool_id=pool.uuid, allowed_at=at_ms, version=version)
    game = get_game(change.connection, pool.game_id)
    if game.held_at is None:
        change.publish(game, allowed)
    return allowed


def hold_game(change: Change, game: Game) -> BettingForGameHeld:
    """Stop all pools of a game from accepting bets, and publish that (3681, and 368 for each)."""
    if game.held_at is None:
        update_held_at(change.connection, game.id, change.now_ms)
    pools = list_all_open_pools(change.connection, game.id)
    for pool in pools:
        cancel_allows(change, pool)
        publish_blocked(change, pool, change.now_ms)
    held = BettingForGameHeld(game_id=game.uuid, pools=[pool.uuid for pool in pools])
    change.publish(game, held)
    return held


def release_game(change: Change, game: Game) -> BettingForGameReleased:
    """End the hold of a game, and publish that (3691, and 369 for each pool that is not blocked otherwise)."""
    held = [] if game.held_at is None else list_all_open_pools(change.connection, game.id)
    pools = [pool for pool in held if not pool.is_blocked]
    update_held_at(change.connection, game.id, None)
    for pool in pools:
        allow_pool(change, pool, change.now_ms)
    released = BettingForGameReleased(game_id=game.uuid, pools=[pool.uuid for pool in pools])
    change.publish(game, released)
    return released


def heat_pool(change: Change, pool: Pool, at_ms: int | None) -> HotBettingPoolSuggested:
    """Mark a pool as hot, or no longer so (None), and publish that (367)."""
    version = update_hot_since(change.connection, pool.id, at_ms)
    hot = HotBettingPoolSuggested(hot_since=at_ms, pool_id=pool.uuid, version=version)
    change.publish(get_game(change.connection, pool.game_id), hot)
    return hot


def block_action(change: Change, game: Game, key: str, pools: list[Pool], at_ms: int) -> BettingForGameAndActionBlocked:
    """Stop the pools on an action from accepting bets, and publish that (370, and 368 for each)."""
    for pool in pools:
        block_pool(change, pool, at_ms)
    blocked = BettingForGameAndActionBlocked(game_id=game.uuid, action_id=key, blocked_at=at_ms)
    change.publish(game, blocked)
    return blocked


def allow_action(change: Change, game: Game, key: str, pools: list[Pool], at_ms: int) -> BettingForGameAndActionAllowed:
    """Let the pools on an action accept bets again, and publish that (371, and 369 for each)."""
    for pool in pools:
        allow_pool(change, pool, at_ms)
    allowed = BettingForGameAndActionAllowed(game_id=game.uuid, action_id=key, allowed_at=at_ms)
    change.publish(game, allowed)
    return allowed


def _steer_pool(act: Callable[[Change, Pool, int], object], change: Change, timer: Timer) -> None:
    assert timer.pool_id is not None
    pool = get_pool(change.connection, timer.pool_id)
    if pool.status is PoolStatus.OPEN:
        act(change, pool, timer.due_at)
    elif timer.kind is not TimerKind.HEAT_POOL:
        # It takes effect if the pool reopens, and is published then.
        is_blocked = timer.kind is TimerKind.BLOCK_POOL
        update_blocked(change.connection, pool.id, is_blocked=is_blocked, untold_at=timer.due_at)


def _steer_action(act: Callable[[Change, Game, str, list[Pool], int], object], change: Change, timer: Timer) -> None:
    assert timer.action_id is not None
    key = get_action_key(change.connection, timer.action_id)
    found = list_open_pools_of_action(change.connection, timer.action_id)
    pools = [pool for pool in found if pool.id not in timer.excepted]
    act(change, get_game(change.connection, timer.game_id), key, pools, timer.due_at)


# What each timer does when it is due. A pool's timers are deleted with its end, a game's with the game's.
SCHEDULED_STEERING: dict[TimerKind, Callable[[Change, Timer], None]] = {
    TimerKind.BLOCK_POOL: partial(_steer_pool, block_pool),
    TimerKind.ALLOW_POOL: partial(_steer_pool, allow_pool),
    TimerKind.HEAT_POOL: partial(_steer_pool, heat_pool),
    TimerKind.BLOCK_ACTION: partial(_steer_action, block_action),
    TimerKind.ALLOW_ACTION: partial(_steer_action, allow_action),
}
