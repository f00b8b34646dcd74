"""Leaderboards, kept in order with every settlement: adding what it comes to.

A board's places are in ascending order of ``deficit``, which is a user's points with the sign reversed, and then of the
user's name in lower case. Its blocks count the standings between places, so that neither adding to it nor finding a
position reads more than some of its rows, however many are ranked.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gameserver.storage.connection import Connection

BLOCK_SIZE = 1_000
MIN_BLOCK_SIZE, MAX_BLOCK_SIZE = 500, 2_000  # as in the index uneven_standing_blocks
BEFORE_ALL = -(2**53)  # the deficit of a board's first block, and below every other


class Scope(NamedTuple):
    """What a board ranks users by: points in all games, in those of a source or in one, and of one type, or any.

    ``source_id`` and ``game_id`` are rows, 0 for any; ``type`` is empty for any.
    """

    source_id: int
    game_id: int
    type: str
    currency: str


class GamePoints(NamedTuple):
    """What is to be added for a user in a game: points, in minor units, and how many pools more have ended."""

    user_id: int
    game_id: int
    points: int
    pools: int


class _Game(NamedTuple):
    id: int
    source_id: int
    type: str
    currency: str

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes of the boards that the game counts for."""
        return (
            Scope(0, self.id, "", self.currency),
            *(Scope(source, 0, kind, self.currency) for source in (0, self.source_id) for kind in ("", self.type)),
        )


class _Added(NamedTuple):
    board_id: int
    user_id: int
    points: int
    pools: int


def add_to_boards(connection: Connection, added: Sequence[GamePoints]) -> None:
    """Add points to the users' standings in all scopes of the games; guests have none where all games count."""
    games = connection.list_rows_with(
        _Game,
        "SELECT games.id AS id, source_id, type, currency FROM given JOIN games ON games.id = given.game_id",
        ("game_id",),
        [(game_id,) for game_id in dict.fromkeys(row.game_id for row in added)],
    )
    board_ids = _board_ids(connection, dict.fromkeys(scope for game in games for scope in game.scopes))
    boards_of = {game.id: [board_ids[scope] for scope in game.scopes] for game in games}
    sums: dict[tuple[int, int], list[int]] = {}
    for user_id, game_id, points, pools in added:
        for board_id in boards_of[game_id]:
            total = sums.setdefault((board_id, user_id), [0, 0])
            total[0] += points
            total[1] += pools
    _add(connection, [_Added(*place, *total) for place, total in sums.items()])


class _Board(NamedTuple):
    id: int
    source_id: int
    game_id: int
    type: str
    currency: str


def _board_ids(connection: Connection, scopes: Iterable[Scope]) -> dict[Scope, int]:
    """The boards of scopes, which are made where they are missing."""
    scopes = list(scopes)
    found = _find_boards(connection, scopes)
    missing = [scope for scope in scopes if scope not in found]
    if missing:
        connection.insert_many("boards", Scope._fields, missing)
        made = _find_boards(connection, missing)
        firsts = [(board_id, BEFORE_ALL, "", 0) for board_id in made.values()]
        connection.insert_many("standing_blocks", ("board_id", "deficit", "name", "entries"), firsts)
        found |= made
    return found


def _find_boards(connection: Connection, scopes: Iterable[Scope]) -> dict[Scope, int]:
    boards = connection.list_rows_with(
        _Board,
        "SELECT boards.id AS id, boards.source_id AS source_id, boards.game_id AS game_id, boards.type AS type,"
        " boards.currency AS currency FROM given JOIN boards ON boards.source_id = given.source_id"
        " AND boards.game_id = given.game_id AND boards.type = given.type AND boards.currency = given.currency",
        Scope._fields,
        scopes,
    )
    return {Scope(*board[1:]): board.id for board in boards}


