"""Ending a pool: who is paid what, in one transaction with what ends it (protocol, "Settlement")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial
from heapq import nsmallest
from typing import NamedTuple

from msgspec import UNSET

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import Division, Split, divide_among_winners, price, takeout
from gameserver.domain.pools import PoolStatus, recreated_times
from gameserver.domain.targets import NONE_ID
from gameserver.engine.context import Change, Reading
from gameserver.engine.pools import may_open_pool, open_pool, publish_open_pool
from gameserver.protocol.events import (
    BetPoolExpired,
    BetPoolResolved,
)
from gameserver.storage.events import Event
from gameserver.storage.games import Game, get_game
from gameserver.storage.pools import (
    NewPoolRow,
    NewPoolTarget,
    Pool,
    count_unbacked_runs,
    find_pool_target,
    get_pool,
    list_pool_targets,
    update_recreate_on_end,
    was_recreated,
)
from gameserver.storage.schedule import TimerKind, delete_timers
from gameserver.storage.settlement_transfers import SettlementTransfers
from gameserver.storage.settlements import (
    BetStake,
    insert_settlement,
    list_backing,
    list_bets_since,
    list_staked,
    update_invalidated,
    update_participations_ended,
    update_pool_ended,
    update_sums,
)
from gameserver.storage.users import list_usernames

_SECOND_LABEL = 1  # its position


class Resolution(NamedTuple):
    """How a pool ends: the cause, the winning positions (without any, every stake is returned), and the event, if any.

    ``split`` is how several winners share.
    """

    cause: str
    winners: tuple[int, ...]
    event: Event | None = None
    split: Split = Split.PROFIT


@dataclass(frozen=True)
class SettlementPlan:
    """What a resolution does to a pool's bets: computed first, then applied. Amounts are in minor units.

    ``staked`` is what each user has staked by valid bets, zero where all were late; ``divisions`` says for each winning
    position how the pot is divided, and without any, every stake is returned; ``paid`` is what each user is paid for
    winning bets, ``best_wins`` the most that one of them has won above its stake.
    """

    staked: dict[int, int]
    late: list[BetStake] = field(default_factory=list)
    takeout: int = 0
    divisions: dict[int, Division] = field(default_factory=dict)
    paid: dict[int, int] = field(default_factory=dict)
    best_wins: dict[int, int] = field(default_factory=dict)

    @property
    def is_money_return(self) -> bool:
        """Whether every stake is returned, because nobody backed the winner."""
        return not self.divisions

    @cached_property
    def net_of(self) -> dict[int, int]:
        """User → payouts less valid stakes; zero for those who only bet late."""
        paid = self.staked if self.is_money_return else self.paid
        return {user: paid.get(user, 0) - amount for user, amount in self.staked.items()}

    @property
    def winners(self) -> dict[int, int]:
        """User → net win, of those who backed the winner and lost nothing in total."""
        return {user: net for user, net in self.net_of.items() if net >= 0 and user in self.paid}

    @property
    def losers(self) -> dict[int, int]:
        """User → net loss."""
        return {user: -net for user, net in self.net_of.items() if net < 0}


class ShownWinners(NamedTuple):
    """How messages show a pool's winners, and what one unit on each that was backed is paid."""

    winning_target: str | None
    winning_targets: list[str]
    price: Decimal | None
    prices: dict[str, Decimal]


def shown_winners(keys: Mapping[int, str], winners: Sequence[int], divisions: Mapping[int, Division]) -> ShownWinners:
    """The winners by the ids of their positions; ``winning_target`` and ``price`` are null unless there is one."""
    ids = [keys[position] for position in winners]
    prices = {keys[position]: price(share.pot, share.winning_total) for position, share in divisions.items()}
    only_winner = ids[0] if len(ids) == 1 else None
    return ShownWinners(only_winner, ids, None if only_winner is None else prices.get(only_winner), prices)


