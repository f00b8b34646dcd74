from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gameserver.domain.parimutuel import MILLION, divide, price, takeout, to_win_if_backed

# The worked example of the English Wikipedia article "Parimutuel betting": eight runners, 514.00 staked in
# all, a takeout of 14.25 %.
STAKES = [30_00, 70_00, 12_00, 55_00, 110_00, 47_00, 150_00, 40_00]
PRICES = ["14.69", "6.30", "36.73", "8.01", "4.01", "9.38", "2.94", "11.02"]
TAKEOUT = 142_500

stakes_and_winners = st.lists(st.tuples(st.integers(1, 10**14), st.booleans()), min_size=1, max_size=30)
rates = st.integers(0, 500_000)


def won(*winners: int, of: int) -> list[bool]:
    return [index in winners for index in range(of)]


def settle(stakes: Sequence[int], wins: Sequence[bool], rate: int) -> tuple[list[int], int]:
    """The payout of each bet, and what the house keeps."""
    ids = [number for number, win in enumerate(wins) if win]
    winning = [stakes[number] for number in ids]
    kept = takeout(sum(stakes), sum(winning), rate)
    division = divide(sum(stakes) - kept, winning, ids)
    return [division.payout(stake, number) if wins[number] else 0 for number, stake in enumerate(stakes)], kept


def divided(stakes: Sequence[int], pot: int) -> list[int]:
    """The payouts of winning bets that divide a pot."""
    division = divide(pot, stakes, range(len(stakes)))
    return [division.payout(stake, number) for number, stake in enumerate(stakes)]


