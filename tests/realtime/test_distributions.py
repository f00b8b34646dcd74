"""When the distribution updates of a game's pools are due, and with which bets."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from trio.testing import MockClock

from gameserver.protocol.pools import ShownBet
from gameserver.realtime.distribution import MAX_LISTED_BETS, Distributions, DueUpdate

INTERVAL_S = 4.0


class Paced(Distributions):
    """Distributions that note after how many seconds they ask to be woken."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []
        super().__init__(INTERVAL_S, self._note, lambda: None)

    def _note(self, delay_s: float, call: Callable[[], object]) -> None:
        self.waits_s.append(delay_s)

    def bet(self, pool: str, *numbers: int) -> None:
        for number in numbers:
            self.add_bet(pool, bet(number))


def bet(number: int) -> ShownBet:
    return ShownBet(f"bet {number}", "brazil", Decimal(number), number)


def update(pool: str, *numbers: int) -> DueUpdate:
    return DueUpdate(pool, [bet(number) for number in numbers], len(numbers))


@pytest.fixture
async def paced(mock_clock: MockClock) -> Paced:
    return Paced()


async def test_a_pool_is_due_at_once_and_then_after_an_interval_since_its_last_update(
    paced: Paced, mock_clock: MockClock
) -> None:
    paced.end("a")
    paced.bet("a", 1, 2)
    assert paced.take_due() == [update("a", 1, 2)]
    mock_clock.jump(1)
    paced.bet("a", 3)
    paced.bet("b", 4)
    assert paced.take_due() == [update("b", 4)]
    mock_clock.jump(INTERVAL_S - 1)
    assert paced.take_due() == [update("a", 3)]
    assert paced.take_due() == []
    assert paced.waits_s == [0, INTERVAL_S - 1, 0]
    assert paced.pushed == 3


async def test_updates_that_could_not_be_read_come_again_with_their_bets_before_those_since(
    paced: Paced, mock_clock: MockClock
) -> None:
    paced.bet("a", 1, 2)
    due = paced.take_due()
    paced.bet("a", 3, 4)
    paced.requeue(due)
    mock_clock.jump(INTERVAL_S)
    assert paced.take_due() == [update("a", 1, 2, 3, 4)]


async def test_updates_that_come_again_list_the_newest_bets_and_count_all(paced: Paced, mock_clock: MockClock) -> None:
    paced.bet("a", *range(40))
    due = paced.take_due()
    paced.bet("a", *range(40, 60))
    paced.requeue(due)
    mock_clock.jump(INTERVAL_S)
    assert paced.take_due() == [DueUpdate("a", [bet(number) for number in range(60)[-MAX_LISTED_BETS:]], 60)]


async def test_a_pool_that_ends_while_its_update_is_read_has_no_update_any_more(
    paced: Paced, mock_clock: MockClock
) -> None:
    paced.bet("a", 1)
    paced.bet("b", 2)
    due = paced.take_due()
    paced.end("a")
    assert [paced.is_current(pool) for pool in ("a", "b", "c")] == [False, True, False]
    paced.requeue(due)
    mock_clock.jump(INTERVAL_S)
    assert paced.take_due() == [update("b", 2)]


async def test_a_pool_that_ends_with_an_update_scheduled_has_none_and_begins_anew(paced: Paced) -> None:
    paced.bet("a", 1)
    paced.take_due()
    paced.bet("a", 2)
    paced.end("a")
    paced.bet("a", 3)
    assert paced.take_due() == [update("a", 3)]


async def test_a_reopened_pool_has_an_update_after_an_interval(paced: Paced, mock_clock: MockClock) -> None:
    paced.reopen("a")
    mock_clock.jump(INTERVAL_S - 0.01)
    assert paced.take_due() == []
    mock_clock.jump(0.01)
    assert paced.take_due() == [update("a")]


async def test_updates_since_a_number_are_made_again(paced: Paced, mock_clock: MockClock) -> None:
    paced.bet("a", 1)
    paced.take_due()
    before = paced.pushed
    paced.bet("b", 2)
    paced.take_due()
    mock_clock.jump(INTERVAL_S)
    paced.push_again(before)
    assert paced.take_due() == [update("b")]
