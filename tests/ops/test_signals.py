"""What the server makes of the signals that it is sent."""

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.ops.signals import SAME_INTERRUPT_S, Signals

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handlers_restored() -> Iterator[None]:
    """Leave the signals of the tests' own process as they were."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture
async def signals(autojump_clock: MockClock) -> AsyncIterator[Signals]:
    """Signals that are handled."""
    signals = Signals()
    with handlers_restored():
        async with trio.open_nursery() as nursery:
            await nursery.start(signals.handle)
            yield signals
            nursery.cancel_scope.cancel()


async def test_an_interrupt_that_comes_from_the_terminal_and_again_from_the_parent_is_one(signals: Signals) -> None:
    signal.raise_signal(signal.SIGINT)
    await signals.stop.wait()
    await trio.sleep(SAME_INTERRUPT_S / 2)
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_DFL


async def test_an_interrupt_that_comes_later_is_left_to_the_system_which_ends_the_process(signals: Signals) -> None:
    signal.raise_signal(signal.SIGINT)
    await trio.sleep(2 * SAME_INTERRUPT_S)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


async def test_terminating_does_not_make_the_next_interrupt_end_the_process(signals: Signals) -> None:
    signal.raise_signal(signal.SIGTERM)
    await signals.stop.wait()
    await wait_all_tasks_blocked()
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_once_all_is_closed_no_signal_changes_how_the_process_ends(number: signal.Signals) -> None:
    signals = Signals()
    with handlers_restored():
        async with trio.open_nursery() as nursery:
            await nursery.start(signals.handle)
            signal.raise_signal(number)
            await signals.stop.wait()
            signal.raise_signal(number)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert {signal.getsignal(it) for it in HANDLED} == {signal.SIG_IGN}


@pytest.mark.parametrize("number", HANDLED)
async def test_a_signal_that_nobody_has_taken_when_all_is_closed_is_let_go(number: signal.Signals) -> None:
    signals = Signals(hangup_stops=True)
    ended: list[int] = []
    with handlers_restored():
        for handled in HANDLED:
            signal.signal(handled, lambda number, _: ended.append(number))
        async with trio.open_nursery() as nursery:
            await nursery.start(signals.handle)
            signal.raise_signal(number)
            await signals.stop.wait()
            for handled in HANDLED:
                signal.raise_signal(handled)
            nursery.cancel_scope.cancel()
    assert ended == []


async def test_a_signal_that_nobody_has_taken_does_what_it_did_before_where_nothing_has_told_to_stop() -> None:
    signals = Signals()
    ended: list[int] = []
    with handlers_restored():
        signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
        async with trio.open_nursery() as nursery:
            await nursery.start(signals.handle)
            nursery.cancel_scope.cancel()
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert ended == [signal.SIGTERM] * 2
