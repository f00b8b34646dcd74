"""Settling a pool: who is paid what, in one transaction with what ends it (protocol, "Settlement")."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from heapq import nsmallest
from typing import NamedTuple

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import Division, Split, divide_among_winners, price, takeout
from gameserver.domain.targets import NONE_ID
from gameserver.engine.context import Change, Reading
from gameserver.storage.events import Event
from gameserver.storage.pools import Pool, list_pool_targets, list_positions
from gameserver.storage.settlement_transfers import SettlementTransfers
from gameserver.storage.settlements import (
    BetStake,
    list_backing,
    list_bets_since,
    list_staked,
    update_invalidated,
    update_sums,
)
from gameserver.storage.shares import Share, sharing, update_participations_ended

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

    @property
    def shares(self) -> list[Share]:
        """What each user gets."""
        paid, best_wins = self._paid, self.best_wins
        return [Share(user, staked, paid.get(user, 0), best_wins.get(user, 0)) for user, staked in self.staked.items()]

    @property
    def _paid(self) -> dict[int, int]:
        """What each user is paid for valid bets."""
        return self.staked if self.is_money_return else self.paid

    @cached_property
    def net_of(self) -> dict[int, int]:
        """User → payouts less valid stakes; zero for those who only bet late."""
        paid = self._paid
        return {user: paid.get(user, 0) - amount for user, amount in self.staked.items()}

    @property
    def winners(self) -> dict[int, int]:
        """User → net win, of those who backed the winner and lost nothing in total."""
        return {user: net for user, net in self.net_of.items() if net >= 0 and user in self.paid}

    @property
    def losers(self) -> dict[int, int]:
        """User → net loss."""
        return {user: -net for user, net in self.net_of.items() if net < 0}


_NOTHING_STAKED = SettlementPlan({})


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
    if not pool.bet_count:
        return _NOTHING_STAKED
    connection = reading.connection
    happened_at = None if resolution.event is None else resolution.event.happened_at
    staked = list_staked(connection, pool.id)
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
    with sharing(connection, plan.shares):
        update_participations_ended(connection, pool.id)
        if not plan.is_money_return:
            if plan.late:
                transfers.refund_late_bets()
            transfers.divide_pot(plan.takeout)
    change.mark_balances_changed(pool, plan.net_of)


def target_keys(reading: Reading, pool: Pool) -> dict[int, str]:
    """The ids of a pool's targets, by position."""
    return {target.position: target.key for target in list_pool_targets(reading.connection, pool.id)}


def positions_without_event(reading: Reading, pools: Iterable[Pool]) -> dict[int, int]:
    """The positions that win when nothing has happened, by the pools' row ids.

    They are that of ``none`` in a parimutuel pool, and that of the second label in a binary one.
    """
    pools = list(pools)
    positions = {pool.id: _SECOND_LABEL for pool in pools if pool.type.is_binary}
    others = [(pool.id, NONE_ID) for pool in pools if not pool.type.is_binary]
    return positions | list_positions(reading.connection, others)


def amounts_by_user(amounts: dict[int, int], currency: str, limit: int) -> dict[str, Decimal]:
    """User id → amount in units, the greatest first, at most ``limit`` of them."""
    listed = nsmallest(limit, amounts.items(), key=lambda entry: -entry[1])
    return {str(user): to_units(amount, currency) for user, amount in listed}
