"""Who is told of one by one, and when numbers are told instead."""

from collections.abc import Callable

import pytest
from trio.testing import MockClock

from gameserver.protocol.declare import Message
from gameserver.protocol.subscriptions import PresenceUpdate, UserJoinedGame, UserLeftGame
from gameserver.realtime.presence import Presence
from gameserver.storage.users import User

ANN = User(7, "ann", is_provider=False)
LIMIT, INTERVAL_S = 3, 4.0


class Audience:
    """The subscribers of a game, what they are told, and after how many seconds more is to be told."""

    def __init__(self) -> None:
        self.count = 0
        self.told: list[Message] = []
        self.later: list[tuple[float, Callable[[], object]]] = []
        self.presence = Presence(
            "game",
            push_now=self.told.append,
            push_soon=self.told.append,
            count=lambda: self.count,
            call_later=lambda delay_s, call: self.later.append((delay_s, call)),
            detail_limit=LIMIT,
            interval_s=INTERVAL_S,
        )

    def join(self) -> None:
        self.presence.user_joined(ANN)
        self.count += 1

    def leave(self) -> None:
        self.count -= 1
        self.presence.user_left(ANN)

    def call(self) -> float:
        """Do what is to be done later; after how many seconds it is due."""
        ((delay_s, call),) = self.later
        self.later.clear()
        call()
        return delay_s


@pytest.fixture
async def audience(mock_clock: MockClock) -> Audience:
    return Audience()


async def test_each_is_told_by_name_as_long_as_there_are_few(audience: Audience) -> None:
    for _ in range(LIMIT):
        audience.join()
    audience.count += 1
    audience.leave()
    joined = UserJoinedGame(game_id="game", user_id=7, user_name="ann")
    left = UserLeftGame(game_id="game", user_id=7, user_name="ann")
    assert audience.told == [*[joined] * LIMIT, left]
    assert audience.later == []


async def test_beyond_that_numbers_are_told_at_most_once_an_interval(audience: Audience, mock_clock: MockClock) -> None:
    audience.count = LIMIT
    for _ in range(5):
        audience.join()
    audience.leave()
    assert audience.told == []
    assert audience.call() == 0
    mock_clock.jump(1)
    audience.leave()
    assert audience.call() == INTERVAL_S - 1
    mock_clock.jump(2 * INTERVAL_S)
    audience.leave()
    assert audience.call() == 0
    assert audience.told == [
        PresenceUpdate(game_id="game", subscribers=LIMIT + 4, joined=5, left=1),
        PresenceUpdate(game_id="game", subscribers=LIMIT + 3, joined=0, left=1),
        PresenceUpdate(game_id="game", subscribers=LIMIT + 2, joined=0, left=1),
    ]
