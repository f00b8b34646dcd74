"""Parimutuel betting: those who backed the winner share what all have staked (protocol, "Payout").

Amounts are integers of minor units, rates integers of millionths.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

MILLION = 1_000_000
_ODDS_STEP = Decimal("0.0001")


def takeout(valid_total: int, winning_total: int, rate_millionths: int) -> int:
    """What the house keeps: floor(total * rate), lowered so that no winner gets less than their stake."""
    return min(valid_total * rate_millionths // MILLION, valid_total - winning_total)


def shares(stakes: Sequence[int], pot: int) -> list[int]:
    """``pot`` divided in proportion to the stakes, which are in the order the bets were placed.

    Each share is rounded down; what is left over goes, one unit each, to the largest fractions, ties to the
    earlier bet. The sum is exact.
    """
    total = sum(stakes)
    paid = [pot * stake // total for stake in stakes]
    left_over = pot - sum(paid)
    by_fraction = sorted(range(len(stakes)), key=lambda index: (-(pot * stakes[index] % total), index))
    for index in by_fraction[:left_over]:
        paid[index] += 1
    return paid


class Payout(NamedTuple):
    """How a pool's valid stakes are paid out: a payout for each, and the house's share, in minor units.

    ``is_money_return``: everybody gets their stake back, because nobody backed the winner.
    """

    payouts: list[int]
    takeout: int
    is_money_return: bool


def settle(stakes: Sequence[int], won: Sequence[bool], rate_millionths: int) -> Payout:
    """Pay out the valid bets of a pool, given in the order they were placed.

    If nobody backed the winner, everybody gets their stake back and the house keeps nothing.
    """
    winning = [stake for stake, wins in zip(stakes, won, strict=True) if wins]
    if not winning:
        return Payout(list(stakes), 0, True)
    total = sum(stakes)
    kept = takeout(total, sum(winning), rate_millionths)
    paid = iter(shares(winning, total - kept))
    return Payout([next(paid) if wins else 0 for wins in won], kept, False)


def price(payout: int, stake: int) -> Decimal:
    """The return per unit staked, rounded down to 4 decimals."""
    return Decimal(payout * 10_000 // stake) * _ODDS_STEP


def to_win_if_backed(total: int, backing: int, rate_millionths: int, unit: int) -> Decimal:
    """What one whole unit more on a target would return per unit, were the pool resolved to it at once.

    ``total`` and ``backing`` are the stakes on all targets and on this one, ``unit`` the minor units of a
    whole one. Rounded down to 4 decimals.
    """
    total, backing = total + unit, backing + unit
    pot = total - takeout(total, backing, rate_millionths)
    return price(pot, backing)
