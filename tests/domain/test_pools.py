import pytest

from gameserver.domain.pools import (
    PoolStatus,
    PoolTimes,
    PoolType,
    check_finish_at,
    check_times,
    check_within_game,
    common_level,
    parse_labels,
    recreated_times,
    require_accepting,
)
from gameserver.errors import ErrorCode
from tests.support.refusals import refused, refused_parameter

NOW = 1_000


@pytest.mark.parametrize(
    ("number", "is_binary", "is_timed"), [(1, False, False), (2, False, True), (3, True, False), (4, True, True)]
)
def test_there_are_four_types(number: int, is_binary: bool, is_timed: bool) -> None:
    assert (PoolType(number).is_binary, PoolType(number).is_timed) == (is_binary, is_timed)


@pytest.mark.parametrize("type_", PoolType)
def test_time_based_pools_have_a_finish_at_and_others_none(type_: PoolType) -> None:
    given, wrong = (5, None) if type_.is_timed else (None, 5)
    check_finish_at(type_, given)
    code = ErrorCode.MISSING_PARAMETER if type_.is_timed else ErrorCode.INVALID_PARAMETER
    with refused(code, "finish_at"):
        check_finish_at(type_, wrong)


@pytest.mark.parametrize(
    "times", [(NOW, None, None), (NOW, NOW + 1, NOW + 1), (NOW + 5, NOW + 7, NOW + 7), (0, NOW + 1, None)]
)
def test_moments_after_now_and_the_start_are_accepted(times: tuple[int, int | None, int | None]) -> None:
    check_times(PoolTimes(*times), NOW)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ((NOW, NOW, None), "finish_at"),
        ((NOW + 5, NOW + 5, None), "finish_at"),
        ((0, NOW - 1, None), "finish_at"),
        ((NOW, None, NOW), "stop_accepting_bets_at"),
        ((NOW + 5, None, NOW + 4), "stop_accepting_bets_at"),
        ((NOW, NOW + 6, NOW + 7), "stop_accepting_bets_at"),
    ],
)
def test_moments_that_are_past_or_out_of_order_are_refused(
    times: tuple[int, int | None, int | None], field: str
) -> None:
    with refused_parameter(field):
        check_times(PoolTimes(*times), NOW)


@pytest.mark.parametrize(("start_at", "finish_at", "close_at"), [(8, 8, 8), (None, None, 8), (9, 9, None)])
def test_a_pool_may_start_and_finish_as_long_as_its_game_is_open(
    start_at: int | None, finish_at: int | None, close_at: int | None
) -> None:
    check_within_game(start_at, finish_at, close_at)


@pytest.mark.parametrize(("start_at", "finish_at", "field"), [(9, None, "start_at"), (8, 9, "finish_at")])
def test_a_pool_that_starts_or_finishes_after_its_game_has_closed_is_refused(
    start_at: int, finish_at: int | None, field: str
) -> None:
    with refused_parameter(field):
        check_within_game(start_at, finish_at, 8)


@pytest.mark.parametrize("now_ms", [100, 199])
def test_a_pool_accepts_from_its_start_until_it_stops(now_ms: int) -> None:
    require_accepting(PoolStatus.OPEN, PoolTimes(100, 300, 200), now_ms, is_blocked=False)


@pytest.mark.parametrize("stop_at", [None, 400])
def test_a_pool_that_is_over_accepts_nothing_though_it_is_not_settled_yet(stop_at: int | None) -> None:
    times = PoolTimes(100, 300, stop_at)
    require_accepting(PoolStatus.OPEN, times, 299, is_blocked=False)
    with refused(ErrorCode.BETTING_ENDED):
        require_accepting(PoolStatus.OPEN, times, 300, is_blocked=False)


@pytest.mark.parametrize(
    ("status", "now_ms", "is_blocked", "code"),
    [
        (PoolStatus.OPEN, 99, False, ErrorCode.BETTING_NOT_STARTED),
        (PoolStatus.OPEN, 200, False, ErrorCode.BETTING_ENDED),
        (PoolStatus.OPEN, 150, True, ErrorCode.BETTING_BLOCKED),
        (PoolStatus.RESOLVED, 150, False, ErrorCode.POOL_RESOLVED),
        (PoolStatus.VOIDED, 150, True, ErrorCode.POOL_RESOLVED),
    ],
)
def test_why_a_pool_takes_no_bets_is_said(status: PoolStatus, now_ms: int, is_blocked: bool, code: ErrorCode) -> None:
    with refused(code):
        require_accepting(status, PoolTimes(100, None, 200), now_ms, is_blocked=is_blocked)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([], {"yes": "yes", "no": "no"}),
        (["Yes", "No"], {"yes": "Yes", "no": "No"}),
        (["Over 2", "under_2"], {"over-2": "Over 2", "under-2": "under_2"}),
        (["none", "some"], {"none": "none", "some": "some"}),
    ],
)
def test_labels_are_yes_and_no_or_two_others_in_the_order_given(names: list[str], labels: dict[str, str]) -> None:
    assert list(parse_labels(names).items()) == list(labels.items())


@pytest.mark.parametrize(
    "names", [["yes"], ["yes", "YES"], ["a", "b", "c"], ["a", "b", "A"], ["a:b", "c"], ["a", "\x00"]]
)
def test_other_than_two_different_labels_are_refused(names: list[str]) -> None:
    with refused_parameter("targets"):
        parse_labels(names)


@pytest.mark.parametrize(
    ("ids", "level"), [(["a"], 1), (["a", "b", "none"], 1), (["none", "a:b", "c:d"], 2), (["a:b:c"], 3)]
)
def test_the_level_of_targets_is_that_of_all_besides_none(ids: list[str], level: int) -> None:
    assert common_level(ids) == level


@pytest.mark.parametrize("ids", [[], ["none"], ["a", "a:b"], ["a:b", "c", "none"]])
def test_targets_of_several_levels_or_none_are_refused(ids: list[str]) -> None:
    with refused_parameter("targets"):
        common_level(ids)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((100, None, None), (5_000, None, None)),
        ((100, None, 200), (5_000, None, 6_000)),
        ((100, 60_100, 30_100), (5_000, 65_000, 35_000)),
        ((100, 200, 150), (5_000, 6_000, 6_000)),
        ((100, 1_100, 1_099), (5_000, 6_000, 6_000)),
    ],
)
def test_a_pool_opened_anew_keeps_its_distances_of_at_least_a_second(
    times: tuple[int, int | None, int | None], expected: tuple[int, int | None, int | None]
) -> None:
    assert recreated_times(PoolTimes(*times), 5_000) == expected
