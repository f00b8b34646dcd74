"""Closing a game, by request or by time (protocol, "Closing a game")."""

from itertools import groupby

from gameserver.engine.context import DAY_MS, Change
from gameserver.engine.endings import end_without_event
from gameserver.engine.steering import block_pool
from gameserver.errors import ErrorCode
from gameserver.protocol.declare import ErrorReply, Request, declared, error_reply
from gameserver.protocol.games import GameClosed
from gameserver.storage.games import (
    Game,
    update_game_cancelled,
    update_game_closed,
    update_game_closing,
    update_game_reopened,
)
from gameserver.storage.ledger import lock_accounts_of_pools
from gameserver.storage.pools import Pool, list_all_open_pools
from gameserver.storage.schedule import TimerKind, delete_timers_of_game, delete_timers_of_kinds, insert_timer

_STEERING = (
    TimerKind.ALLOW_POOL,
    TimerKind.ALLOW_ACTION,
    TimerKind.BLOCK_POOL,
    TimerKind.BLOCK_ACTION,
    TimerKind.HEAT_POOL,
)


def close(change: Change, game: Game) -> list[str]:
    """Close a game that is not closed, as far as its open pools let it.

    Open parimutuel pools resolve to ``none``, and binary pools that only wait for late events to their second label.
    Other binary pools are blocked, and the game stays in closing until they are resolved by hand. Returns their ids.
    """
    manual = []
    # They are told of in order, so those that end together are those with none to be resolved by hand between them.
    open_pools = list_all_open_pools(change.connection, game.id)
    lock_accounts_of_pools(change.connection, [pool.id for pool in open_pools if pool.bet_count])
    for ends, pools in groupby(open_pools, lambda pool: resolves_at_close(pool, change.now_ms)):
        if ends:
            end_without_event(change, game, list(pools), "close")
            continue
        for pool in pools:
            manual.append(pool.uuid)
            if game.closing_at is None or not pool.is_blocked:
                block_pool(change, pool, change.now_ms)
    if not manual:
        _finish(change, game)
    elif game.closing_at is None:
        update_game_closing(change.connection, game.id, change.now_ms)
        delete_timers_of_kinds(change.connection, game.id, _STEERING)
    return manual


def resolves_at_close(pool: Pool, now_ms: int) -> bool:
    """Whether a pool ends with its game, if it closes now; the others are to be resolved by hand."""
    return not pool.type.is_binary or pool.has_finished(now_ms)


def _finish(change: Change, game: Game) -> None:
    """Close a game without open pools."""
    update_game_closed(change.connection, game.id, change.now_ms)
    delete_timers_of_game(change.connection, game.id)
    keep_log(change, game)
    change.publish(game, GameClosed(game_id=game.uuid))


def finish_cancelled(change: Change, game: Game, reason: str | None) -> None:
    """Close a game that is called off, whose pools are void."""
    update_game_cancelled(change.connection, game.id, change.now_ms)
    delete_timers_of_game(change.connection, game.id)
    keep_log(change, game)
    change.publish(game, GameClosed(game_id=game.uuid, cancelled=True, reason=reason))


def resume(change: Change, game: Game, close_at: int | None) -> None:
    """Open a game again that is closed or closing, to be closed at ``close_at``."""
    update_game_reopened(change.connection, game.id, close_at)
    delete_timers_of_kinds(change.connection, game.id, [TimerKind.PURGE_LOG, TimerKind.CLOSE_GAME])
    if close_at is not None:
        insert_timer(change.connection, close_at, TimerKind.CLOSE_GAME, game.id)


def keep_log(change: Change, game: Game) -> None:
    """Schedule the deletion of a closed game's broadcasts, ``game_log_days`` from now."""
    kept_until = change.sent_at + change.settings.game_log_days * DAY_MS
    insert_timer(change.connection, kept_until, TimerKind.PURGE_LOG, game.id)


def close_if_nothing_remains(change: Change, game: Game) -> None:
    """Close a game whose last pool has just ended, if it waited for that and its ``close_at`` has passed."""
    is_waiting = game.closing_at is not None and game.closed_at is None
    if is_waiting and game.close_at is not None and game.close_at <= change.now_ms:
        close(change, game)
    elif game.closed_at is not None:
        keep_log(change, game)


def manual_pools_remain(request: Request, pools: list[str]) -> ErrorReply:
    """The refusal of a close that binary pools hold up. It is returned, not raised, because its effects are kept."""
    text = "binary pools remain and are blocked; resolve each by register_game_event, then close again"
    return error_reply(declared(request).op, ErrorCode.MANUAL_POOLS_REMAIN, text, pools=pools)
