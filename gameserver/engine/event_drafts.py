"""Events by actions as requests describe them, and as messages show them (protocol, "Events and settlement")."""

from typing import NamedTuple

from gameserver.domain.targets import NONE_ID, path_id
from gameserver.engine.context import DAY_MS, Reading
from gameserver.engine.details import counts_of_action
from gameserver.engine.events import EventDraft
from gameserver.engine.pools import require_action
from gameserver.errors import invalid
from gameserver.storage.events import Event
from gameserver.storage.games import Game
from gameserver.storage.labels import shown_name
from gameserver.storage.pools import Pool
from gameserver.storage.scores import get_score
from gameserver.storage.targets import find_target_path, get_action_key, get_target_path


def require_past(happened_at: int, now_ms: int) -> None:
    """Raise ``invalid_parameter`` for a time in the future."""
    if happened_at > now_ms:
        raise invalid("happened_at", f"happened_at must not be in the future; now is {now_ms}")


def require_within_pool(pool: Pool, happened_at: int) -> None:
    """Raise ``invalid_parameter`` for what happened before a pool's start, or not before its finish."""
    if happened_at < pool.start_at:
        raise invalid("happened_at", f"happened_at must not be earlier than the pool's start_at ({pool.start_at})")
    if pool.has_finished(happened_at):
        raise invalid("happened_at", f"happened_at must be earlier than the pool's finish_at ({pool.finish_at})")


def draft_action(reading: Reading, game: Game, new: Event, action_key: str, target_id: str) -> EventDraft:
    """The event ``new``, which is the action by the target, by their ids. Raises `Rejected`."""
    if new.happened_at < game.created_at - DAY_MS:
        text = f"happened_at must not be more than a day before the game was created ({game.created_at})"
        raise invalid("happened_at", text)
    action_row = require_action(reading, game, action_key)
    path = find_target_path(reading.connection, game.id, target_id)
    if not path or target_id == NONE_ID:
        raise invalid("target_id", "target_id must be a target of this game, and not 'none'")
    event = new._replace(action_id=action_row, target_id=path[-1].number)
    return EventDraft(game, event, path, action_key, None, None)


def draft_of(reading: Reading, game: Game, event: Event) -> EventDraft:
    """A stored event by an action."""
    assert event.target_id is not None
    assert event.action_id is not None
    path = get_target_path(reading.connection, event.target_id)
    return EventDraft(game, event, path, get_action_key(reading.connection, event.action_id), None, None)


class ShownEvent(NamedTuple):
    """How messages show an event by an action."""

    event_id: str
    game_id: str
    action_id: str
    target_id: str
    target_display_name: str
    description: str | None
    current_count: dict[str, int]
    score: dict[str, int] | None
    external_id: str | None
    happened_at: int
    registered_at: int


def shown_event(reading: Reading, draft: EventDraft) -> ShownEvent:
    """How messages show an event by an action, with the counts and the score as they are now."""
    event = draft.event
    assert event.action_id is not None
    return ShownEvent(
        event_id=event.uuid,
        game_id=draft.game.uuid,
        action_id=draft.action_key,
        target_id=path_id(row.id for row in draft.path),
        target_display_name=shown_name(reading.connection, draft.path[-1]),
        description=event.description,
        current_count=counts_of_action(reading, event.game_id, event.action_id),
        score=get_score(reading.connection, event.game_id) if draft.game.has_scores else None,
        external_id=event.external_id,
        happened_at=event.happened_at,
        registered_at=event.registered_at,
    )
