"""Blocking and allowing betting, and hot pools, now or at a moment to come (contract, section 6)."""

from collections.abc import Callable
from functools import partial

from gameserver.config import Settings
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.pools import PoolStatus, require_betting_not_ended
from gameserver.errors import invalid
from gameserver.handlers.betting import target_key
from gameserver.handlers.context import Change
from gameserver.handlers.pools import require_action
from gameserver.handlers.registry import handles
from gameserver.handlers.states import require_not_closed, require_not_closing, require_unresolved
from gameserver.protocol.steering import (
    AllowBettingForGameAndAction,
    AllowBettingInBettingPool,
    BettingForGameAndActionAllowed,
    BettingForGameAndActionBlocked,
    BettingInPoolAllowed,
    BettingInPoolBlocked,
    BlockBettingForGameAndAction,
    BlockBettingInBettingPool,
    HotBettingPoolSuggested,
    SuggestHotBettingPool,
    SuggestHotBettingPoolForActionAndTarget,
)
from gameserver.storage.games import Game, get_game
from gameserver.storage.pools import (
    Pool,
    find_pool_target,
    get_pool,
    list_open_pools_of_action,
    update_blocked,
    update_hot_since,
)
from gameserver.storage.targets import find_target, get_action_key
from gameserver.storage.timers import Timer, TimerKind, delete_timers, except_from_timer, insert_timer

_POOL_KINDS = (TimerKind.BLOCK_POOL, TimerKind.ALLOW_POOL)
_ACTION_KINDS = (TimerKind.BLOCK_ACTION, TimerKind.ALLOW_ACTION)


def cancel_allows(change: Change, pool: Pool) -> None:
    """No allow that is to come lets the pool take bets: it is blocked at once, by one who knows of it."""
    delete_timers(change.connection, pool.game_id, [TimerKind.ALLOW_POOL], pool_id=pool.id)
    if pool.action_id is not None:
        except_from_timer(change.connection, pool.game_id, TimerKind.ALLOW_ACTION, pool.action_id, pool.id)


def block_pool(change: Change, pool: Pool, at_ms: int) -> BettingInPoolBlocked:
    """Stop a pool from taking bets, and tell it."""
    version = update_blocked(change.connection, pool.id, is_blocked=True)
    blocked = BettingInPoolBlocked(pool_id=pool.uuid, blocked_at=at_ms, version=version)
    change.publish(get_game(change.connection, pool.game_id), blocked)
    return blocked


def allow_pool(change: Change, pool: Pool, at_ms: int) -> BettingInPoolAllowed:
    """Let a pool take bets again, and tell it."""
    version = update_blocked(change.connection, pool.id, is_blocked=False)
    allowed = BettingInPoolAllowed(pool_id=pool.uuid, allowed_at=at_ms, version=version)
    change.publish(get_game(change.connection, pool.game_id), allowed)
    return allowed


def _heat_pool(change: Change, pool: Pool, at_ms: int) -> HotBettingPoolSuggested:
    version = update_hot_since(change.connection, pool.id, at_ms)
    hot = HotBettingPoolSuggested(hot_since=at_ms, pool_id=pool.uuid, version=version)
    change.publish(get_game(change.connection, pool.game_id), hot)
    return hot


def _is_to_come(change: Change, at_ms: int | None) -> bool:
    return at_ms is not None and at_ms > change.now_ms


@handles(BlockBettingInBettingPool)
def block_betting_in_betting_pool(change: Change, request: BlockBettingInBettingPool) -> BettingInPoolBlocked:
    """Block a pool, now or later."""
    pool = change.pool(request, request.pool_id)
    require_unresolved(pool)
    if request.block_at is not None and _is_to_come(change, request.block_at):
        insert_timer(change.connection, request.block_at, TimerKind.BLOCK_POOL, pool.game_id, pool_id=pool.id)
        return BettingInPoolBlocked(pool_id=pool.uuid, blocked_at=request.block_at, version=pool.version)
    delete_timers(change.connection, pool.game_id, _POOL_KINDS, pool_id=pool.id)
    cancel_allows(change, pool)
    return block_pool(change, pool, change.now_ms)