def shares(stakes: Sequence[int], pot: int) -> list[int]:
    """The shares of a pot, computed at once: rounded down, and what is left over to the largest fractions."""
    total = sum(stakes)
    paid = [pot * stake // total for stake in stakes]
    by_fraction = sorted(range(len(stakes)), key=lambda index: (-(pot * stakes[index] % total), index))
    for index in by_fraction[: pot - sum(paid)]:
        paid[index] += 1
    return paid


@pytest.mark.parametrize(("runner", "expected"), list(enumerate(PRICES)))
def test_the_well_known_example_of_eight_runners_has_the_well_known_prices(runner: int, expected: str) -> None:
    payouts, kept = settle(STAKES, won(runner, of=8), TAKEOUT)
    assert kept == 73_24
    assert sum(payouts) == 514_00 - 73_24
    assert round(price(payouts[runner], STAKES[runner]), 2) == Decimal(expected)


def test_one_minor_unit_on_each_of_three_winners_and_on_a_loser_pays_2_1_1() -> None:
    assert settle([1, 1, 1, 1], won(0, 1, 2, of=4), 0) == ([2, 1, 1, 0], 0)


@pytest.mark.parametrize(
    ("stakes", "winners", "rate", "payouts", "kept"),
    [
        ([700, 300], [0], 0, [1000, 0], 0),
        ([700, 300], [0], 100_000, [900, 0], 100),
        ([700, 300], [0], 500_000, [700, 0], 300),
        ([100, 50, 50], [0, 1], 0, [133, 67, 0], 0),
        ([50, 100, 50], [0, 1], 0, [67, 133, 0], 0),
        ([1, 1, 1, 2], [0, 1, 2], 0, [2, 2, 1, 0], 0),
        ([1, 2, 1], [0, 1], 0, [1, 3, 0], 0),
        ([100, 100], [0, 1], 500_000, [100, 100], 0),
        ([99, 1], [0], 14_999, [99, 0], 1),
        ([99, 1], [0], 9_999, [100, 0], 0),
    ],
)
def test_winners_share_what_is_left_after_the_takeout(
    stakes: list[int], winners: list[int], rate: int, payouts: list[int], kept: int
) -> None:
    assert settle(stakes, won(*winners, of=len(stakes)), rate) == (payouts, kept)


@given(stakes_and_winners, rates)
def test_what_is_paid_and_kept_is_exactly_what_was_staked_and_no_winner_gets_less_than_his_stake(
    bets: list[tuple[int, bool]], rate: int
) -> None:
    stakes, wins = [stake for stake, _ in bets], [win for _, win in bets]
    assume(any(wins))
    payouts, kept = settle(stakes, wins, rate)
    assert sum(payouts) + kept == sum(stakes)
    assert 0 <= kept <= sum(stakes) * rate // MILLION
    for stake, win, payout in zip(stakes, wins, payouts, strict=True):
        assert payout >= stake if win else payout == 0


@given(
    st.lists(st.integers(1, 10**14), min_size=1, max_size=30)
    | st.lists(st.integers(1, 50), min_size=1, max_size=60)
    | st.lists(st.sampled_from([1, 3, 7, 10**14]), min_size=1, max_size=60),
    st.integers(0, 10**15) | st.integers(0, 1000),
    st.integers(1, 10**6),
)
def test_a_bet_gets_by_itself_what_it_gets_when_all_shares_are_computed_at_once(
    stakes: list[int], more: int, apart: int
) -> None:
    pot = sum(stakes) + more
    bet_ids = range(5, 5 + apart * len(stakes), apart)
    division = divide(pot, stakes, bet_ids)
    assert list(map(division.payout, stakes, bet_ids)) == shares(stakes, pot)


@pytest.mark.parametrize(
    ("stakes", "pot", "last"),
    [
        ([1, 1, 1], 4, (1, 1)),  # a third each is left, and the first gets the unit
        ([1, 1, 1], 5, (2, 2)),
        ([1, 1, 1], 6, (3, 0)),  # nothing is left
        ([2, 3, 1], 8, (4, 1)),  # the shares are 2 4/6, 4 and 1 2/6: the first gets the unit
    ],
)
def test_a_division_keeps_the_fraction_and_the_bet_that_got_the_last_unit(
    stakes: list[int], pot: int, last: tuple[int, int]
) -> None:
    division = divide(pot, stakes, [1, 2, 3])
    assert division == (pot, sum(stakes), *last)


@given(st.lists(st.integers(1, 10**14), min_size=1, max_size=30), st.integers(0, 10**15))
def test_shares_are_proportional_within_one_unit_and_exact_in_sum(stakes: list[int], pot: int) -> None:
    paid, total = divided(stakes, pot), sum(stakes)
    assert sum(paid) == pot
    assert all(abs(share * total - pot * stake) < total for share, stake in zip(paid, stakes, strict=True))


@given(st.lists(st.integers(1, 50), min_size=2, max_size=12), st.integers(0, 1000))
def test_of_equal_stakes_none_gets_less_than_a_later_one(stakes: list[int], pot: int) -> None:
    paid = divided(stakes, pot)
    for stake in set(stakes):
        of_stake = [share for share, staked in zip(paid, stakes, strict=True) if staked == stake]
        assert of_stake == sorted(of_stake, reverse=True)


@given(st.integers(1, 10**15), st.integers(1, 10**15), rates)
def test_the_takeout_is_the_rate_rounded_down_unless_that_cuts_into_the_winners_stakes(
    winning: int, losing: int, rate: int
) -> None:
    kept = takeout(winning + losing, winning, rate)
    assert kept in ((winning + losing) * rate // MILLION, losing)
    assert kept <= losing


@pytest.mark.parametrize(
    ("total", "backing", "rate", "unit", "expected"),
    [
        (0, 0, 0, 100, "1"),
        (0, 0, 500_000, 100, "1"),  # whoever is alone gets his stake back
        (1000, 300, 0, 100, "2.75"),  # 1100 / 400
        (1000, 300, 100_000, 100, "2.475"),  # 990 / 400
        (1000, 1000, 500_000, 100, "1"),  # the takeout never cuts into the stakes
        (1000, 200, 0, 100, "3.6666"),  # 1100 / 300, rounded down
        (10, 2, 0, 1, "3.6666"),  # the same in a currency without decimals
        (1000, 0, 0, 100, "11"),
        (1000, 0, 142_500, 100, "9.44"),  # 1100 - floor(156.75) = 944
    ],
)
def test_to_win_if_backed_counts_one_whole_unit_more_and_the_takeout(
    total: int, backing: int, rate: int, unit: int, expected: str
) -> None:
    assert to_win_if_backed(total, backing, rate, unit) == Decimal(expected)


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=6), st.integers(0, 5), rates)
def test_to_win_if_backed_is_the_price_of_the_pool_settled_after_such_a_bet(
    backings: list[int], chosen: int, rate: int
) -> None:
    chosen %= len(backings)
    after = [stake + 100 * (index == chosen) for index, stake in enumerate(backings)]
    payouts, _ = settle(after, won(chosen, of=len(after)), rate)
    expected = price(payouts[chosen], after[chosen])
    assert to_win_if_backed(sum(backings), backings[chosen], rate, 100) == expected
