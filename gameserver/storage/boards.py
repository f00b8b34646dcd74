"""Leaderboards, kept in order with every settlement: adding what it comes to.

A board's places are in ascending order of ``deficit``, which is a user's points with the sign reversed, and then of the
user's name in lower case. Its blocks count the standings between places, so that neither adding to it nor finding a
position reads more than some of its rows, however many are ranked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

from gameserver.storage.connection import Connection
from gameserver.storage.tallied import TalliedGame

BLOCK_SIZE = 4_000
MIN_BLOCK_SIZE, MAX_BLOCK_SIZE = 2_000, 8_000  # as in the index uneven_standing_blocks
BEFORE_ALL = -(2**53)  # the deficit of a board's first block, and below every other
AFTER_ALL = 2**53
MANY = 50  # how many standings of a board are read in the time in which one that changes is counted out and in


class Scope(NamedTuple):
    """What a board ranks users by: points in all games, in those of a source or in one, and of one type, or any.

    ``source_id`` and ``game_id`` are rows, 0 for any; ``type`` is empty for any, and for a game's own board.
    """

    source_id: int
    game_id: int
    type: str
    currency: str


class _Places(NamedTuple):
    """Places on boards: the query of users, with the points and numbers of pools to be added, and its rows by board."""

    query: str
    columns: tuple[str, ...]
    by_board: Mapping[int, tuple[object, ...]]


_COLUMNS = ("user_id", "board_id", "points", "pools")
_GIVEN = f"(SELECT {', '.join(_COLUMNS)} FROM given)"
_TALLIED = (
    "(SELECT t.user_id, given.board_id, t.net AS points, t.pools FROM given JOIN tallied AS t"
    " ON t.game_id = given.game_id WHERE t.net <> 0 OR t.pools <> 0)"
)


def add_to_boards(connection: Connection, game: TalliedGame) -> None:
    """Add what was tallied of a game to standings on all its boards; guests have none where all games count."""
    boards = {board_id: (game.game_id, board_id) for board_id in _open_boards(connection, game.game_id)}
    places = _Places(_TALLIED, ("game_id", "board_id"), boards)
    with _counting(connection, places, game.moved):
        _add(connection, places, ends=game.fewest_pools < 0)


def _open_boards(connection: Connection, game_id: int) -> list[int]:
    """The boards that a game counts for, which are made as far as they are missing."""
    boards = connection.execute("SELECT board_id FROM game_boards WHERE game_id = ?", (game_id,)).fetchall()
    if boards:
        return [board_id for (board_id,) in boards]
    query = "SELECT source_id, type, currency FROM games WHERE id = ?"
    source_id, game_type, currency = connection.execute(query, (game_id,)).fetchone()
    board_ids = [_make_board(connection, Scope(0, game_id, "", currency))]
    for source in (0, source_id):
        board_ids += _open_boards_of_type(connection, Scope(source, 0, game_type, currency))
    connection.insert_many("game_boards", ("game_id", "board_id"), [(game_id, board_id) for board_id in board_ids])
    return board_ids


def _open_boards_of_type(connection: Connection, scope: Scope) -> list[int]:
    """The board of one type of game, and that of any type.

    While there are games of one type only, its board is that of any type too: what both would rank is kept once.
    """
    found = dict(
        connection.execute(
            "SELECT type, id FROM boards WHERE source_id = ? AND game_id = ? AND currency = ?",
            (scope.source_id, scope.game_id, scope.currency),
        ).fetchall()
    )
    if found and "" not in found and scope.type not in found:
        (only_board,) = found.values()
        found[""] = _copy_board(connection, scope._replace(type=""), only_board)
    if scope.type not in found:
        found[scope.type] = _make_board(connection, scope)
    return [found[kind] for kind in (scope.type, "") if kind in found]


def _make_board(connection: Connection, scope: Scope) -> int:
    board_id = _insert_board(connection, scope)
    first = (board_id, BEFORE_ALL, "", 0)
    connection.execute("INSERT INTO standing_blocks (board_id, deficit, name, entries) VALUES (?, ?, ?, ?)", first)
    return board_id


def _copy_board(connection: Connection, scope: Scope, copied: int) -> int:
    """Make a board that ranks what another does; whatever has counted for that counts for it."""
    board_id = _insert_board(connection, scope)
    for table, columns in (
        ("game_boards", "game_id"),
        ("standings", "user_id, name, deficit, pools"),
        ("standing_blocks", "deficit, name, entries"),
    ):
        connection.execute(
            f"INSERT INTO {table} (board_id, {columns}) SELECT ?, {columns} FROM {table} WHERE board_id = ?",
            (board_id, copied),
        )
    return board_id


def _insert_board(connection: Connection, scope: Scope) -> int:
    return connection.insert("INSERT INTO boards (source_id, game_id, type, currency) VALUES (?, ?, ?, ?)", scope)


def _add(connection: Connection, places: _Places, *, ends: bool) -> None:
    """Add to standings, which begin with their first pool; if any ``ends``, it is with its last."""
    connection.execute_with(
        "INSERT INTO standings (user_id, board_id, name, deficit, pools)"
        f" SELECT p.user_id, p.board_id, lower(username), -p.points, p.pools FROM {places.query} AS p"
        " JOIN users ON users.id = p.user_id JOIN boards ON boards.id = p.board_id"
        " WHERE is_guest = 0 OR source_id <> 0 OR game_id <> 0"
        " ON CONFLICT (user_id, board_id) DO UPDATE"
        " SET deficit = standings.deficit + excluded.deficit, pools = standings.pools + excluded.pools",
        places.columns,
        places.by_board.values(),
    )
    if ends:
        connection.execute_with(
            "DELETE FROM standings WHERE pools = 0"
            f" AND (user_id, board_id) IN (SELECT p.user_id, p.board_id FROM {places.query} AS p)",
            places.columns,
            places.by_board.values(),
        )


@contextmanager
def _counting(connection: Connection, places: _Places, users: int) -> Iterator[None]:
    """Keep the blocks of boards in order, while the standings of so many users change in the block of this.

    Where they are some among many, they are counted out of their blocks before and into them after; where they are most
    of a board, its blocks are counted again.
    """
    sizes = {board_id: count_standings(connection, board_id) for board_id in places.by_board}
    large = {board_id: places.by_board[board_id] for board_id, entries in sizes.items() if entries > users * MANY}
    some = places._replace(by_board=large)
    if large:
        _count(connection, some, -1)
    yield
    if large:
        _count(connection, some, 1)
    _recount(connection, [board_id for board_id in sizes if board_id not in large])
    for board_id in sizes:
        _even_out(connection, board_id)


def count_standings(connection: Connection, board_id: int) -> int:
    """How many are ranked on a board."""
    query = "SELECT sum(entries) FROM standing_blocks WHERE board_id = ?"
    (count,) = connection.execute(query, (board_id,)).fetchone()
    return int(count)


def _count(connection: Connection, places: _Places, step: int) -> None:
    """Count the standings that there are at places into their blocks, or out of them."""
    connection.execute_with(
        f"UPDATE standing_blocks SET entries = entries + {step} * found.standings FROM ("
        "  SELECT (SELECT id FROM standing_blocks AS b WHERE b.board_id = s.board_id"
        "   AND (b.deficit, b.name) <= (s.deficit, s.name) ORDER BY b.deficit DESC, b.name DESC LIMIT 1) AS block_id,"
        f"  count(*) AS standings FROM {places.query} AS p"
        "  JOIN standings AS s ON s.user_id = p.user_id AND s.board_id = p.board_id GROUP BY 1"
        " ) AS found WHERE standing_blocks.id = found.block_id",
        places.columns,
        places.by_board.values(),
    )


def _recount(connection: Connection, board_ids: Iterable[int]) -> None:
    """Count the standings in all blocks of boards."""
    connection.execute_with(
        "UPDATE standing_blocks SET entries = (SELECT count(*) FROM standings AS s WHERE s.board_id = found.board_id"
        "  AND (s.deficit, s.name) >= (found.deficit, found.name)"
        "  AND (s.deficit, s.name) < (found.next_deficit, found.next_name)) FROM ("
        "  SELECT id, b.board_id, deficit, name,"
        f"   lead(deficit, 1, {AFTER_ALL}) OVER (PARTITION BY b.board_id ORDER BY deficit, name) AS next_deficit,"
        "   lead(name, 1, '') OVER (PARTITION BY b.board_id ORDER BY deficit, name) AS next_name"
        "  FROM given JOIN standing_blocks AS b ON b.board_id = given.board_id"
        " ) AS found WHERE standing_blocks.id = found.id",
        ("board_id",),
        [(board_id,) for board_id in board_ids],
    )


class _Block(NamedTuple):
    id: int
    deficit: int
    name: str
    entries: int


def _even_out(connection: Connection, board_id: int) -> None:
    """Merge small blocks of a board into those before them, and divide large ones."""
    for block in _list_uneven_blocks(connection, board_id):
        if block.entries < MIN_BLOCK_SIZE:
            _merge(connection, board_id, block)
    for block in _list_uneven_blocks(connection, board_id):
        _divide(connection, board_id, block)


def _list_uneven_blocks(connection: Connection, board_id: int) -> list[_Block]:
    query = (
        "SELECT id, deficit, name, entries FROM standing_blocks WHERE board_id = ?"
        f" AND (entries > {MAX_BLOCK_SIZE} OR entries < {MIN_BLOCK_SIZE} AND name <> '') ORDER BY deficit, name"
    )
    return [_Block(*row) for row in connection.execute(query, (board_id,)).fetchall()]


def _merge(connection: Connection, board_id: int, block: _Block) -> None:
    """Merge a block into the one before it."""
    (before_id,) = connection.execute(
        "SELECT id FROM standing_blocks WHERE board_id = ? AND (deficit, name) < (?, ?)"
        " ORDER BY deficit DESC, name DESC LIMIT 1",
        (board_id, block.deficit, block.name),
    ).fetchone()
    connection.execute("UPDATE standing_blocks SET entries = entries + ? WHERE id = ?", (block.entries, before_id))
    connection.execute("DELETE FROM standing_blocks WHERE id = ?", (block.id,))


def _divide(connection: Connection, board_id: int, block: _Block) -> None:
    """Divide a block into ones of the same length, give or take one."""
    parts = block.entries // BLOCK_SIZE
    ends = [block.entries * part // parts for part in range(1, parts + 1)]
    sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    place, blocks = (block.deficit, block.name), []
    for before, size in pairwise(sizes):
        place = connection.execute(
            "SELECT deficit, name FROM standings WHERE board_id = ? AND (deficit, name) >= (?, ?)"
            " ORDER BY deficit, name LIMIT 1 OFFSET ?",
            (board_id, *place, before),
        ).fetchone()
        blocks.append((board_id, *place, size))
    connection.execute("UPDATE standing_blocks SET entries = ? WHERE id = ?", (sizes[0], block.id))
    connection.insert_many("standing_blocks", ("board_id", "deficit", "name", "entries"), blocks)


def rename(connection: Connection, user_id: int, username: str) -> None:
    """Rank a user by another name from now on; ``username`` is what the user is called."""
    boards = connection.execute("SELECT board_id FROM standings WHERE user_id = ?", (user_id,)).fetchall()
    if boards:
        with _counting(connection, _places_of(user_id, {board_id: (0, 0) for (board_id,) in boards}), 1):
            connection.execute("UPDATE standings SET name = ? WHERE user_id = ?", (username.lower(), user_id))


def _places_of(user_id: int, added: Mapping[int, Sequence[int]]) -> _Places:
    """The places of a user on boards, with the points and numbers of pools to be added."""
    return _Places(_GIVEN, _COLUMNS, {board_id: (user_id, board_id, *sums) for board_id, sums in added.items()})


def promote(connection: Connection, user_id: int) -> None:
    """Rank a user where all games count, who has been a guest until now."""
    sums = connection.execute(
        "SELECT everywhere.id, -sum(deficit), sum(pools) FROM standings JOIN boards ON boards.id = standings.board_id"
        " JOIN game_boards ON game_boards.game_id = boards.game_id"
        " JOIN boards AS everywhere ON everywhere.id = game_boards.board_id"
        " WHERE user_id = ? AND everywhere.source_id = 0 AND everywhere.game_id = 0 GROUP BY everywhere.id",
        (user_id,),
    ).fetchall()
    if sums:
        places = _places_of(user_id, {board_id: total for board_id, *total in sums})
        with _counting(connection, places, 1):
            _add(connection, places, ends=False)
