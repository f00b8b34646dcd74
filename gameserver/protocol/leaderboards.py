"""Leaderboards: who has won most, in all games, in those of a source or in one (protocol, "Leaderboards")."""

from decimal import Decimal

import msgspec

from gameserver.domain.money import DEFAULT_CURRENCY
from gameserver.errors import ErrorCode, invalid
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Currency, GameType, Place, ShownCount, Uuid

MAX_SPAN = 1_000


class RankedUser(msgspec.Struct, frozen=True):
    """A user on a leaderboard: net winnings in units, the rank, which equal points share, and the place, from 0."""

    user_id: int
    username: str
    points: Decimal
    rank: int
    position: int


class RankingShown(Message, frozen=True):
    """What every ranking shows: a part of it, how many are ranked, and the user's own rank, or null."""

    leaderboard: list[RankedUser]
    total: int
    my_rank: int | None


class TailoredShown(RankingShown, frozen=True):
    """Parts of a ranking, and after which of the ranks shown others are left out."""

    break_after_rank: list[int]


@message
class Leaderboard(RankingShown, tag=450, frozen=True):
    """A part of the ranking in all games, of accounts; guests are not ranked in it."""


@message
class LeaderboardForGameSource(RankingShown, tag=4516, frozen=True):
    """A part of the ranking in the games of a source."""

    source_id: str


@message
class LeaderboardForGame(RankingShown, tag=451, frozen=True):
    """A part of the ranking in a game."""

    game_id: str


@message
class LeaderboardTailored(TailoredShown, tag=4505, frozen=True):
    """The top, the surroundings of the user and the bottom of the ranking in all games."""


@message
class LeaderboardForGameSourceTailored(TailoredShown, tag=4517, frozen=True):
    """The top, the surroundings of the user and the bottom of the ranking in the games of a source."""

    source_id: str


@message
class LeaderboardForGameTailored(TailoredShown, tag=4515, frozen=True):
    """The top, the surroundings of the user and the bottom of the ranking in a game."""

    game_id: str


@message
class LeaderboardFriends(RankingShown, tag=452, frozen=True):
    """The user and the user's friends, ranked among themselves by all games."""


@message
class LeaderboardFriendsForGameSource(RankingShown, tag=454, frozen=True):
    """The user and the user's friends, ranked among themselves by the games of a source."""

    source_id: str


@message
class LeaderboardFriendsForGame(RankingShown, tag=453, frozen=True):
    """The user and the user's friends, ranked among themselves by a game."""

    game_id: str


@message
class LeaderboardUpdate(Message, tag=455, frozen=True):
    """A game's leaderboard has changed: its first 10 places, and how many ranks have moved since the last update.

    Counted are those among the first 10,000 places; in the first update after nobody has followed the game, all.
    """

    game_id: str
    top: list[RankedUser]
    changed: int


class _Span(Request, frozen=True):
    """A request for the places from ``start`` to before ``end``, of which the first is 0."""

    start: Place = 0
    end: Place = 100

    def __post_init__(self) -> None:
        if not self.start <= self.end <= self.start + MAX_SPAN:
            raise invalid("end", f"end, by default 100, may not be below start, and at most {MAX_SPAN} above it")


class _Surroundings(Request, frozen=True):
    """A request for so many places from the top, from the bottom, and on each side of the user's."""

    top_count: ShownCount = 3
    bottom_count: ShownCount = 3
    surrounding_count: ShownCount = 1


@operation(by=Role.USER, kind=Kind.READ, replies=[Leaderboard], for_views=True)
class GetLeaderboard(_Span, tag=450, frozen=True):
    """Read a part of the ranking by net winnings in a currency, in all games or in those of a type."""

    currency: Currency = DEFAULT_CURRENCY
    game_type: GameType | None = None


@operation(
    by=Role.USER, kind=Kind.READ, replies=[LeaderboardForGameSource], errors=[ErrorCode.NOT_FOUND], for_views=True
)
class GetLeaderboardForGameSource(_Span, tag=4516, frozen=True, kw_only=True):
    """Read a part of the ranking in the games of a source, or in those of a type."""

    source_id: Uuid
    currency: Currency = DEFAULT_CURRENCY
    game_type: GameType | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[LeaderboardForGame], errors=[ErrorCode.NOT_FOUND], for_views=True)
class GetLeaderboardForGame(_Span, tag=451, frozen=True, kw_only=True):
    """Read a part of the ranking in a game; ``currency`` is the game's by default, and nobody is ranked in another."""

    game_id: Uuid
    currency: Currency | None = None


@operation(
    by=Role.USER,
    kind=Kind.READ,
    replies=[LeaderboardTailored, LeaderboardForGameTailored],
    errors=[ErrorCode.NOT_FOUND],
)
class GetUserTailoredLeaderboard(_Surroundings, tag=4505, frozen=True):
    """Read the user's own part of the ranking in all games or in those of a type; with ``game_id``, in that game."""

    game_id: Uuid | None = None
    currency: Currency | None = None
    game_type: GameType | None = None

    def __post_init__(self) -> None:
        if self.game_id is not None and self.game_type is not None:
            raise invalid("game_type", "game_type may not be given with game_id: a game has one type")


@operation(by=Role.USER, kind=Kind.READ, replies=[LeaderboardForGameSourceTailored], errors=[ErrorCode.NOT_FOUND])
class GetUserTailoredLeaderboardForGameSource(_Surroundings, tag=4517, frozen=True, kw_only=True):
    """Read the user's own part of the ranking in the games of a source, or in those of a type."""

    source_id: Uuid
    currency: Currency = DEFAULT_CURRENCY
    game_type: GameType | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[LeaderboardFriends])
class GetFriendsLeaderboard(Request, tag=452, frozen=True):
    """Rank the user and the user's friends by all games, or by those of a type."""

    currency: Currency = DEFAULT_CURRENCY
    game_type: GameType | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[LeaderboardFriendsForGameSource], errors=[ErrorCode.NOT_FOUND])
class GetFriendsLeaderboardForGameSource(Request, tag=454, frozen=True):
    """Rank the user and the user's friends by the games of a source, or by those of a type."""

    source_id: Uuid
    currency: Currency = DEFAULT_CURRENCY
    game_type: GameType | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[LeaderboardFriendsForGame], errors=[ErrorCode.NOT_FOUND])
class GetFriendsLeaderboardForGame(Request, tag=453, frozen=True):
    """Rank the user and the user's friends by a game; ``currency`` as in get_leaderboard_for_game."""

    game_id: Uuid
    currency: Currency | None = None
