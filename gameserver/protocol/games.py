"""Creating, opening, updating and closing games, and their details (protocol, "Game sources and games")."""

from decimal import Decimal
from typing import ClassVar, Self

import msgspec

from gameserver.domain.money import DEFAULT_CURRENCY
from gameserver.domain.targets import TargetNode
from gameserver.errors import ErrorCode, invalid
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.events import BetPoolResolved
from gameserver.protocol.fields import (
    ChatChoice,
    Currency,
    DisplayMillis,
    Flag,
    GameType,
    ImageUrl,
    Label,
    Millis,
    Names,
    PageSize,
    Scores,
    Title,
    Uuid,
)
from gameserver.protocol.labels import ContentsRequest, LabelsChanged
from gameserver.protocol.match_clock import ClockReading
from gameserver.protocol.steering import BettingInPoolBlocked


class ActionNode(msgspec.Struct, frozen=True):
    """An action as a game's details show it."""

    name: str


class NewGameMessage(Message, frozen=True, kw_only=True):
    """A game that has been created or opened, with its actions and nested targets."""

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
class GameCreatedAndOpened(NewGameMessage, tag=340, frozen=True):
    """The game has been created and opened: betting pools can now be opened for it."""


class NewGame(ContentsRequest, frozen=True, kw_only=True):
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
    scores: Scores | None = None
    chat: ChatChoice = "all"

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


@message
class GameCreated(NewGameMessage, tag=3401, frozen=True):
    """The game has been created: it is upcoming until it is opened."""


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
class GameOpened(NewGameMessage, tag=3402, frozen=True):
    """The upcoming game is open."""


@operation(
    by=Role.SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameOpened],
    broadcasts=[GameOpened],
    errors=[ErrorCode.GAME_CLOSED, ErrorCode.CONFLICT],
)
class OpenGame(ContentsRequest, tag=3702, frozen=True):
    """Open an upcoming game."""

    game_id: Uuid


class PastEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a game; ``pools`` are the ids of those it ended, ``paid`` what their bets were paid.

    ``voided_at`` and ``reason`` are present if voided events are asked for. Of a resolution by hand, the target is the
    winner; of several, ``target_id`` is null, and ``target_display_name`` names them all.
    """

    happened_at: int
    registered_at: int
    target_id: str | None
    target_display_name: str
    action_id: str
    description: str | None
    external_id: str | None
    pools: list[str]
    paid: Decimal
    voided_at: int | msgspec.UnsetType | None = msgspec.UNSET
    reason: str | msgspec.UnsetType | None = msgspec.UNSET


@message
class GameDetails(Message, tag=342, frozen=True):
    """The details of a game.

    ``past_events`` is newest first; ``game_state`` maps action id to target id to count, ancestors included. Where a
    message could not hold it all, older events are left out, then counts of the targets added last. ``scores`` maps
    action id to points, ``score`` root target id to points; it is null where no action scores. The broadcast is
    ``partial``: it has no past events, and a client keeps those it has. ``held_at`` is since when betting in all
    pools of the game is held; null if it is not. The reply alone has ``epoch``, as in 333.
    """

    cuts: ClassVar[tuple[str, ...]] = ("past_events",)

    game_id: str
    name: str
    game_name: str
    source_id: str
    source_name: str
    status: str
    type: str
    currency: str
    currency_decimals: int
    hashtag: str | None
    image_url: str | None
    actions: dict[str, ActionNode]
    targets: dict[str, TargetNode]
    open_at: int
    live_start_at: int
    live_finish_at: int | None
    close_at: int | None
    closed_at: int | None
    cancelled_at: int | None
    held_at: int | None
    past_events: dict[str, PastEvent]
    game_state: dict[str, dict[str, int]]
    scores: dict[str, int]
    score: dict[str, int] | None
    clock: ClockReading | None
    chat: str
    seq: int
    epoch: str | msgspec.UnsetType = msgspec.UNSET
    subscribers: int | msgspec.UnsetType = msgspec.UNSET
    partial: bool | msgspec.UnsetType = msgspec.UNSET

    def cut(self, share: float) -> Self:
        """Leave out events first, then counts."""
        if self.past_events or not any(self.game_state.values()):
            return super().cut(share)
        counts = {action: first_part(counts, share) for action, counts in self.game_state.items() if counts}
        return msgspec.structs.replace(self, game_state=counts)


@operation(by=Role.USER, kind=Kind.READ, replies=[GameDetails], errors=[ErrorCode.NOT_FOUND], for_views=True)
class GetGameDetails(Request, tag=372, frozen=True):
    """Read a game's details with its newest ``limit`` events, or those older than the event ``before``.

    ``with_voided`` adds voided events, and the resolutions of pools by hand.
    """

    game_id: Uuid
    limit: PageSize = 100
    before: Uuid | None = None
    with_voided: Flag = False


@message
class GameDetailsUpdated(Message, tag=343, frozen=True):
    """The game has been updated."""

    game_id: str


@operation(
    by=Role.GAME_OR_SOURCE_ADMIN,
    kind=Kind.WRITE,
    replies=[GameDetailsUpdated],
    broadcasts=[GameDetails, LabelsChanged],
    errors=[ErrorCode.GAME_CLOSED, ErrorCode.CONFLICT],
)
class UpdateGameDetails(ContentsRequest, tag=373, frozen=True):
    """Add actions and targets to a game, and change what is given; ``clear`` names what gets its default again.

    Nothing is removed, and ids never change. ``open_at`` can be changed until it has come; a later ``close_at``
    postpones the close. Where labels alone change, 3422 is broadcast instead of 342.
    """

    game_id: Uuid
    game_name: Title | None = None
    hashtag: Label | None = None
    image_url: ImageUrl | None = None
    open_at: DisplayMillis | None = None
    close_at: Millis | None = None
    live_start_at: DisplayMillis | None = None
    live_finish_at: DisplayMillis | None = None
    scores: Scores | None = None
    chat: ChatChoice | None = None
    clear: Names = ""


@message
class GameClosed(Message, tag=341, frozen=True, omit_defaults=True):
    """The game is closed, ``cancelled`` if it was called off; its subscriptions end."""

    for_watchers: ClassVar[bool] = True
    ends_subscriptions: ClassVar[bool] = True

    game_id: str
    cancelled: bool = False
    reason: str | msgspec.UnsetType | None = msgspec.UNSET


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
