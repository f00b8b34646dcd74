"""Creating, opening, updating and closing games (protocol, "Game sources and games")."""

from typing import TypeVar

import msgspec

from gameserver.domain.names import hashtag
from gameserver.domain.targets import build_tree
from gameserver.engine.closing import close, manual_pools_remain
from gameserver.engine.contents import Contents, add_contents, require_details_fit, set_contents
from gameserver.engine.context import Change, Reading
from gameserver.engine.details import action_nodes, details_broadcast
from gameserver.engine.preconditions import require_not_closed, require_source_open
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
    update_game_opened,
    update_image_url,
)
from gameserver.storage.labels import list_labels
from gameserver.storage.schedule import TimerKind, insert_timer
from gameserver.storage.targets import list_target_rows

MessageT = TypeVar("MessageT", bound=NewGameMessage)


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


def _check_close_at(request: NewGame, now_ms: int) -> None:
    open_at = now_ms if request.open_at is None else request.open_at
    if request.close_at is not None and request.close_at <= max(open_at, now_ms):
        text = f"close_at must be later than open_at ({open_at}) and than now ({now_ms})"
        raise invalid("close_at", text)


def _insert_game(change: Change, request: NewGame, *, opened: bool) -> Game:
    source = change.source(request, request.source_id)
    require_source_open(source)
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
        ),
    )
    change.game_id = game.id
    if game.close_at is not None:
        insert_timer(change.connection, game.close_at, TimerKind.CLOSE_GAME, game.id)
    return game


def _publish(change: Change, game: Game, kind: type[MessageT]) -> MessageT:
    """Tell of a game that is created or opened. Raises ``invalid_parameter`` if it has too much to tell of."""
    message = _told(kind, change, game)
    require_details_fit(change, message)
    change.publish(game, message)
    return message


def create_and_open_game(change: Change, request: CreateAndOpenGame, contents: Contents) -> GameCreatedAndOpened:
    """Create a game that is open at once."""
    _check_close_at(request, change.now_ms)
    game = _insert_game(change, request, opened=True)
    add_contents(change, game.id, contents)
    set_contents(change, game.id, contents)
    return _publish(change, game, GameCreatedAndOpened)


def create_game(change: Change, request: CreateGame, contents: Contents) -> GameCreated:
    """Create an upcoming game."""
    _check_close_at(request, change.now_ms)
    game = _insert_game(change, request, opened=False)
    if contents.adds:
        add_contents(change, game.id, contents)
    set_contents(change, game.id, contents)
    return _publish(change, game, GameCreated)


def open_game(change: Change, request: OpenGame, contents: Contents) -> GameOpened:
    """Open an upcoming game."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    if game.opened_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this game is already open")
    update_game_opened(change.connection, game.id, change.now_ms)
    add_contents(change, game.id, contents)
    set_contents(change, game.id, contents)
    return _publish(change, game, GameOpened)


def update_game_details(change: Change, request: UpdateGameDetails, contents: Contents) -> GameDetailsUpdated:
    """Add to a game's actions and targets, or change what is shown of it, and broadcast its details or its labels."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    if contents.adds:
        add_contents(change, game.id, contents)
    labels = set_contents(change, game.id, contents)
    if request.image_url is not None:
        update_image_url(change.connection, game.id, request.image_url)
    details = details_broadcast(change, get_game(change.connection, game.id))
    if contents.field_at_fault is not None:
        require_details_fit(change, msgspec.structs.replace(details, game_state={}), contents.field_at_fault)
    if contents.field_at_fault == "labels" and request.image_url is None:
        change.publish(game, LabelsChanged(game_id=game.uuid, labels=labels, action_labels=contents.action_labels))
    else:
        change.publish(game, details)
    return GameDetailsUpdated(game_id=game.uuid)


def close_game(change: Change, request: CloseGame) -> GameClosed | ErrorReply:
    """Close a game, as far as its binary pools let it."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    remaining = close(change, game)
    return manual_pools_remain(request, remaining) if remaining else GameClosed(game_id=game.uuid)
