"""Registering what happened, and seeing beforehand what that would do (contract, section 6)."""

from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.money import to_units
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.pools import UnlistedTarget
from gameserver.domain.targets import NONE_ID, TargetRow, path_id
from gameserver.errors import invalid
from gameserver.handlers.betting import target_key
from gameserver.handlers.closing import close_if_nothing_remains
from gameserver.handlers.context import Change, Reading
from gameserver.handlers.details import counts_of
from gameserver.handlers.pools import require_action
from gameserver.handlers.registry import DAY_MS, handles
from gameserver.handlers.settlement import Ending, end_pool, is_recreated, none_position, plan, shown, target_name
from gameserver.handlers.states import require_running, require_unresolved
from gameserver.protocol.events import (
    EventParameters,
    GameEventPreview,
    NewGameEvent,
    PreviewedPool,
    PreviewGameEvent,
    RegisterGameEvent,
)
from gameserver.storage.events import Event, NewEventRow, count_event, insert_event
from gameserver.storage.games import Game, get_game
from gameserver.storage.pools import Pool, PoolTarget, find_pool_target, list_all_open_pools, list_open_pools_of_action
from gameserver.storage.targets import find_target_path, has_children

MOST_PREVIEWED = 100  # winners, and losers, of a pool


class Happening(NamedTuple):
    """What a request says has happened, checked: an action by the last target of a path, or a pool's end."""

    game: Game
    event: Event
    path: list[TargetRow]
    action_key: str
    pool: Pool | None
    label: PoolTarget | None


class _Named(NamedTuple):
    """What a request names, by id: an action (of a pool's own end: none) and a target or label."""

    action_key: str | None
    target_id: str


def _parse_names(request: EventParameters, settings: Settings) -> _Named:
    target_id = target_key(request.target_id, "target_id", settings)
    if request.pool_id is not None:
        return _Named(None, target_id)
    assert request.action_id is not None
    return _Named(action_key_of(request.action_id, "action_id"), target_id)


def _read_happening(reading: Reading, request: EventParameters, named: _Named) -> Happening:
    happened_at = reading.now_ms if request.happened_at is None else request.happened_at
    if happened_at > reading.now_ms:
        raise invalid("happened_at", f"happened_at must not be in the future; now is {reading.now_ms}")
    if request.pool_id is not None:
        return _read_manual(reading, request, request.pool_id, happened_at, named.target_id)
    action_key, target_id = named
    assert request.game_id is not None
    assert action_key is not None
    game = reading.game(request, request.game_id)
    _require_in_its_life(game, happened_at)
    action_row = require_action(reading, game, action_key)
    path = find_target_path(reading.connection, game.id, target_id)
    if not path or target_id == NONE_ID or has_children(reading.connection, path[-1]):
        text = "target_id must be a target of this game without others below it, and not 'none'"
        raise invalid("target_id", text)
    require_running(game, reading.now_ms)
    event = Event(
        0, "", game.id, action_row, path[-1].number, None, None, request.description, happened_at, reading.now_ms, None
    )
    return Happening(game, event, path, action_key, None, None)


def _require_in_its_life(game: Game, happened_at: int) -> None:
    """Raise ``invalid_parameter`` for what happened before a game that can only be registered by mistake."""
    if happened_at < game.created_at - DAY_MS:
        text = f"happened_at must not be more than a day before the game was created ({game.created_at})"
        raise invalid("happened_at", text)


def _read_manual(reading: Reading, request: EventParameters, pool_uuid: str, happened_at: int, key: str) -> Happening:
    pool = reading.pool(request, pool_uuid)
    if not pool.type.is_binary:
        raise invalid("pool_id", "pool_id must name a binary pool; parimutuel pools are resolved by events")
    if request.game_id not in (None, pool.game_uuid):
        raise invalid("game_id", "game_id is not the game of this pool; it may be left out")
    label = find_pool_target(reading.connection, pool.id, key)
    if label is None:
        raise invalid("target_id", f"target_id names none of the two labels of this pool: {key[:80]!r}")
    if happened_at < pool.start_at:
        raise invalid("happened_at", f"happened_at must not be before the pool's start_at ({pool.start_at})")
    require_unresolved(pool)
    event = Event(0, "", pool.game_id, None, None, pool.id, key, request.description, happened_at, reading.now_ms, None)
    return Happening(get_game(reading.connection, pool.game_id), event, [], "", pool, label)


