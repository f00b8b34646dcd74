"""Resolving pools by events (protocol, "Settlement")."""

from typing import NamedTuple

from gameserver.domain.pools import UnlistedTarget
from gameserver.domain.targets import TargetRow, path_id
from gameserver.engine.context import Change, Reading
from gameserver.engine.settlement import Resolution, position_without_event
from gameserver.storage.events import Event, count_event
from gameserver.storage.games import Game
from gameserver.storage.pools import Pool, PoolTarget, find_pool_target, list_open_pools_of_action
from gameserver.storage.scores import count_points


class EventDraft(NamedTuple):
    """An event as a request describes it, checked and not stored yet.

    It is an action by the last target of ``path``; or the end of the binary ``pool``, with ``label`` as its winner.
    """

    game: Game
    event: Event
    path: list[TargetRow]
    action_key: str
    pool: Pool | None
    label: PoolTarget | None


def count(change: Change, event: Event, path: list[TargetRow], step: int) -> None:
    """Count an event by the last target of ``path``, and what it scores: 1 for a new one, -1 for a voided one."""
    assert event.action_id is not None
    count_event(change.connection, event.game_id, event.action_id, [row.number for row in path], step)
    count_points(change.connection, event.game_id, event.action_id, path[0].number, step)


def is_within_pool(pool: Pool, happened_at: int) -> bool:
    """Whether something that happened then falls between the pool's start and finish."""
    return pool.start_at <= happened_at and not pool.has_finished(happened_at)


def resolution_by(reading: Reading, pool: Pool, event: Event, path: list[TargetRow]) -> Resolution | None:
    """How an event by the last target of ``path`` resolves a pool on its action; None if the pool stays open."""
    if not is_within_pool(pool, event.happened_at):
        return None
    if pool.target_level <= len(path):
        target_id = path_id(row.id for row in path[: pool.target_level])
        target = find_pool_target(reading.connection, pool.id, target_id)
        if target is not None:
            return Resolution("event", (target.position,), event)
    if pool.unlisted_target is UnlistedTarget.STAY_OPEN:
        return None
    if pool.unlisted_target is UnlistedTarget.REFUND:
        return Resolution("event", (), event)
    return Resolution("event", (position_without_event(reading, pool),), event)


def resolutions_of(reading: Reading, draft: EventDraft) -> list[tuple[Pool, Resolution]]:
    """The pools that the event resolves, each with how."""
    if draft.pool is not None and draft.label is not None:
        return [(draft.pool, Resolution("event", (draft.label.position,), draft.event))]
    assert draft.event.action_id is not None
    found = []
    for pool in list_open_pools_of_action(reading.connection, draft.event.action_id):
        resolution = resolution_by(reading, pool, draft.event, draft.path)
        if resolution is not None:
            found.append((pool, resolution))
    return found
