"""The bets of a user are found from the newest back, as a list of all of them says."""

import random

import pytest

from gameserver.storage.bets import Bet, list_latest_bets_of_user, list_valid_bets_of_user, update_cancelled
from gameserver.storage.check import CheckedConnection, find_faults
from gameserver.storage.connection import Connection
from gameserver.storage.friends_bets import list_bets_of_friends
from gameserver.storage.histories import list_running_bets
from gameserver.storage.pools import Pool
from gameserver.storage.users import User
from tests.support.rows import NOW, make_bet, make_game, make_pool, make_user

LAST_ROW = 2**53


class Crowd:
    """Users who bet in three pools of a game, and cancel some of their bets, by chance."""

    def __init__(self, connection: Connection, chance: random.Random) -> None:
        self.connection = connection
        self.game_id = make_game(connection).id
        self.pools = [make_pool(connection, self.game_id) for _ in range(3)]
        self.users = [make_user(connection, name) for name in ("ann", "bob", "eve")]
        self.bets: dict[int, Bet] = {}
        self.cancelled: set[int] = set()
        for number in range(60):
            pool, user = chance.choice(self.pools), chance.choice(self.users)
            if chance.random() < 0.75:
                bet = make_bet(connection, pool, user, 10, chance.randrange(2), now_ms=NOW + number)
                self.bets[bet.id] = bet
            else:
                self._cancel(user, pool, chance.choice((1, 1, 99)), NOW + number)

    def _cancel(self, user: User, pool: Pool, most: int, now_ms: int) -> None:
        bets = self.list(user, [pool], valid=True)[:most][::-1]
        if bets:
            update_cancelled(self.connection, user.id, pool.id, bets, now_ms)
            self.cancelled |= {bet.id for bet in bets}

    def list(self, user: User, pools: list[Pool], *, valid: bool) -> list[Bet]:
        """The user's bets in pools, newest first, as one who looks through all of them finds them."""
        ids = [pool.id for pool in pools]
        found = [bet for bet in self.bets.values() if bet.user_id == user.id and bet.pool_id in ids]
        return sorted((bet for bet in found if not valid or bet.id not in self.cancelled), key=lambda bet: -bet.id)


@pytest.fixture(params=range(5))
def crowd(connection: CheckedConnection, request: pytest.FixtureRequest) -> Crowd:
    return Crowd(connection, random.Random(request.param))


def ids(bets: list[Bet]) -> list[int]:
    return [bet.id for bet in bets]


def test_the_bets_of_a_user_in_a_pool_are_those_placed(connection: CheckedConnection, crowd: Crowd) -> None:
    for user in crowd.users:
        for pool in crowd.pools:
            valid, placed = crowd.list(user, [pool], valid=True), crowd.list(user, [pool], valid=False)
            assert ids(list_valid_bets_of_user(connection, user.id, pool.id)) == ids(valid)[::-1]
            for limit in (1, 3, 100):
                latest = list_latest_bets_of_user(connection, user.id, pool.id, limit)
                assert ids(latest) == ids(placed)[:limit]
    faults = list(find_faults(connection))
    assert [fault for fault in faults if "moved" not in fault and "are staked" not in fault] == []  # money stays here


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_a_users_running_bets_are_those_placed_page_by_page(
    connection: CheckedConnection, crowd: Crowd, limit: int
) -> None:
    for user in crowd.users:
        found: list[Bet] = []
        while page := list_running_bets(connection, user.id, found[-1].id if found else LAST_ROW, limit):
            assert len(page) <= limit
            found += page
        assert ids(found) == ids(crowd.list(user, crowd.pools, valid=True))


def test_a_page_that_begins_at_a_bet_that_was_cancelled_goes_on_before_it(
    connection: CheckedConnection, crowd: Crowd
) -> None:
    for bet_id in crowd.cancelled:
        (user,) = [user for user in crowd.users if user.id == crowd.bets[bet_id].user_id]
        expected = [bet.id for bet in crowd.list(user, crowd.pools, valid=True) if bet.id < bet_id]
        assert ids(list_running_bets(connection, user.id, bet_id, 100)) == expected


def test_the_bet_of_another_leads_to_none_of_his(connection: CheckedConnection, crowd: Crowd) -> None:
    for bet in crowd.bets.values():
        for user in crowd.users:
            found = list_running_bets(connection, user.id, bet.id, 100)
            assert {other.user_id for other in found} <= {user.id}


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("is_of_pool", [False, True])
def test_the_bets_of_friends_are_those_placed_and_not_cancelled(
    connection: CheckedConnection, crowd: Crowd, limit: int, is_of_pool: bool
) -> None:
    ann, bob, eve = crowd.users
    for friend in (bob, eve):
        connection.execute("INSERT INTO friendships VALUES (?, ?, 0)", (ann.id, friend.id))
    pools = crowd.pools[:1] if is_of_pool else crowd.pools
    expected = sorted(ids(crowd.list(bob, pools, valid=True) + crowd.list(eve, pools, valid=True)), reverse=True)
    found = list_bets_of_friends(connection, ann.id, crowd.game_id, limit, pool_id=pools[0].id if is_of_pool else None)
    assert ids([item.bet for item in found]) == expected[:limit]
    assert all(item.username == {bob.id: "bob", eve.id: "eve"}[item.bet.user_id] for item in found)
