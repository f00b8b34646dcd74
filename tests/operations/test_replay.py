"""What came of a game comes of it again when its export is lived again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gameserver.admin.commands import CreditUser
from tests.support.offline import Offline

CONTENTS = {"actions": ["Goal"], "targets": ["Argentina:1", "Brazil:7"], "game_name": "A - B", "type": "football"}
POOL = {"description": "Who scores?", "action_id": "goal", "targets": ["argentina", "brazil"]}
GOAL = {"action_id": "goal", "target_id": "argentina:1"}


@pytest.fixture
def offline(database: Path) -> Iterator[Offline]:
    """A file with the provider "fifa"."""
    offline = Offline(database)
    offline.add_user("fifa", provider=True)
    yield offline
    offline.close()


def do(offline: Offline, name: str, op: int, /, **parameters: Any) -> dict[str, Any]:
    """The reply to a request that must not be refused."""
    reply = offline.call(name, op, **parameters)
    assert reply["res"] != 666, reply
    return reply


def open_game(offline: Offline, **source: Any) -> tuple[str, str]:
    """A new source of "fifa" and a game of it: their ids."""
    source_id = do(offline, "fifa", 365, source_name="Cup", **source)["source_id"]
    game = do(offline, "fifa", 370, source_id=source_id, **CONTENTS)["game_id"]
    do(offline, "fifa", 616, game_id=game)
    return source_id, game


def test_a_game_with_one_big_bettor_among_many_is_the_same_again(offline: Offline) -> None:
    _, game = open_game(offline, takeout="0.01")
    pool = do(offline, "fifa", 385, game_id=game, **POOL)["pool_id"]
    offline.add_user("rich")
    offline.command(CreditUser("rich", "1000000000000", "DON"))
    do(offline, "rich", 392, pool_id=pool, target="argentina", amount=10**12)
    for number in range(60):
        offline.add_user(f"u{number}")
        do(offline, f"u{number}", 392, pool_id=pool, target="brazil", amount=1)
    offline.let_time_pass(1)
    do(offline, "fifa", 395, game_id=game, **GOAL)
    assert offline.replay_differences(game) == []


def test_a_game_in_which_winnings_are_staked_again_and_overdrawn_is_the_same_again(offline: Offline) -> None:
    _, game = open_game(offline)
    for name in ("ann", "bob"):
        offline.add_user(name)
    pools = [do(offline, "fifa", 385, game_id=game, **POOL)["pool_id"] for _ in range(2)]
    do(offline, "ann", 392, pool_id=pools[0], target="argentina", amount=1000)
    do(offline, "bob", 392, pool_id=pools[0], target="brazil", amount=1000)
    offline.let_time_pass(1)
    event = do(offline, "fifa", 395, game_id=game, happened_at=offline.now_ms, **GOAL)["event_id"]
    pool = do(offline, "fifa", 385, game_id=game, **POOL)["pool_id"]
    do(offline, "ann", 392, pool_id=pool, target="brazil", amount=1500)
    do(offline, "fifa", 3951, game_id=game, event_id=event)
    offline.command(CreditUser("ann", "2000", "DON"))
    do(offline, "ann", 392, pool_id=pool, target="argentina", amount=1)
    offline.let_time_pass(1)
    do(offline, "fifa", 395, game_id=game, **GOAL)
    assert offline.replay_differences(game) == []
