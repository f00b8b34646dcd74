"""Registering events, and previewing what that would do (protocol, "Events and settlement")."""

from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.money import to_units
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.targets import NONE_ID, path_id, target_key
from gameserver.engine.closing import close_if_nothing_remains
from gameserver.engine.context import DAY_MS, Change, Reading
from gameserver.engine.details import counts_of
from gameserver.engine.events import EventDraft, resolutions_of
from gameserver.engine.pools import require_action
from gameserver.engine.preconditions import require_running, require_unresolved
from gameserver.engine.settlement import (
    Resolution,
    amounts_by_user,
    end_pool,
    is_recreated,
    plan_settlement,
    target_name,
)
from gameserver.errors import invalid
from gameserver.protocol.events import (
    EventParameters,
    GameEventPreview,
    NewGameEvent,
    PreviewedPool,
    PreviewGameEvent,
    RegisterGameEvent,
)
from gameserver.storage.events import Event, count_event, insert_event
from gameserver.storage.games import Game, get_game
from gameserver.storage.pools import Pool, find_pool_target, list_all_open_pools
from gameserver.storage.targets import find_target_path, has_children

MAX_PREVIEWED = 100  # winners, and losers, of a pool


class _EventNames(NamedTuple):
    """The ids that a request names: an action (None where it resolves a pool by hand), and a target or label."""

    action_key: str | None
    target_id: str


def parse_names(request: EventParameters, settings: Settings) -> _EventNames:
    """The ids that the parameters spell. Raises `Rejected`."""
    target_id = target_key(request.target_id, "target_id", settings.max_target_depth)
    if request.pool_id is not None:
        return _EventNames(None, target_id)
    assert request.action_id is not None
    return _EventNames(action_key_of(request.action_id, "action_id"), target_id)


def _draft_event(reading: Reading, request: EventParameters, names: _EventNames) -> EventDraft:
    """The event that the request describes. Raises `Rejected`."""
    happened_at = reading.now_ms if request.happened_at is None else request.happened_at
    if happened_at > reading.now_ms:
        raise invalid("happened_at", f"happened_at must not be in the future; now is {reading.now_ms}")
    if request.pool_id is not None:
        return _draft_resolution(reading, request, request.pool_id, happened_at, names.target_id)
    action_key, target_id = names
    assert request.game_id is not None
    assert action_key is not None
    game = reading.game(request, request.game_id)
    _require_after_creation(game, happened_at)
    action_row = require_action(reading, game, action_key)
    path = find_target_path(reading.connection, game.id, target_id)
    if not path or target_id == NONE_ID or has_children(reading.connection, path[-1]):
        text = "target_id must be a target of this game that has no targets below it, and not 'none'"
        raise invalid("target_id", text)
    require_running(game, reading.now_ms)
    event = Event(
        0, "", game.id, action_row, path[-1].number, None, None, request.description, happened_at, reading.now_ms, None
    )
    return EventDraft(game, event, path, action_key, None, None)


def _require_after_creation(game: Game, happened_at: int) -> None:
    """Raise ``invalid_parameter`` for an event so long before the game that it must be a mistake."""
    if happened_at < game.created_at - DAY_MS:
        text = f"happened_at must not be more than a day before the game was created ({game.created_at})"
        raise invalid("happened_at", text)


def _draft_resolution(
    reading: Reading, request: EventParameters, pool_uuid: str, happened_at: int, key: str
) -> EventDraft:
    """The resolution of a binary pool by hand that the request describes. Raises `Rejected`."""
    pool = reading.pool(request, pool_uuid)
    if not pool.type.is_binary:
        raise invalid("pool_id", "pool_id must name a binary pool; parimutuel pools are resolved by events")
    if request.game_id not in (None, pool.game_uuid):
        raise invalid("game_id", "game_id must be the game of this pool, or left out")
    label = find_pool_target(reading.connection, pool.id, key)
    if label is None:
        raise invalid("target_id", f"target_id must be one of the two labels of this pool, not {key[:80]!r}")
    if happened_at < pool.start_at:
        raise invalid("happened_at", f"happened_at must not be earlier than the pool's start_at ({pool.start_at})")
    require_unresolved(pool)
    event = Event(0, "", pool.game_id, None, None, pool.id, key, request.description, happened_at, reading.now_ms, None)
    return EventDraft(get_game(reading.connection, pool.game_id), event, [], "", pool, label)


def register_game_event(change: Change, request: RegisterGameEvent, names: _EventNames) -> NewGameEvent:
    """Register an event, and end every pool it resolves in the same transaction."""
    draft = _draft_event(change, request, names)
    event = insert_event(change.connection, draft.event)
    draft = draft._replace(event=event)
    if event.action_id is not None:
        count_event(change.connection, event.game_id, event.action_id, [row.number for row in draft.path], 1)
    registered = _event_message(change, draft)
    change.publish(draft.game, registered)
    for pool, resolution in resolutions_of(change, draft):
        end_pool(change, pool, resolution)
    close_if_nothing_remains(change, draft.game.id)
    return registered


def _event_message(reading: Reading, draft: EventDraft) -> NewGameEvent:
    event = draft.event
    if draft.pool is not None and draft.label is not None:
        return NewGameEvent(
            event_id=event.uuid,
            pool_id=draft.pool.uuid,
            target_id=draft.label.key,
            happened_at=event.happened_at,
            registered_at=event.registered_at,
        )
    assert event.action_id is not None
    return NewGameEvent(
        event_id=event.uuid,
        game_id=draft.game.uuid,
        action_id=draft.action_key,
        target_id=path_id(row.id for row in draft.path),
        target_display_name=draft.path[-1].display_name,
        description=event.description,
        current_count=counts_of(reading, event.game_id, event.action_id).get(draft.action_key, {}),
        happened_at=event.happened_at,
        registered_at=event.registered_at,
    )


def preview_game_event(reading: Reading, request: PreviewGameEvent) -> GameEventPreview:
    """Compute what registering the event would do, without doing it."""
    draft = _draft_event(reading, request, parse_names(request, reading.settings))
    game = draft.game
    open_pools = list_all_open_pools(reading.connection, game.id)
    free_slots = reading.settings.max_open_pools - len(open_pools)
    pools = {}
    for pool, resolution in resolutions_of(reading, draft):
        free_slots += 1
        recreated = is_recreated(game, pool, resolution) and free_slots > 0
        free_slots -= recreated
        pools[pool.uuid] = _preview(reading, pool, resolution, recreated=recreated)
    return GameEventPreview(pools=pools, untouched=[pool.uuid for pool in open_pools if pool.uuid not in pools])


def _preview(reading: Reading, pool: Pool, resolution: Resolution, *, recreated: bool) -> PreviewedPool:
    plan = plan_settlement(reading, pool, resolution)
    winners, losers = plan.winners, plan.losers
    return PreviewedPool(
        winning_target=target_name(reading, pool, resolution.position),
        is_money_return=plan.is_money_return,
        price=plan.price,
        paid=to_units(sum(plan.staked.values()) - plan.takeout, pool.currency),
        takeout=to_units(plan.takeout, pool.currency),
        winners_count=len(winners),
        losers_count=len(losers),
        late_bets=len(plan.late),
        late_amount=to_units(sum(bet.amount for bet in plan.late), pool.currency),
        winners=amounts_by_user(winners, pool.currency, MAX_PREVIEWED),
        losers=amounts_by_user(losers, pool.currency, MAX_PREVIEWED),
        recreated=recreated,
    )
