"""Operations on games (protocol, "Game sources and games")."""

from typing import ClassVar, Self

import msgspec

from gameserver.domain.money import DEFAULT_CURRENCY
from gameserver.domain.targets import TargetNode
from gameserver.errors import ErrorCode, invalid
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.events import BetPoolResolved
from gameserver.protocol.fields import (
    Currency,
    DisplayMillis,
    GameType,
    ImageUrl,
    Label,
    Millis,
    Names,
    PageSize,
    Sequence,
    Title,
    Uuid,
)
from gameserver.protocol.steering import BettingInPoolBlocked


class ActionNode(msgspec.Struct, frozen=True):
    """An action as a game's details show it."""

    name: str


class OpenedGame(Message, frozen=True, kw_only=True):
    """A game that has opened, with its actions and nested targets."""

    for_watchers: ClassVar[bool] = True

    source_id: str
    game_id: str
    actions: dict[str, ActionNode]
    game_name: str
    type: str
    open_at: int
    live_start_at: int
    live_finish_at: int | None
    close_at: int | None
    hashtag: str | None
    targets: dict[str, TargetNode]


@message
class GameCreatedAndOpened(OpenedGame, tag=340, frozen=True):
    """The game has been created and opened: betting pools can now be opened for it."""


class NewGame(Request, frozen=True, kw_only=True):
    """The parameters of a game to be created. Times default to that of receipt, or to none."""

    source_id: Uuid
    game_name: Title
    type: GameType
    create_at: DisplayMillis | None = None
    open_at: DisplayMillis | None = None
    close_at: Millis | None = None
    live_start_at: DisplayMillis | None = None
    live_finish_at: DisplayMillis | None = None
    currency: Currency = DEFAULT_CURRENCY
    hashtag: Label | None = None
    image_url: ImageUrl | None = None

    def __post_init__(self) -> None:
        start_at, finish_at = self.live_start_at, self.live_finish_at
        if start_at is not None and finish_at is not None and finish_at < start_at:
            raise invalid("live_finish_at", "live_finish_at must not be before live_start_at")


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameCreatedAndOpened],
    broadcasts=[GameCreatedAndOpened],
    errors=[ErrorCode.SOURCE_CLOSED],
)
class CreateAndOpenGame(NewGame, tag=370, frozen=True):
    """Create a game with its actions and nested targets, and open it."""

    actions: Names = ""
    targets: Names = ""


@message
class GameCreated(Message, tag=3401, frozen=True):
    """The game has been created: it is upcoming until it is opened."""

    for_watchers: ClassVar[bool] = True

    source_id: str
    game_id: str
    game_name: str
    type: str
    open_at: int
    live_start_at: int
    live_finish_at: int | None
    close_at: int | None
    hashtag: str | None


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameCreated],
    broadcasts=[GameCreated],
    errors=[ErrorCode.SOURCE_CLOSED],
)
class CreateGame(NewGame, tag=3701, frozen=True):
    """Create an upcoming game, which open_game opens later."""


@message
class GameOpened(OpenedGame, tag=3402, frozen=True):
    """The upcoming game is open."""


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameOpened],
    broadcasts=[GameOpened],
    errors=[ErrorCode.GAME_CLOSED, ErrorCode.CONFLICT],
)
class OpenGame(Request, tag=3702, frozen=True):
    """Open an upcoming game."""

    game_id: Uuid
    actions: Names = ""
    targets: Names = ""


class AdministeredGame(msgspec.Struct, frozen=True):
    """A game in the list of those the user administers."""

    id: str
    name: str


@message
class GamesIAmAdminOfList(Message, tag=620, frozen=True, omit_defaults=True):
    """The games the user is an admin of, newest first; ``next`` is present if more follow."""

    cuts: ClassVar[tuple[str, ...]] = ("games",)

    games: list[AdministeredGame]
    next: str | None = None


@operation(by=Role.USER, kind=Kind.READ, replies=[GamesIAmAdminOfList], errors=[ErrorCode.NOT_FOUND])
class ListGamesIAmAdminOf(Request, tag=610, frozen=True):
    """List the games the user is an admin of; ``after`` takes the ``next`` of the page before."""

    limit: PageSize = 1000
    after: Uuid | None = None


class PastEvent(msgspec.Struct, frozen=True):
    """Something that happened in a game."""

    happened_at: int
    target_id: str
    action_id: str


@message
class GameDetails(Message, tag=342, frozen=True):
    """The details of a game.

    ``past_events`` is newest first; ``game_state`` maps action id to target id to count, ancestors included. Where a
    message could not hold it all, older events are left out, then counts of the targets added last. The broadcast
    is ``partial``: it has no past events, and a client keeps those it has.
    """

    cuts: ClassVar[tuple[str, ...]] = ("past_events",)

    game_id: str
    name: str
    game_name: str
    source_id: str
    status: str
    type: str
    currency: str
    hashtag: str | None
    image_url: str | None
    actions: dict[str, ActionNode]
    targets: dict[str, TargetNode]
    open_at: int
    live_start_at: int
    live_finish_at: int | None
    close_at: int | None
    past_events: dict[str, PastEvent]
    game_state: dict[str, dict[str, int]]
    seq: int
    partial: bool | msgspec.UnsetType = msgspec.UNSET

    def cut(self, share: float) -> Self:
        """Leave out events first, then counts."""
        if self.past_events or not any(self.game_state.values()):
            return super().cut(share)
        counts = {action: first_part(counts, share) for action, counts in self.game_state.items() if counts}
        return msgspec.structs.replace(self, game_state=counts)


