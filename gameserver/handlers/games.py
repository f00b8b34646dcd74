"""Creating, opening, updating and closing games (protocol, "Game sources and games")."""

from typing import NamedTuple, TypeVar

import msgspec

from gameserver.config import Settings
from gameserver.domain.names import hashtag, parse_actions, too_many_actions
from gameserver.domain.targets import Path, build_tree, missing_rows, parse_targets
from gameserver.engine.closing import close, manual_pools_remain
from gameserver.engine.context import Change, Reading
from gameserver.engine.details import action_nodes, details_broadcast
from gameserver.engine.preconditions import require_not_closed, require_source_open
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.codec import body_size
from gameserver.protocol.declare import ErrorReply
from gameserver.protocol.games import (
    CloseGame,
    CreateAndOpenGame,
    CreateGame,
    GameClosed,
    GameCreated,
    GameCreatedAndOpened,
    GameDetails,
    GameDetailsUpdated,
    GameOpened,
    NewGame,
    OpenedGame,
    OpenGame,
    UpdateGameDetails,
)
from gameserver.storage.games import (
    Game,
    NewGameRow,
    get_game,
    insert_game,
    update_game_opened,
    update_image_url,
)
from gameserver.storage.schedule import TimerKind, insert_timer
from gameserver.storage.targets import (
    insert_actions,
    insert_target_rows,
    list_actions,
    list_target_rows,
    next_target_number,
)

# The size of a target's object whose names are empty.
_LEAST_NODE_BYTES = len('"":{"symbol":"","display_name":"","targets":{}},')

OpenedT = TypeVar("OpenedT", bound=OpenedGame)


class _Contents(NamedTuple):
    """The actions and targets that a request adds to a game."""

    actions: dict[str, str]
    targets: list[Path]


def parse_contents(request: CreateAndOpenGame | OpenGame | UpdateGameDetails, settings: Settings) -> _Contents:
    """The actions and targets that the parameters spell. Raises `Rejected` for more than a game may have."""
    limit = settings.max_targets
    contents = _Contents(
        parse_actions(request.actions, "actions", settings.max_actions),
        parse_targets(request.targets, "targets", settings.max_target_depth, limit),
    )
    # Counting exactly is worth it only near the limit.
    if sum(map(len, contents.targets)) >= limit and len(missing_rows([], contents.targets, 1)) > limit:
        raise _too_many_targets(settings)
    if len(contents.targets) * _LEAST_NODE_BYTES > settings.max_details_bytes:
        raise _details_too_long(settings)
    return contents


def _add_contents(change: Change, game_id: int, contents: _Contents) -> None:
    """Add what the game does not have yet, and ``none``. Raises ``invalid_parameter`` beyond a game's limits."""
    connection, settings = change.connection, change.settings
    if len(list_actions(connection, game_id) | contents.actions) > settings.max_actions:
        raise too_many_actions("actions", settings.max_actions)
    existing = list_target_rows(connection, game_id)
    added = missing_rows(existing, contents.targets, next_target_number(connection))
    if len(existing) + len(added) > settings.max_targets:
        raise _too_many_targets(settings)
    insert_target_rows(connection, game_id, added)
    insert_actions(connection, game_id, contents.actions)


def _too_many_targets(settings: Settings) -> Rejected:
    text = f"a game may have at most {settings.max_targets} targets, implied ancestors and 'none' included"
    return invalid("targets", text)


def _require_details_fit(change: Change, details: OpenedGame | GameDetails) -> None:
    """Raise ``invalid_parameter`` if a game's details are longer than they may be."""
    if body_size(details) > change.settings.max_details_bytes:
        raise _details_too_long(change.settings)


def _details_too_long(settings: Settings) -> Rejected:
    text = f"a game's details may have at most {settings.max_details_bytes} bytes; send fewer actions and targets"
    return invalid("targets", text)


def _opened(kind: type[OpenedT], reading: Reading, game: Game) -> OpenedT:
    """A game that opens, as a message of that type."""
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
        targets=build_tree(list_target_rows(reading.connection, game.id)),
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


def create_and_open_game(change: Change, request: CreateAndOpenGame, contents: _Contents) -> GameCreatedAndOpened:
    """Create a game that is open at once."""
    _check_close_at(request, change.now_ms)
    game = _insert_game(change, request, opened=True)
    _add_contents(change, game.id, contents)
    opened = _opened(GameCreatedAndOpened, change, game)
    _require_details_fit(change, opened)
    change.publish(game, opened)
    return opened


def create_game(change: Change, request: CreateGame) -> GameCreated:
    """Create an upcoming game."""
    _check_close_at(request, change.now_ms)
    game = _insert_game(change, request, opened=False)
    created = GameCreated(
        source_id=game.source_uuid,
        game_id=game.uuid,
        game_name=game.name,
        type=game.type,
        open_at=game.open_at,
        live_start_at=game.live_start_at,
        live_finish_at=game.live_finish_at,
        close_at=game.close_at,
        hashtag=game.hashtag,
    )
    change.publish(game, created)
    return created


def open_game(change: Change, request: OpenGame, contents: _Contents) -> GameOpened:
    """Open an upcoming game."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    if game.opened_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this game is already open")
    update_game_opened(change.connection, game.id, change.now_ms)
    _add_contents(change, game.id, contents)
    opened = _opened(GameOpened, change, game)
    _require_details_fit(change, opened)
    change.publish(game, opened)
    return opened


def update_game_details(change: Change, request: UpdateGameDetails, contents: _Contents) -> GameDetailsUpdated:
    """Add to a game's actions and targets, or change its image, and broadcast its details."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    if contents.actions or contents.targets:
        _add_contents(change, game.id, contents)
    if request.image_url is not None:
        update_image_url(change.connection, game.id, request.image_url)
    details = details_broadcast(change, get_game(change.connection, game.id))
    if contents.actions or contents.targets:
        _require_details_fit(change, msgspec.structs.replace(details, game_state={}))
    change.publish(game, details)
    return GameDetailsUpdated(game_id=game.uuid)


def close_game(change: Change, request: CloseGame) -> GameClosed | ErrorReply:
    """Close a game, as far as its binary pools let it."""
    game = change.game(request, request.game_id)
    require_not_closed(game)
    remaining = close(change, game)
    return manual_pools_remain(request, remaining) if remaining else GameClosed(game_id=game.uuid)
