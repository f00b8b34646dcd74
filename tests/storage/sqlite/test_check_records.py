"""Faults of what is kept of users, each of which the bets disprove."""

from collections.abc import Sequence

import pytest

from gameserver.config import Settings
from gameserver.engine.context import Change
from gameserver.engine.endings import end_pools
from gameserver.engine.settlement import Resolution
from gameserver.storage.check import find_faults
from gameserver.storage.games import Game
from gameserver.storage.pools import get_pool
from gameserver.storage.sqlite.connection import SqliteConnection
from gameserver.storage.users import User
from tests.support.rows import NOW, make_bet, make_game, make_pool, make_user


def settle_game(connection: SqliteConnection, game: Game, users: Sequence[User]) -> None:
    """Let the first of two users win 300 of the second in a game."""
    pool = make_pool(connection, game.id)
    for position, user in enumerate(users):
        make_bet(connection, pool, user, 300, position, now_ms=NOW + 5)
    change = Change(connection, users[0], NOW + 9, Settings())
    end_pools(change, game, [(get_pool(connection, pool.id), Resolution("close", (0,)))])
    change.finish()


@pytest.fixture
def users(connection: SqliteConnection) -> list[User]:
    return [make_user(connection, name) for name in ("ann", "bob")]


@pytest.fixture
def settled(connection: SqliteConnection, users: list[User]) -> SqliteConnection:
    """A database in which user 1 has won 300 of user 2."""
    settle_game(connection, make_game(connection), users)
    assert find_faults(connection) == []
    return connection


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE standings SET deficit = 5 WHERE user_id = 1 AND board_id = 1", "user 1, whose pools come to"),
        ("UPDATE standings SET pools = 2 WHERE user_id = 2 AND board_id = 3", "user 2, whose pools come to"),
        ("UPDATE standings SET name = 'zoe' WHERE user_id = 2 AND board_id = 2", "user 2, whose pools come to"),
        ("DELETE FROM standings WHERE user_id = 1 AND board_id = 3", "None is kept of user 1"),
        ("UPDATE boards SET currency = 'EUR' WHERE game_id = 1", "is kept of user 1, whose pools come to None"),
        ("UPDATE boards SET type = 'tennis' WHERE source_id = 1 AND type <> ''", "None is kept of user 2"),
        ("DELETE FROM game_boards WHERE board_id = 3", "it counts for 2 boards"),
        ("UPDATE boards SET source_id = 9 WHERE source_id = 1", "it counts for 3 boards, or for others than its own"),
        ("UPDATE standing_blocks SET entries = 3 WHERE board_id = 2", "block 1 counts 3 entries, 2 are there"),
        ("UPDATE standing_blocks SET deficit = 0 WHERE board_id = 2", "block 0 counts 0 entries, 1 are there"),
        ("DELETE FROM standing_blocks WHERE board_id = 2", "block 0 counts 0 entries, 2 are there"),
        *(
            (f"UPDATE participations SET {column} = 9 WHERE user_id = 1", "the part of user 1 is")
            for column in ("net", "first_bet_at", "late_bets", "late_amount", "best_win")
        ),
        ("UPDATE stakes SET bets = 2 WHERE user_id = 2", "the part of user 2 is"),
        *(
            (f"UPDATE game_records SET {column} = 9 WHERE user_id = 1", "the record of user 1 in game 1 is")
            for column in ("pools", "bets", "won", "lost", "refunded", "staked", "net", "best_win", "joined_at")
        ),
        *(
            (f"UPDATE user_records SET {column} = 9 WHERE user_id = 1", "the record of user 1 in DON and football is")
            for column in ("games", "pools", "bets", "won", "lost", "refunded", "staked", "net", "reaction_ms")
        ),
        ("UPDATE points_by_day SET net = 9 WHERE user_id = 2", "the points of user 2 in DON by day is [9]"),
        ("DELETE FROM game_records WHERE user_id = 2", "the record of user 2 in game 1 is None"),
        ("DELETE FROM points_by_day WHERE user_id = 1", "the points of user 1 in DON by day is None"),
    ],
)
def test_what_is_kept_of_a_user_against_the_bets_is_named(settled: SqliteConnection, damage: str, fault: str) -> None:
    assert settled.execute(damage).rowcount > 0
    assert any(fault in found for found in find_faults(settled)), find_faults(settled)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (
            "UPDATE boards SET type = 'golf' WHERE id = 5",
            "source 0 in DON are of 3 types, and there is none of any type",
        ),
        ("UPDATE standings SET deficit = 5 WHERE user_id = 1 AND board_id = 5", "user 1, whose pools come to"),
        ("DELETE FROM standings WHERE user_id = 2 AND board_id = 5", "None is kept of user 2"),
        ("DELETE FROM game_boards WHERE game_id = 1 AND board_id = 5", "it counts for 3 boards"),
        ("UPDATE standing_blocks SET entries = 3 WHERE board_id = 5", "block 1 counts 3 entries, 2 are there"),
    ],
)
def test_a_fault_of_the_board_of_any_type_is_named(
    settled: SqliteConnection, users: list[User], damage: str, fault: str
) -> None:
    settle_game(settled, make_game(settled, game_type="tennis"), users)
    scope = settled.execute("SELECT source_id, game_id, type FROM boards WHERE id = 5").fetchone()
    assert scope == (0, 0, "")
    assert find_faults(settled) == []
    assert settled.execute(damage).rowcount > 0
    assert any(fault in found for found in find_faults(settled)), find_faults(settled)
