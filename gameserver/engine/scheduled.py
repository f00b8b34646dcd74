"""What happens at a set time: games close, pools finish, are blocked or allowed, and old rows are deleted."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

from gameserver.config import Settings
from gameserver.engine.accounts import delete_what_expired
from gameserver.engine.closing import close, close_if_nothing_remains
from gameserver.engine.context import DAY_MS, Change, Committed, WithEffects
from gameserver.engine.endings import end_without_event
from gameserver.engine.recreation import recreate_waiting
from gameserver.engine.steering import SCHEDULED_STEERING
from gameserver.storage.audit import delete_old_entries
from gameserver.storage.broadcasts import delete_first_broadcasts
from gameserver.storage.chat import delete_ended_mutes, delete_old_lines
from gameserver.storage.connection import Connection
from gameserver.storage.friend_requests import DECLINED_MS, delete_ended_requests
from gameserver.storage.games import Game, get_game
from gameserver.storage.jobs import Due
from gameserver.storage.pools import Pool, get_pool
from gameserver.storage.replies import delete_old_replies
from gameserver.storage.schedule import (
    Timer,
    TimerKind,
    delete_timers_done,
    first_due,
    insert_timer,
    list_due_with,
    postpone_timer,
)
from gameserver.storage.users import User

# The user of a change that a timer causes; it is in no database.
SYSTEM_USER = User(0, "the clock", is_provider=False)

PURGE_BATCH = 500
PURGE_PAUSE_MS = 1_000
RETRY_MS = 60_000


def due_job(settings: Settings, connection: Connection, now_ms: int) -> Due | None:
    """The first timer that is due at ``now_ms`` as a job, or None. If it fails, it is retried after ``RETRY_MS``."""
    timer = first_due(connection, now_ms)
    if timer is None:
        return None
    timers = list_due_with(connection, timer) if timer.kind in _BY_SETS else [timer]
    return Due(
        str(timer),
        partial(_run_timers, settings, timers, now_ms),
        partial(postpone_timer, timer_id=timer.id, due_at=now_ms + RETRY_MS),
        partial(_run_timers, settings, [timer], now_ms) if len(timers) > 1 else None,
    )


def _run_timers(settings: Settings, timers: Sequence[Timer], now_ms: int, connection: Connection) -> Committed:
    """Do what timers of one kind are for, which are due at the same moment."""
    kind, due_at = timers[0].kind, timers[0].due_at
    change = Change(connection, SYSTEM_USER, due_at, settings, sent_at=now_ms)
    delete_timers_done(connection, timers)
    _ACTIONS[kind](change, timers)
    return Committed(b"", change.finish())


def _close_game(change: Change, timer: Timer) -> None:
    close(change, get_game(change.connection, timer.game_id))


def _finish_pools(change: Change, timers: Sequence[Timer]) -> None:
    """End betting in time-based pools of a game at their ``finish_at``.

    They are settled, or wait for late events while the game is open; those that wait are recreated at once.
    """
    game, pools = get_game(change.connection, timers[0].game_id), _pools_of(change, timers)
    for waiting, those in groupby(pools, lambda pool: pool.settle_delay_ms > 0 and game.closing_at is None):
        if not waiting:
            _settle(change, game, list(those))
            continue
        for pool in those:
            assert pool.ends_at is not None
            insert_timer(change.connection, pool.ends_at, TimerKind.SETTLE_POOL, game.id, pool_id=pool.id)
            recreate_waiting(change, game, pool)


def _settle_pools(change: Change, timers: Sequence[Timer]) -> None:
    """End time-based pools of a game that no event has resolved."""
    _settle(change, get_game(change.connection, timers[0].game_id), _pools_of(change, timers))


def _settle(change: Change, game: Game, pools: Sequence[Pool]) -> None:
    end_without_event(change, game, pools, "time")
    close_if_nothing_remains(change, game)


def _pools_of(change: Change, timers: Sequence[Timer]) -> list[Pool]:
    return [get_pool(change.connection, timer.pool_id) for timer in timers if timer.pool_id is not None]


def _purge_log(change: Change, timer: Timer) -> None:
    deleted = delete_first_broadcasts(change.connection, timer.game_id, PURGE_BATCH)
    if deleted == PURGE_BATCH:
        next_at = change.sent_at + PURGE_PAUSE_MS
        insert_timer(change.connection, next_at, TimerKind.PURGE_LOG, timer.game_id)


def _do_one(act: Callable[[Change, Timer], None], change: Change, timers: Sequence[Timer]) -> None:
    (timer,) = timers
    act(change, timer)


_BY_SETS = {TimerKind.FINISH_POOL: _finish_pools, TimerKind.SETTLE_POOL: _settle_pools}
_ONE_BY_ONE = {**SCHEDULED_STEERING, TimerKind.CLOSE_GAME: _close_game, TimerKind.PURGE_LOG: _purge_log}
_ACTIONS: dict[TimerKind, Callable[[Change, Sequence[Timer]], None]] = {
    **_BY_SETS,
    **{kind: partial(_do_one, act) for kind, act in _ONE_BY_ONE.items()},
}


def delete_old(settings: Settings, now_ms: int, connection: Connection) -> WithEffects:
    """Delete a batch of each sort of what has ended or is old enough; the result is whether more may remain."""
    change = Change(connection, SYSTEM_USER, now_ms, settings)
    deleted = [
        delete_what_expired(change, PURGE_BATCH),
        delete_old_replies(connection, now_ms - settings.reply_days * DAY_MS, PURGE_BATCH),
        delete_old_lines(connection, now_ms - settings.chat_days * DAY_MS, PURGE_BATCH),
        delete_ended_mutes(connection, now_ms, PURGE_BATCH),
        delete_ended_requests(connection, now_ms - DECLINED_MS, PURGE_BATCH),
    ]
    if settings.audit_days:
        deleted.append(delete_old_entries(connection, now_ms - settings.audit_days * DAY_MS, PURGE_BATCH))
    return WithEffects(max(deleted) == PURGE_BATCH, change.finish())
