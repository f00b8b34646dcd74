"""The types and times of betting pools, and when a pool accepts bets (protocol, "Betting pools")."""

from collections.abc import Container
from enum import IntEnum, StrEnum
from typing import NamedTuple

from gameserver.domain.names import fold, part_id
from gameserver.domain.targets import NONE_ID
from gameserver.errors import ErrorCode, Rejected, invalid

YES_NO = ("yes", "no")
MAX_LABELS = 2
MIN_RUN_MS = 1_000  # of a pool that was recreated


class PoolType(IntEnum):
    """The ``type`` of a pool: what is bet on, and what ends the pool."""

    PARIMUTUEL_EVENT = 1
    PARIMUTUEL_TIME = 2
    BINARY_EVENT = 3
    BINARY_TIME = 4

    @property
    def is_binary(self) -> bool:
        """Whether the pool is resolved by hand or by time, between two labels."""
        return self in (PoolType.BINARY_EVENT, PoolType.BINARY_TIME)

    @property
    def is_timed(self) -> bool:
        """Whether the pool ends at its ``finish_at``, if nothing has ended it before."""
        return self in (PoolType.PARIMUTUEL_TIME, PoolType.BINARY_TIME)


class PoolStatus(StrEnum):
    """The ``status`` of a pool."""

    OPEN = "open"
    RESOLVED = "resolved"
    VOIDED = "voided"


class UnlistedTarget(StrEnum):
    """What an event of the pool's action, on a target outside the pool, does to the pool."""

    STAY_OPEN = "stay_open"
    NONE = "none"
    REFUND = "refund"


class PoolTimes(NamedTuple):
    """When a pool accepts bets, in epoch milliseconds; None where no such time is set."""

    start_at: int
    finish_at: int | None
    stop_accepting_bets_at: int | None


def check_finish_at(type_: PoolType, finish_at: int | None) -> None:
    """Raise `Rejected` unless time-based types have a ``finish_at`` and the others have none."""
    if type_.is_timed and finish_at is None:
        text = f"finish_at is required for pools of type {type_}: an integer, epoch milliseconds UTC"
        raise Rejected(ErrorCode.MISSING_PARAMETER, text, "finish_at")
    if not type_.is_timed and finish_at is not None:
        raise invalid("finish_at", f"finish_at is accepted for time-based pools (types 2 and 4), not for type {type_}")


def check_times(times: PoolTimes, now_ms: int, given: Container[str] = PoolTimes._fields) -> None:
    """Raise `Rejected` for times in the past or in the wrong order; it names one of those that are ``given``."""
    finish_at, stop_at = times.finish_at, times.stop_accepting_bets_at
    begins_at = max(now_ms, times.start_at)
    if finish_at is not None and finish_at <= begins_at:
        field = "finish_at" if "finish_at" in given else "start_at"
        raise invalid(field, f"finish_at must be later than start_at and later than now ({now_ms})")
    if stop_at is not None and stop_at <= begins_at:
        field = "stop_accepting_bets_at" if "stop_accepting_bets_at" in given else "start_at"
        raise invalid(field, f"stop_accepting_bets_at must be later than start_at and later than now ({now_ms})")
    if stop_at is not None and finish_at is not None and stop_at > finish_at:
        field = "stop_accepting_bets_at" if "stop_accepting_bets_at" in given else "finish_at"
        raise invalid(field, f"stop_accepting_bets_at must not be later than finish_at ({finish_at})")


def check_within_game(start_at: int | None, finish_at: int | None, close_at: int | None) -> None:
    """Raise `Rejected` for a pool that would start or finish after its game has closed."""
    for name, moment in (("start_at", start_at), ("finish_at", finish_at)):
        if moment is not None and close_at is not None and moment > close_at:
            raise invalid(name, f"{name} must not be later than the game's close_at ({close_at})")


def require_accepting(status: PoolStatus, times: PoolTimes, now_ms: int, *, is_blocked: bool) -> None:
    """Raise the `Rejected` that says why a pool accepts no bets now; do nothing if it does accept them."""
    if status is not PoolStatus.OPEN:
        raise Rejected(ErrorCode.POOL_RESOLVED, f"this pool is {status.value}")
    if now_ms < times.start_at:
        raise Rejected(
            ErrorCode.BETTING_NOT_STARTED, f"betting has not started; this pool accepts bets from {times.start_at} on"
        )
    if is_blocked:
        raise Rejected(ErrorCode.BETTING_BLOCKED, "betting in this pool is blocked")
    require_betting_not_ended(times, now_ms)


def require_betting_not_ended(times: PoolTimes, now_ms: int) -> None:
    """Raise ``betting_ended`` once a pool has stopped accepting bets, or has reached its ``finish_at``."""
    for ended_at in (times.stop_accepting_bets_at, times.finish_at):
        if ended_at is not None and now_ms >= ended_at:
            raise Rejected(ErrorCode.BETTING_ENDED, f"betting has ended; this pool accepted bets until {ended_at}")


def parse_label(name: str, field: str) -> str:
    """The id of a label of a binary pool: one part, without ``:``. Raises `Rejected`."""
    folded = fold(name, field)
    if ":" in folded:
        raise invalid(field, f"{field} holds a ':' in {name[:40]!r}; the labels of a binary pool are not nested")
    return part_id(folded, field)


def parse_labels(names: list[str]) -> dict[str, str]:
    """Label id → label as sent; ``yes`` and ``no`` if ``names`` is empty.

    Raises `Rejected` unless there are exactly two different labels.
    """
    labels: dict[str, str] = {}
    for name in names or YES_NO:
        labels.setdefault(parse_label(name, "targets"), name)
    if len(labels) != MAX_LABELS or len(names) > MAX_LABELS:
        raise invalid(
            "targets", "targets of a binary pool must be two different labels; leave targets out for yes and no"
        )
    return labels


def common_level(target_ids: list[str]) -> int:
    """The level, counted from 1, that a parimutuel pool's targets besides ``none`` have. Raises `Rejected`."""
    levels = {target_id.count(":") + 1 for target_id in target_ids if target_id != NONE_ID}
    if len(levels) != 1:
        text = "targets must name at least one target besides 'none', all of the same level"
        raise invalid("targets", text)
    return levels.pop()


def recreated_times(times: PoolTimes, now_ms: int) -> PoolTimes:
    """The times of a pool that is recreated at ``now_ms``: the same durations, of at least a second each."""

    def moved(moment: int | None) -> int | None:
        return None if moment is None else now_ms + max(MIN_RUN_MS, moment - times.start_at)

    return PoolTimes(now_ms, moved(times.finish_at), moved(times.stop_accepting_bets_at))
