"""Opening and changing betting pools (protocol, "Betting pools")."""

from decimal import Decimal
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec

from gameserver.config import Settings
from gameserver.domain.money import is_absent, read_amount, to_minor, to_units
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.names import split_list
from gameserver.domain.pools import (
    MAX_LABELS,
    PoolTimes,
    UnlistedTarget,
    check_finish_at,
    check_times,
    check_within_game,
    common_level,
    parse_labels,
)
from gameserver.domain.targets import NONE_ID, parse_targets, path_id
from gameserver.engine.contents import parse_cleared
from gameserver.engine.context import Change, Reading
from gameserver.engine.pools import open_pool, publish_open_pool, require_action, require_may_open_pool
from gameserver.engine.preconditions import require_not_closing, require_running, require_unresolved
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.pools import (
    BettingPoolCreated,
    BettingPoolUpdated,
    CreateAndOpenBettingPool,
    UpdateBettingPool,
)
from gameserver.storage.games import Game, get_game
from gameserver.storage.pools import NewPoolRow, NewPoolTarget, Pool, PoolChange, update_pool
from gameserver.storage.schedule import TimerKind, insert_timer
from gameserver.storage.sources import get_source
from gameserver.storage.targets import find_target

MAX_NAMES_BYTES = 131_072  # of a pool's targets, so that a message can hold a pool


T = TypeVar("T")


class _Subject(NamedTuple):
    """What is bet on in a pool: two labels by id, or an action and target ids, all of one level; and for how much."""

    labels: dict[str, str]
    action_key: str | None
    target_ids: list[str]
    level: int
    min_stake: Decimal | int | None
    max_stake: Decimal | int | None


def parse_subject(request: CreateAndOpenBettingPool, settings: Settings) -> _Subject:
    """What is bet on, as the parameters name it. Raises `Rejected`."""
    type_ = request.pool_kind
    check_finish_at(type_, request.finish_at)
    if request.settle_delay_ms and not type_.is_timed:
        text = f"settle_delay_ms is accepted for time-based pools (types 2 and 4), not for type {type_}"
        raise invalid("settle_delay_ms", text)
    stakes = (_limit(request.min_stake, "min_stake"), _limit(request.max_stake, "max_stake"))
    if type_.is_binary:
        names = list(islice(split_list(request.targets), MAX_LABELS + 1))
        return _Subject(parse_labels(names), None, [], 0, *stakes)
    assert request.action_id is not None
    paths = parse_targets(request.targets, "targets", settings.max_target_depth, settings.max_pool_targets + 1)
    ids = [path_id(part.id for part in path) for path in paths]
    level = common_level(ids)
    if len(set(ids) - {NONE_ID}) > settings.max_pool_targets:
        raise invalid("targets", f"a pool may have at most {settings.max_pool_targets} targets besides 'none'")
    return _Subject({}, action_key_of(request.action_id, "action_id"), ids, level, *stakes)


def _limit(raw: msgspec.Raw, field: str) -> Decimal | int | None:
    return None if is_absent(raw) else read_amount(raw, field)


def _stake_limits(subject: _Subject, currency: str) -> tuple[int, int | None]:
    """The least stake of a bet and the most of a user, in minor units. Raises `Rejected`."""
    least = 1 if subject.min_stake is None else to_minor(subject.min_stake, currency, "min_stake")
    most = None if subject.max_stake is None else to_minor(subject.max_stake, currency, "max_stake")
    _check_stake_limits(least, most, currency, "max_stake")
    return least, most


def _check_stake_limits(least: int, most: int | None, currency: str, field: str) -> None:
    if most is not None and most < least:
        raise invalid(field, f"max_stake must be at least min_stake ({to_units(least, currency)})")


def create_and_open_betting_pool(
    change: Change, request: CreateAndOpenBettingPool, subject: _Subject
) -> BettingPoolCreated:
    """Open a betting pool."""
    type_ = request.pool_kind
    now_ms = change.now_ms
    times = PoolTimes(max(now_ms, request.start_at or 0), request.finish_at, request.stop_accepting_bets_at)
    check_times(times, now_ms)
    game = change.game(request, request.game_id)
    min_stake, max_stake = _stake_limits(subject, game.currency)
    check_within_game(request.start_at, request.finish_at, game.close_at)
    if subject.action_key is None:
        targets = [NewPoolTarget(key, name, None) for key, name in subject.labels.items()]
        action_row = None
    else:
        targets = _known_targets(change, game, subject.target_ids)
        action_row = require_action(change, game, subject.action_key)
    require_running(game, now_ms)
    require_may_open_pool(change, game)
    pool = open_pool(
        change,
        game,
        NewPoolRow(
            game_id=game.id,
            type=type_,
            description=request.description,
            action_id=action_row,
            target_level=subject.level,
            unlisted_target=UnlistedTarget(request.unlisted_target),
            takeout_millionths=get_source(change.connection, game.source_id).takeout_millionths,
            created_at=now_ms,
            start_at=times.start_at,
            finish_at=times.finish_at,
            stop_accepting_bets_at=times.stop_accepting_bets_at,
            recreate_on_end=request.recreate_on_end,
            is_blocked=request.is_blocked,
            hot_since=now_ms if request.is_hot else None,
            recreated_from=None,
            min_stake=min_stake,
            max_stake=max_stake,
            is_cancellable=request.is_cancellable,
            settle_delay_ms=request.settle_delay_ms,
        ),
        targets,
    )
    return BettingPoolCreated(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        description=pool.description,
        type=pool.type,
        action_id=pool.action,
    )


