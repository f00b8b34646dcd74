"""Taking settlements back, by compensating transfers (protocol, "Corrections")."""

from decimal import Decimal
from typing import NamedTuple

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import Split
from gameserver.domain.pools import PoolStatus
from gameserver.engine.context import Change, Reading, ReopenedPool
from gameserver.engine.events import EventDraft, resolutions_by, resolutions_of
from gameserver.engine.pools import publish_open_pool
from gameserver.engine.settlement import Resolution, SettlementPlan, apply_plan
from gameserver.engine.steering import allow_pool, cancel_allows, publish_blocked
from gameserver.protocol.corrections import BettingPoolVoided
from gameserver.storage.bets import list_bettors_of_pools
from gameserver.storage.events import Event, list_later_events
from gameserver.storage.games import Game
from gameserver.storage.ledger import lock_accounts_of_pools
from gameserver.storage.pools import Pool, get_pool, update_blocked, update_recreate_on_end
from gameserver.storage.schedule import TimerKind, delete_timers_of_pool, insert_timer
from gameserver.storage.settlement_transfers import SettlementTransfers
from gameserver.storage.settlements import (
    NewSettlement,
    PoolEnd,
    get_settlement,
    insert_settlements,
    list_settlements_of_event,
    list_settlements_of_pool,
    list_staked,
    update_pools_ended,
    update_taken_back,
)
from gameserver.storage.successors import list_recreated
from gameserver.storage.targets import get_target_path

REOPENED, BLOCKED, VOIDED = "reopened", "blocked", "voided"
RESETTLED, RESOLVED = "resettled", "resolved"


def overdrawn(change: Change) -> dict[str, Decimal]:
    """User id → how far below zero the user's available balance is, because what was taken back had been spent."""
    return {
        str(user_id): to_units(-balances.available, currency)
        for (user_id, currency), balances in change.changed_balances().items()
        if balances.available < 0
    }


def take_settlement_back(change: Change, settlement_id: int) -> Pool:
    """Undo a settlement, and return its pool, which is open again."""
    connection = change.connection
    settlement = get_settlement(connection, settlement_id)
    pool = get_pool(connection, settlement.pool_id)
    transfers = SettlementTransfers(connection, settlement.id, pool.id, pool.currency, change.now_ms)
    if settlement.is_money_return:
        transfers.take_stakes_again()
    else:
        transfers.reverse_division()
    change.tally.take_back(connection, [pool.id])
    update_taken_back(connection, settlement, change.now_ms)
    change.mark_balances_changed(pool, list_staked(connection, pool.id))
    return get_pool(connection, pool.id)


def may_reopen(game: Game, pool: Pool, now_ms: int) -> bool:
    """Whether a pool whose settlement is taken back can run on: its game and its own time are not over."""
    return game.closed_at is None and game.closing_at is None and (pool.ends_at is None or now_ms < pool.ends_at)


def reopen_pool(change: Change, pool: Pool, *, blocked: bool) -> Pool:
    """Let a pool run again, and block it at once if asked for."""
    if pool.has_finished(change.now_ms):
        assert pool.ends_at is not None
        insert_timer(change.connection, pool.ends_at, TimerKind.SETTLE_POOL, pool.game_id, pool_id=pool.id)
    elif pool.finish_at is not None:
        insert_timer(change.connection, pool.finish_at, TimerKind.FINISH_POOL, pool.game_id, pool_id=pool.id)
    if list_recreated(change.connection, [pool.id]):
        update_recreate_on_end(change.connection, pool.id, recreate_on_end=False)
    if blocked:
        cancel_allows(change, pool)
        update_blocked(change.connection, pool.id, is_blocked=True)
    return get_pool(change.connection, pool.id)


def _is_decided(reading: Reading, pool: Pool, voided: Event) -> bool:
    """Whether an event registered since the pool has ended would have ended it, had the one voided not."""
    if pool.action_id is None:
        return False
    for event in list_later_events(reading.connection, pool.action_id, _first_end(reading, pool)):
        assert event.target_id is not None
        path = get_target_path(reading.connection, event.target_id)
        if event.id != voided.id and resolutions_by(reading, [pool], event, path):
            return True
    return False


def _first_end(reading: Reading, pool: Pool) -> int:
    """The event that a pool has ended by; the first one, where amendments have settled the pool again at once."""
    *before, last = list_settlements_of_pool(reading.connection, pool.id)
    for settlement in reversed(before):
        if settlement.event_id is None or settlement.taken_back_at != last.settled_at:
            break
        last = settlement
    assert last.event_id is not None
    return last.event_id


class Correction(NamedTuple):
    """What becomes of a pool, as it is before, when an event is voided or amended.

    ``resolution`` is how the event that replaces the first ends it; ``is_decided``, whether a later event would have
    ended it, so that it opens blocked.
    """

    pool: Pool
    outcome: str
    resolution: Resolution | None = None
    is_decided: bool = False


