"""Blocking and allowing betting, and marking pools as hot, now or later (protocol, "Blocking, allowing, hot pools")."""

from typing import TypeGuard

from gameserver.config import Settings
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.pools import require_betting_not_ended
from gameserver.domain.targets import target_key
from gameserver.engine.context import Change
from gameserver.engine.pools import require_action
from gameserver.engine.preconditions import require_not_closed, require_not_closing, require_unresolved
from gameserver.engine.steering import (
    allow_action,
    allow_pool,
    block_action,
    block_pool,
    cancel_allows,
    heat_pool,
    hold_game,
    release_game,
)
from gameserver.errors import invalid
from gameserver.protocol.steering import (
    AllowBettingForGameAndAction,
    AllowBettingInBettingPool,
    BettingForGameAndActionAllowed,
    BettingForGameAndActionBlocked,
    BettingForGameHeld,
    BettingForGameReleased,
    BettingInPoolAllowed,
    BettingInPoolBlocked,
    BlockBettingForGameAndAction,
    BlockBettingInBettingPool,
    HoldBettingForGame,
    HotBettingPoolSuggested,
    ReleaseBettingForGame,
    SuggestHotBettingPool,
    SuggestHotBettingPoolForActionAndTarget,
)
from gameserver.storage.games import get_game
from gameserver.storage.pools import Pool, find_pool_target, list_open_pools_of_action
from gameserver.storage.schedule import TimerKind, delete_timers, insert_timer
from gameserver.storage.targets import find_target

_POOL_KINDS = (TimerKind.BLOCK_POOL, TimerKind.ALLOW_POOL)
_ACTION_KINDS = (TimerKind.BLOCK_ACTION, TimerKind.ALLOW_ACTION)


def _is_later(at_ms: int | None, change: Change) -> TypeGuard[int]:
    return at_ms is not None and at_ms > change.now_ms


def block_betting_in_betting_pool(change: Change, request: BlockBettingInBettingPool) -> BettingInPoolBlocked:
    """Block betting in a pool, now or later."""
    pool = change.pool(request, request.pool_id)
    require_unresolved(pool)
    if _is_later(request.block_at, change):
        insert_timer(change.connection, request.block_at, TimerKind.BLOCK_POOL, pool.game_id, pool_id=pool.id)
        return BettingInPoolBlocked(pool_id=pool.uuid, blocked_at=request.block_at, version=pool.version)
    delete_timers(change.connection, pool.game_id, _POOL_KINDS, pool_id=pool.id)
    cancel_allows(change, pool)
    return block_pool(change, pool, change.now_ms)


def allow_betting_in_betting_pool(change: Change, request: AllowBettingInBettingPool) -> BettingInPoolAllowed:
    """Allow betting in a pool, now or later."""
    pool = change.pool(request, request.pool_id)
    require_unresolved(pool)
    require_not_closing(get_game(change.connection, pool.game_id))
    require_betting_not_ended(pool.times, change.now_ms)
    if _is_later(request.allow_at, change):
        insert_timer(change.connection, request.allow_at, TimerKind.ALLOW_POOL, pool.game_id, pool_id=pool.id)
        return BettingInPoolAllowed(pool_id=pool.uuid, allowed_at=request.allow_at, version=pool.version)
    delete_timers(change.connection, pool.game_id, _POOL_KINDS, pool_id=pool.id)
    return allow_pool(change, pool, change.now_ms)


def parse_action(request: BlockBettingForGameAndAction | AllowBettingForGameAndAction, settings: Settings) -> str:
    """The action's id. Raises `Rejected`."""
    return action_key_of(request.action_id, "action_id")


