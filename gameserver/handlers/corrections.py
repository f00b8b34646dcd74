"""Taking back what was settled: voided events and pools, by compensating transfers (protocol, "Corrections")."""

import msgspec

from gameserver.domain.money import to_units
from gameserver.domain.pools import PoolStatus
from gameserver.engine.closing import close_if_nothing_remains
from gameserver.engine.context import Change
from gameserver.engine.corrections import (
    may_reopen,
    overdrawn,
    publish_reopened,
    reopen_pool,
    take_settlement_back,
    void_pool,
)
from gameserver.engine.events import count
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.events import BettingPoolVoided, GameEventVoided, VoidBettingPool, VoidGameEvent
from gameserver.storage.events import find_event, update_event_voided
from gameserver.storage.games import find_game, get_game
from gameserver.storage.pools import get_pool, list_versions
from gameserver.storage.settlements import list_settlements_of_event
from gameserver.storage.targets import get_target_path

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
    if event.action_id is not None and event.target_id is not None:
        count(change, event, get_target_path(change.connection, event.target_id), -1)
    pools, reopened = {}, []
    for settlement in list_settlements_of_event(change.connection, event.id):
        pool = take_settlement_back(change, settlement.id)
        if may_reopen(game, pool, change.now_ms):
            pools[pool.uuid] = REOPENED
            reopened.append(reopen_pool(change, pool, event))
        else:
            pools[pool.uuid] = VOIDED
            void_pool(change, pool)
    voided = GameEventVoided(
        event_id=event.uuid,
        game_id=game.uuid,
        reason=request.reason,
        pools=pools,
        versions=list_versions(change.connection, pools),
    )
    change.publish(game, voided)
    for pool in reopened:
        publish_reopened(change, game, pool)
    close_if_nothing_remains(change, game.id)
    return msgspec.structs.replace(voided, overdrawn=overdrawn(change))


def void_betting_pool(change: Change, request: VoidBettingPool) -> BettingPoolVoided:
    """Void a pool: every stake is returned. A settlement it already had is taken back first."""
    pool = change.pool(request, request.pool_id)
    if pool.status is PoolStatus.VOIDED:
        raise Rejected(ErrorCode.CONFLICT, "this pool is already voided")
    if pool.settlement_id is not None:
        pool = take_settlement_back(change, pool.settlement_id)
    void_pool(change, pool)
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
    return msgspec.structs.replace(voided, overdrawn=overdrawn(change))
