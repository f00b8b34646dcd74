"""The structure that keeps leaderboards in order, with blocks so small that they are divided and merged often."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gameserver.storage import boards
from gameserver.storage.boards import Scope, add_to_boards, count_standings, promote, rename
from gameserver.storage.check_records import CHECKS
from gameserver.storage.connection import Connection
from gameserver.storage.games import Game
from gameserver.storage.standings import (
    count_above,
    find_board,
    find_standing,
    list_standings,
    list_standings_of,
)
from gameserver.storage.tallied import delete_tallied, list_tallied_games
from tests.support.rows import make_game, make_source, make_user

COLUMNS = (
    *("game_id", "user_id", "net", "pools", "bets", "won", "lost", "refunded", "staked", "reaction_ms"),
    *("best_win", "joined_at", "is_taken_back"),
)
NOTHING = (0,) * 9  # what else is tallied
SIZES = {"BLOCK_SIZE": 4, "MIN_BLOCK_SIZE": 2, "MAX_BLOCK_SIZE": 8, "MANY": 2}
*_, BLOCKS = CHECKS


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 2 to 8 entries, counted again when half of a board changes."""
    for name, size in SIZES.items():
        monkeypatch.setattr(boards, name, size)


def add_points(connection: Connection, added: Iterable[tuple[int, int, int, int]]) -> None:
    """Add points and numbers of pools that have ended, each of a user in a game."""
    connection.insert_many(
        "tallied", COLUMNS, [(game, user, points, pools, *NOTHING) for user, game, points, pools in added]
    )
    for game in list_tallied_games(connection):
        add_to_boards(connection, game)
    delete_tallied(connection)


def board_of(connection: Connection, game: Game) -> int:
    board_id = find_board(connection, Scope(0, game.id, "", "DON"))
    assert board_id is not None
    return board_id


def blocks_of(connection: Connection, board_id: int) -> list[int]:
    query = "SELECT entries FROM standing_blocks WHERE board_id = ? ORDER BY deficit, name"
    return [entries for (entries,) in connection.execute(query, (board_id,))]


def assert_right(connection: Connection, board_id: int, points: dict[str, int]) -> None:
    """A board ranks these users by their points, and its blocks are right, and neither small nor large."""
    ranking = sorted(points.items(), key=lambda entry: (-entry[1], entry[0].lower().encode()))
    found = list_standings(connection, board_id, 0, 10_000)
    assert [(it.username, it.points, it.position) for it in found] == [
        (name, score, place) for place, (name, score) in enumerate(ranking)
    ]
    assert count_standings(connection, board_id) == len(ranking)
    for standing in found:
        assert find_standing(connection, board_id, standing.user_id) == standing
        assert count_above(connection, board_id, standing.points) == sum(it > standing.points for it in points.values())
        assert list_standings(connection, board_id, standing.position, 2) == found[standing.position :][:2]
    assert list_standings(connection, board_id, len(found), 5) == []
    assert list(BLOCKS(connection)) == []
    first, *others = blocks_of(connection, board_id)
    assert first <= 8
    assert all(2 <= entries <= 8 for entries in others)


changes = st.lists(st.tuples(st.integers(0, 29), st.integers(-5, 5), st.integers(-1, 1)), max_size=30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])  # each is rolled back
@given(st.lists(changes, max_size=8), st.randoms(use_true_random=False))
def test_a_board_is_in_order_whatever_is_added_to_it(
    connection: Connection, batches: list[list[tuple[int, int, int]]], r: random.Random
) -> None:
    connection.execute("BEGIN")
    try:
        game = make_game(connection)
        users = [make_user(connection, r.choice((f"u{n}", f"U{n}", f"_{n}", f"-{n}.x"))) for n in range(30)]
        pools = dict.fromkeys(range(30), 0)
        sums = dict.fromkeys(range(30), 0)
        for batch in batches:
            added = {}
            for number, points, count in batch:
                if pools[number] + count >= 0 and pools[number] | count and number not in added:
                    # who is no longer ranked has no points left
                    gained = -sums[number] if pools[number] + count == 0 else points
                    added[number] = (users[number].id, game.id, gained, count)
                    pools[number] += count
                    sums[number] += gained
            if added:
                add_points(connection, list(added.values()))
                ranked = {users[number].username: sums[number] for number, count in pools.items() if count}
                for scope in (Scope(0, game.id, "", "DON"), Scope(0, 0, "football", "DON")):
                    board_id = find_board(connection, scope)
                    assert board_id is not None
                    assert_right(connection, board_id, ranked)
    finally:
        connection.execute("ROLLBACK")


def test_a_large_board_made_at_once_is_divided_evenly(connection: Connection) -> None:
    game = make_game(connection)
    users = [make_user(connection, f"u{number}") for number in range(101)]
    add_points(connection, [(user.id, game.id, user.id % 7, 1) for user in users])
    board = board_of(connection, game)
    assert sorted(blocks_of(connection, board)) == [4] * 24 + [5]
    assert_right(connection, board, {user.username: user.id % 7 for user in users})


