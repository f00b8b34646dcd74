"""What corrections would do, computed without doing it (protocol, "Corrections")."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from gameserver.domain.money import to_units
from gameserver.engine.context import Reading
from gameserver.engine.corrections import VOIDED, Correction
from gameserver.engine.settlement import SettlementPlan, plan_settlement
from gameserver.protocol.correction_previews import CorrectedPool
from gameserver.storage.ledger import list_balances_of_pool
from gameserver.storage.settlements import list_paid, list_staked
from gameserver.storage.successors import find_successor


class CorrectionsPreview(NamedTuple):
    """What corrections would do to pools, by their ids, and whom they would overdraw: user id → amount below zero."""

    pools: dict[str, CorrectedPool]
    overdrawn: dict[str, Decimal]


def preview_corrections(reading: Reading, corrections: Iterable[Correction]) -> CorrectionsPreview:
    """Compute what `corrections.carry_out`, and then ending the pools that it leaves to be ended, would do."""
    preview = CorrectionsPreview({}, {})
    available: dict[int, int] = {}  # of those with valid bets in any of the pools, in minor units
    changes: Counter[int] = Counter()
    currency = ""
    for correction in corrections:
        pool, currency = correction.pool, correction.pool.currency
        staked = list_staked(reading.connection, pool.id)
        balances = list_balances_of_pool(reading.connection, pool.id, currency)
        available |= {user: balances[user].available for user in staked}
        if pool.settlement_id is not None:
            changes.subtract(list_paid(reading.connection, pool.id))
        plan = None
        if correction.resolution is not None:
            plan = plan_settlement(reading, pool, correction.resolution)
            changes.update(_given_by(plan))
        elif correction.outcome == VOIDED:
            changes.update(staked)
        preview.pools[pool.uuid] = _shown(reading, correction, plan)
    for user, amount in available.items():
        if amount + changes[user] < 0:
            preview.overdrawn[str(user)] = to_units(-amount - changes[user], currency)
    return preview


def _given_by(plan: SettlementPlan) -> Counter[int]:
    """What a settlement would give each user: payouts or stakes, and the stakes of late bets."""
    given = Counter(plan.staked if plan.is_money_return else plan.paid)
    for bet in plan.late:
        given[bet.user_id] += bet.amount
    return given


def _shown(reading: Reading, correction: Correction, plan: SettlementPlan | None) -> CorrectedPool:
    pool = correction.pool
    successor = find_successor(reading.connection, pool.id)
    return CorrectedPool(
        outcome=correction.outcome,
        amount=to_units(pool.amount_total if plan is None else sum(plan.staked.values()), pool.currency),
        winners_count=0 if plan is None else len(plan.winners),
        late_bets=0 if plan is None else len(plan.late),
        successor=None if successor is None else successor.uuid,
        successor_bets=0 if successor is None else successor.bet_count,
    )
