from itertools import pairwise

import pytest

from gameserver.storage.backing_history import MAX_RECORDS, get_last_bet_at, list_records
from gameserver.storage.bets import update_cancelled
from gameserver.storage.check import CheckedConnection, find_faults
from gameserver.storage.connection import Connection
from gameserver.storage.pools import Pool, PoolBets, add_bets_to_sums
from tests.support.rows import NOW, make_bet, make_game, make_pool, make_user


@pytest.fixture
def pool(connection: Connection) -> Pool:
    return make_pool(connection, make_game(connection).id)


@pytest.mark.parametrize("every_ms", [1, 7, 60_000])
def test_however_many_bets_there_are_the_records_are_few_and_evenly_apart(
    connection: Connection, pool: Pool, every_ms: int
) -> None:
    user = make_user(connection)
    for number in range(1, 1001):
        make_bet(connection, pool, user, 1, now_ms=NOW + number * every_ms)
        assert len(list_records(connection, pool.id)) <= MAX_RECORDS
    records = list_records(connection, pool.id)
    assert [(record.at, record.amount) for record in records] == [
        (NOW + record.newest_bet_id * every_ms, record.newest_bet_id) for record in records
    ]
    gaps = [
        after.at - before.at for before, after in pairwise([*records, records[-1]._replace(at=NOW + 1000 * every_ms)])
    ]
    (period_ms,) = connection.execute("SELECT history_period_ms FROM pools").fetchone()
    # Of each period the last stays, but for those in which the periods became longer.
    last_ones = [record for record in records if (record.at + every_ms) // period_ms > record.at // period_ms]
    assert len(last_ones) >= 0.9 * len(records)
    assert len(records) >= MAX_RECORDS // 4
    assert max(gaps) <= 1000 * every_ms / (MAX_RECORDS // 8)


def test_what_happened_seldom_is_kept_when_much_happens_later(connection: Connection, pool: Pool) -> None:
    user = make_user(connection)
    days = [NOW + number * 86_400_000 for number in range(7)]
    for at in days:
        make_bet(connection, pool, user, 1, now_ms=at)
    for number in range(1000):
        make_bet(connection, pool, user, 1, now_ms=days[-1] + 3_600_000 + number * 1000)
    times = [record.at for record in list_records(connection, pool.id)]
    assert set(days) <= set(times)
    assert len([at for at in times if at > days[-1]]) >= MAX_RECORDS // 4


def test_the_time_of_the_last_bet_never_goes_back(connection: Connection, pool: Pool) -> None:
    for at in (NOW + 10, NOW):
        add_bets_to_sums(connection, [PoolBets(pool.id, 1, 1, 0, 1, 0, at)], [])
    assert get_last_bet_at(connection, pool.id) == NOW + 10


def test_records_are_of_what_was_placed_before_whatever_the_times_say(
    connection: CheckedConnection, pool: Pool
) -> None:
    ann, bob = make_user(connection), make_user(connection, "bob")
    make_bet(connection, pool, ann, 5, now_ms=NOW + 10)
    make_bet(connection, pool, ann, 5, now_ms=NOW + 20)
    early = make_bet(connection, pool, bob, 3, 1, now_ms=NOW + 1)
    make_bet(connection, pool, ann, 5, now_ms=NOW + 30)
    assert [record[1:] for record in list_records(connection, pool.id)] == [
        (NOW + 10, 0, 5),
        (NOW + 20, 0, 10),
        (NOW + 20, 1, 3),
    ]
    update_cancelled(connection, bob.id, pool.id, [early], NOW + 40)
    assert [record[1:] for record in list_records(connection, pool.id)][-1] == (NOW + 20, 1, 0)
    assert [fault for fault in find_faults(connection) if "recorded" in fault] == []
