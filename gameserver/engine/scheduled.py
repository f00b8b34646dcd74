"""What happens at a set time: games close, pools finish, are blocked or allowed, and old rows are deleted."""

from collections.abc import Callable
from functools import partial

from gameserver.config import Settings
from gameserver.engine.accounts import delete_what_expired
from gameserver.engine.closing import close, close_if_nothing_remains
from gameserver.engine.context import DAY_MS, Change, Committed
from gameserver.engine.endings import end_without_event
from gameserver.engine.recreation import recreate_waiting
from gameserver.engine.steering import SCHEDULED_STEERING
from gameserver.storage.audit import delete_old_entries
from gameserver.storage.broadcasts import delete_first_broadcasts
from gameserver.storage.chat import delete_ended_mutes, delete_old_lines
from gameserver.storage.connection import Connection
from gameserver.storage.friend_requests import DECLINED_MS, delete_ended_requests
from gameserver.storage.games import get_game
from gameserver.storage.jobs import Due
from gameserver.storage.pools import get_pool
from gameserver.storage.replies import delete_old_replies
from gameserver.storage.schedule import Timer, TimerKind, delete_timer, first_due, insert_timer, postpone_timer
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
    return Due(
        str(timer),
        partial(_run_timer, settings, timer, now_ms),
        partial(postpone_timer, timer_id=timer.id, due_at=now_ms + RETRY_MS),
    )


def _run_timer(settings: Settings, timer: Timer, now_ms: int, connection: Connection) -> Committed:
    change = Change(connection, SYSTEM_USER, timer.due_at, settings, sent_at=now_ms)
    delete_timer(connection, timer.id)
    _ACTIONS[timer.kind](change, timer)
    return Committed(b"", change.finish())


def _close_game(change: Change, timer: Timer) -> None:
    close(change, get_game(change.connection, timer.game_id))


def _finish_pool(change: Change, timer: Timer) -> None:
    """End betting in a time-based pool at its ``finish_at``: settle it, or wait for late events while its game is open.

    A pool that waits is recreated at once.
    """
    assert timer.pool_id is not None
    pool, game = get_pool(change.connection, timer.pool_id), get_game(change.connection, timer.game_id)
    if not pool.settle_delay_ms or game.closing_at is not None:
        _settle_pool(change, timer)
        return
    assert pool.ends_at is not None
    insert_timer(change.connection, pool.ends_at, TimerKind.SETTLE_POOL, game.id, pool_id=pool.id)
    recreate_waiting(change, game, pool)


def _settle_pool(change: Change, timer: Timer) -> None:
    """End a time-based pool that no event has resolved: parimutuel as ``none``, binary as its second label."""
    assert timer.pool_id is not None
    pool = get_pool(change.connection, timer.pool_id)
    end_without_event(change, get_game(change.connection, pool.game_id), [pool], "time")
    close_if_nothing_remains(change, pool.game_id)


def _purge_log(change: Change, timer: Timer) -> None:
    deleted = delete_first_broadcasts(change.connection, timer.game_id, PURGE_BATCH)
    if deleted == PURGE_BATCH:
        next_at = change.sent_at + PURGE_PAUSE_MS
        insert_timer(change.connection, next_at, TimerKind.PURGE_LOG, timer.game_id)


_ACTIONS: dict[TimerKind, Callable[[Change, Timer], None]] = {
    **SCHEDULED_STEERING,
    TimerKind.FINISH_POOL: _finish_pool,
    TimerKind.SETTLE_POOL: _settle_pool,
    TimerKind.CLOSE_GAME: _close_game,
    TimerKind.PURGE_LOG: _purge_log,
}


def delete_old(settings: Settings, now_ms: int, connection: Connection) -> bool:
    """Delete a batch of each sort of what has ended or is old enough; whether more may remain."""
    deleted = [
        delete_what_expired(Change(connection, SYSTEM_USER, now_ms, settings), PURGE_BATCH),
        delete_old_replies(connection, now_ms - settings.reply_days * DAY_MS, PURGE_BATCH),
        delete_old_lines(connection, now_ms - settings.chat_days * DAY_MS, PURGE_BATCH),
        delete_ended_mutes(connection, now_ms, PURGE_BATCH),
        delete_ended_requests(connection, now_ms - DECLINED_MS, PURGE_BATCH),
    ]
    if settings.audit_days:
        deleted.append(delete_old_entries(connection, now_ms - settings.audit_days * DAY_MS, PURGE_BATCH))
    return max(deleted) == PURGE_BATCH
