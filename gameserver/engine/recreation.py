"""Opening successors of pools that take no more bets (protocol, "Recreation")."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from gameserver.domain.pools import PoolStatus, PoolTimes, recreated_times
from gameserver.engine.alike import PoolMessages
from gameserver.engine.context import Broadcast, Change, Reading
from gameserver.engine.pools import pool_object, publish_open_pool, sums_of
from gameserver.protocol.pools import NewBettingPool
from gameserver.storage.games import Game
from gameserver.storage.ids import new_uuid
from gameserver.storage.pools import (
    Pool,
    PoolTarget,
    count_open_pools,
    get_pool,
    list_pool_targets,
    update_recreate_on_end,
)
from gameserver.storage.schedule import insert_finish_timers
from gameserver.storage.successors import (
    NewSuccessor,
    count_unbacked_runs,
    insert_successors,
    list_recreated,
    reserve_pool_ids,
)


def recreated(reading: Reading, game: Game, pools: Sequence[Pool]) -> set[int]:
    """Those of a game's pools that are recreated once they are resolved or have finished, the limits permitting."""
    if game.closing_at is not None or game.closed_at is not None:
        return set()
    asking = {pool.id for pool in pools if pool.recreate_on_end}
    return asking - list_recreated(reading.connection, asking)


def plan_successors(
    change: Change, game: Game, pools: Sequence[Pool], *, by_time: bool, is_end: bool
) -> dict[int, PoolTimes | None]:
    """The times of the successors of pools, or None where the limits allow none: pools that ask for none are left out.

    The pools have ended one after the other, or have finished and wait for late events (not ``is_end``).
    """
    asking = recreated(change, game, pools)
    if not asking:
        return {}
    open_pools = count_open_pools(change.connection, game.id)
    most_runs = change.settings.max_unbacked_runs
    planned: dict[int, PoolTimes | None] = {}
    for pool in pools:
        open_pools -= is_end
        if pool.id not in asking:
            continue
        runs = count_unbacked_runs(change.connection, pool.id, most_runs) if by_time and not pool.bet_count else 0
        if runs >= most_runs or open_pools >= change.settings.max_open_pools:
            change.record_not_recreated(pool)
            planned[pool.id] = None
            continue
        open_pools += 1
        planned[pool.id] = _times_of_successor(change, pool)
    return planned


def _times_of_successor(change: Change, pool: Pool) -> PoolTimes:
    times = recreated_times(pool.times, change.now_ms)
    if times.finish_at is not None and times.finish_at <= change.sent_at:
        # The successor would have ended while the server was down, so it starts now instead.
        times = recreated_times(pool.times, change.sent_at)
        change.record_delay(pool.game_id)
    return times


class Recreation(NamedTuple):
    """A pool to be recreated, its targets, and the times of its successor."""

    pool: Pool
    targets: Sequence[PoolTarget]
    times: PoolTimes


def open_successors(change: Change, game: Game, recreations: Sequence[Recreation]) -> dict[int, Broadcast]:
    """Store the successors of pools; what is to be told of them (352), by the pools' row ids."""
    if not recreations:
        return {}
    numbers = reserve_pool_ids(change.connection, len(recreations))
    successors = [
        NewSuccessor(number, new_uuid(times.start_at), pool.id, *times)
        for number, (pool, _, times) in zip(numbers, recreations, strict=True)
    ]
    insert_successors(change.connection, successors)
    finishing = {new.id: new.finish_at for new in successors if new.finish_at is not None}
    if finishing:
        insert_finish_timers(change.connection, game.id, finishing)
    messages = PoolMessages(NewBettingPool)
    opened = {}
    for (pool, targets, _), new in zip(recreations, successors, strict=True):
        shown = tuple([(target.key, target.display_name, target.is_active) for target in targets])
        successor = _successor(game, pool, new)
        opened[pool.id] = messages.about(successor, shown, partial(_message, targets))
    return opened


def _successor(game: Game, pool: Pool, new: NewSuccessor) -> Pool:
    return msgspec.structs.replace(
        pool,
        id=new.id,
        uuid=new.uuid,
        created_at=new.start_at,
        start_at=new.start_at,
        finish_at=new.finish_at,
        stop_accepting_bets_at=new.stop_accepting_bets_at,
        recreate_on_end=True,
        is_blocked=False,
        hot_since=None,
        status=PoolStatus.OPEN,
        participants=0,
        amount_total=0,
        bet_count=0,
        version=1,
        untold_at=None,
        predecessor=pool.uuid,
        recreated_from=pool.id,
        is_held=game.held_at is not None,
    )


def _message(targets: Sequence[PoolTarget], pool: Pool) -> NewBettingPool:
    unbacked = [target._replace(backing_people=0, backing_money=0) for target in targets]
    return pool_object(NewBettingPool, pool, sums_of(pool, unbacked))


def recreate_waiting(change: Change, game: Game, pool: Pool) -> None:
    """Recreate a pool that has finished and waits for late events, if it asks for that; tell what it comes to (352)."""
    planned = plan_successors(change, game, [pool], by_time=True, is_end=False)
    for times in planned.values():
        if times is None:
            update_recreate_on_end(change.connection, pool.id, recreate_on_end=False)
            publish_open_pool(change, game, get_pool(change.connection, pool.id))
        else:
            targets = list_pool_targets(change.connection, pool.id)
            opened = open_successors(change, game, [Recreation(pool, targets, times)])
            change.publish_all(game, list(opened.values()))
