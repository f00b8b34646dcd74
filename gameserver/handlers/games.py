"""Creating, opening, updating and closing games (protocol, "Game sources and games")."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from gameserver.config import Settings
from gameserver.domain.names import hashtag
from gameserver.domain.targets import build_tree
from gameserver.engine.closing import close, manual_pools_remain
from gameserver.engine.contents import (
    Contents,
    add_contents,
    parse_cleared,
    parse_contents,
    require_details_fit,
    set_contents,
)
from gameserver.engine.context import Change, Reading
from gameserver.engine.details import action_nodes, details_broadcast, details_of
from gameserver.engine.preconditions import require_not_closed, require_not_closing, require_source_open
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.declare import ErrorReply
from gameserver.protocol.games import (
    CloseGame,
    CreateAndOpenGame,
    CreateGame,
    GameClosed,
    GameCreated,
    GameCreatedAndOpened,
    GameDetailsUpdated,
    GameOpened,
    NewGame,
    NewGameMessage,
    OpenGame,
    UpdateGameDetails,
)
from gameserver.protocol.labels import LabelsChanged
from gameserver.storage.games import (
    Game,
    NewGameRow,
    get_game,
    insert_game,
    update_details,
    update_game_opened,
)
from gameserver.storage.labels import list_labels
from gameserver.storage.schedule import TimerKind, delete_timers, insert_timer
from gameserver.storage.scores import list_scores
from gameserver.storage.targets import list_target_rows

MessageT = TypeVar("MessageT", bound=NewGameMessage)

_TIMES = ("open_at", "close_at", "live_start_at", "live_finish_at")
# What may be cleared of a game, each with its default.
_CLEARED: dict[str, Callable[[Game, int], object]] = {
    "hashtag": lambda game, now_ms: hashtag(game.name),
    "image_url": lambda game, now_ms: None,
    "chat": lambda game, now_ms: "all",
    "open_at": lambda game, now_ms: now_ms,
    "close_at": lambda game, now_ms: None,
    "live_start_at": lambda game, now_ms: now_ms,
    "live_finish_at": lambda game, now_ms: None,
}


def _told(kind: type[MessageT], reading: Reading, game: Game) -> MessageT:
    """A game that is created or opened, as a message of that type."""
    return kind(
        source_id=game.source_uuid,
        game_id=game.uuid,
        actions=action_nodes(reading, game.id),
        game_name=game.name,
        type=game.type,
        open_at=game.open_at,
        live_start_at=game.live_start_at,
        live_finish_at=game.live_finish_at,
        close_at=game.close_at,
        hashtag=game.hashtag,
        targets=build_tree(list_target_rows(reading.connection, game.id), list_labels(reading.connection, game.id)),
    )


def _check_close_at(open_at: int | None, close_at: int | None, now_ms: int, field: str = "close_at") -> None:
    open_at = now_ms if open_at is None else open_at
    if close_at is not None and close_at <= max(open_at, now_ms):
        text = f"close_at ({close_at}) must be later than open_at ({open_at}) and than now ({now_ms})"
        raise invalid(field, text)


def _create(change: Change, request: NewGame, contents: Contents, *, opened: bool) -> Game:
    source = change.source(request, request.source_id)
    now_ms = change.now_ms
    game = insert_game(
        change.connection,
        NewGameRow(
            source_id=source.id,
            name=request.game_name,
            type=request.type,
            currency=request.currency,
            hashtag=hashtag(request.game_name) if request.hashtag is None else request.hashtag,
            image_url=request.image_url,
            created_at=now_ms,
            open_at=now_ms if request.open_at is None else request.open_at,
            live_start_at=now_ms if request.live_start_at is None else request.live_start_at,
            live_finish_at=request.live_finish_at,
            close_at=request.close_at,
            opened_at=now_ms if opened else None,
            chat=request.chat,
        ),
    )
    change.game_id = game.id
    if game.close_at is not None:
        insert_timer(change.connection, game.close_at, TimerKind.CLOSE_GAME, game.id)
    if opened or contents.adds:
        add_contents(change, game.id, contents)
    set_contents(change, game.id, contents)
    require_source_open(source)  # after the names: what is wrong with them is told first
    return game


def _publish(change: Change, game: Game, kind: type[MessageT]) -> MessageT:
    """Tell of a game that is created or opened. Raises ``invalid_parameter`` if it has too much to tell of."""
    message = _told(kind, change, game)
    require_details_fit(change, message)
    if list_scores(change.connection, game.id):  # which only its details show
        require_details_fit(change, details_of(change, game, game.seq))
    change.publish(game, message)
    return message


def create_and_open_game(change: Change, request: CreateAndOpenGame, contents: Contents) -> GameCreatedAndOpened:
    """Create a game that is open at once."""
    _check_close_at(request.open_at, request.close_at, change.now_ms)
    return _publish(change, _create(change, request, contents, opened=True), GameCreatedAndOpened)


def create_game(change: Change, request: CreateGame, contents: Contents) -> GameCreated:
    """Create an upcoming game."""
    _check_close_at(request.open_at, request.close_at, change.now_ms)
    return _publish(change, _create(change, request, contents, opened=False), GameCreated)


def open_game(change: Change, request: OpenGame, contents: Contents) -> GameOpened:
    """Open an upcoming game."""
    game = change.game(request, request.game_id)
    add_contents(change, game.id, contents)
    set_contents(change, game.id, contents)
    require_not_closed(game)
    if game.opened_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this game is already open")
    update_game_opened(change.connection, game.id, change.now_ms)
    return _publish(change, game, GameOpened)


class _Update(NamedTuple):
    """What a request changes of a game: its contents, and its columns, of which some get their default again."""

    contents: Contents
    given: dict[str, object]
    cleared: list[str]

    @property
    def changed(self) -> set[str]:
        """The columns that change."""
        return {*self.given, *self.cleared}


# The parameters that change a column of a game, each with the column.
_COLUMNS = {"game_name": "name", **{name: name for name in ("hashtag", "image_url", "chat", *_TIMES)}}


def parse_update(request: UpdateGameDetails, settings: Settings) -> _Update:
    """What the parameters spell. Raises `Rejected`."""
    contents = parse_contents(request, settings)
    columns = {column: getattr(request, name) for name, column in _COLUMNS.items()}
    given = {column: value for column, value in columns.items() if value is not None}
    has_scores = () if request.scores is None else ("scores",)
    cleared = parse_cleared(request.clear, (*_CLEARED, "scores"), (*given, *has_scores), "clear")
    if "scores" in cleared:
        cleared.remove("scores")
        contents = contents._replace(scores={})
    return _Update(contents, given, cleared)


def update_game_details(change: Change, request: UpdateGameDetails, update: _Update) -> GameDetailsUpdated:
    """Add to a game's actions and targets, or change what is shown of it, and broadcast its details or its labels."""
    game, contents = change.game(request, request.game_id), update.contents
    if contents.adds:
        add_contents(change, game.id, contents)
    labels = set_contents(change, game.id, contents)
    require_not_closed(game)
    if update.changed:
        _update_columns(change, game, update)
    details = details_broadcast(change, get_game(change.connection, game.id))
    if contents.field_at_fault is not None:
        require_details_fit(change, msgspec.structs.replace(details, game_state={}), contents.field_at_fault)
    if contents.only_relabels and not update.changed:
        change.publish(game, LabelsChanged(game_id=game.uuid, labels=labels, action_labels=contents.action_labels))
    else:
        change.publish(game, details)
    return GameDetailsUpdated(game_id=game.uuid)


