import sqlite3

import psycopg
import pytest

from gameserver.domain.targets import missing_rows, parse_targets
from gameserver.storage.connection import Connection
from gameserver.storage.events import count_event, list_counts_of_action
from gameserver.storage.targets import (
    find_action_id,
    insert_actions,
    insert_target_rows,
    list_actions,
    list_target_rows,
    next_target_number,
)
from tests.support.rows import make_game

MANY = 1_000_000


def add_targets(connection: Connection, game_id: int, *names: str) -> None:
    existing = list_target_rows(connection, game_id)
    paths = parse_targets(list(names), "targets", 64, MANY)
    insert_target_rows(connection, game_id, missing_rows(existing, paths, next_target_number(connection)))


def test_actions_keep_their_order_and_their_first_name(connection: Connection) -> None:
    game = make_game(connection)
    insert_actions(connection, game.id, {"yellow-card": "Yellow Card", "goal": "Goal"})
    insert_actions(connection, game.id, {"goal": "GOAL", "a": "A"})
    assert list(list_actions(connection, game.id).items()) == [
        ("yellow-card", "Yellow Card"),
        ("goal", "Goal"),
        ("a", "A"),
    ]


def test_targets_come_back_as_they_were_made_in_the_order_sent(connection: Connection) -> None:
    game = make_game(connection)
    rows = missing_rows([], parse_targets(["B:1", "A"], "targets", 64, MANY), next_target_number(connection))
    insert_target_rows(connection, game.id, rows)
    assert list_target_rows(connection, game.id) == rows


def test_games_have_targets_of_their_own(connection: Connection) -> None:
    one, other = make_game(connection), make_game(connection)
    for game in (one, other, one):
        add_targets(connection, game.id, "a:b")
    assert [row.id for row in list_target_rows(connection, one.id)] == ["a", "b", "none"]
    assert [row.id for row in list_target_rows(connection, other.id)] == ["a", "b", "none"]


@pytest.mark.parametrize("parent", ["NULL", "1"])
def test_the_database_itself_refuses_a_target_twice(connection: Connection, parent: str) -> None:
    game = make_game(connection)
    add_targets(connection, game.id, "a:a")
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        connection.execute(f"INSERT INTO targets VALUES (99, {game.id}, {parent}, 'a', 'A', 1, 0)")


def test_the_counts_of_an_action_name_the_targets_that_are_counted_and_no_others(connection: Connection) -> None:
    game = make_game(connection)
    rows = missing_rows([], parse_targets("A:1:x, A:2, B:1", "targets", 64, 10), next_target_number(connection))
    insert_target_rows(connection, game.id, rows)
    insert_actions(connection, game.id, {"goal": "Goal", "card": "Card"})
    goal, card = (find_action_id(connection, game.id, key) for key in ("goal", "card"))
    assert goal is not None
    assert card is not None
    count_event(connection, game.id, goal, [row.number for row in rows[:3]], 1)
    count_event(connection, game.id, goal, [rows[0].number, rows[3].number], 1)
    count_event(connection, game.id, goal, [rows[0].number, rows[3].number], -1)
    count_event(connection, game.id, card, [rows[4].number], 1)
    assert list_counts_of_action(connection, game.id, goal) == [(row, 1) for row in rows[:3]]
