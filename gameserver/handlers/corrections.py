"""Taking back what was settled: voided events and pools, by compensating transfers (contract, section 6)."""

from decimal import Decimal

import msgspec

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import Payout
from gameserver.domain.pools import PoolStatus
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.handlers.closing import close_if_nothing_remains
from gameserver.handlers.context import Change, ReopenedPool
from gameserver.handlers.events import ending_by
from gameserver.handlers.pools import view_fields
from gameserver.handlers.registry import handles
from gameserver.handlers.settlement import Plan, apply_plan
from gameserver.handlers.steering import allow_pool, block_pool, cancel_allows
from gameserver.protocol.events import BettingPoolVoided, GameEventVoided, VoidBettingPool, VoidGameEvent
from gameserver.protocol.pools import NewBettingPool
from gameserver.storage.bets import BetStatus
from gameserver.storage.events import Event, count_event, find_event, list_later_events, update_event_voided
from gameserver.storage.games import Game, find_game, get_game
from gameserver.storage.pools import (
    Pool,
    get_pool,
    list_versions,
    update_blocked,
    update_recreate_on_end,
    was_recreated,
)
from gameserver.storage.settlements import (
    get_settlement,
    insert_settlement,
    list_running_bets,
    list_settlements_of_event,
    take_back,
    update_pool_ended,
)
from gameserver.storage.targets import get_target_path
from gameserver.storage.timers import TimerKind, insert_timer

REOPENED, VOIDED = "reopened", "voided"


@handles(VoidGameEvent)
def void_game_event(change: Change, request: VoidGameEvent) -> GameEventVoided:
    """Take an event out of the game, and back what it settled."""
    game = find_game(change.connection, request.game_id)
    if game is None:
        raise not_found("game_id", "game")
    event = find_event(change.connection, game.id, request.event_id)
    if event is None:
        raise not_found("event_id", "event of this game")
    change.game(request, request.game_id)
    if event.voided_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this event is voided already")
    update_event_voided(change.connection, event.id, change.now_ms)
    if event.action_id is not None and event.target_id is not None:
        path = get_target_path(change.connection, event.target_id)
        count_event(change.connection, game.id, event.action_id, [row.number for row in path], -1)
    pools, reopened = {}, []
    for settlement in list_settlements_of_event(change.connection, event.id):
        pool = _take_back(change, settlement.id)
        if _may_reopen(game, pool, change.now_ms):
            pools[pool.uuid] = REOPENED
            reopened.append(_reopen(change, pool, event))
        else:
            pools[pool.uuid] = VOIDED
            _give_back(change, pool)
    voided = GameEventVoided(
        event_id=event.uuid,
        game_id=game.uuid,
        reason=request.reason,
        pools=pools,
        versions=list_versions(change.connection, pools),
    )
    change.publish(game, voided)
    for pool in reopened:
        _tell_reopened(change, game, pool)
    close_if_nothing_remains(change, game.id)
    return msgspec.structs.replace(voided, overdrawn=_overdrawn(change))


def _overdrawn(change: Change) -> dict[str, Decimal]:
    """Who has spent what was taken back: user id → how far below zero."""
    return {
        str(user_id): to_units(-held.available, currency)
        for (user_id, currency), held in change.touched_balances().items()
        if held.available < 0
    }


def _take_back(change: Change, settlement_id: int) -> Pool:
    """Undo a settlement; its pool, open again."""
    settlement = get_settlement(change.connection, settlement_id)
    users = take_back(change.connection, settlement, change.now_ms)
    pool = get_pool(change.connection, settlement.pool_id)
    change.touch_balances(pool.currency, users)
    return pool


def _may_reopen(game: Game, pool: Pool, now_ms: int) -> bool:
    return game.closed_at is None and game.closing_at is None and (pool.finish_at is None or now_ms < pool.finish_at)


def _reopen(change: Change, pool: Pool, voided: Event) -> Pool:
    """Let a pool run again; blocked at once, if an event registered later would have ended it."""
    if pool.finish_at is not None:
        insert_timer(change.connection, pool.finish_at, TimerKind.FINISH_POOL, pool.game_id, pool_id=pool.id)
    if was_recreated(change.connection, pool.id):
        update_recreate_on_end(change.connection, pool.id, recreate_on_end=False)
    if _is_decided(change, pool, voided):
        cancel_allows(change, pool)
        update_blocked(change.connection, pool.id, is_blocked=True)
    return get_pool(change.connection, pool.id)


def _is_decided(change: Change, pool: Pool, voided: Event) -> bool:
    """Whether an event registered after the one voided would have ended the pool."""
    if pool.action_id is None:
        return False
    for event in list_later_events(change.connection, pool.action_id, voided.id):
        assert event.target_id is not None
        if ending_by(change, pool, event, get_target_path(change.connection, event.target_id)) is not None:
            return True
    return False


def _tell_reopened(change: Change, game: Game, pool: Pool) -> None:
    """Tell a pool that is open again (352), and how it is backed soon after (361).

    Whether it is blocked is told if it is, or if that fell due while it had ended (368, 369).
    """
    change.publish(game, NewBettingPool(**view_fields(change, pool)))
    if pool.is_blocked:
        block_pool(change, pool, change.now_ms if pool.untold_at is None else pool.untold_at)
    elif pool.untold_at is not None:
        allow_pool(change, pool, pool.untold_at)
    change.effects.reopened_pools.append(ReopenedPool(game.uuid, pool.uuid))


def _give_back(change: Change, pool: Pool) -> None:
    """Void a pool that is open: all valid stakes go back."""
    bets = list_running_bets(change.connection, pool.id)
    settlement_id = insert_settlement(
        change.connection, pool.id, None, "void", None, 0, change.now_ms, is_money_return=True
    )
    returned = Plan(bets, [], Payout([bet.amount for bet in bets], 0, is_money_return=True), None)
    apply_plan(change, pool, returned, settlement_id, BetStatus.VOIDED)
    update_pool_ended(change.connection, pool.id, settlement_id, PoolStatus.VOIDED)


@handles(VoidBettingPool)
def void_betting_pool(change: Change, request: VoidBettingPool) -> BettingPoolVoided:
    """Give all stakes in a pool back."""
    pool = change.pool(request, request.pool_id)
    if pool.status is PoolStatus.VOIDED:
        raise Rejected(ErrorCode.CONFLICT, "this pool is voided already")
    if pool.settlement_id is not None:
        pool = _take_back(change, pool.settlement_id)
    _give_back(change, pool)
    pool = get_pool(change.connection, pool.id)
    voided = BettingPoolVoided(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        reason=request.reason,
        amount_total=to_units(pool.amount_total, pool.currency),
        participants=pool.participants,
        version=pool.version,
    )
    game = get_game(change.connection, pool.game_id)
    change.publish(game, voided, ends_pool=pool.uuid)
    close_if_nothing_remains(change, game.id)
    return msgspec.structs.replace(voided, overdrawn=_overdrawn(change))