@operation(by=Role.USER, kind=Kind.READ, replies=[GameDetails], errors=[ErrorCode.NOT_FOUND])
class GetGameDetails(Request, tag=372, frozen=True):
    """Read a game's details with its newest ``limit`` events, or those older than the event ``before``."""

    game_id: Uuid
    limit: PageSize = 100
    before: Uuid | None = None


@message
class GameDetailsUpdated(Message, tag=343, frozen=True):
    """The game has been updated."""

    game_id: str


@operation(
    by=Role.GAME_OR_SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameDetailsUpdated],
    broadcasts=[GameDetails],
    errors=[ErrorCode.GAME_CLOSED],
)
class UpdateGameDetails(Request, tag=373, frozen=True):
    """Add actions and targets to a game, or change its image. Nothing is removed."""

    game_id: Uuid
    actions: Names = ""
    targets: Names = ""
    image_url: ImageUrl | None = None


@message
class GameClosed(Message, tag=341, frozen=True):
    """The game is closed; its subscriptions end."""

    for_watchers: ClassVar[bool] = True
    ends_subscriptions: ClassVar[bool] = True

    game_id: str


@operation(
    by=Role.GAME_OR_SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameClosed],
    broadcasts=[GameClosed, BetPoolResolved, BettingInPoolBlocked, BalanceUpdate],
    errors=[ErrorCode.GAME_CLOSED, ErrorCode.MANUAL_POOLS_REMAIN],
)
class CloseGame(Request, tag=375, frozen=True):
    """Close a game."""

    game_id: Uuid


class OpenGameEntry(msgspec.Struct, frozen=True):
    """An open game in a list."""

    status: str
    name: str
    type: str
    open_at: int
    live_start_at: int
    close_at: int | None
    currency: str
    hashtag: str | None


@message
class GamesListForSource(Message, tag=345, frozen=True):
    """The open games of a source by id, newest first; ``next`` is the ``after`` of the next page, or null."""

    cuts: ClassVar[tuple[str, ...]] = ("games",)

    source_id: str
    games: dict[str, OpenGameEntry]
    next: str | None


@operation(by=Role.USER, kind=Kind.READ, replies=[GamesListForSource], errors=[ErrorCode.NOT_FOUND])
class ListGamesForSource(Request, tag=380, frozen=True):
    """List the open games of a source, those that are closing included."""

    source_id: Uuid
    limit: PageSize = 100
    after: Uuid | None = None


class UpcomingGameEntry(msgspec.Struct, frozen=True):
    """An upcoming game in a list."""

    source_id: str
    game_name: str
    currency: str
    live_start_at: int
    open_at: int
    type: str
    hashtag: str | None


@message
class UpcomingGamesListForSource(Message, tag=3461, frozen=True):
    """The upcoming games of a source by id, newest first; ``next`` as in games_list_for_source."""

    cuts: ClassVar[tuple[str, ...]] = ("games",)

    source_id: str
    games: dict[str, UpcomingGameEntry]
    next: str | None


@operation(by=Role.USER, kind=Kind.READ, replies=[UpcomingGamesListForSource], errors=[ErrorCode.NOT_FOUND])
class ListUpcomingGamesForSource(Request, tag=3811, frozen=True):
    """List the games of a source that are created and not yet opened."""

    source_id: Uuid
    limit: PageSize = 100
    after: Uuid | None = None


@message
class GameJoined(Message, tag=333, frozen=True):
    """The connection receives the game's broadcasts after ``seq``; if ``recovered``, those it missed come first."""

    game_id: str
    seq: int
    recovered: bool


@message
class UserJoinedGame(Message, tag=470, frozen=True):
    """A user's first connection joined the game."""

    game_id: str
    user_id: int
    user_name: str


@message
class UserLeftGame(Message, tag=480, frozen=True):
    """A user's last connection left the game."""

    game_id: str
    user_id: int
    user_name: str


@message
class PresenceUpdate(Message, tag=471, frozen=True):
    """The number of connections to a large game, and of users who joined and left since the last update."""

    game_id: str
    subscribers: int
    joined: int
    left: int


@operation(
    by=Role.USER,
    kind=Kind.CONNECTION,
    replies=[GameJoined],
    broadcasts=[UserJoinedGame, PresenceUpdate],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.GAME_CLOSED],
)
class JoinGame(Request, tag=363, frozen=True):
    """Subscribe to a game's broadcasts; with ``after_seq``, those after it are sent first."""

    game_id: Uuid
    after_seq: Sequence | None = None


@message
class GameLeft(Message, tag=334, frozen=True):
    """The connection no longer receives the game's broadcasts."""

    game_id: str


@operation(
    by=Role.USER,
    kind=Kind.CONNECTION,
    replies=[GameLeft],
    broadcasts=[UserLeftGame, PresenceUpdate],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class LeaveGame(Request, tag=364, frozen=True):
    """Unsubscribe from a game's broadcasts."""

    game_id: Uuid