def concerns(pool: Pool, happened_at: int) -> bool:
    """Whether something that happened then falls into the pool's time."""
    return pool.start_at <= happened_at and (pool.finish_at is None or happened_at < pool.finish_at)


def ending_by(reading: Reading, pool: Pool, event: Event, path: list[TargetRow]) -> Ending | None:
    """How an event by the last target of ``path`` ends a pool on its action; None if it stays open."""
    if not concerns(pool, event.happened_at):
        return None
    if pool.target_level <= len(path):
        held = path_id(row.id for row in path[: pool.target_level])
        target = find_pool_target(reading.connection, pool.id, held)
        if target is not None:
            return Ending("event", target.position, event)
    if pool.unlisted_target is UnlistedTarget.STAY_OPEN:
        return None
    if pool.unlisted_target is UnlistedTarget.REFUND:
        return Ending("event", None, event)
    return Ending("event", none_position(reading, pool), event)


def _endings(reading: Reading, happening: Happening) -> list[tuple[Pool, Ending]]:
    """The pools that end, and how."""
    if happening.pool is not None and happening.label is not None:
        return [(happening.pool, Ending("event", happening.label.position, happening.event))]
    assert happening.event.action_id is not None
    found = []
    for pool in list_open_pools_of_action(reading.connection, happening.event.action_id):
        ending = ending_by(reading, pool, happening.event, happening.path)
        if ending is not None:
            found.append((pool, ending))
    return found


@handles(RegisterGameEvent, _parse_names)
def register_game_event(change: Change, request: RegisterGameEvent, named: _Named) -> NewGameEvent:
    """Register an event, and end every pool it concerns in the same transaction."""
    happening = _read_happening(change, request, named)
    event = insert_event(change.connection, NewEventRow(*happening.event[2:10]))
    happening = happening._replace(event=event)
    told = _told(change, happening)
    change.publish(happening.game, told)
    for pool, ending in _endings(change, happening):
        end_pool(change, pool, ending)
    close_if_nothing_remains(change, happening.game.id)
    return told


def _told(change: Change, happening: Happening) -> NewGameEvent:
    event = happening.event
    if happening.pool is not None and happening.label is not None:
        return NewGameEvent(
            event_id=event.uuid,
            pool_id=happening.pool.uuid,
            target_id=happening.label.key,
            happened_at=event.happened_at,
            registered_at=event.registered_at,
        )
    assert event.action_id is not None
    count_event(change.connection, event.game_id, event.action_id, [row.number for row in happening.path], 1)
    return NewGameEvent(
        event_id=event.uuid,
        game_id=happening.game.uuid,
        action_id=happening.action_key,
        target_id=path_id(row.id for row in happening.path),
        target_display_name=happening.path[-1].display_name,
        description=event.description,
        current_count=counts_of(change, event.game_id, event.action_id).get(happening.action_key, {}),
        happened_at=event.happened_at,
        registered_at=event.registered_at,
    )


@handles(PreviewGameEvent)
def preview_game_event(reading: Reading, request: PreviewGameEvent) -> GameEventPreview:
    """What registering the event would do."""
    happening = _read_happening(reading, request, _parse_names(request, reading.settings))
    game = happening.game
    open_pools = list_all_open_pools(reading.connection, game.id)
    room = reading.settings.max_open_pools - len(open_pools)
    pools = {}
    for pool, ending in _endings(reading, happening):
        room += 1
        recreated = is_recreated(game, pool, ending) and room > 0
        room -= recreated
        pools[pool.uuid] = _preview(reading, pool, ending, recreated=recreated)
    return GameEventPreview(pools=pools, untouched=[pool.uuid for pool in open_pools if pool.uuid not in pools])


def _preview(reading: Reading, pool: Pool, ending: Ending, *, recreated: bool) -> PreviewedPool:
    planned = plan(reading, pool, ending)
    winners, losers = planned.winners, planned.losers
    return PreviewedPool(
        winning_target=target_name(reading, pool, ending.position),
        is_money_return=planned.payout.is_money_return,
        price=planned.price,
        paid=to_units(sum(planned.payout.payouts), pool.currency),
        takeout=to_units(planned.payout.takeout, pool.currency),
        winners_count=len(winners),
        losers_count=len(losers),
        late_bets=len(planned.late),
        late_amount=to_units(sum(bet.amount for bet in planned.late), pool.currency),
        winners=shown(winners, pool.currency, MOST_PREVIEWED),
        losers=shown(losers, pool.currency, MOST_PREVIEWED),
        recreated=recreated,
    )
