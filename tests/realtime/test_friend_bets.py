from decimal import Decimal

import msgspec
import pytest

from gameserver.engine.context import PoolBet
from gameserver.protocol.pools import ShownBet
from gameserver.realtime import friend_bets
from gameserver.realtime.friend_bets import FriendBets, frames_by_friend


def bet(name: str, user_id: int = 1) -> ShownBet:
    return ShownBet(name, "brazil", Decimal(1), 0, user_id, f"user {user_id}")


def taken(bets: FriendBets) -> list[str]:
    return [taken.bet_id for _, taken in bets.take()]


@pytest.fixture
def bets(monkeypatch: pytest.MonkeyPatch) -> FriendBets:
    monkeypatch.setattr(friend_bets, "MAX_BETS", 3)
    return FriendBets()


def test_of_too_many_bets_the_latest_are_taken_once(bets: FriendBets) -> None:
    for name in "abcd":
        bets.note(PoolBet("game", "pool", bet(name)))
    bets.note(PoolBet("game", "pool", None))
    assert taken(bets) == ["b", "c", "d"]
    assert taken(bets) == []


def test_bets_that_are_put_back_come_before_those_noted_since_and_give_way_to_them(bets: FriendBets) -> None:
    for name in "abc":
        bets.note(PoolBet("game", "pool", bet(name)))
    earlier = bets.take()
    bets.note(PoolBet("game", "pool", bet("d")))
    bets.put_back(earlier)
    assert taken(bets) == ["b", "c", "d"]


def test_a_friend_of_several_is_told_of_each_and_who_has_no_friends_there_is_told_to_nobody() -> None:
    bets = [("pool", bet("a", 1)), ("pool", bet("b", 2)), ("pool", bet("c", 3)), ("pool", bet("d", 4))]
    told = frames_by_friend(bets, {1: [8, 9], 2: [9], 3: []}, 5)
    bettors = {
        friend: [msgspec.json.decode(frames.payload)["user_id"] for frames in messages]
        for friend, messages in told.items()
    }
    assert bettors == {8: [1], 9: [1, 2]}