class PoolUpdate(NamedTuple):
    """What the parameters say of amounts, in units of a currency that is not known yet, and what is to be cleared."""

    min_stake: Decimal | int | None
    max_stake: Decimal | int | None
    cleared: frozenset[str]


_CLEARABLE = ("start_at", "stop_accepting_bets_at", "recreate_on_end", "min_stake", "max_stake")


def parse_update(request: UpdateBettingPool, settings: Settings) -> PoolUpdate:
    """The changes that the parameters describe. Raises `Rejected`."""
    limits = {name: _limit(getattr(request, name), name) for name in ("min_stake", "max_stake")}
    values = {name: getattr(request, name) for name in _CLEARABLE} | limits
    given = [name for name, value in values.items() if value is not None]
    return PoolUpdate(**limits, cleared=frozenset(parse_cleared(request.clear, _CLEARABLE, given, "clear")))


def update_betting_pool(change: Change, request: UpdateBettingPool, update: PoolUpdate) -> BettingPoolUpdated:
    """Change an open pool, and tell the game's subscribers (352)."""
    pool = change.pool(request, request.pool_id)
    game = get_game(change.connection, pool.game_id)
    if pool.has_finished(change.now_ms) and (request.finish_at or request.stop_accepting_bets_at):
        require_unresolved(pool)
        raise Rejected(ErrorCode.BETTING_ENDED, f"betting has ended; times could be changed until {pool.finish_at}")
    properties = _changed(pool, request, update, change.now_ms)
    _check_changed_times(pool, game, request, properties, change.now_ms)
    require_unresolved(pool)
    require_not_closing(game)
    moves_start = request.start_at is not None or "start_at" in update.cleared
    if moves_start and change.now_ms >= pool.start_at:
        raise Rejected(ErrorCode.CONFLICT, f"this pool has started; start_at could be moved until {pool.start_at}")
    changed = update_pool(change.connection, pool.id, properties)
    if request.finish_at is not None:
        insert_timer(change.connection, request.finish_at, TimerKind.FINISH_POOL, game.id, pool_id=pool.id)
    publish_open_pool(change, game, changed)
    return BettingPoolUpdated(pool_id=pool.uuid, version=changed.version)


def _changed(pool: Pool, request: UpdateBettingPool, update: PoolUpdate, now_ms: int) -> PoolChange:
    """A pool's properties with the changes. Raises `Rejected`."""

    def chosen(name: str, given: T | None, kept: T, default: T) -> T:
        return given if given is not None else default if name in update.cleared else kept

    least, most = (
        None if units is None else to_minor(units, pool.currency, name)
        for name, units in (("min_stake", update.min_stake), ("max_stake", update.max_stake))
    )
    start_at = None if request.start_at is None else max(now_ms, request.start_at)
    stop_at = request.stop_accepting_bets_at
    changed = PoolChange(
        description=request.description or pool.description,
        start_at=chosen("start_at", start_at, pool.start_at, now_ms),
        finish_at=pool.finish_at if request.finish_at is None else request.finish_at,
        stop_accepting_bets_at=chosen("stop_accepting_bets_at", stop_at, pool.stop_accepting_bets_at, None),
        recreate_on_end=chosen("recreate_on_end", request.recreate_on_end, pool.recreate_on_end, False),
        min_stake=chosen("min_stake", least, pool.min_stake, 1),
        max_stake=chosen("max_stake", most, pool.max_stake, None),
    )
    field = "min_stake" if most is None else "max_stake"
    _check_stake_limits(changed.min_stake, changed.max_stake, pool.currency, field)
    return changed


def _check_changed_times(pool: Pool, game: Game, request: UpdateBettingPool, changed: PoolChange, now_ms: int) -> None:
    """Raise `Rejected` if a time is given that does not suit the pool, its other times or its game."""
    if request.finish_at is not None:
        check_finish_at(pool.type, request.finish_at)
    given = [name for name in PoolTimes._fields if getattr(request, name) is not None]
    if not given:
        return
    stop_at = changed.stop_accepting_bets_at
    if request.stop_accepting_bets_at is None and stop_at is not None and stop_at <= now_ms:
        stop_at = None  # it has come, and stays
    check_times(PoolTimes(changed.start_at, changed.finish_at, stop_at), now_ms, given)
    check_within_game(request.start_at, request.finish_at, game.close_at)


def _known_targets(reading: Reading, game: Game, ids: list[str]) -> list[NewPoolTarget]:
    """The targets, and ``none``. Raises ``invalid_parameter`` for targets the game does not have."""
    known = []
    for target_id in dict.fromkeys((*ids, NONE_ID)):
        target = find_target(reading.connection, game.id, target_id)
        if target is None:
            raise invalid("targets", f"this game has no target {target_id[:80]!r}; get_game_details lists its targets")
        known.append(NewPoolTarget(target_id, target.display_name, target.number))
    if sum(len(target.key.encode()) + len(target.display_name.encode()) for target in known) > MAX_NAMES_BYTES:
        raise invalid("targets", f"the ids and names of a pool's targets may have at most {MAX_NAMES_BYTES} bytes")
    return known
