"""Resolving pools by events (protocol, "Settlement")."""

from collections.abc import Iterable
from typing import NamedTuple

from gameserver.domain.pools import UnlistedTarget
from gameserver.domain.targets import TargetRow, path_id
from gameserver.engine.context import Change, Reading
from gameserver.engine.settlement import Resolution, positions_without_event
from gameserver.storage.events import Event, count_event
from gameserver.storage.games import Game
from gameserver.storage.pools import Pool, PoolTarget, list_open_pools_of_action, list_positions
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


def count(change: Change, game: Game, event: Event, path: list[TargetRow], step: int) -> None:
    """Count an event by the last target of ``path``, and what it scores: 1 for a new one, -1 for a voided one."""
    assert event.action_id is not None
    count_event(change.connection, game.id, event.action_id, [row.number for row in path], step)
    if game.has_scores:
        count_points(change.connection, game.id, event.action_id, path[0].number, step)


def is_within_pool(pool: Pool, happened_at: int) -> bool:
    """Whether something that happened then falls between the pool's start and finish."""
    return pool.start_at <= happened_at and not pool.has_finished(happened_at)


def resolutions_by(
    reading: Reading, pools: Iterable[Pool], event: Event, path: list[TargetRow]
) -> list[tuple[Pool, Resolution]]:
    """How an event by the last target of ``path`` resolves pools on its action; those that stay open are left out."""
    concerned = [pool for pool in pools if is_within_pool(pool, event.happened_at)]
    ids = [path_id(row.id for row in path[: level + 1]) for level in range(len(path))]
    listed = list_positions(
        reading.connection,
        [(pool.id, ids[pool.target_level - 1]) for pool in concerned if pool.target_level <= len(path)],
    )
    to_none = [pool for pool in concerned if pool.id not in listed and pool.unlisted_target is UnlistedTarget.NONE]
    positions = listed | positions_without_event(reading, to_none)
    return [
        (pool, Resolution("event", (positions[pool.id],) if pool.id in positions else (), event))
        for pool in concerned
        if pool.id in positions or pool.unlisted_target is UnlistedTarget.REFUND
    ]


def resolutions_of(reading: Reading, draft: EventDraft) -> list[tuple[Pool, Resolution]]:
    """The pools that the event resolves, each with how."""
    if draft.pool is not None and draft.label is not None:
        return [(draft.pool, Resolution("event", (draft.label.position,), draft.event))]
    assert draft.event.action_id is not None
    pools = list_open_pools_of_action(reading.connection, draft.event.action_id)
    return resolutions_by(reading, pools, draft.event, draft.path)
