"""Reading leaderboards: positions and pages of the boards that `gameserver.storage.boards` keeps."""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.storage.boards import AFTER_ALL, Scope
from gameserver.storage.connection import Connection


class Standing(NamedTuple):
    """A user on a board: how many are before, and the points in minor units."""

    user_id: int
    username: str
    points: int
    position: int


def find_board(connection: Connection, scope: Scope) -> int | None:
    """The board of a scope; None while nobody is ranked in it. That of any type is the only one, or its own."""
    row = connection.execute(
        "SELECT id FROM boards WHERE source_id = ? AND game_id = ? AND currency = ? AND (type = ? OR ? = '')"
        " ORDER BY type LIMIT 1",
        (scope.source_id, scope.game_id, scope.currency, scope.type, scope.type),
    ).fetchone()
    return row[0] if row else None


def find_standing(connection: Connection, board_id: int, user_id: int) -> Standing | None:
    """A user's standing on a board; None if the user is not ranked."""
    found = connection.execute(
        "SELECT username, deficit, name FROM standings JOIN users ON users.id = user_id"
        " WHERE user_id = ? AND board_id = ?",
        (user_id, board_id),
    ).fetchone()
    if found is None:
        return None
    username, deficit, name = found
    return Standing(user_id, username, -deficit, _position(connection, board_id, deficit, name))


def count_above(connection: Connection, board_id: int, points: int) -> int:
    """How many have more points on a board."""
    return _position(connection, board_id, -points, "")


def _position(connection: Connection, board_id: int, deficit: int, name: str) -> int:
    """How many standings are before a place."""
    block = connection.execute(
        "SELECT deficit, name FROM standing_blocks WHERE board_id = ? AND (deficit, name) <= (?, ?)"
        " ORDER BY deficit DESC, name DESC LIMIT 1",
        (board_id, deficit, name),
    ).fetchone()
    (before,) = connection.execute(
        "SELECT coalesce(sum(entries), 0) FROM standing_blocks WHERE board_id = ? AND (deficit, name) < (?, ?)",
        (board_id, *block),
    ).fetchone()
    (within,) = connection.execute(
        "SELECT count(*) FROM standings WHERE board_id = ? AND (deficit, name) >= (?, ?) AND (deficit, name) < (?, ?)",
        (board_id, *block, deficit, name),
    ).fetchone()
    return int(before + within)


def list_points(connection: Connection, board_id: int, count: int) -> dict[int, int]:
    """The first users on a board, at most ``count``, in order: user id → points."""
    users, points = connection.list_columns(
        ("user_id", "points"),
        "SELECT user_id, -deficit AS points FROM standings WHERE board_id = ? ORDER BY deficit, name LIMIT ?",
        (board_id, count),
    )
    return dict(zip(users, points, strict=True))


class _Ranked(NamedTuple):
    user_id: int
    username: str
    points: int


def list_standings(connection: Connection, board_id: int, start: int, count: int) -> list[Standing]:
    """The standings on a board from position ``start`` on, at most ``count``."""
    before, *block = connection.execute(
        "SELECT before, deficit, name, next_deficit, next_name FROM (SELECT deficit, name,"
        "  sum(entries) OVER places - entries AS before,"
        f"  lead(deficit, 1, {AFTER_ALL}) OVER places AS next_deficit, lead(name, 1, '') OVER places AS next_name"
        "  FROM standing_blocks WHERE board_id = ? WINDOW places AS (ORDER BY deficit, name)) AS b"
        " WHERE before <= ? ORDER BY deficit DESC, name DESC LIMIT 1",
        (board_id, start),
    ).fetchone()
    # However it is found in its block, no more than the block is read.
    first = connection.execute(
        "SELECT deficit, name FROM standings WHERE board_id = ? AND (deficit, name) >= (?, ?)"
        " AND (deficit, name) < (?, ?) ORDER BY deficit, name LIMIT 1 OFFSET ?",
        (board_id, *block, start - int(before)),
    ).fetchone()
    if first is None:
        return []
    rows = connection.list_rows(
        _Ranked,
        "SELECT user_id, username, -deficit AS points FROM (SELECT user_id, deficit, name FROM standings"
        "  WHERE board_id = ? AND (deficit, name) >= (?, ?) ORDER BY deficit, name LIMIT ?) AS s"
        " JOIN users ON users.id = user_id ORDER BY deficit, name",
        (board_id, *first, count),
    )
    return [Standing(*row, position) for position, row in enumerate(rows, start)]


def list_standings_of(connection: Connection, board_id: int, user_ids: Iterable[int]) -> list[Standing]:
    """The standings of these users on a board, with their positions among themselves."""
    rows = connection.list_rows_with(
        _Ranked,
        "SELECT s.user_id AS user_id, (SELECT username FROM users WHERE users.id = s.user_id) AS username,"
        " -deficit AS points FROM given"
        " JOIN standings AS s ON s.user_id = given.user_id AND s.board_id = given.board_id ORDER BY deficit, name",
        ("user_id", "board_id"),
        [(user_id, board_id) for user_id in user_ids],
    )
    return [Standing(*row, position) for position, row in enumerate(rows)]
