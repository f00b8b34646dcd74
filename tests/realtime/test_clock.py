import time

from hypothesis import given
from hypothesis import strategies as st

from gameserver.realtime.clock import Clock


def test_the_time_is_in_epoch_milliseconds() -> None:
    before = int(time.time() * 1000)
    assert before <= Clock().now_ms() <= time.time() * 1000


def test_a_fraction_of_a_millisecond_is_dropped() -> None:
    assert Clock(lambda: 12.3459).now_ms() == 12_345


@given(st.lists(st.floats(0, 10**10), min_size=1))
def test_the_clock_never_steps_back(readings: list[float]) -> None:
    source = iter(readings)
    clock = Clock(lambda: next(source))
    told = [clock.now_ms() for _ in readings]
    assert told == sorted(told)
    assert told[-1] == int(max(readings) * 1000)


def test_the_clock_is_not_behind_what_was_recorded() -> None:
    clock = Clock(lambda: 5.0)
    clock.not_before(7_000)
    assert clock.now_ms() == 7_000
    clock.not_before(6_000)
    assert clock.now_ms() == 7_000
