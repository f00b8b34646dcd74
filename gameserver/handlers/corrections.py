"""Taking back what was settled: voided events and pools, by compensating transfers (protocol, "Corrections")."""

from typing import NamedTuple

import msgspec

from gameserver.config import Settings
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.pools import PoolStatus
from gameserver.domain.targets import path_id, target_key
from gameserver.engine.closing import close_if_nothing_remains
from gameserver.engine.context import Change, Reading
from gameserver.engine.correction_previews import preview_corrections
from gameserver.engine.corrections import (
    REOPENED,
    VOIDED,
    carry_out,
    overdrawn,
    plan_corrections,
    publish_reopened,
    void_and_publish,
)
from gameserver.engine.details import counts_of_action
from gameserver.engine.endings import end_pools
from gameserver.engine.event_drafts import draft_action, draft_of, require_past, shown_event
from gameserver.engine.events import EventDraft, count
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.correction_previews import PreviewVoidGameEvent, VoidGameEventPreview
from gameserver.protocol.corrections import (
    AmendGameEvent,
    BettingPoolVoided,
    GameEventAmended,
    GameEventVoided,
    VoidBettingPool,
    VoidGameEvent,
)
from gameserver.storage.bets import list_bettors_of_pools
from gameserver.storage.events import Event, find_any_event, find_event, insert_event, update_event_voided
from gameserver.storage.games import Game, find_game, get_game
from gameserver.storage.pools import list_versions
from gameserver.storage.scores import get_score
from gameserver.storage.targets import get_action_key, get_target_path


def void_game_event(change: Change, request: VoidGameEvent) -> GameEventVoided:
    """Void an event, and take back every settlement it caused; its pools reopen where they still can."""
    game = find_game(change.connection, request.game_id)
    if game is None:
        raise not_found("game_id", "game")
    event = find_event(change.connection, game.id, request.event_id)
    if event is None:
        raise not_found("event_id", "event of this game")
    change.game(request, request.game_id)
    if event.voided_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this event is already voided")
    update_event_voided(change.connection, event.id, change.now_ms, request.reason)
    path = [] if event.target_id is None else get_target_path(change.connection, event.target_id)
    if path:
        count(change, game, event, path, -1)
    corrections = plan_corrections(change, game, event, None)
    reopened = carry_out(change, corrections, keep_blocked=request.keep_blocked).reopened
    pools = {it.pool.uuid: VOIDED if it.outcome == VOIDED else REOPENED for it in corrections}
    action_id = None if event.action_id is None else get_action_key(change.connection, event.action_id)
    voided = GameEventVoided(
        event_id=event.uuid,
        game_id=game.uuid,
        reason=request.reason,
        pools=pools,
        versions=list_versions(change.connection, pools),
        action_id=action_id,
        target_id=path_id(row.id for row in path) if path else None,
        current_count=counts_of_action(change, game.id, event.action_id) if event.action_id else None,
        score=get_score(change.connection, game.id) if action_id else None,
    )
    change.publish(game, voided, concerned=list_bettors_of_pools(change.connection, pools))
    for pool in reopened:
        publish_reopened(change, game, pool)
    close_if_nothing_remains(change, game)
    return msgspec.structs.replace(voided, overdrawn=overdrawn(change))


class AmendedNames(NamedTuple):
    """The ids of the action and the target, where they are amended."""

    action_key: str | None
    target_id: str | None


def parse_amendment(request: AmendGameEvent, settings: Settings) -> AmendedNames:
    """The ids that the parameters spell. Raises `Rejected`."""
    return AmendedNames(
        None if request.action_id is None else action_key_of(request.action_id, "action_id"),
        None if request.target_id is None else target_key(request.target_id, "target_id", settings.max_target_depth),
    )


def amend_game_event(change: Change, request: AmendGameEvent, names: AmendedNames) -> GameEventAmended:
    """Void an event and register it anew as corrected; its pools are settled as if it had been right at first."""
    game, event = _event_to_correct(change, request)
    was, draft = _draft_amendment(change, request, names, game, event)
    update_event_voided(change.connection, event.id, change.now_ms, None)
    count(change, game, event, was.path, -1)
    draft = draft._replace(event=insert_event(change.connection, draft.event))
    count(change, game, draft.event, draft.path, 1)
    corrections = plan_corrections(change, game, event, draft)
    corrected = carry_out(change, corrections)
    outcomes = {correction.pool.uuid: correction.outcome for correction in corrections}
    amended = GameEventAmended(
        **shown_event(change, draft)._asdict(),
        voided_event_id=event.uuid,
        pools=outcomes,
        versions=list_versions(change.connection, outcomes),
    )
    change.publish(game, amended, concerned=list_bettors_of_pools(change.connection, outcomes))
    end_pools(change, game, corrected.ends)
    for pool in corrected.reopened:
        publish_reopened(change, game, pool)
    close_if_nothing_remains(change, game)
    return msgspec.structs.replace(amended, overdrawn=overdrawn(change))


def _event_to_correct(reading: Reading, request: AmendGameEvent | PreviewVoidGameEvent) -> tuple[Game, Event]:
    """The game and its event, which is not voided. Raises `Rejected`."""
    if request.happened_at is not None:
        require_past(request.happened_at, reading.now_ms)
    found = find_any_event(reading.connection, request.event_id)
    if found is None:
        raise not_found("event_id", "event")
    game = reading.game(request, get_game(reading.connection, found.game_id).uuid)
    if found.voided_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "this event is already voided")
    return game, found


def _draft_amendment(
    reading: Reading, request: AmendGameEvent, names: AmendedNames, game: Game, event: Event
) -> tuple[EventDraft, EventDraft]:
    """An event as it was, and as the request corrects it. Raises `Rejected`."""
    if event.action_id is None:
        raise Rejected(ErrorCode.CONFLICT, "this event is a resolution by hand; void it, and resolve the pool again")
    was = draft_of(reading, game, event)
    new = event._replace(
        happened_at=event.happened_at if request.happened_at is None else request.happened_at,
        registered_at=reading.now_ms,
        description=event.description if request.description is None else request.description,
    )
    target_id = names.target_id or path_id(row.id for row in was.path)
    return was, draft_action(reading, game, new, names.action_key or was.action_key, target_id)


def preview_void_game_event(reading: Reading, request: PreviewVoidGameEvent) -> VoidGameEventPreview:
    """Compute what voiding or amending an event would do, without doing it."""
    amendment, draft = request.amendment, None
    names = None if amendment is None else parse_amendment(amendment, reading.settings)
    game, event = _event_to_correct(reading, request)
    if amendment is not None and names is not None:
        _, draft = _draft_amendment(reading, amendment, names, game, event)
    preview = preview_corrections(reading, plan_corrections(reading, game, event, draft))
    return VoidGameEventPreview(event_id=event.uuid, game_id=game.uuid, **preview._asdict())


def void_betting_pool(change: Change, request: VoidBettingPool) -> BettingPoolVoided:
    """Void a pool: every stake is returned. A settlement it already had is taken back first."""
    pool = change.pool(request, request.pool_id)
    if pool.status is PoolStatus.VOIDED:
        raise Rejected(ErrorCode.CONFLICT, "this pool is already voided")
    game = get_game(change.connection, pool.game_id)
    voided = void_and_publish(change, game, pool, request.reason)
    close_if_nothing_remains(change, game)
    return msgspec.structs.replace(voided, overdrawn=overdrawn(change))
