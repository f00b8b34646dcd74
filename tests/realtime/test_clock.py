import time

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.realtime.clock import Clock, ClockMonitor
from gameserver.storage.peers import ClockReading
from tests.support.logs import Lines

DAY_S = 86_400.0


class Machine:
    """A machine's two clocks, as far as a test lets them go."""

    def __init__(self) -> None:
        self.system_s = 1_800_000_000.0
        self.monotonic_s = 50.0

    def clock(self) -> Clock:
        """A clock of a process of that machine."""
        return Clock(lambda: self.system_s, lambda: self.monotonic_s)

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.system_s += seconds
        self.monotonic_s += seconds

    def sleep(self, seconds: float) -> None:
        """Be suspended: the monotonic clock stands still."""
        self.system_s += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_the_time_is_in_epoch_milliseconds() -> None:
    before = int(time.time() * 1000)
    assert before <= Clock().now_ms() <= time.time() * 1000


def test_a_fraction_of_a_millisecond_is_dropped() -> None:
    assert Clock(lambda: 12.3459).now_ms() == 12_345


@given(st.lists(st.tuples(st.floats(0, 10**10), st.floats(0, 10**6)), min_size=1))
def test_the_clock_never_steps_back_and_is_never_behind_the_systems(readings: list[tuple[float, float]]) -> None:
    monotonic_s = system_s = 0.0
    clock = Clock(lambda: system_s, lambda: monotonic_s)
    last_ms = 0
    for system_s, passed_s in readings:
        monotonic_s += passed_s
        now_ms = clock.now_ms()
        assert now_ms >= max(last_ms, int(system_s * 1000))
        last_ms = now_ms


def test_the_clock_is_not_behind_what_was_recorded() -> None:
    clock = Clock(lambda: 5.0, lambda: 0.0)
    clock.advance_to(7_000)
    assert clock.now_ms() == 7_000
    clock.advance_to(6_000)
    assert clock.now_ms() == 7_000


def test_the_clock_goes_on_however_often_it_is_asked_while_the_systems_is_behind(machine: Machine) -> None:
    clock = machine.clock()
    before_ms = clock.now_ms()
    machine.system_s -= DAY_S
    for _ in range(100_000):
        machine.go_on(0.0001)  # less than a millisecond
        clock.now_ms()
    assert clock.now_ms() - before_ms == pytest.approx(9_000, abs=1)


@pytest.mark.parametrize("restarted", [False, True])
def test_after_a_step_forward_that_was_corrected_time_goes_on_until_it_is_caught_up_with(
    machine: Machine, restarted: bool
) -> None:
    clock = machine.clock()
    clock.now_ms()
    machine.system_s += DAY_S
    ahead_ms = clock.now_ms()
    machine.system_s -= DAY_S
    if restarted:
        clock = machine.clock()
        clock.advance_to(ahead_ms)
    assert clock.ahead_s == DAY_S
    machine.go_on(100)
    assert clock.now_ms() - ahead_ms == 90_000
    machine.go_on(10 * DAY_S - 101)
    assert clock.ahead_s == pytest.approx(0.1)
    machine.go_on(1)
    assert clock.now_ms() == machine.system_s * 1000
    machine.go_on(5)
    assert (clock.now_ms(), clock.ahead_s) == (machine.system_s * 1000, 0)


def test_after_a_sleep_of_the_machine_time_is_the_systems_at_once(machine: Machine) -> None:
    clock = machine.clock()
    clock.now_ms()
    machine.sleep(DAY_S)
    assert clock.now_ms() == machine.system_s * 1000


def test_the_clock_of_a_database_is_followed_and_not_the_systems(machine: Machine) -> None:
    """It showed ten seconds more, two seconds ago."""
    clock = machine.clock()
    clock.follow(ClockReading(machine.system_s + 10, machine.monotonic_s))
    machine.go_on(2)
    assert clock.now_ms() == (machine.system_s + 10) * 1000
    clock.follow(ClockReading(machine.system_s + 8 + 10, machine.monotonic_s - 2))
    assert (clock.now_ms(), clock.correction_s) == ((machine.system_s + 20) * 1000, 20)


def test_a_clock_that_is_followed_may_be_behind_without_time_going_back(machine: Machine) -> None:
    clock = machine.clock()
    before_ms = clock.now_ms()
    clock.follow(ClockReading(machine.system_s - 10, machine.monotonic_s))
    assert (clock.now_ms(), clock.ahead_s) == (before_ms, 10)
    machine.go_on(100)
    assert clock.now_ms() == before_ms + 90_000
    assert clock.ahead_s == pytest.approx(0)