def _add(connection: Connection, added: Sequence[_Added]) -> None:
    """Add to standings, which begin with their first pool and end with their last."""
    _count(connection, added, -1)
    connection.execute_with(
        "INSERT INTO standings (user_id, board_id, name, deficit, pools)"
        " SELECT given.user_id, given.board_id, lower(username), -points, given.pools FROM given"
        " JOIN users ON users.id = given.user_id JOIN boards ON boards.id = given.board_id"
        " WHERE is_guest = 0 OR source_id <> 0 OR game_id <> 0"
        " ON CONFLICT (user_id, board_id) DO UPDATE"
        " SET deficit = standings.deficit + excluded.deficit, pools = standings.pools + excluded.pools",
        _Added._fields,
        added,
    )
    ended = [row for row in added if row.pools < 0]
    if ended:
        connection.execute_with(
            "DELETE FROM standings WHERE pools = 0"
            " AND (user_id, board_id) IN (SELECT given.user_id, given.board_id FROM given)",
            _Added._fields,
            ended,
        )
    _count(connection, added, 1)
    for board_id in dict.fromkeys(row.board_id for row in added):
        _even_out(connection, board_id)


def _count(connection: Connection, places: Sequence[_Added], step: int) -> None:
    """Count the standings that there are of these into their blocks, or out of them."""
    connection.execute_with(
        f"UPDATE standing_blocks SET entries = entries + {step} * found.standings FROM ("
        "  SELECT (SELECT id FROM standing_blocks AS b WHERE b.board_id = s.board_id"
        "   AND (b.deficit, b.name) <= (s.deficit, s.name) ORDER BY b.deficit DESC, b.name DESC LIMIT 1) AS block_id,"
        "  count(*) AS standings FROM given"
        "  JOIN standings AS s ON s.user_id = given.user_id AND s.board_id = given.board_id GROUP BY 1"
        " ) AS found WHERE standing_blocks.id = found.block_id",
        _Added._fields,
        places,
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
    places = connection.execute(
        "SELECT deficit, name, number FROM"
        " (SELECT deficit, name, row_number() OVER (ORDER BY deficit, name) - 1 AS number FROM standings"
        "  WHERE board_id = ? AND (deficit, name) >= (?, ?) ORDER BY deficit, name LIMIT ?) AS s"
        " WHERE number > 0 AND number * ? / ? > (number - 1) * ? / ? ORDER BY number",
        (board_id, block.deficit, block.name, block.entries, *(parts, block.entries) * 2),
    ).fetchall()
    ends = [*(number for _, _, number in places), block.entries]
    connection.execute("UPDATE standing_blocks SET entries = ? WHERE id = ?", (ends[0], block.id))
    connection.insert_many(
        "standing_blocks",
        ("board_id", "deficit", "name", "entries"),
        [(board_id, *place, end - number) for (*place, number), end in zip(places, ends[1:], strict=True)],
    )


def rename(connection: Connection, user_id: int, username: str) -> None:
    """Rank a user by another name from now on; ``username`` is what the user is called."""
    boards = connection.execute("SELECT board_id FROM standings WHERE user_id = ?", (user_id,)).fetchall()
    places = [_Added(board_id, user_id, 0, 0) for (board_id,) in boards]
    if places:
        _count(connection, places, -1)
        connection.execute("UPDATE standings SET name = ? WHERE user_id = ?", (username.lower(), user_id))
        _count(connection, places, 1)
        for (board_id,) in boards:
            _even_out(connection, board_id)


def promote(connection: Connection, user_id: int) -> None:
    """Rank a user where all games count, who has been a guest until now."""
    rows = connection.execute(
        "SELECT games.type, games.currency, -sum(deficit), sum(pools) FROM standings"
        " JOIN boards ON boards.id = board_id JOIN games ON games.id = boards.game_id"
        " WHERE user_id = ? GROUP BY games.type, games.currency",
        (user_id,),
    ).fetchall()
    scopes = {Scope(0, 0, kind, row[1]): None for row in rows for kind in ("", row[0])}
    board_ids = _board_ids(connection, scopes)
    sums: dict[int, list[int]] = {}
    for game_type, currency, points, pools in rows:
        for kind in ("", game_type):
            total = sums.setdefault(board_ids[Scope(0, 0, kind, currency)], [0, 0])
            total[0] += points
            total[1] += pools
    if sums:
        _add(connection, [_Added(board_id, user_id, *total) for board_id, total in sums.items()])
