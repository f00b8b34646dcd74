"""What is shown of leaderboards (protocol, "Leaderboards")."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gameserver.domain.money import to_units
from gameserver.domain.rankings import breaks, ranks, tailored_parts
from gameserver.protocol.leaderboards import RankedUser
from gameserver.storage.boards import Scope
from gameserver.storage.connection import Connection
from gameserver.storage.standings import (
    Standing,
    count_above,
    count_standings,
    find_board,
    find_standing,
    list_standings,
    list_standings_of,
)


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
