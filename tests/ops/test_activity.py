"""Rates over the last seconds, and how long the last transactions took."""

import pytest

from gameserver.ops.activity import WINDOW_S, Activity, Sample
from gameserver.ops.metrics import Metrics


def test_nothing_is_done_per_second_before_there_are_two_samples() -> None:
    activity = Activity()
    assert (activity.rates(), activity.delay_s) == ((0, 0, 0), 0)
    activity.add(Sample(5.0, 100, 10, 1000, 0.25))
    assert (activity.rates(), activity.delay_s) == ((0, 0, 0), 0.25)


def test_rates_are_of_the_last_seconds_alone() -> None:
    activity = Activity()
    activity.add(Sample(0.0, 0, 0, 0, 9.0))
    for second in range(1, WINDOW_S + 2):
        activity.add(Sample(second, 1000 + 20 * second, 3 * second, 100 * second, second / 1000))
    assert activity.rates() == pytest.approx((20, 3, 100))
    assert activity.delay_s == pytest.approx((WINDOW_S + 1) / 1000)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], None),
        ([0.5], 0.5),
        ([0.001] * 99 + [1.0], 0.001),
        ([1.0] + [0.001] * 49, 1.0),
        ([9.0] * 10 + [0.001] * 1000, 0.001),
    ],
)
def test_the_99th_percentile_is_of_the_last_thousand_transactions(seconds: list[float], expected: float | None) -> None:
    metrics = Metrics()
    for duration_s in seconds:
        metrics.count_batch(1, duration_s)
    assert metrics.batch_p99_s == expected
