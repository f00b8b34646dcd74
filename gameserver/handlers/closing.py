"""Calling games off, opening them again, and previewing a close (protocol, "Closing a game")."""

import msgspec

from gameserver.domain.money import to_units
from gameserver.engine.closing import finish_cancelled, resolves_at_close, resume
from gameserver.engine.context import DAY_MS, Change, Reading
from gameserver.engine.correction_previews import preview_corrections
from gameserver.engine.corrections import (
    REOPENED,
    VOIDED,
    Correction,
    overdrawn,
    publish_reopened,
    reopen_pool,
    take_settlement_back,
    void_and_publish,
)
from gameserver.engine.preconditions import require_not_closed, require_source_open
from gameserver.engine.settlement import (
    Resolution,
    plan_settlement,
    positions_without_event,
    shown_winners,
    target_keys,
)
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.closing import (
    CancelGame,
    CloseGamePreview,
    ClosingPool,
    GameCancelled,
    GameReopened,
    PreviewCloseGame,
    ReopenGame,
)
from gameserver.storage.bets import list_bettors_of_pools
from gameserver.storage.games import Game, get_game, list_game_admins
from gameserver.storage.ledger import lock_accounts_of_pools
from gameserver.storage.pools import Pool, get_pool, list_all_open_pools, list_pool_uuids, list_pools_to_void
from gameserver.storage.settlements import Settlement, list_settlements_by_close
from gameserver.storage.sources import get_source, list_source_admins

RESOLVES, REMAINS = "resolves", "remains"
KEPT = "kept"


def cancel_game(change: Change, request: CancelGame) -> GameCancelled:
    """Call a game off: void its pools, and close it."""
    game = change.game(request, request.game_id)
    if game.cancelled_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this game is already cancelled")
    if game.closed_at is not None and not request.include_resolved:
        text = "this game is closed; to give back what its pools have paid too, send include_resolved"
        raise Rejected(ErrorCode.CONFLICT, text)
    pools = list_pools_to_void(change.connection, game.id, include_resolved=request.include_resolved)
    returned = {pool.uuid: to_units(pool.amount_total, pool.currency) for pool in pools}
    cancelled = GameCancelled(game_id=game.uuid, reason=request.reason, pools=returned)
    if request.preview:
        voids = preview_corrections(change, [Correction(pool, VOIDED) for pool in pools])
        return msgspec.structs.replace(cancelled, overdrawn=voids.overdrawn)
    lock_accounts_of_pools(change.connection, [pool.id for pool in pools])
    for pool in pools:
        void_and_publish(change, game, pool, request.reason)
    finish_cancelled(change, game, request.reason)
    return msgspec.structs.replace(cancelled, overdrawn=overdrawn(change))


def reopen_game(change: Change, request: ReopenGame) -> GameReopened:
    """Take a close back: what it has settled, and that the game is over."""
    game = change.game(request, request.game_id)
    close_at = request.close_at
    if close_at is not None and close_at <= max(change.now_ms, game.open_at):
        raise invalid("close_at", f"close_at must be later than open_at and now ({change.now_ms})")
    _require_reopenable(change, game)
    if close_at is None and game.close_at is not None and game.close_at > change.now_ms:
        close_at = game.close_at
    settled = list_settlements_by_close(change.connection, game.id)
    taken_back = [settlement for settlement in settled if _may_run_on(change, settlement)]
    pools = {settlement.id: get_pool(change.connection, settlement.pool_id) for settlement in settled}
    outcomes = {pools[it.id].uuid: REOPENED if it in taken_back else KEPT for it in settled}
    reopened = GameReopened(game_id=game.uuid, close_at=close_at, pools=outcomes)
    if request.preview:
        corrected = preview_corrections(change, [Correction(pools[it.id], REOPENED) for it in taken_back])
        return msgspec.structs.replace(reopened, overdrawn=corrected.overdrawn)
    resume(change, game, close_at)
    open_again = [_run_on(change, settlement) for settlement in taken_back]
    game = get_game(change.connection, game.id)
    bettors = list_bettors_of_pools(change.connection, list_pool_uuids(change.connection, game.id))
    admins = [*list_game_admins(change.connection, game.uuid), *list_source_admins(change.connection, game.source_id)]
    change.publish(game, reopened, concerned=dict.fromkeys([*bettors, *admins]))
    for pool in open_again:
        publish_reopened(change, game, pool)
    return msgspec.structs.replace(reopened, overdrawn=overdrawn(change))


def _require_reopenable(change: Change, game: Game) -> None:
    """Raise ``source_closed`` or ``conflict`` unless the close of the game may be taken back."""
    require_source_open(get_source(change.connection, game.source_id))
    if game.cancelled_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this game was cancelled; it cannot be opened again")
    if game.closed_at is None and game.closing_at is None:
        raise Rejected(ErrorCode.CONFLICT, "this game is open")
    days = change.settings.game_log_days
    if game.closed_at is not None and change.now_ms >= game.closed_at + days * DAY_MS:
        raise Rejected(ErrorCode.CONFLICT, f"this game was closed {days} days ago or more; it can be opened no longer")


def _may_run_on(change: Change, settlement: Settlement) -> bool:
    return not get_pool(change.connection, settlement.pool_id).has_finished(change.now_ms)


def _run_on(change: Change, settlement: Settlement) -> Pool:
    pool = take_settlement_back(change, settlement.id)
    return reopen_pool(change, pool, blocked=True)


def preview_close_game(reading: Reading, request: PreviewCloseGame) -> CloseGamePreview:
    """Compute what closing a game would do, without doing it."""
    game = reading.game(request, request.game_id)
    require_not_closed(game)
    pools = list_all_open_pools(reading.connection, game.id)
    positions = positions_without_event(reading, [pool for pool in pools if resolves_at_close(pool, reading.now_ms)])
    return CloseGamePreview(pools={pool.uuid: _closing(reading, pool, positions.get(pool.id)) for pool in pools})


def _closing(reading: Reading, pool: Pool, position: int | None) -> ClosingPool:
    amount = to_units(pool.amount_total, pool.currency)
    if position is None:
        return ClosingPool(REMAINS, None, None, 0, pool.participants, amount)
    plan = plan_settlement(reading, pool, Resolution("close", (position,)))
    paid = to_units(pool.amount_total - plan.takeout, pool.currency)
    price = shown_winners(target_keys(reading, pool), (position,), plan.divisions).price
    return ClosingPool(RESOLVES, price, paid, len(plan.winners), pool.participants, amount)
