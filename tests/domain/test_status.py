import pytest

from gameserver.domain.status import GameStatus, GameTimes, game_status

UPCOMING = GameTimes(open_at=100, live_start_at=200, opened_at=None, closing_at=None, closed_at=None)
OPEN = UPCOMING._replace(opened_at=50)


@pytest.mark.parametrize(
    ("times", "now_ms", "expected"),
    [
        (UPCOMING, 0, GameStatus.NOT_YET_ACTIVE),
        (UPCOMING, 10_000, GameStatus.NOT_YET_ACTIVE),
        (OPEN, 99, GameStatus.NOT_YET_ACTIVE),
        (OPEN, 100, GameStatus.PRE_GAME),
        (OPEN, 199, GameStatus.PRE_GAME),
        (OPEN, 200, GameStatus.IN_PROGRESS),
        (OPEN._replace(live_start_at=0), 99, GameStatus.NOT_YET_ACTIVE),
        (OPEN._replace(live_start_at=0), 100, GameStatus.IN_PROGRESS),
        (OPEN._replace(closing_at=150), 60, GameStatus.CLOSING),
        (OPEN._replace(closing_at=150), 300, GameStatus.CLOSING),
        (OPEN._replace(closing_at=150, closed_at=160), 300, GameStatus.CLOSED),
        (OPEN._replace(closed_at=160), 50, GameStatus.CLOSED),
        (UPCOMING._replace(closed_at=160), 50, GameStatus.CLOSED),
    ],
)
def test_a_status_follows_from_the_times(times: GameTimes, now_ms: int, expected: GameStatus) -> None:
    assert game_status(times, now_ms) is expected


def test_the_statuses_are_those_of_the_contract() -> None:
    assert [status.value for status in GameStatus] == [
        "betting_not_yet_active",
        "pre_game_betting_active",
        "game_in_progress_betting_active",
        "game_in_progress_betting_closed",
        "game_closed",
    ]