@handles(AllowBettingInBettingPool)
def allow_betting_in_betting_pool(change: Change, request: AllowBettingInBettingPool) -> BettingInPoolAllowed:
    """Allow a pool, now or later."""
    pool = change.pool(request, request.pool_id)
    require_unresolved(pool)
    require_not_closing(get_game(change.connection, pool.game_id))
    require_betting_not_ended(pool.times, change.now_ms)
    if request.allow_at is not None and _is_to_come(change, request.allow_at):
        insert_timer(change.connection, request.allow_at, TimerKind.ALLOW_POOL, pool.game_id, pool_id=pool.id)
        return BettingInPoolAllowed(pool_id=pool.uuid, allowed_at=request.allow_at, version=pool.version)
    delete_timers(change.connection, pool.game_id, _POOL_KINDS, pool_id=pool.id)
    return allow_pool(change, pool, change.now_ms)


def _block_action(
    change: Change, game: Game, key: str, pools: list[Pool], at_ms: int
) -> BettingForGameAndActionBlocked:
    for pool in pools:
        block_pool(change, pool, at_ms)
    blocked = BettingForGameAndActionBlocked(game_id=game.uuid, action_id=key, blocked_at=at_ms)
    change.publish(game, blocked)
    return blocked


def _allow_action(
    change: Change, game: Game, key: str, pools: list[Pool], at_ms: int
) -> BettingForGameAndActionAllowed:
    for pool in pools:
        allow_pool(change, pool, at_ms)
    allowed = BettingForGameAndActionAllowed(game_id=game.uuid, action_id=key, allowed_at=at_ms)
    change.publish(game, allowed)
    return allowed


def _parse_action(request: BlockBettingForGameAndAction | AllowBettingForGameAndAction, settings: Settings) -> str:
    return action_key_of(request.action_id, "action_id")


@handles(BlockBettingForGameAndAction, _parse_action)
def block_betting_for_game_and_action(
    change: Change, request: BlockBettingForGameAndAction, key: str
) -> BettingForGameAndActionBlocked:
    """Block a game's pools on an action, now or later."""
    game = change.game(request, request.game_id)
    row = require_action(change, game, key)
    require_not_closed(game)
    if request.block_at is not None and _is_to_come(change, request.block_at):
        insert_timer(change.connection, request.block_at, TimerKind.BLOCK_ACTION, game.id, action_id=row)
        return BettingForGameAndActionBlocked(game_id=game.uuid, action_id=key, blocked_at=request.block_at)
    delete_timers(change.connection, game.id, _ACTION_KINDS, action_id=row)
    pools = list_open_pools_of_action(change.connection, row)
    for pool in pools:
        cancel_allows(change, pool)
    return _block_action(change, game, key, pools, change.now_ms)


@handles(AllowBettingForGameAndAction, _parse_action)
def allow_betting_for_game_and_action(
    change: Change, request: AllowBettingForGameAndAction, key: str
) -> BettingForGameAndActionAllowed:
    """Allow a game's pools on an action, now or later."""
    game = change.game(request, request.game_id)
    row = require_action(change, game, key)
    require_not_closed(game)
    require_not_closing(game)
    if request.allow_at is not None and _is_to_come(change, request.allow_at):
        insert_timer(change.connection, request.allow_at, TimerKind.ALLOW_ACTION, game.id, action_id=row)
        return BettingForGameAndActionAllowed(game_id=game.uuid, action_id=key, allowed_at=request.allow_at)
    delete_timers(change.connection, game.id, _ACTION_KINDS, action_id=row)
    return _allow_action(change, game, key, list_open_pools_of_action(change.connection, row), change.now_ms)


