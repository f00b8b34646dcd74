"""The arithmetic of the benchmarks: a mistake here would make their figures lie."""

import math

import pytest

from benchmarks.figures import GAMESERVER, Figure, Target, at_least, at_most, percentile


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (98.5, 99), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(percent: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_a_percentile_of_few_values_is_one_of_them() -> None:
    assert percentile([3.0, 1.0], 99) == 3.0
    assert percentile([2.0], 50) == 2.0


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 99)


def figure_of(ours: list[float], theirs: list[float], *targets: Target) -> Figure:
    figure = Figure("deliveries", "deliveries/s", targets)
    for value in ours:
        figure.add(GAMESERVER, value)
    for value in theirs:
        figure.add("peer", value)
    return figure


def test_the_ratio_is_of_our_median_to_theirs_whatever_outliers_there_are() -> None:
    figure = figure_of([300, 1, 200], [100, 9_000, 80])
    assert figure.median(GAMESERVER) == 200
    assert figure.median("peer") == 100
    assert figure.ratio("peer") == 2


def test_a_ratio_to_nothing_is_no_number_and_reaches_no_target() -> None:
    target = at_least(1, "peer")
    figure = figure_of([5], [0], target)
    assert math.isnan(figure.ratio("peer"))
    assert not figure.is_reached(target)


@pytest.mark.parametrize(("ours", "reached"), [(149, False), (150, True), (151, True)])
def test_a_least_multiple_is_reached_from_its_bound_on(ours: float, reached: bool) -> None:
    target = at_least(1.5, "peer")
    assert figure_of([ours], [100], target).is_reached(target) is reached


@pytest.mark.parametrize(("ours", "reached"), [(119, True), (120, True), (121, False)])
def test_a_greatest_multiple_is_reached_up_to_its_bound(ours: float, reached: bool) -> None:
    target = at_most(1.2, "peer")
    assert figure_of([ours], [100], target).is_reached(target) is reached


@pytest.mark.parametrize(("ours", "reached"), [(24.9, True), (25, True), (25.1, False)])
def test_an_absolute_target_is_of_the_value_itself(ours: float, reached: bool) -> None:
    target = at_most(25)
    assert figure_of([ours], [1], target).is_reached(target) is reached


def test_a_target_is_not_reached_if_we_or_the_peer_were_not_measured() -> None:
    against_peer, absolute = at_least(0.1, "peer"), at_most(10)
    assert not figure_of([], [1], against_peer).is_reached(against_peer)
    assert not figure_of([1], [], against_peer).is_reached(against_peer)
    assert not figure_of([], [1], absolute).is_reached(absolute)


def test_a_target_stands_with_whom_it_is_against() -> None:
    absolute, against_peer = at_most(25), at_least(3.5, "peer")
    figure = figure_of([1], [1], against_peer, absolute)
    assert figure.target_against(GAMESERVER) is absolute
    assert figure.target_against("peer") is against_peer
    assert figure.target_against("another") is None