def plan_settlement(reading: Reading, pool: Pool, resolution: Resolution) -> SettlementPlan:
    """Who is paid what. Bets placed at or after the event are late, and not valid (protocol, "Late bets")."""
    connection = reading.connection
    happened_at = None if resolution.event is None else resolution.event.happened_at
    staked = list_staked(connection, pool.id)
    if not staked:
        return SettlementPlan(staked)
    late = [] if happened_at is None else list_bets_since(connection, pool.id, happened_at)
    for bet in late:
        staked[bet.user_id] -= bet.amount
    backed = {
        position: backing
        for position in resolution.winners
        if (backing := list_backing(connection, pool.id, position, happened_at)).bet_ids
    }
    if not backed or _all_win_their_stakes(reading, pool, resolution):
        return SettlementPlan(staked, late)
    total = sum(staked.values())
    kept = takeout(total, sum(sum(backing.amounts) for backing in backed.values()), pool.takeout_millionths)
    stakes = {position: (backing.amounts, backing.bet_ids) for position, backing in backed.items()}
    divisions = divide_among_winners(total - kept, stakes, resolution.split)
    paid: dict[int, int] = {}
    best_wins: dict[int, int] = {}
    for position, backing in backed.items():
        division = divisions[position]
        for bet_id, user, stake in zip(*backing, strict=True):
            payout = division.payout(stake, bet_id)
            paid[user] = paid.get(user, 0) + payout
            if payout - stake > best_wins.get(user, 0):
                best_wins[user] = payout - stake
    return SettlementPlan(staked, late, kept, divisions, paid, best_wins)


def _all_win_their_stakes(reading: Reading, pool: Pool, resolution: Resolution) -> bool:
    """Whether every target wins, and there is no profit to be shared."""
    if len(resolution.winners) == 1 or resolution.split is Split.POT:
        return False
    return len(resolution.winners) == len(list_pool_targets(reading.connection, pool.id))


def end_pool(change: Change, pool: Pool, resolution: Resolution) -> None:
    """Settle an open pool, publish its end (362, or 363 at its ``finish_at``), and recreate it if it asks for that."""
    plan = plan_settlement(change, pool, resolution)
    settlement_id = insert_settlement(
        change.connection,
        pool.id,
        resolution.event.id if resolution.event is not None else None,
        resolution.cause,
        resolution.winners,
        resolution.split,
        plan.takeout,
        change.now_ms,
        plan.divisions,
    )
    apply_plan(change, pool, plan, settlement_id)
    # The other timers stay: they apply if the settlement is taken back.
    delete_timers(change.connection, pool.game_id, [TimerKind.FINISH_POOL, TimerKind.SETTLE_POOL], pool_id=pool.id)
    update_pool_ended(change.connection, pool.id, settlement_id, PoolStatus.RESOLVED)
    change.tally.add(change.connection, [pool.id])
    game = get_game(change.connection, pool.game_id)
    _publish_end(change, game, get_pool(change.connection, pool.id), plan, resolution)
    if resolution.cause in ("event", "time") and is_recreated(change, game, pool):
        recreate(change, game, pool)


def is_recreated(reading: Reading, game: Game, pool: Pool) -> bool:
    """Whether a pool that is resolved, or whose ``finish_at`` comes, is recreated, the limits permitting."""
    is_game_open = game.closing_at is None and game.closed_at is None
    return pool.recreate_on_end and is_game_open and not was_recreated(reading.connection, pool.id)


def apply_plan(change: Change, pool: Pool, plan: SettlementPlan, settlement_id: int) -> None:
    """Move the money, once for each user and way, and keep the sums."""
    if not plan.staked:
        return
    connection = change.connection
    transfers = SettlementTransfers(connection, settlement_id, pool.id, pool.currency, change.now_ms)
    if plan.is_money_return:
        transfers.return_stakes()  # those of late bets too
    if plan.late:
        update_invalidated(connection, settlement_id, plan.late)
        update_sums(connection, pool.id, plan.late)
    update_participations_ended(connection, pool.id, plan.net_of, plan.best_wins)
    if not plan.is_money_return:
        if plan.late:
            transfers.refund_late_bets()
        transfers.divide_pot(plan.takeout)
    change.mark_balances_changed(pool, plan.net_of)


