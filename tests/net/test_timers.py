from collections.abc import Callable
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.net import timers as module
from gameserver.net.timers import TimerHandle, Timers


class Recorder:
    """Makes calls that are noted in ``rung``: which, and how long after the start."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, float]] = []
        self._start = trio.current_time()

    def call(self, name: str) -> Callable[[], None]:
        return lambda: self.rung.append((name, trio.current_time() - self._start))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.rung]


@pytest.fixture
async def recorder() -> Recorder:
    """The calls that the timers have made. (A test names ``autojump_clock`` itself: only then it is used.)"""
    return Recorder()


@pytest.fixture
async def timers(nursery: trio.Nursery) -> Timers:
    """Timers whose task is running."""
    timers = Timers()
    nursery.start_soon(timers.run)
    await wait_all_tasks_blocked()
    return timers


async def test_calls_are_made_at_their_times_in_order(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock
) -> None:
    for name, delay_s in [("c", 3.0), ("a", 1.0), ("b", 2.0)]:
        timers.call_later(delay_s, recorder.call(name))
    await trio.sleep(2.5)
    assert recorder.rung == [("a", 1.0), ("b", 2.0)]
    await trio.sleep(1)
    assert recorder.rung[2:] == [("c", 3.0)]


async def test_of_two_at_the_same_time_the_one_set_first_comes_first(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock
) -> None:
    for name in "abc":
        timers.call_later(1.0, recorder.call(name))
    await trio.sleep(2)
    assert recorder.names == ["a", "b", "c"]


async def test_a_timer_set_later_for_an_earlier_time_is_not_late(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock
) -> None:
    timers.call_later(100.0, recorder.call("late"))
    await trio.sleep(1)
    timers.call_later(1.0, recorder.call("early"))
    await trio.sleep(5)
    assert recorder.rung == [("early", 2.0)]


async def test_timers_set_before_the_task_runs_make_their_calls_too(
    nursery: trio.Nursery, recorder: Recorder, autojump_clock: MockClock
) -> None:
    timers = Timers()
    timers.call_later(1.0, recorder.call("a"))
    await trio.sleep(3)
    nursery.start_soon(timers.run)
    await trio.sleep(1)
    assert recorder.rung == [("a", 3.0)]


async def test_a_call_may_set_the_next_timer(timers: Timers, recorder: Recorder, autojump_clock: MockClock) -> None:
    def again() -> None:
        recorder.call("a")()
        timers.call_later(1.0, again)

    timers.call_later(1.0, again)
    await trio.sleep(3.5)
    assert recorder.rung == [("a", 1.0), ("a", 2.0), ("a", 3.0)]


async def test_a_cancelled_timer_makes_no_call(timers: Timers, recorder: Recorder, autojump_clock: MockClock) -> None:
    cancelled = timers.call_later(1.0, recorder.call("a"))
    timers.call_later(2.0, recorder.call("b"))
    cancelled.cancel()
    await trio.sleep(3)
    assert recorder.rung == [("b", 2.0)]


async def test_cancelling_twice_or_after_the_call_does_nothing(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock
) -> None:
    timer, other = timers.call_later(1.0, recorder.call("a")), timers.call_later(2.0, recorder.call("b"))
    other.cancel()
    other.cancel()
    await trio.sleep(3)
    timer.cancel()
    assert recorder.rung == [("a", 1.0)]


async def test_a_call_may_cancel_another_timer_of_the_same_time(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock
) -> None:
    others: list[TimerHandle] = []
    timers.call_later(1.0, lambda: others[0].cancel())
    others.append(timers.call_later(1.0, recorder.call("b")))
    await trio.sleep(2)
    assert recorder.rung == []


@pytest.mark.expects_errors
async def test_a_call_that_fails_is_logged_and_the_others_are_made(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError

    timers.call_later(1.0, fail)
    timers.call_later(1.0, recorder.call("b"))
    await trio.sleep(2)
    assert recorder.rung == [("b", 1.0)]
    assert "a timer's call failed" in caplog.text


async def test_a_cancelled_timer_lets_go_of_what_it_holds(timers: Timers, autojump_clock: MockClock) -> None:
    timer = timers.call_later(1.0, partial(print, "held"))
    timer.cancel()
    assert timer.call is None


async def test_cancelled_timers_are_not_kept_without_bound(
    timers: Timers, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_CANCELLED", 10)
    for _ in range(1_000):
        timers.call_later(1e6, int).cancel()
    assert len(timers._heap) <= 11


async def test_timers_outlive_a_clearing_of_cancelled_ones(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_CANCELLED", 10)
    for number in range(30):
        timers.call_later(30.0 - number, recorder.call(str(number)))
        timers.call_later(0.5 + number, recorder.call("never")).cancel()
    await trio.sleep(40)
    assert recorder.names == [str(number) for number in reversed(range(30))]


async def test_a_call_may_cancel_so_many_that_they_are_cleared(
    timers: Timers, recorder: Recorder, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_CANCELLED", 10)
    many = [timers.call_later(2.0, recorder.call("never")) for _ in range(20)]

    def cancel_all() -> None:
        for timer in many:
            timer.cancel()

    timers.call_later(1.0, cancel_all)
    timers.call_later(3.0, recorder.call("last"))
    await trio.sleep(4)
    assert recorder.rung == [("last", 3.0)]