def block_betting_for_game_and_action(
    change: Change, request: BlockBettingForGameAndAction, key: str
) -> BettingForGameAndActionBlocked:
    """Block betting in a game's pools on an action, now or later."""
    game = change.game(request, request.game_id)
    row = require_action(change, game, key)
    require_not_closed(game)
    if _is_later(request.block_at, change):
        insert_timer(change.connection, request.block_at, TimerKind.BLOCK_ACTION, game.id, action_id=row)
        return BettingForGameAndActionBlocked(game_id=game.uuid, action_id=key, blocked_at=request.block_at)
    delete_timers(change.connection, game.id, _ACTION_KINDS, action_id=row)
    pools = list_open_pools_of_action(change.connection, row)
    for pool in pools:
        cancel_allows(change, pool)
    return block_action(change, game, key, pools, change.now_ms)


def allow_betting_for_game_and_action(
    change: Change, request: AllowBettingForGameAndAction, key: str
) -> BettingForGameAndActionAllowed:
    """Allow betting in a game's pools on an action, now or later."""
    game = change.game(request, request.game_id)
    row = require_action(change, game, key)
    require_not_closed(game)
    require_not_closing(game)
    if _is_later(request.allow_at, change):
        insert_timer(change.connection, request.allow_at, TimerKind.ALLOW_ACTION, game.id, action_id=row)
        return BettingForGameAndActionAllowed(game_id=game.uuid, action_id=key, allowed_at=request.allow_at)
    delete_timers(change.connection, game.id, _ACTION_KINDS, action_id=row)
    return allow_action(change, game, key, list_open_pools_of_action(change.connection, row), change.now_ms)


def hold_betting_for_game(change: Change, request: HoldBettingForGame) -> BettingForGameHeld:
    """Block betting in all pools of a game until it is released."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    return hold_game(change, game)


def release_betting_for_game(change: Change, request: ReleaseBettingForGame) -> BettingForGameReleased:
    """End the hold of a game."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    return release_game(change, game)


def suggest_hot_betting_pool(change: Change, request: SuggestHotBettingPool) -> HotBettingPoolSuggested:
    """Mark a pool as hot, now or later, or as hot no longer."""
    pool = change.pool(request, request.pool_id)
    require_unresolved(pool)
    if not request.is_hot:
        delete_timers(change.connection, pool.game_id, [TimerKind.HEAT_POOL], pool_id=pool.id)
        return heat_pool(change, pool, None)
    return _suggest(change, pool, request.likely_to_happen_at)


def _suggest(change: Change, pool: Pool, at_ms: int | None) -> HotBettingPoolSuggested:
    if _is_later(at_ms, change):
        insert_timer(change.connection, at_ms, TimerKind.HEAT_POOL, pool.game_id, pool_id=pool.id)
        return HotBettingPoolSuggested(hot_since=at_ms, pool_id=pool.uuid, version=pool.version)
    delete_timers(change.connection, pool.game_id, [TimerKind.HEAT_POOL], pool_id=pool.id)
    return heat_pool(change, pool, change.now_ms)


def parse_subject(request: SuggestHotBettingPoolForActionAndTarget, settings: Settings) -> tuple[str, str]:
    """The ids of the action and the target. Raises `Rejected`."""
    return action_key_of(request.action_id, "action_id"), target_key(
        request.target_id, "target_id", settings.max_target_depth
    )


def suggest_hot_betting_pool_for_action_and_target(
    change: Change, request: SuggestHotBettingPoolForActionAndTarget, subject: tuple[str, str]
) -> HotBettingPoolSuggested:
    """Mark the pools on an action that hold a target as hot, now or later."""
    action_key, target_id = subject
    game = change.game(request, request.game_id)
    row = require_action(change, game, action_key)
    if find_target(change.connection, game.id, target_id) is None:
        raise invalid("target_id", f"this game has no target {target_id[:80]!r}; get_game_details lists its targets")
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
        hot_since=at_ms if _is_later(at_ms, change) else change.now_ms,
        game_id=game.uuid,
        action_id=action_key,
        target_id=target_id,
        pools=[pool.uuid for pool in pools],
    )
