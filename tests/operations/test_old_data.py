"""What is old is deleted in batches, so that no deletion holds up the writer for long."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.engine.scheduled import delete_old
from gameserver.storage.replies import NewReply, insert_replies
from gameserver.storage.schedule import next_due_at
from tests.support.harness import START_MS
from tests.support.offline import Offline
from tests.support.world import DAY_MS


@pytest.fixture
def offline(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offline]:
    """A database of which two rows are deleted at a time."""
    monkeypatch.setattr("gameserver.engine.scheduled.PURGE_BATCH", 2)
    offline = Offline(database)
    yield offline
    offline.close()


def count(offline: Offline, table: str) -> int:
    ((number,),) = offline.query(f"SELECT count(*) FROM {table}")
    return int(number)


@pytest.mark.parametrize(("updates", "left"), [(0, [0]), (2, [2, 0]), (3, [3, 1, 0])])
def test_the_log_of_a_closed_game_is_deleted_two_by_two_a_second_apart(
    offline: Offline, updates: int, left: list[int]
) -> None:
    offline.add_user("fifa", provider=True)
    source = offline.call("fifa", 365, source_name="Cup")["source_id"]
    game = offline.call("fifa", 370, source_id=source, game_name="A - B", type="football")["game_id"]
    for _ in range(updates):
        offline.call("fifa", 373, game_id=game, actions=["Goal"])
    offline.call("fifa", 375, game_id=game)
    offline.let_time_pass(7 * DAY_MS - 1)
    assert count(offline, "broadcasts") == updates + 2
    offline.let_time_pass(1)
    for remaining in left:
        assert count(offline, "broadcasts") == remaining
        offline.let_time_pass(999)
        assert count(offline, "broadcasts") == remaining
        offline.let_time_pass(1)
    assert next_due_at(offline.connection) is None


@pytest.mark.parametrize(
    ("sessions", "replies", "more"),
    [(1, 1, [False]), (3, 0, [True, False]), (0, 3, [True, False]), (2, 1, [True, False]), (5, 3, [True, True, False])],
)
def test_expired_sessions_and_old_replies_are_deleted_two_by_two_until_none_are_left(
    offline: Offline, sessions: int, replies: int, more: list[bool]
) -> None:
    for number in range(sessions):
        offline.add_user(f"user-{number}")
    lasting = offline.add_user("lasting")
    for number in range(replies):
        insert_replies(offline.connection, [NewReply(lasting, str(number), b"d" * 32, START_MS, b"body")], 0)
    offline.query("UPDATE sessions SET expires_at = ? WHERE user_id = ?", START_MS + 30 * DAY_MS, lasting)
    now_ms = START_MS + 7 * DAY_MS + 1
    done = [delete_old(offline.settings, now_ms, offline.connection) for _ in more]
    assert [it.result for it in done] == more
    assert (count(offline, "sessions"), count(offline, "stored_replies")) == (1, 0)