def plan_corrections(reading: Reading, game: Game, voided: Event, draft: EventDraft | None) -> list[Correction]:
    """Decide on each pool that an event had ended, and on those that ``draft`` ends, the event that replaces it if any.

    A successor of a pool that the first event had ended runs on.
    """
    settlements = list_settlements_of_event(reading.connection, voided.id)
    pools = [get_pool(reading.connection, settlement.pool_id) for settlement in settlements]
    corrections = [_plan_correction(reading, game, pool, voided, draft) for pool in pools]
    if draft is not None and game.closed_at is None:
        concerned = {pool.uuid for pool in pools}
        for pool, resolution in resolutions_of(reading, draft):
            if pool.predecessor not in concerned:
                corrections.append(Correction(pool, RESOLVED, resolution))
                concerned.add(pool.uuid)
    return corrections


def _plan_correction(reading: Reading, game: Game, pool: Pool, voided: Event, draft: EventDraft | None) -> Correction:
    if draft is not None and draft.event.action_id == pool.action_id:
        for _, resolution in resolutions_by(reading, [pool], draft.event, draft.path):
            return Correction(pool, RESETTLED, resolution)
    if not may_reopen(game, pool, reading.now_ms):
        return Correction(pool, VOIDED)
    is_decided = _is_decided(reading, pool, voided)
    takes_no_bets = is_decided or pool.is_blocked or game.held_at is not None
    return Correction(pool, BLOCKED if takes_no_bets else REOPENED, is_decided=is_decided)


class Corrected(NamedTuple):
    """Pools as corrections leave them: those that are still to be ended, each with how, and those open again."""

    ends: list[tuple[Pool, Resolution]]
    reopened: list[Pool]


def carry_out(change: Change, corrections: list[Correction], *, keep_blocked: bool = False) -> Corrected:
    """Take back what an event had settled, and void the pools that end so, or let them run again."""
    lock_accounts_of_pools(change.connection, [correction.pool.id for correction in corrections])
    corrected = Corrected([], [])
    for pool, outcome, resolution, is_decided in corrections:
        if pool.settlement_id is not None:
            pool = take_settlement_back(change, pool.settlement_id)
        if resolution is not None:
            corrected.ends.append((pool, resolution))
        elif outcome == VOIDED:
            void_pool(change, pool)
        else:
            corrected.reopened.append(reopen_pool(change, pool, blocked=keep_blocked or is_decided))
    return corrected


def publish_reopened(change: Change, game: Game, pool: Pool) -> None:
    """Tell the game's subscribers of a pool that is open again (352), and soon after of its distribution (361).

    A block is published too (368), and an allow that fell due while the pool had ended (369).
    """
    publish_open_pool(change, game, pool)
    if pool.is_betting_blocked:
        fell_due_at = pool.untold_at if pool.is_blocked else None
        publish_blocked(change, pool, change.now_ms if fell_due_at is None else fell_due_at)
    elif pool.untold_at is not None:
        allow_pool(change, pool, pool.untold_at)
    change.effects.reopened_pools.append(ReopenedPool(game.uuid, pool.uuid))


def void_and_publish(change: Change, game: Game, pool: Pool, reason: str | None) -> BettingPoolVoided:
    """Void a pool, whose settlement is taken back first if it has one, and tell subscribers and bettors (3662)."""
    if pool.settlement_id is not None:
        pool = take_settlement_back(change, pool.settlement_id)
    void_pool(change, pool)
    pool = get_pool(change.connection, pool.id)
    voided = BettingPoolVoided(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        reason=reason,
        amount_total=to_units(pool.amount_total, pool.currency),
        participants=pool.participants,
        version=pool.version,
    )
    bettors = list_bettors_of_pools(change.connection, [pool.uuid])
    change.publish(game, voided, ends_pool=pool.uuid, concerned=bettors)
    return voided


def void_pool(change: Change, pool: Pool) -> None:
    """Void an open pool: every valid stake is returned; who has bet late only has taken part too."""
    lock_accounts_of_pools(change.connection, [pool.id])
    plan = SettlementPlan(list_staked(change.connection, pool.id))
    (settlement_id,) = insert_settlements(
        change.connection, [NewSettlement(pool.id, None, "void", (), Split.PROFIT, 0, change.now_ms, {})]
    )
    apply_plan(change, pool, plan, settlement_id)
    delete_timers_of_pool(change.connection, pool.id)
    voided = PoolEnd(pool.id, PoolStatus.VOIDED, settlement_id, pool.recreate_on_end, pool.version + 1)
    update_pools_ended(change.connection, [voided])
    change.tally.add(change.connection, [pool.id])