def test_a_board_counts_for_its_scopes_alone(connection: Connection) -> None:
    first, other = make_game(connection), make_game(connection)
    ann, bob = make_user(connection, "ann"), make_user(connection, "bob")
    add_points(connection, [(ann.id, first.id, 5, 1), (ann.id, other.id, -2, 1)])
    add_points(connection, [(bob.id, other.id, 1, 1)])
    expected = {
        Scope(0, 0, "", "DON"): [("ann", 3), ("bob", 1)],
        Scope(0, 0, "football", "DON"): [("ann", 3), ("bob", 1)],
        Scope(first.source_id, 0, "", "DON"): [("ann", 5)],
        Scope(other.source_id, 0, "football", "DON"): [("bob", 1), ("ann", -2)],
        Scope(0, first.id, "", "DON"): [("ann", 5)],
        Scope(0, other.id, "", "DON"): [("bob", 1), ("ann", -2)],
    }
    for scope, ranking in expected.items():
        board_id = find_board(connection, scope)
        assert board_id is not None
        assert [(it.username, it.points) for it in list_standings(connection, board_id, 0, 9)] == ranking
    for scope in (Scope(0, 0, "tennis", "DON"), Scope(0, 0, "", "EUR"), Scope(0, 99, "", "DON")):
        assert find_board(connection, scope) is None


def test_one_board_is_that_of_a_type_and_of_any_until_there_is_a_second_type(connection: Connection) -> None:
    source = make_source(connection)
    first, second = make_game(connection, source), make_game(connection, source)
    tennis, golf = (make_game(connection, source, game_type=name) for name in ("tennis", "golf"))
    users = [make_user(connection, f"u{number}") for number in range(30)]

    def ranked_in_both(scope: Scope) -> dict[str, int]:
        """Who is ranked by the type and by any, and whether that is one board."""
        boards = [find_board(connection, scope), find_board(connection, scope._replace(type=""))]
        assert None not in boards
        return {str(board): count_standings(connection, board) for board in boards if board is not None}

    football = [Scope(0, 0, "football", "DON"), Scope(source.id, 0, "football", "DON")]
    points = {user.username: user.id for user in users}
    add_points(connection, [(user.id, first.id, user.id, 1) for user in users])
    for scope in football:
        assert list(ranked_in_both(scope).values()) == [30]
        assert_right(connection, find_board(connection, scope) or 0, points)

    add_points(connection, [(users[0].id, tennis.id, 99, 1)])
    add_points(connection, [(users[0].id, game.id, 1, 1) for game in (first, second, golf)])
    for scope in football:
        assert list(ranked_in_both(scope).values()) == [30, 30]
        any_type = find_board(connection, scope._replace(type="")) or 0
        assert_right(connection, find_board(connection, scope) or 0, points | {"u0": users[0].id + 2})
        assert_right(connection, any_type, points | {"u0": users[0].id + 102})
        assert list_standings(connection, find_board(connection, scope._replace(type="golf")) or 0, 0, 9)[0].points == 1
    assert [fault for check in CHECKS[2:] for fault in check(connection)] == []


def test_some_users_are_ranked_among_themselves(connection: Connection) -> None:
    game = make_game(connection)
    users = [make_user(connection, f"u{number}") for number in range(9)]
    add_points(connection, [(user.id, game.id, user.id // 2, 1) for user in users[:8]])
    found = list_standings_of(
        connection, board_of(connection, game), [user.id for user in (users[0], users[8], users[5])]
    )
    assert [(it.username, it.position) for it in found] == [("u5", 0), ("u0", 1)]


def test_who_is_renamed_keeps_the_points_and_moves_among_equals(connection: Connection) -> None:
    game = make_game(connection)
    users = [make_user(connection, f"u{number:02}") for number in range(40)]
    add_points(connection, [(user.id, game.id, 3, 1) for user in users])
    connection.execute("UPDATE users SET username = 'Zoe' WHERE id = ?", (users[0].id,))
    rename(connection, users[0].id, "Zoe")
    board = board_of(connection, game)
    assert_right(connection, board, {user.username: 3 for user in users[1:]} | {"Zoe": 3})
    assert list_standings(connection, board, 39, 1)[0].username == "Zoe"


def test_to_rename_who_is_not_ranked_changes_no_board(connection: Connection) -> None:
    rename(connection, make_user(connection).id, "zoe")
    assert connection.execute("SELECT * FROM standings").fetchall() == []


def test_guests_are_ranked_in_all_games_once_they_have_accounts(connection: Connection) -> None:
    games = [make_game(connection), make_game(connection)]
    ann, guest = make_user(connection, "ann"), make_user(connection, "guest-1")
    connection.execute("UPDATE users SET is_guest = 1 WHERE id = ?", (guest.id,))
    add_points(connection, [(ann.id, games[0].id, 1, 1)])
    add_points(connection, [(guest.id, game.id, 2, 1) for game in games])
    everywhere = find_board(connection, Scope(0, 0, "", "DON"))
    assert everywhere is not None
    assert_right(connection, everywhere, {"ann": 1})
    assert_right(connection, board_of(connection, games[0]), {"ann": 1, "guest-1": 2})
    connection.execute("UPDATE users SET is_guest = 0")
    promote(connection, guest.id)
    assert_right(connection, everywhere, {"ann": 1, "guest-1": 4})
    assert connection.execute("SELECT count(*) FROM standings WHERE user_id = ?", (guest.id,)).fetchone() == (5,)


def test_a_guest_who_has_not_bet_becomes_an_account_that_is_not_ranked(connection: Connection) -> None:
    promote(connection, make_user(connection).id)
    assert connection.execute("SELECT * FROM standings").fetchall() == []
