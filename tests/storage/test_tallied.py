"""What the pools that a change ends, or opens again, come to, between the settlement and the end of the change."""

import pytest

from gameserver.config import Settings
from gameserver.engine.context import Change
from gameserver.engine.corrections import take_settlement_back
from gameserver.engine.endings import end_pools
from gameserver.engine.settlement import Resolution
from gameserver.storage.connection import Connection
from gameserver.storage.games import Game
from gameserver.storage.pools import Pool, get_pool
from gameserver.storage.records import Record
from gameserver.storage.users import User
from tests.support.rows import NOW, make_bet, make_game, make_pool, make_user

YES, NO = 0, 1


@pytest.fixture
def ann(connection: Connection) -> User:
    return make_user(connection, "ann")


@pytest.fixture
def game(connection: Connection) -> Game:
    return make_game(connection)


@pytest.fixture
def pool(connection: Connection, game: Game, ann: User) -> Pool:
    """A pool in which Ann has bet 30 on yes, Bob 10 on no."""
    pool = make_pool(connection, game.id)
    make_bet(connection, pool, ann, 3_000, YES)
    make_bet(connection, pool, make_user(connection, "bob"), 1_000, NO)
    return get_pool(connection, pool.id)


def change_of(connection: Connection, user: User) -> Change:
    return Change(connection, user, NOW + 1, Settings())


def end(change: Change, game: Game, pool_id: int, winner: int) -> None:
    end_pools(change, game, [(get_pool(change.connection, pool_id), Resolution("close", (winner,)))])


def settled_by(connection: Connection, pool: Pool) -> int:
    settlement_id = get_pool(connection, pool.id).settlement_id
    assert settlement_id is not None
    return settlement_id


def records(connection: Connection) -> list[tuple[int, ...]]:
    """The record of each user by game, as far as it depends on who wins, and the places on the game's leaderboard."""
    columns = ", ".join(Record._fields[2:9])
    rows = connection.execute(f"SELECT user_id, {columns}, best_win FROM game_records ORDER BY user_id").fetchall()
    places = connection.execute(
        "SELECT user_id, -deficit, pools FROM standings JOIN boards ON boards.id = board_id WHERE game_id > 0"
        " ORDER BY user_id"
    ).fetchall()
    return [*map(tuple, rows), *map(tuple, places)]


def test_it_is_stored_and_gone_with_the_end_of_the_change(
    connection: Connection, ann: User, game: Game, pool: Pool
) -> None:
    change = change_of(connection, ann)
    end(change, game, pool.id, YES)
    assert connection.execute("SELECT count(*) FROM tallied").fetchone() == (2,)
    assert records(connection) == []
    assert change.finish().ranked_games == [game.uuid]
    assert connection.execute("SELECT count(*) FROM tallied").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM shares").fetchone() == (0,)
    ann_id, bob_id = ann.id, ann.id + 1
    assert records(connection) == [
        (ann_id, 1, 1, 1, 0, 0, 3_000, 1_000, 1_000),
        (bob_id, 1, 1, 0, 1, 0, 1_000, -1_000, 0),
        *((ann_id, 1_000, 1), (bob_id, -1_000, 1)),
    ]


def settled_and_taken_back(connection: Connection, ann: User, game: Game, pool: Pool) -> Change:
    """A change that takes back what one before it has settled."""
    change = change_of(connection, ann)
    end(change, game, pool.id, YES)
    change.finish()
    change = change_of(connection, ann)
    take_settlement_back(change, settled_by(connection, pool))
    return change


def test_several_pools_of_a_game_are_added_up(connection: Connection, ann: User, game: Game, pool: Pool) -> None:
    other = make_pool(connection, game.id)
    make_bet(connection, other, ann, 500, NO)
    change = change_of(connection, ann)
    end(change, game, pool.id, YES)
    end(change, game, other.id, YES)  # which nobody has backed
    change.finish()
    assert records(connection)[0] == (ann.id, 2, 2, 1, 0, 1, 3_500, 1_000, 1_000)


def test_a_pool_that_is_taken_back_and_settled_otherwise_comes_to_the_difference(
    connection: Connection, ann: User, game: Game, pool: Pool
) -> None:
    change = settled_and_taken_back(connection, ann, game, pool)
    end(change, game, pool.id, NO)
    assert change.finish().ranked_games == [game.uuid]
    bob_id = ann.id + 1
    assert records(connection) == [
        (ann.id, 1, 1, 0, 1, 0, 3_000, -3_000, 0),
        (bob_id, 1, 1, 1, 0, 0, 1_000, 3_000, 3_000),
        *((ann.id, -3_000, 1), (bob_id, 3_000, 1)),
    ]


def test_a_pool_that_is_taken_back_and_settled_alike_changes_no_leaderboard(
    connection: Connection, ann: User, game: Game, pool: Pool
) -> None:
    change = change_of(connection, ann)
    end(change, game, pool.id, YES)
    change.finish()
    before = records(connection)
    change = change_of(connection, ann)
    take_settlement_back(change, settled_by(connection, pool))
    end(change, game, pool.id, YES)
    assert change.finish().ranked_games == []
    assert records(connection) == before


def test_a_pool_that_is_only_taken_back_leaves_no_record(
    connection: Connection, ann: User, game: Game, pool: Pool
) -> None:
    change = settled_and_taken_back(connection, ann, game, pool)
    assert change.finish().ranked_games == [game.uuid]
    assert records(connection) == []
