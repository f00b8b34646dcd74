"""Operations on game sources (protocol, "Game sources and games")."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from gameserver.domain.money import MAX_TAKEOUT, is_absent, read_decimal
from gameserver.domain.parimutuel import MILLION
from gameserver.errors import ErrorCode, invalid
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.events import BetPoolResolved
from gameserver.protocol.fields import ABSENT_NUMBER, Description, Label, Number, PageSize, Username, Uuid
from gameserver.protocol.games import GameClosed
from gameserver.protocol.steering import BettingInPoolBlocked


@message
class GameSourceOpened(Message, tag=335, frozen=True):
    """The source is open, and the user who opened it is its first admin."""

    source_id: str


@operation(by=Role.PROVIDER, kind=Kind.WRITE, replies=[GameSourceOpened])
class OpenGameSource(Request, tag=365, frozen=True):
    """Open a game source, under which games are created.

    ``takeout`` is the share, from 0 to 0.5 and kept in whole millionths, that the house keeps of the pools
    opened in it.
    """

    source_name: Label
    description: Description | None = None
    takeout: Number = ABSENT_NUMBER

    def __post_init__(self) -> None:
        if self._takeout > MAX_TAKEOUT:
            raise invalid("takeout", "takeout must be from 0 to 0.5, such as 0.15 for 15 %")

    @property
    def _takeout(self) -> Decimal:
        return Decimal(0) if is_absent(self.takeout) else read_decimal(self.takeout, "takeout")

    @property
    def takeout_millionths(self) -> int:
        """The share as whole millionths, rounded down."""
        return int(self._takeout * MILLION)


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


@message
class GameSourcesIAmAdminOfList(Message, tag=621, frozen=True, omit_defaults=True):
    """The sources the user is an admin of, newest first; ``next`` is present if more follow."""

    cuts: ClassVar[tuple[str, ...]] = ("sources",)

    sources: list[SourceEntry]
    next: str | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[GameSourcesIAmAdminOfList], errors=[ErrorCode.NOT_FOUND])
class ListGameSourcesIAmAdminOf(Request, tag=611, frozen=True):
    """List the sources the user is an admin of; ``after`` takes the ``next`` of the page before."""

    limit: PageSize = 1000
    after: Uuid | None = None


@message
class SourceAdminAdded(Message, tag=337, frozen=True):
    """The user is an admin of the source, now or already before."""

    source_id: str
    username: str


@operation(by=Role.SOURCE_ADMIN, kind=Kind.WRITE, replies=[SourceAdminAdded], errors=[ErrorCode.SOURCE_CLOSED])
class AddSourceAdmin(Request, tag=367, frozen=True):
    """Make another user an admin of the source."""

    source_id: Uuid
    username: Username
