"""Ending a pool: who is paid what, in one transaction with what ends it (protocol, "Settlement")."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from msgspec import UNSET

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import Payout, price, settle
from gameserver.domain.pools import PoolStatus, recreated_times
from gameserver.domain.targets import NONE_ID
from gameserver.engine.context import Change, Reading
from gameserver.engine.pools import may_open_pool, open_pool
from gameserver.protocol.events import BetPoolExpired, BetPoolResolved
from gameserver.storage.bets import BetStatus
from gameserver.storage.events import Event
from gameserver.storage.games import Game, get_game
from gameserver.storage.ledger import AccountKind, Reason, Transfer, account_id, insert_transfers
from gameserver.storage.pools import (
    NewPoolRow,
    Pool,
    count_unbacked_runs,
    find_pool_target,
    get_pool,
    list_pool_targets,
    update_recreate_on_end,
)
from gameserver.storage.schedule import TimerKind, delete_timers, delete_timers_of_pool
from gameserver.storage.settlements import (
    RunningBet,
    SettledBet,
    insert_settlement,
    list_running_bets,
    update_bets,
    update_nets,
    update_pool_ended,
    update_sums,
)


class Resolution(NamedTuple):
    """How a pool ends: the cause, the winning position (None: every stake is returned), and the event, if any."""

    cause: str
    position: int | None
    event: Event | None = None


@dataclass
class SettlementPlan:
    """What a resolution does to a pool's bets: computed first, then applied. Amounts are in minor units."""

    valid: list[RunningBet]
    late: list[RunningBet]
    payout: Payout
    position: int | None
    net_of: dict[int, int] = field(default_factory=dict)
    backed_winner: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for bet, paid in zip(self.valid, self.payout.payouts, strict=True):
            self.net_of[bet.user_id] = self.net_of.get(bet.user_id, 0) + paid - bet.amount
            if bet.position == self.position:
                self.backed_winner.add(bet.user_id)

    @property
    def price(self) -> Decimal | None:
        """The payout per unit staked on the winner; None on money-return."""
        if self.payout.is_money_return:
            return None
        return price(sum(self.payout.payouts), sum(bet.amount for bet in self.valid if bet.position == self.position))

    @property
    def winners(self) -> dict[int, int]:
        """User → net win, of those who backed the winner and lost nothing in total."""
        if self.payout.is_money_return:
            return {}
        return {user: net for user, net in self.net_of.items() if net >= 0 and user in self.backed_winner}

    @property
    def losers(self) -> dict[int, int]:
        """User → net loss."""
        return {user: -net for user, net in self.net_of.items() if net < 0}


def plan_settlement(reading: Reading, pool: Pool, resolution: Resolution) -> SettlementPlan:
    """Who is paid what. Bets placed at or after the event are late, and not valid (protocol, "Late bets")."""
    happened_at = resolution.event.happened_at if resolution.event is not None else None
    valid: list[RunningBet] = []
    late: list[RunningBet] = []
    for bet in list_running_bets(reading.connection, pool.id):
        is_late = happened_at is not None and bet.placed_at >= happened_at
        (late if is_late else valid).append(bet)
    stakes = [bet.amount for bet in valid]
    payout = settle(stakes, [bet.position == resolution.position for bet in valid], pool.takeout_millionths)
    return SettlementPlan(valid, late, payout, resolution.position)


def end_pool(change: Change, pool: Pool, resolution: Resolution) -> None:
    """Settle an open pool, publish its end (362, or 363 at its ``finish_at``), and recreate it if it asks for that."""
    plan = plan_settlement(change, pool, resolution)
    settlement_id = insert_settlement(
        change.connection,
        pool.id,
        resolution.event.id if resolution.event is not None else None,
        resolution.cause,
        resolution.position,
        plan.payout.takeout,
        change.now_ms,
        is_money_return=plan.payout.is_money_return,
    )
    apply_plan(change, pool, plan, settlement_id, BetStatus.REFUNDED)
    update_pool_ended(change.connection, pool.id, settlement_id, PoolStatus.RESOLVED)
    game = get_game(change.connection, pool.game_id)
    _publish_end(change, game, get_pool(change.connection, pool.id), plan, resolution)
    if is_recreated(game, pool, resolution):
        _recreate(change, game, pool)


def is_recreated(game: Game, pool: Pool, resolution: Resolution) -> bool:
    """Whether a pool that ends this way is recreated, the limits permitting."""
    is_game_open = game.closing_at is None and game.closed_at is None
    return pool.recreate_on_end and resolution.cause in ("event", "time") and is_game_open


def apply_plan(change: Change, pool: Pool, plan: SettlementPlan, settlement_id: int, returned: BetStatus) -> None:
    """Move the money, and store the outcome of each bet; ``returned`` is the status of bets whose stake is returned."""
    connection, now_ms = change.connection, change.now_ms
    insert_transfers(connection, _transfers(change, pool, plan, settlement_id))
    update_bets(connection, _outcomes(plan, now_ms, returned))
    if plan.late:
        update_sums(connection, pool.id, plan.late, plan.valid)
    update_nets(connection, pool.id, plan.net_of)
    if returned is BetStatus.VOIDED:
        delete_timers_of_pool(connection, pool.id)
    else:
        # The others stay: they apply if the settlement is taken back.
        delete_timers(connection, pool.game_id, [TimerKind.FINISH_POOL], pool_id=pool.id)
    change.mark_balances_changed(pool.currency, [bet.user_id for bet in (*plan.valid, *plan.late)])


