"""What is shown of leaderboards (protocol, "Leaderboards")."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gameserver.domain.money import to_units
from gameserver.domain.rankings import breaks, ranks, tailored_parts
from gameserver.protocol.codec import encode_body
from gameserver.protocol.leaderboards import LeaderboardUpdate, RankedUser
from gameserver.storage.boards import Scope, count_standings
from gameserver.storage.connection import Connection
from gameserver.storage.games import find_game
from gameserver.storage.standings import (
    Standing,
    count_above,
    find_board,
    find_standing,
    list_points,
    list_standings,
    list_standings_of,
)

_TOP = 10
_COMPARED = 10_000  # places, of a leaderboard that has changed with what it was


class Ranking(NamedTuple):
    """A part of a leaderboard, how many are ranked on it, and the rank of the user, who may not be."""

    leaderboard: list[RankedUser]
    total: int
    my_rank: int | None


class TailoredRanking(NamedTuple):
    """Parts of a leaderboard, and after which of the ranks shown others are left out."""

    leaderboard: list[RankedUser]
    total: int
    my_rank: int | None
    break_after_rank: list[int]


def list_ranking(connection: Connection, scope: Scope, user_id: int, shown: range) -> Ranking:
    """The places ``shown`` of a leaderboard, as far as there are so many."""
    board_id = find_board(connection, scope)
    if board_id is None:
        return Ranking([], 0, None)
    total = count_standings(connection, board_id)
    own = find_standing(connection, board_id, user_id)
    return Ranking(
        _list_ranked(connection, board_id, scope, range(shown.start, min(shown.stop, total))),
        total,
        None if own is None else count_above(connection, board_id, own.points) + 1,
    )


class Surroundings(NamedTuple):
    """How many places are shown from the top, from the bottom, and on each side of the user's."""

    top: int
    bottom: int
    surrounding: int


def list_tailored_ranking(connection: Connection, scope: Scope, user_id: int, shown: Surroundings) -> TailoredRanking:
    """The top of a leaderboard, the user's surroundings, and its bottom."""
    board_id = find_board(connection, scope)
    if board_id is None:
        return TailoredRanking([], 0, None, [])
    total = count_standings(connection, board_id)
    own = find_standing(connection, board_id, user_id)
    parts = tailored_parts(total, None if own is None else own.position, *shown)
    entries = [entry for part in parts for entry in _list_ranked(connection, board_id, scope, part)]
    rank_at = {entry.position: entry.rank for entry in entries}
    return TailoredRanking(
        entries,
        total,
        None if own is None else count_above(connection, board_id, own.points) + 1,
        [rank_at[place] for place in breaks(parts, total)],
    )


def list_ranking_among(connection: Connection, scope: Scope, user_id: int, others: Iterable[int]) -> Ranking:
    """The leaderboard of the user and some others alone."""
    board_id = find_board(connection, scope)
    if board_id is None:
        return Ranking([], 0, None)
    entries = _ranked(list_standings_of(connection, board_id, [user_id, *others]), 0, scope.currency)
    return Ranking(entries, len(entries), next((entry.rank for entry in entries if entry.user_id == user_id), None))


def _list_ranked(connection: Connection, board_id: int, scope: Scope, shown: range) -> list[RankedUser]:
    if not shown:
        return []
    standings = list_standings(connection, board_id, shown.start, len(shown))
    return _ranked(standings, count_above(connection, board_id, standings[0].points), scope.currency)


def _ranked(standings: Sequence[Standing], above: int, currency: str) -> list[RankedUser]:
    """The standings, one after another, with their ranks; ``above`` have more points than the first."""
    return [
        RankedUser(standing.user_id, standing.username, to_units(standing.points, currency), rank, standing.position)
        for standing, rank in zip(standings, ranks([(it.position, it.points) for it in standings], above), strict=True)
    ]


class RankingUpdate(NamedTuple):
    """The body of a leaderboard's update (455), and the ranks on its first places: user id → rank."""

    body: bytes
    ranks: dict[int, int]


def ranking_update(known: Mapping[int, int], game_uuid: str, connection: Connection) -> RankingUpdate:
    """The update of a game's leaderboard; ``known`` are the ranks as the last update left them."""
    game = find_game(connection, game_uuid)
    assert game is not None
    scope = Scope(0, game.id, "", game.currency)
    board_id = find_board(connection, scope)
    points = {} if board_id is None else list_points(connection, board_id, _COMPARED)
    now = dict(zip(points, ranks(enumerate(points.values()), 0), strict=True))
    changed = sum(known.get(user_id) != now.get(user_id) for user_id in known.keys() | now.keys())
    top = [] if board_id is None else _list_ranked(connection, board_id, scope, range(min(_TOP, len(points))))
    return RankingUpdate(encode_body(LeaderboardUpdate(game_id=game_uuid, top=top, changed=changed)), now)
