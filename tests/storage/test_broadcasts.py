from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import pytest

from gameserver.storage.broadcasts import (
    LoggedBroadcast,
    delete_first_broadcasts,
    first_logged_seq,
    insert_broadcasts,
    list_broadcasts,
)
from gameserver.storage.connection import Connection, Values
from gameserver.storage.games import get_game
from tests.support.rows import NOW, make_game

ALL = 2**62


def seqs(connection: Connection, game_id: int, after: int = 0, up_to: int = ALL, size: int = ALL) -> list[int]:
    return [logged.seq for logged in list_broadcasts(connection, game_id, after, up_to, size)]


def test_each_game_is_numbered_from_one_without_gaps(connection: Connection) -> None:
    one, other = make_game(connection), make_game(connection)
    order = [one, other, one, one, other]
    assert [list(insert_broadcasts(connection, game.id, NOW, [b"{}"])) for game in order] == [[1], [1], [2], [3], [2]]
    assert [get_game(connection, game.id).seq for game in (one, other)] == [3, 2]


def test_a_broadcast_undone_leaves_no_gap(connection: Connection) -> None:
    game = make_game(connection, broadcasts=1)
    connection.execute("BEGIN")
    insert_broadcasts(connection, game.id, NOW, [b"{}"])
    connection.execute("ROLLBACK")
    assert insert_broadcasts(connection, game.id, NOW, [b"{}", b"[]"]) == range(2, 4)


def test_a_broadcast_is_logged_as_sent(connection: Connection) -> None:
    game = make_game(connection)
    insert_broadcasts(connection, game.id, NOW + 7, ["{ü}".encode()])
    assert list_broadcasts(connection, game.id, 0, 1, 1) == [LoggedBroadcast(1, NOW + 7, "{ü}".encode())]


@pytest.mark.parametrize(
    ("after", "up_to", "expected"), [(0, 5, [1, 2, 3, 4, 5]), (2, 4, [3, 4]), (5, 9, []), (9, 9, []), (3, 2, [])]
)
def test_the_log_is_read_between_two_seqs(connection: Connection, after: int, up_to: int, expected: list[int]) -> None:
    make_game(connection, broadcasts=5)
    assert seqs(connection, make_game(connection, broadcasts=5).id, after, up_to) == expected


@pytest.mark.parametrize(("size", "expected"), [(1, [1]), (10, [1]), (11, [1, 2]), (30, [1, 2, 3]), (99, [1, 2, 3])])
def test_at_least_one_broadcast_is_read_and_no_more_than_fill_the_size(
    connection: Connection, size: int, expected: list[int]
) -> None:
    game = make_game(connection)
    for _ in range(3):
        insert_broadcasts(connection, game.id, NOW, [b"0123456789"])
    assert seqs(connection, game.id, size=size) == expected


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("up_to", range(9))
def test_what_one_change_tells_is_read_from_any_seq_to_any(connection: Connection, after: int, up_to: int) -> None:
    game = make_game(connection)
    bodies = [b'{"res":%d}' % number for number in range(8)]
    for start, end in ((0, 1), (1, 4), (4, 5), (5, 8)):
        assert insert_broadcasts(connection, game.id, NOW + start, bodies[start:end]) == range(start + 1, end + 1)
    sent_at = [NOW, *[NOW + 1] * 3, NOW + 4, *[NOW + 5] * 3]
    expected = [LoggedBroadcast(seq, sent_at[seq - 1], bodies[seq - 1]) for seq in range(after + 1, min(up_to, 8) + 1)]
    assert list_broadcasts(connection, game.id, after, up_to, ALL) == expected


def test_the_size_may_end_what_is_read_within_what_one_change_tells(connection: Connection) -> None:
    game = make_game(connection)
    insert_broadcasts(connection, game.id, NOW, [b"0123456789"] * 5)
    assert [seqs(connection, game.id, after, size=11) for after in (0, 2, 4)] == [[1, 2], [3, 4], [5]]


def test_what_one_change_tells_of_many_pools_takes_a_tenth_of_its_bytes(connection: Connection) -> None:
    game = make_game(connection)
    bodies = [b'{"res":352,"pool_id":"%s","description":"Who scores next?"}' % uuid4().hex.encode() for _ in range(40)]
    insert_broadcasts(connection, game.id, NOW, [body * 8 for body in bodies])
    (size_bytes,) = connection.execute("SELECT length(bodies) FROM broadcasts").fetchone()
    assert size_bytes * 10 < sum(len(body) * 8 for body in bodies)


def test_the_oldest_logged_may_be_one_of_several_told_at_once(connection: Connection) -> None:
    game = make_game(connection, broadcasts=2)
    insert_broadcasts(connection, game.id, NOW, [b"{}"] * 3)
    assert delete_first_broadcasts(connection, game.id, 2) == 2
    assert first_logged_seq(connection, game.id) == 3


class CountedRows:
    """A connection that counts the rows that an engine reads though they are not asked for one by one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows = 0

    def execute(self, sql: str, values: Values = ()) -> "CountedRows":
        self.found = self.connection.execute(sql, values).fetchall()
        self.rows += len(self.found)
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(self.found)

    def fetchall(self) -> list[Any]:
        return self.found


@pytest.mark.parametrize("broadcasts", [99, 100, 101, 250])
def test_a_log_of_any_length_is_read_to_its_end(connection: Connection, broadcasts: int) -> None:
    game = make_game(connection, broadcasts=broadcasts)
    assert seqs(connection, game.id, 3, broadcasts) == list(range(4, broadcasts + 1))


def test_what_is_read_of_a_log_does_not_grow_with_it(connection: Connection) -> None:
    game = make_game(connection, broadcasts=1_000)
    counted = CountedRows(connection)
    assert [it.seq for it in list_broadcasts(cast(Connection, counted), game.id, 0, 1_000, max_bytes=1)] == [1]
    assert counted.rows <= 100


def test_the_oldest_are_removed_a_batch_at_a_time(connection: Connection) -> None:
    game, other = make_game(connection, broadcasts=5), make_game(connection, broadcasts=1)
    assert first_logged_seq(connection, game.id) == 1
    assert delete_first_broadcasts(connection, game.id, 2) == 2
    assert first_logged_seq(connection, game.id) == 3
    assert delete_first_broadcasts(connection, game.id, 9) == 3
    assert first_logged_seq(connection, game.id) is None
    assert seqs(connection, other.id) == [1]