def _transfers(change: Change, pool: Pool, plan: SettlementPlan, settlement_id: int) -> Iterator[Transfer]:
    connection, currency, now_ms = change.connection, pool.currency, change.now_ms
    accounts: dict[int, tuple[int, int]] = {}

    def of_user(user_id: int) -> tuple[int, int]:
        if user_id not in accounts:
            accounts[user_id] = (
                account_id(connection, AccountKind.AVAILABLE, currency, user_id),
                account_id(connection, AccountKind.STAKED, currency, user_id),
            )
        return accounts[user_id]

    def refund(bet: RunningBet) -> Transfer:
        available, staked = of_user(bet.user_id)
        return Transfer(staked, available, bet.amount, Reason.REFUND, bet.id, settlement_id, now_ms)

    yield from map(refund, plan.late)
    if plan.payout.is_money_return:
        yield from map(refund, plan.valid)
        return
    clearing = account_id(connection, AccountKind.CLEARING, currency)
    for bet in plan.valid:
        staked = of_user(bet.user_id)[1]
        yield Transfer(staked, clearing, bet.amount, Reason.POT, bet.id, settlement_id, now_ms)
    for bet, paid in zip(plan.valid, plan.payout.payouts, strict=True):
        if paid:
            available = of_user(bet.user_id)[0]
            yield Transfer(clearing, available, paid, Reason.PAYOUT, bet.id, settlement_id, now_ms)
    if plan.payout.takeout:
        house = account_id(connection, AccountKind.HOUSE, currency)
        yield Transfer(clearing, house, plan.payout.takeout, Reason.TAKEOUT, None, settlement_id, now_ms)


def _outcomes(plan: SettlementPlan, now_ms: int, returned: BetStatus) -> Iterator[SettledBet]:
    for bet in plan.late:
        yield SettledBet(BetStatus.INVALIDATED, bet.amount, now_ms, bet.id)
    for bet, paid in zip(plan.valid, plan.payout.payouts, strict=True):
        if plan.payout.is_money_return:
            status = returned
        else:
            status = BetStatus.WON if bet.position == plan.position else BetStatus.LOST
        yield SettledBet(status, paid, now_ms, bet.id)


def _publish_end(change: Change, game: Game, pool: Pool, plan: SettlementPlan, resolution: Resolution) -> None:
    kind = (
        partial(BetPoolExpired, expired_at=change.now_ms)
        if resolution.cause == "time"
        else partial(BetPoolResolved, resolved_at=change.now_ms)
    )
    limit = change.settings.max_listed_bettors
    winners, losers = plan.winners, plan.losers
    invalidated = list(dict.fromkeys(bet.user_id for bet in plan.late))
    truncated = max(len(winners), len(losers), len(invalidated)) > limit
    ended = kind(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        event_id=resolution.event.uuid if resolution.event is not None else None,
        winning_target=target_name(change, pool, resolution.position),
        description=pool.description,
        winners=amounts_by_user(winners, pool.currency, limit),
        losers=amounts_by_user(losers, pool.currency, limit),
        invalidated_bettors=invalidated[:limit],
        is_money_return=plan.payout.is_money_return,
        amount_total=to_units(pool.amount_total, pool.currency),
        participants=pool.participants,
        version=pool.version,
        truncated=truncated,
        winners_count=len(winners) if truncated else UNSET,
        losers_count=len(losers) if truncated else UNSET,
        invalidated_count=len(invalidated) if truncated else UNSET,
    )
    change.publish(game, ended, ends_pool=pool.uuid)


def target_name(reading: Reading, pool: Pool, position: int | None) -> str | None:
    """The id of the target at a position of the pool; None for no position."""
    if position is None:
        return None
    return next(target.key for target in list_pool_targets(reading.connection, pool.id) if target.position == position)


def none_position(reading: Reading, pool: Pool) -> int:
    """The position of ``none`` in a parimutuel pool."""
    none = find_pool_target(reading.connection, pool.id, NONE_ID)
    assert none is not None
    return none.position


def amounts_by_user(amounts: dict[int, int], currency: str, limit: int) -> dict[str, Decimal]:
    """User id → amount in units, the greatest first, at most ``limit`` of them."""
    listed = sorted(amounts.items(), key=lambda entry: -entry[1])[:limit]
    return {str(user): to_units(amount, currency) for user, amount in listed}


def _recreate(change: Change, game: Game, pool: Pool) -> None:
    """Open the successor of an ended pool, if the limits allow it (protocol, "Recreation")."""
    limit = change.settings.max_unbacked_runs
    unbacked_runs = count_unbacked_runs(change.connection, pool.id, limit)
    if unbacked_runs >= limit or not may_open_pool(change, game):
        update_recreate_on_end(change.connection, pool.id, recreate_on_end=False)
        change.record_not_recreated(pool)
        return
    times = recreated_times(pool.times, change.now_ms, unbacked_runs)
    if times.finish_at is not None and times.finish_at <= change.sent_at:
        # The successor would have ended while the server was down, so it starts now instead.
        times = recreated_times(pool.times, change.sent_at, unbacked_runs)
        change.record_delay(game.id)
    targets = {target.key: target.display_name for target in list_pool_targets(change.connection, pool.id)}
    new = NewPoolRow(
        game_id=pool.game_id,
        type=pool.type,
        description=pool.description,
        action_id=pool.action_id,
        target_level=pool.target_level,
        unlisted_target=pool.unlisted_target,
        takeout_millionths=pool.takeout_millionths,
        created_at=times.start_at,
        start_at=times.start_at,
        finish_at=times.finish_at,
        stop_accepting_bets_at=times.stop_accepting_bets_at,
        recreate_on_end=True,
        is_blocked=False,
        hot_since=None,
        recreated_from=pool.id,
    )
    open_pool(change, game, new, targets)
