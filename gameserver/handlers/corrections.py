"""Taking back what was settled: voided events and pools, by compensating transfers (protocol, "Corrections")."""

import msgspec

from gameserver.domain.pools import PoolStatus
from gameserver.domain.targets import path_id
from gameserver.engine.closing import close_if_nothing_remains
from gameserver.engine.context import Change
from gameserver.engine.corrections import (
    may_reopen,
    overdrawn,
    publish_reopened,
    reopen_pool,
    take_settlement_back,
    void_and_publish,
    void_pool,
)
from gameserver.engine.details import counts_of
from gameserver.engine.events import count
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.events import BettingPoolVoided, GameEventVoided, VoidBettingPool, VoidGameEvent
from gameserver.storage.bets import list_bettors_of_pools
from gameserver.storage.events import find_event, update_event_voided
from gameserver.storage.games import find_game, get_game
from gameserver.storage.pools import list_versions
from gameserver.storage.scores import get_score
from gameserver.storage.settlements import list_settlements_of_event
from gameserver.storage.targets import get_action_key, get_target_path

REOPENED, VOIDED = "reopened", "voided"


def void_game_event(change: Change, request: VoidGameEvent) -> GameEventVoided:
    """Void an event, and take back every settlement it caused; its pools reopen where they still can."""
    game = find_game(change.connection, request.game_id)
    if game is None:
        raise not_found("game_id", "game")
    event = find_event(change.connection, game.id, request.event_id)
    if event is None:
        raise not_found("event_id", "event of this game")
    change.game(request, request.game_id)
    if event.voided_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this event is already voided")
    update_event_voided(change.connection, event.id, change.now_ms, request.reason)
    path = [] if event.target_id is None else get_target_path(change.connection, event.target_id)
    if path:
        count(change, event, path, -1)
    pools, reopened = {}, []
    for settlement in list_settlements_of_event(change.connection, event.id):
        pool = take_settlement_back(change, settlement.id)
        if may_reopen(game, pool, change.now_ms):
            pools[pool.uuid] = REOPENED
            reopened.append(reopen_pool(change, pool, event, keep_blocked=request.keep_blocked))
        else:
            pools[pool.uuid] = VOIDED
            void_pool(change, pool)
    action_id = None if event.action_id is None else get_action_key(change.connection, event.action_id)
    voided = GameEventVoided(
        event_id=event.uuid,
        game_id=game.uuid,
        reason=request.reason,
        pools=pools,
        versions=list_versions(change.connection, pools),
        action_id=action_id,
        target_id=path_id(row.id for row in path) if path else None,
        current_count=counts_of(change, game.id, event.action_id).get(action_id, {}) if action_id else None,
        score=get_score(change.connection, game.id) if action_id else None,
    )
    change.publish(game, voided, bettors=list_bettors_of_pools(change.connection, pools))
    for pool in reopened:
        publish_reopened(change, game, pool)
    close_if_nothing_remains(change, game.id)
    return msgspec.structs.replace(voided, overdrawn=overdrawn(change))


def void_betting_pool(change: Change, request: VoidBettingPool) -> BettingPoolVoided:
    """Void a pool: every stake is returned. A settlement it already had is taken back first."""
    pool = change.pool(request, request.pool_id)
    if pool.status is PoolStatus.VOIDED:
        raise Rejected(ErrorCode.CONFLICT, "this pool is already voided")
    game = get_game(change.connection, pool.game_id)
    voided = void_and_publish(change, game, pool, request.reason)
    close_if_nothing_remains(change, game.id)
    return msgspec.structs.replace(voided, overdrawn=overdrawn(change))