def _update_columns(change: Change, game: Game, update: _Update) -> None:
    """Change columns of a game, and when it closes. Raises `Rejected` for times that cannot be."""
    now_ms, changed = change.now_ms, update.changed
    new = msgspec.structs.replace(game, **update.given)
    new = msgspec.structs.replace(new, **{column: _CLEARED[column](new, now_ms) for column in update.cleared})
    if "open_at" in changed and game.opened_at is not None and game.open_at <= now_ms:
        text = f"open_at can no longer be changed: it has come ({game.open_at})"
        raise Rejected(ErrorCode.CONFLICT, text, "open_at")
    if changed & {"open_at", "close_at"}:
        require_not_closing(game)
        _check_close_at(new.open_at, new.close_at, now_ms, "close_at" if "close_at" in changed else "open_at")
    is_too_short = new.live_finish_at is not None and new.live_finish_at < new.live_start_at
    if is_too_short and changed & {"live_start_at", "live_finish_at"}:
        field = "live_finish_at" if "live_finish_at" in changed else "live_start_at"
        raise invalid(field, f"live_finish_at must not be before live_start_at ({new.live_start_at})")
    update_details(change.connection, new)
    if new.close_at is None:
        delete_timers(change.connection, game.id, [TimerKind.CLOSE_GAME])
    elif "close_at" in changed:
        insert_timer(change.connection, new.close_at, TimerKind.CLOSE_GAME, game.id)


def close_game(change: Change, request: CloseGame) -> GameClosed | ErrorReply:
    """Close a game, as far as its binary pools let it."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    remaining = close(change, game)
    return manual_pools_remain(request, remaining) if remaining else GameClosed(game_id=game.uuid)
