"""Operations on game sources (protocol, "Game sources and games")."""

from decimal import Decimal
from typing import ClassVar

import msgspec
from msgspec import Raw

from gameserver.domain.money import MAX_TAKEOUT, is_absent, read_decimal
from gameserver.domain.parimutuel import MILLION
from gameserver.errors import ErrorCode, invalid
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.events import BetPoolResolved
from gameserver.protocol.fields import ABSENT_NUMBER, Description, Flag, Label, Number, PageSize, Uuid
from gameserver.protocol.games import GameClosed
from gameserver.protocol.steering import BettingInPoolBlocked


def _read_takeout(share: Raw) -> int | None:
    """A share in whole millionths, rounded down, or None if it is absent. Raises `Rejected`."""
    if is_absent(share):
        return None
    takeout = read_decimal(share, "takeout")
    if takeout > MAX_TAKEOUT:
        raise invalid("takeout", "takeout must be from 0 to 0.5, such as 0.15 for 15 %")
    return int(takeout * MILLION)


@message
class GameSourceOpened(Message, tag=335, frozen=True):
    """The source is open, and the user who opened it is its first admin."""

    source_id: str


@operation(by=Role.PROVIDER, kind=Kind.WRITE, replies=[GameSourceOpened])
class OpenGameSource(Request, tag=365, frozen=True):
    """Open a game source, under which games are created.

    ``takeout`` is the share, from 0 to 0.5 and kept in whole millionths, that the house keeps of the pools
    opened in it. Unless ``admins_may_bet``, whoever is or was an admin of a game or of the source may not bet in it.
    """

    source_name: Label
    description: Description | None = None
    takeout: Number = ABSENT_NUMBER
    admins_may_bet: Flag = False

    def __post_init__(self) -> None:
        _read_takeout(self.takeout)

    @property
    def takeout_millionths(self) -> int:
        """The share as whole millionths, rounded down."""
        return _read_takeout(self.takeout) or 0


@message
class GameSourceUpdated(Message, tag=339, frozen=True):
    """The source has been updated."""

    source_id: str


@operation(by=Role.SOURCE_ADMIN, kind=Kind.WRITE, replies=[GameSourceUpdated], errors=[ErrorCode.SOURCE_CLOSED])
class UpdateGameSource(Request, tag=369, frozen=True):
    """Change the given properties of a source. Pools keep the takeout that they were opened with."""

    source_id: Uuid
    source_name: Label | None = None
    description: Description | None = None
    takeout: Number = ABSENT_NUMBER
    admins_may_bet: Flag | None = None

    def __post_init__(self) -> None:
        _read_takeout(self.takeout)

    @property
    def takeout_millionths(self) -> int | None:
        """The share as whole millionths, rounded down; None if it is not given."""
        return _read_takeout(self.takeout)


@message
class GameSourceClosed(Message, tag=336, frozen=True):
    """The source and all its games are closed."""

    source_id: str


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameSourceClosed],
    broadcasts=[GameClosed, BetPoolResolved, BettingInPoolBlocked, BalanceUpdate],
    errors=[ErrorCode.SOURCE_CLOSED, ErrorCode.MANUAL_POOLS_REMAIN],
)
class CloseGameSource(Request, tag=366, frozen=True):
    """Close a source and every game of it, upcoming ones too, as close_game does."""

    source_id: Uuid


class SourceEntry(msgspec.Struct, frozen=True):
    """A source in a list."""

    id: str
    name: str
    description: str | None


class AdministeredSource(SourceEntry, frozen=True):
    """A source in the list of its admin, with what is set for the pools and games opened in it."""

    takeout: Decimal
    admins_may_bet: bool


@message
class GameSourcesIAmAdminOfList(Message, tag=621, frozen=True, omit_defaults=True):
    """The sources the user is an admin of, newest first; ``next`` is present if more follow."""

    cuts: ClassVar[tuple[str, ...]] = ("sources",)

    sources: list[AdministeredSource]
    next: str | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[GameSourcesIAmAdminOfList], errors=[ErrorCode.NOT_FOUND])
class ListGameSourcesIAmAdminOf(Request, tag=611, frozen=True):
    """List the sources the user is an admin of; ``after`` takes the ``next`` of the page before."""

    limit: PageSize = 1000
    after: Uuid | None = None


class ListedSource(SourceEntry, frozen=True):
    """An open source in a list, with the number of its open games."""

    games: int


@message
class GameSourcesList(Message, tag=346, frozen=True):
    """The open sources, newest first; ``next`` is the ``after`` of the next page, or null."""

    cuts: ClassVar[tuple[str, ...]] = ("sources",)

    sources: list[ListedSource]
    next: str | None


@operation(by=Role.USER, kind=Kind.READ, replies=[GameSourcesList], errors=[ErrorCode.NOT_FOUND], for_views=True)
class ListGameSources(Request, tag=382, frozen=True):
    """List the sources that are open."""

    limit: PageSize = 100
    after: Uuid | None = None


class Turnover(msgspec.Struct, frozen=True):
    """What bets have staked in a currency; what is not paid, refunded or kept as takeout is in running bets."""

    turnover: Decimal
    paid: Decimal
    refunded: Decimal
    takeout: Decimal


@message
class SourceReport(Message, tag=383, frozen=True):
    """What a source's games have come to so far; ``currencies`` maps currency to amounts.

    ``turnover`` is what the bets that count have staked, late ones aside; ``refunded`` are the stakes of voided pools,
    and of those whose winner nobody backed.
    """

    source_id: str
    games: int
    pools: int
    bets: int
    bettors: int
    currencies: dict[str, Turnover]


@operation(by=Role.SOURCE_ADMIN, kind=Kind.READ, replies=[SourceReport])
class GetSourceReport(Request, tag=383, frozen=True):
    """Read what the games of a source have come to so far, closed ones included."""

    source_id: Uuid
