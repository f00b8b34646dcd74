"""Registering events, and previewing what that would do (protocol, "Events and settlement")."""

from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.money import to_units
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.parimutuel import Split
from gameserver.domain.scores import with_event
from gameserver.domain.targets import target_key
from gameserver.engine.closing import close_if_nothing_remains
from gameserver.engine.context import Change, Reading
from gameserver.engine.endings import end_pools
from gameserver.engine.event_drafts import draft_action, draft_of, require_past, require_within_pool, shown_event
from gameserver.engine.events import EventDraft, count, resolutions_of
from gameserver.engine.preconditions import require_running, require_unresolved
from gameserver.engine.recreation import recreated
from gameserver.engine.resolutions import draft_resolution, parse_winners
from gameserver.engine.settlement import (
    Resolution,
    amounts_by_user,
    plan_settlement,
    shown_winners,
    target_keys,
)
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.events import (
    EventParameters,
    GameEventPreview,
    NewGameEvent,
    PreviewedPool,
    PreviewGameEvent,
    RegisterGameEvent,
)
from gameserver.storage.events import Event, find_event_of_feed, insert_event
from gameserver.storage.games import Game, get_game
from gameserver.storage.pools import Pool, find_pool_target, get_pool, list_all_open_pools
from gameserver.storage.scores import get_points, get_score

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
    require_past(happened_at, reading.now_ms)
    if request.pool_id is not None:
        return _draft_resolution(reading, request, request.pool_id, happened_at, names.target_id)
    assert request.game_id is not None
    assert names.action_key is not None
    game = reading.game(request, request.game_id)
    new = _new_event(reading, request, game.id, happened_at)
    draft = draft_action(reading, game, new, names.action_key, names.target_id)
    require_running(game, reading.now_ms)
    return draft


def _new_event(reading: Reading, request: EventParameters, game_id: int, happened_at: int) -> Event:
    return Event(
        id=0,
        uuid="",
        game_id=game_id,
        action_id=None,
        target_id=None,
        pool_id=None,
        pool_target=None,
        description=request.description,
        happened_at=happened_at,
        registered_at=reading.now_ms,
        voided_at=None,
        external_id=request.external_id,
    )


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
    require_unresolved(pool)
    require_within_pool(pool, happened_at)
    event = _new_event(reading, request, pool.game_id, happened_at)._replace(pool_id=pool.id, pool_target=key)
    return EventDraft(get_game(reading.connection, pool.game_id), event, [], "", pool, label)


def register_game_event(change: Change, request: RegisterGameEvent, names: _EventNames) -> NewGameEvent:
    """Register an event, and end every pool it resolves in the same transaction."""
    known = _registered_before(change, request)
    if known is not None:
        change.repeated = True
        return _event_message(change, known)
    draft = _draft_event(change, request, names)
    event = insert_event(change.connection, draft.event)
    draft = draft._replace(event=event)
    if event.action_id is not None:
        count(change, draft.game, event, draft.path, 1)
    registered = _event_message(change, draft)
    change.publish(draft.game, registered)
    end_pools(change, draft.game, resolutions_of(change, draft))
    close_if_nothing_remains(change, draft.game)
    return registered


def _registered_before(reading: Reading, request: RegisterGameEvent) -> EventDraft | None:
    """The event of the game that has the id of a feed; None if there is none. Raises ``conflict`` if it is voided."""
    if request.external_id is None:
        return None
    if request.pool_id is not None:
        game = get_game(reading.connection, reading.pool(request, request.pool_id).game_id)
    else:
        assert request.game_id is not None
        game = reading.game(request, request.game_id)
    event = find_event_of_feed(reading.connection, game.id, request.external_id)
    if event is None:
        return None
    if event.voided_at is not None:
        text = f"the event with this external_id was voided ({event.uuid}); give an event that replaces it another one"
        raise Rejected(ErrorCode.CONFLICT, text, "external_id", event_id=event.uuid)
    if event.pool_id is not None and event.pool_target is not None:
        pool = get_pool(reading.connection, event.pool_id)
        label = find_pool_target(reading.connection, pool.id, event.pool_target)
        return EventDraft(game, event, [], "", pool, label)
    return draft_of(reading, game, event)


def _event_message(reading: Reading, draft: EventDraft) -> NewGameEvent:
    event = draft.event
    if draft.pool is not None and draft.label is not None:
        return NewGameEvent(
            event_id=event.uuid,
            game_id=draft.game.uuid,
            pool_id=draft.pool.uuid,
            target_id=draft.label.key,
            external_id=event.external_id,
            happened_at=event.happened_at,
            registered_at=event.registered_at,
        )
    return NewGameEvent(**shown_event(reading, draft)._asdict())


def preview_game_event(reading: Reading, request: PreviewGameEvent) -> GameEventPreview:
    """Compute what registering the event would do, without doing it."""
    game, resolutions, score = _previewed(reading, request)
    open_pools = list_all_open_pools(reading.connection, game.id)
    free_slots = reading.settings.max_open_pools - len(open_pools)
    asking = recreated(reading, game, [pool for pool, _ in resolutions])
    pools = {}
    for pool, resolution in resolutions:
        free_slots += 1
        is_recreated = pool.id in asking and free_slots > 0
        free_slots -= is_recreated
        pools[pool.uuid] = _preview(reading, pool, resolution, recreated=is_recreated)
    return GameEventPreview(
        pools=pools,
        untouched=[pool.uuid for pool in open_pools if pool.uuid not in pools],
        score=score,
    )


def _score_after(reading: Reading, draft: EventDraft) -> dict[str, int] | None:
    """The score as the event would leave it."""
    score = get_score(reading.connection, draft.game.id)
    if score is None or draft.event.action_id is None:
        return score
    return with_event(score, draft.path[0].id, get_points(reading.connection, draft.event.action_id))


def _previewed(
    reading: Reading, request: PreviewGameEvent
) -> tuple[Game, list[tuple[Pool, Resolution]], dict[str, int] | None]:
    """The game, how the request would resolve pools of it, and the score as it would be."""
    event = request.event
    if event is not None:
        names = parse_names(event, reading.settings)
        known = _registered_before(reading, event)
        if known is not None:
            return known.game, [], get_score(reading.connection, known.game.id)
        draft = _draft_event(reading, event, names)
        return draft.game, resolutions_of(reading, draft), _score_after(reading, draft)
    assert request.pool_id is not None
    assert request.winners is not None
    keys = parse_winners(request.winners, reading.settings)
    split = Split(request.split or Split.PROFIT)
    manual = draft_resolution(reading, request, request.pool_id, keys, request.happened_at, split)
    game = get_game(reading.connection, manual.pool.game_id)
    return game, [(manual.pool, manual.resolution)], get_score(reading.connection, game.id)


def _preview(reading: Reading, pool: Pool, resolution: Resolution, *, recreated: bool) -> PreviewedPool:
    plan = plan_settlement(reading, pool, resolution)
    winners, losers = plan.winners, plan.losers
    return PreviewedPool(
        **shown_winners(target_keys(reading, pool), resolution.winners, plan.divisions)._asdict(),
        is_money_return=plan.is_money_return,
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
