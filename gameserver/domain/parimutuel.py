"""Parimutuel betting: those who backed the winner share what all have staked (protocol, "Payout").

Amounts are integers of minor units, rates integers of millionths.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

MILLION = 1_000_000
_ODDS_STEP = Decimal("0.0001")


def takeout(valid_total: int, winning_total: int, rate_millionths: int) -> int:
    """What the house keeps: floor(total * rate), lowered so that no winner gets less than their stake."""
    return min(valid_total * rate_millionths // MILLION, valid_total - winning_total)


class Division(NamedTuple):
    """How a pot is divided among winning stakes, in proportion to them: all that a bet's payout follows from.

    ``winning_total`` is the sum of the stakes. Each share is rounded down; the remainder goes, one unit each, to the
    largest fractions, ties to the earlier bet. ``last_fraction`` and ``last_bet_id`` are those of the last bet that
    gets a unit more; if the pot leaves no remainder, a fraction that no bet has. Fractions are numerators over
    ``winning_total``.
    """

    pot: int
    winning_total: int
    last_fraction: int
    last_bet_id: int

    def payout(self, stake: int, bet_id: int) -> int:
        """The share of a winning bet."""
        share, fraction = divmod(self.pot * stake, self.winning_total)
        if fraction < self.last_fraction or (fraction == self.last_fraction and bet_id > self.last_bet_id):
            return share
        return share + 1


def divide(pot: int, stakes: Sequence[int], bet_ids: Sequence[int]) -> Division:
    """Divide ``pot`` among the winning bets, which are in the order placed, so that their ids grow."""
    total = sum(stakes)
    fractions = [pot * stake % total for stake in stakes]
    left_over = sum(fractions) // total
    if not left_over:
        return Division(pot, total, total, 0)
    ranked = sorted(fractions, reverse=True)
    last = ranked[left_over - 1]
    equals = (bet_id for bet_id, fraction in zip(bet_ids, fractions, strict=True) if fraction == last)
    return Division(pot, total, last, next(islice(equals, left_over - 1 - ranked.index(last), None)))


class Split(StrEnum):
    """How several winners (a dead heat) share.

    ``PROFIT``, as the pari-mutuel tote does it: the winners' own stakes go back, and what remains of the pot after
    takeout is divided equally among the winning targets that anybody backed, and within each by stake. ``POT``: all
    valid stakes less takeout are shared among all winning stakes in proportion.
    """

    PROFIT = "profit"
    POT = "pot"


def divide_among_winners(
    pot: int, backed: Mapping[int, tuple[Sequence[int], Sequence[int]]], split: Split
) -> dict[int, Division]:
    """How each winning target's bets divide ``pot``, which is what is left after takeout.

    ``backed`` maps target to stakes and bet ids, in the order placed, of winners that anybody backed. By profit, units
    that cannot be divided equally go to the targets backed first, one each. By pot, all bets share one division.
    """
    if split is Split.POT:
        bets = sorted(bet for stakes, bet_ids in backed.values() for bet in zip(bet_ids, stakes, strict=True))
        return dict.fromkeys(backed, divide(pot, [stake for _, stake in bets], [bet_id for bet_id, _ in bets]))
    totals = {target: sum(stakes) for target, (stakes, _) in backed.items()}
    share, rest = divmod(pot - sum(totals.values()), len(backed))
    with_one_more = set(sorted(backed, key=lambda target: backed[target][1][0])[:rest])
    return {
        target: divide(totals[target] + share + (target in with_one_more), *backed[target]) for target in sorted(backed)
    }


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