@handles(SuggestHotBettingPool)
def suggest_hot_betting_pool(change: Change, request: SuggestHotBettingPool) -> HotBettingPoolSuggested:
    """Mark a pool as hot, now or later."""
    pool = change.pool(request, request.pool_id)
    require_unresolved(pool)
    return _suggest(change, pool, request.likely_to_happen_at)


def _suggest(change: Change, pool: Pool, at_ms: int | None) -> HotBettingPoolSuggested:
    if at_ms is not None and _is_to_come(change, at_ms):
        insert_timer(change.connection, at_ms, TimerKind.HEAT_POOL, pool.game_id, pool_id=pool.id)
        return HotBettingPoolSuggested(hot_since=at_ms, pool_id=pool.uuid, version=pool.version)
    delete_timers(change.connection, pool.game_id, [TimerKind.HEAT_POOL], pool_id=pool.id)
    return _heat_pool(change, pool, change.now_ms)


def _parse_action_and_target(request: SuggestHotBettingPoolForActionAndTarget, settings: Settings) -> tuple[str, str]:
    return action_key_of(request.action_id, "action_id"), target_key(request.target_id, "target_id", settings)


@handles(SuggestHotBettingPoolForActionAndTarget, _parse_action_and_target)
def suggest_hot_betting_pool_for_action_and_target(
    change: Change, request: SuggestHotBettingPoolForActionAndTarget, subject: tuple[str, str]
) -> HotBettingPoolSuggested:
    """Mark the pools on an action that hold a target as hot, now or later."""
    action_key, target_id = subject
    game = change.game(request, request.game_id)
    row = require_action(change, game, action_key)
    if find_target(change.connection, game.id, target_id) is None:
        raise invalid("target_id", f"target_id names no target of this game: {target_id[:80]!r}")
    require_not_closed(game)
    pools = [
        pool
        for pool in list_open_pools_of_action(change.connection, row)
        if find_pool_target(change.connection, pool.id, target_id) is not None
    ]
    for pool in pools:
        _suggest(change, pool, request.likely_to_happen_at)
    at_ms = request.likely_to_happen_at
    return HotBettingPoolSuggested(
        hot_since=at_ms if at_ms is not None and _is_to_come(change, at_ms) else change.now_ms,
        game_id=game.uuid,
        action_id=action_key,
        target_id=target_id,
        pools=[pool.uuid for pool in pools],
    )


def _steer_pool(act: Callable[[Change, Pool, int], object], change: Change, timer: Timer) -> None:
    assert timer.pool_id is not None
    pool = get_pool(change.connection, timer.pool_id)
    if pool.status is PoolStatus.OPEN:
        act(change, pool, timer.due_at)
    elif timer.kind is not TimerKind.HEAT_POOL:
        # It holds if the pool opens again, and is told then.
        is_blocked = timer.kind is TimerKind.BLOCK_POOL
        update_blocked(change.connection, pool.id, is_blocked=is_blocked, untold_at=timer.due_at)


def _steer_action(act: Callable[[Change, Game, str, list[Pool], int], object], change: Change, timer: Timer) -> None:
    assert timer.action_id is not None
    key = get_action_key(change.connection, timer.action_id)
    found = list_open_pools_of_action(change.connection, timer.action_id)
    pools = [pool for pool in found if pool.id not in timer.excepted]
    act(change, get_game(change.connection, timer.game_id), key, pools, timer.due_at)


# What is done when the moment comes. A pool's timers end with the pool, a game's with the game.
TIMED: dict[TimerKind, Callable[[Change, Timer], None]] = {
    TimerKind.BLOCK_POOL: partial(_steer_pool, block_pool),
    TimerKind.ALLOW_POOL: partial(_steer_pool, allow_pool),
    TimerKind.HEAT_POOL: partial(_steer_pool, _heat_pool),
    TimerKind.BLOCK_ACTION: partial(_steer_action, _block_action),
    TimerKind.ALLOW_ACTION: partial(_steer_action, _allow_action),
}