def test_a_step_of_the_systems_clock_matters_until_the_other_is_read_again(machine: Machine) -> None:
    clock = machine.clock()
    clock.follow(ClockReading(machine.system_s, machine.monotonic_s))
    before_ms = clock.now_ms()
    machine.system_s -= DAY_S
    machine.go_on(1)
    assert clock.now_ms() == before_ms + 900
    clock.follow(ClockReading(machine.system_s + DAY_S, machine.monotonic_s))
    assert clock.now_ms() == before_ms + 1_000


# What is said of it


@pytest.fixture
def monitor(machine: Machine) -> ClockMonitor:
    monitor = ClockMonitor(machine.clock())
    monitor.check()
    return monitor


def test_a_clock_that_goes_right_is_not_worth_a_word(machine: Machine, entries: Lines) -> None:
    monitor = ClockMonitor(machine.clock())
    for _ in range(1_000):
        machine.go_on(10)
        machine.system_s -= 0.005  # kept right by the system
        monitor.check()
    assert entries.text == [""]


def test_a_step_back_is_said_once_and_its_end(machine: Machine, monitor: ClockMonitor, entries: Lines) -> None:
    machine.system_s -= 60
    for _ in range(100):
        monitor.check()
        machine.go_on(10)
    assert entries.of("clock_ahead") == [{"level": "warning", "ahead_s": 60.0}]
    assert entries.of("clock_caught_up") == [{"level": "info"}]
    assert entries.of("clock_stepped") == []


def test_a_second_step_back_is_said_too(machine: Machine, monitor: ClockMonitor, entries: Lines) -> None:
    machine.system_s -= 60
    monitor.check()
    machine.go_on(100)
    monitor.check()
    machine.system_s -= 5
    monitor.check()
    assert [line["ahead_s"] for line in entries.of("clock_ahead")] == [60.0, 55.0]


def test_a_step_forward_is_said_and_what_it_leaves_once_it_is_corrected(
    machine: Machine, monitor: ClockMonitor, entries: Lines
) -> None:
    machine.system_s += DAY_S
    monitor.check()
    monitor.check()
    machine.system_s -= DAY_S
    monitor.check()
    assert entries.of("clock_stepped") == [{"level": "warning", "by_s": DAY_S}]
    assert entries.of("clock_ahead") == [{"level": "warning", "ahead_s": DAY_S}]


def test_a_clock_that_is_ahead_from_the_start_is_said(machine: Machine, entries: Lines) -> None:
    clock = machine.clock()
    clock.advance_to(int(machine.system_s + 3_600) * 1000)
    ClockMonitor(clock).check()
    assert entries.of("clock_ahead") == [{"level": "warning", "ahead_s": 3_600.0}]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("step_s", "said"), [(0.75, []), (1.0, [1.0]), (1.5, [1.5])])
def test_a_step_of_less_than_a_second_is_not_worth_a_word(
    machine: Machine, monitor: ClockMonitor, entries: Lines, sign: int, step_s: float, said: list[float]
) -> None:
    machine.sleep(sign * step_s)
    monitor.check()
    steps = [entry["by_s"] for entry in entries.of("clock_stepped")]
    behind = [entry["ahead_s"] for entry in entries.of("clock_ahead")]
    assert (steps, behind) == ((said, []) if sign > 0 else ([], said))


def test_a_systems_clock_that_differs_from_the_databases_is_said(machine: Machine, entries: Lines) -> None:
    clock = machine.clock()
    monitor = ClockMonitor(clock)
    for differs_s in (0.5, -90.0, -90.5, 0.25):
        clock.follow(ClockReading(machine.system_s + differs_s, machine.monotonic_s))
        monitor.check()
    assert [entry["by_s"] for entry in entries.of("clock_differs")] == [-90.0, 0.25]


async def test_it_is_looked_at_every_second(
    machine: Machine, monitor: ClockMonitor, entries: Lines, mock_clock: MockClock, nursery: trio.Nursery
) -> None:
    nursery.start_soon(monitor.run)
    for steps in (1, 2):
        await wait_all_tasks_blocked()
        machine.sleep(5)
        mock_clock.jump(1)
        await wait_all_tasks_blocked()
        assert entries.of("clock_stepped") == [{"level": "warning", "by_s": 5}] * steps
