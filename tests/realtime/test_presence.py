"""Who is told of one by one, and when numbers are told instead."""

from collections.abc import Callable

import pytest
from trio.testing import MockClock

from gameserver.protocol.declare import Message
from gameserver.protocol.subscriptions import PresenceUpdate, UserJoinedGame, UserLeftGame
from gameserver.realtime.elsewhere import Elsewhere, Present, encode_present
from gameserver.realtime.presence import Attendee, Presence
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


async def test_who_joins_and_leaves_at_other_servers_is_told_of_like_anybody(audience: Audience) -> None:
    audience.count = LIMIT
    audience.presence.changed_elsewhere([Attendee(8, "bob")], [Attendee(9, "cat")])
    assert audience.told == [
        UserJoinedGame(game_id="game", user_id=8, user_name="bob"),
        UserLeftGame(game_id="game", user_id=9, user_name="cat"),
    ]


@pytest.mark.parametrize(("count", "name"), [(LIMIT + 1, "bob"), (LIMIT, "")], ids=["many", "a name is not known"])
async def test_of_others_at_other_servers_numbers_are_told(audience: Audience, count: int, name: str) -> None:
    audience.count = count
    audience.presence.changed_elsewhere([Attendee(8, name)], [Attendee(9, "cat")])
    audience.call()
    assert audience.told == [PresenceUpdate(game_id="game", subscribers=count, joined=1, left=1)]


def test_who_is_elsewhere_is_the_sum_of_what_servers_tell_whom_this_one_understands() -> None:
    told = [
        Present([7], {"game": 2}, {"game": [7]}, {7: "ann"}),
        Present([7, 8], {"game": 1, "other": 1}, {"game": [8], "other": [7]}, {8: "bob"}),
    ]
    elsewhere = Elsewhere([*map(encode_present, told), b"of another version"])
    assert (elsewhere.subscribers_of("game"), elsewhere.subscribers_of("none")) == (3, 0)
    assert (elsewhere.games_of(7), elsewhere.games_of(9)) == (["game", "other"], [])
    assert [elsewhere.is_online(user) for user in (7, 8, 9)] == [True, True, False]
    assert elsewhere.who_is_not_in(Elsewhere(), "game") == [Attendee(7, "ann"), Attendee(8, "bob")]
    assert elsewhere.who_is_not_in(elsewhere, "game") == []