def _publish_end(change: Change, game: Game, pool: Pool, plan: SettlementPlan, resolution: Resolution) -> None:
    expired_at = pool.finish_at if resolution.cause == "time" else None
    kind = (
        partial(BetPoolResolved, resolved_at=change.now_ms)
        if expired_at is None
        else partial(BetPoolExpired, expired_at=expired_at)
    )
    limit = change.settings.max_listed_bettors
    winners, losers = plan.winners, plan.losers
    invalidated = list(dict.fromkeys(bet.user_id for bet in plan.late))
    listed_winners = amounts_by_user(winners, pool.currency, limit)
    listed_losers = amounts_by_user(losers, pool.currency, limit)
    listed = {*map(int, (*listed_winners, *listed_losers)), *invalidated[:limit]}
    truncated = max(len(winners), len(losers), len(invalidated)) > limit
    ended = kind(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        event_id=resolution.event.uuid if resolution.event is not None else None,
        **shown_winners(target_keys(change, pool), resolution.winners, plan.divisions)._asdict(),
        description=pool.description,
        winners=listed_winners,
        losers=listed_losers,
        invalidated_bettors=invalidated[:limit],
        usernames={str(user): name for user, name in list_usernames(change.connection, sorted(listed)).items()},
        is_money_return=plan.is_money_return,
        amount_total=to_units(pool.amount_total, pool.currency),
        participants=pool.participants,
        version=pool.version,
        truncated=truncated,
        winners_count=len(winners) if truncated else UNSET,
        losers_count=len(losers) if truncated else UNSET,
        invalidated_count=len(invalidated) if truncated else UNSET,
    )
    change.publish(game, ended, ends_pool=pool.uuid)


def target_keys(reading: Reading, pool: Pool) -> dict[int, str]:
    """The ids of a pool's targets, by position."""
    return {target.position: target.key for target in list_pool_targets(reading.connection, pool.id)}


def position_without_event(reading: Reading, pool: Pool) -> int:
    """The position that wins when nothing has happened: ``none`` of a parimutuel pool, the second label of a binary."""
    if pool.type.is_binary:
        return _SECOND_LABEL
    none = find_pool_target(reading.connection, pool.id, NONE_ID)
    assert none is not None
    return none.position


def amounts_by_user(amounts: dict[int, int], currency: str, limit: int) -> dict[str, Decimal]:
    """User id → amount in units, the greatest first, at most ``limit`` of them."""
    listed = nsmallest(limit, amounts.items(), key=lambda entry: -entry[1])
    return {str(user): to_units(amount, currency) for user, amount in listed}


def recreate(change: Change, game: Game, pool: Pool) -> None:
    """Open the successor of a pool that takes no more bets, if the limits allow it (protocol, "Recreation")."""
    limit = change.settings.max_unbacked_runs
    unbacked_runs = count_unbacked_runs(change.connection, pool.id, limit)
    if unbacked_runs >= limit or not may_open_pool(change, game):
        update_recreate_on_end(change.connection, pool.id, recreate_on_end=False)
        change.record_not_recreated(pool)
        kept = get_pool(change.connection, pool.id)
        if kept.status is PoolStatus.OPEN:  # it waits for late events, and shows what it will do
            publish_open_pool(change, game, kept)
        return
    times = recreated_times(pool.times, change.now_ms, unbacked_runs)
    if times.finish_at is not None and times.finish_at <= change.sent_at:
        # The successor would have ended while the server was down, so it starts now instead.
        times = recreated_times(pool.times, change.sent_at, unbacked_runs)
        change.record_delay(game.id)
    targets = [
        NewPoolTarget(target.key, target.display_name, target.target_id)
        for target in list_pool_targets(change.connection, pool.id)
    ]
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
        min_stake=pool.min_stake,
        max_stake=pool.max_stake,
        is_cancellable=pool.is_cancellable,
        settle_delay_ms=pool.settle_delay_ms,
    )
    open_pool(change, game, new, targets)
