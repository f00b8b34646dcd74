import pytest

from gameserver.storage.clock import last_recorded_at
from gameserver.storage.connection import Connection
from tests.support.rows import NOW, make_game, make_user


def test_a_new_database_has_recorded_no_moment(connection: Connection) -> None:
    assert last_recorded_at(connection) == 0


def test_the_last_moment_recorded_may_be_a_broadcasts(connection: Connection) -> None:
    make_game(connection, broadcasts=3)
    assert last_recorded_at(connection) == NOW + 2


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO journal (game_id, at, user_id, op, parameters) VALUES (1, 99999999999999, 1, 375, '{}')",
        "INSERT INTO transfers (debit_id, credit_id, amount, reason, made_at)"
        " VALUES (1, 2, 1, 'credit', 99999999999999)",
    ],
)
def test_or_that_of_a_request_or_a_transfer(connection: Connection, insert: str) -> None:
    make_game(connection, broadcasts=1)
    make_user(connection, "ann")
    connection.execute("INSERT INTO accounts (id, kind, currency) VALUES (1, 'mint', 'DON')")
    connection.execute("INSERT INTO accounts (id, kind, currency) VALUES (2, 'house', 'DON')")
    connection.execute(insert)
    assert last_recorded_at(connection) == 99999999999999
