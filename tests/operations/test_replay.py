"""What came of a game comes of it again when its export is lived again."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gameserver.admin.commands import AddUser, CreditUser
from gameserver.admin.replay import Replay, export_game
from gameserver.storage.check import find_faults
from gameserver.storage.sqlite.connection import open_memory
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


def test_a_game_whose_source_changed_its_takeout_is_the_same_again(offline: Offline) -> None:
    source, game = open_game(offline, takeout="0.1")
    pools = []
    for takeout in ("0.2", "0.05", "0.05"):
        pools.append(do(offline, "fifa", 385, game_id=game, **POOL, recreate_on_end=True)["pool_id"])
        do(offline, "fifa", 369, source_id=source, takeout=takeout)
    for name, target in (("ann", "argentina"), ("bob", "brazil")):
        offline.add_user(name)
        for pool in pools:
            do(offline, name, 392, pool_id=pool, target=target, amount=10)
    offline.let_time_pass(1)
    do(offline, "fifa", 395, game_id=game, **GOAL)
    assert offline.query("SELECT takeout FROM settlements ORDER BY id") == [(200,), (400,), (100,)]
    assert offline.replay_differences(game) == []


def test_a_game_whose_admins_bet_and_were_removed_is_the_same_again(offline: Offline) -> None:
    _, game = open_game(offline, admins_may_bet=True)
    pool = do(offline, "fifa", 385, game_id=game, **POOL)["pool_id"]
    offline.add_user("ann")
    for op in (617, 618):
        do(offline, "fifa", op, game_id=game, username="ann")
    for name, target in (("ann", "argentina"), ("fifa", "brazil")):
        do(offline, name, 392, pool_id=pool, target=target, amount=10)
    offline.let_time_pass(1)
    do(offline, "fifa", 395, game_id=game, **GOAL)
    assert offline.replay_differences(game) == []


def test_an_export_from_before_the_takeout_could_change_is_lived_again(offline: Offline) -> None:
    _, game = open_game(offline, takeout="0.1")
    pool = do(offline, "fifa", 385, game_id=game, **POOL)["pool_id"]
    for name, target in (("ann", "argentina"), ("bob", "brazil")):
        offline.add_user(name)
        do(offline, name, 392, pool_id=pool, target=target, amount=10)
    offline.let_time_pass(1)
    do(offline, "fifa", 395, game_id=game, **GOAL)
    head, *facts = export_game(offline.connection, game, offline.now_ms)
    head["takeout_millionths"] = 100_000
    with closing(open_memory()) as connection:
        assert Replay(connection, offline.settings).run([head, *facts]) == []


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


def test_a_game_that_was_renamed_postponed_relabelled_and_scored_anew_is_the_same_again(offline: Offline) -> None:
    source = do(offline, "fifa", 365, source_name="Cup")["source_id"]
    scores = {"scores": {"Goal": -1}, "labels": {"brazil:7": {"number": 7}}, "action_labels": {"goal": "Tor"}}
    game = do(offline, "fifa", 3701, source_id=source, close_at=offline.now_ms + 50, **CONTENTS, **scores)["game_id"]
    do(offline, "fifa", 3702, game_id=game, targets="Chile", labels={"chile": {"is_active": False}})
    do(offline, "fifa", 616, game_id=game)
    pool = do(offline, "fifa", 385, game_id=game, **POOL)["pool_id"]
    for name, target in (("ann", "argentina"), ("bob", "brazil")):
        offline.add_user(name)
        do(offline, name, 392, pool_id=pool, target=target, amount=10)
    out = {"brazil": {"is_active": False}, "chile": {"clear": "is_active"}}
    do(offline, "fifa", 373, game_id=game, game_name="B - A", close_at=offline.now_ms + 500, labels=out)
    do(offline, "fifa", 374, game_id=game, period="1H", elapsed_ms=1, is_running=True)
    offline.let_time_pass(100)
    do(offline, "ann", 392, pool_id=pool, target="none", amount=5)
    do(offline, "fifa", 395, game_id=game, **GOAL, happened_at=offline.now_ms - 1)
    do(offline, "fifa", 373, game_id=game, scores={"goal": 3}, clear="close_at, hashtag")
    do(offline, "fifa", 395, game_id=game, **GOAL)
    assert offline.exported(game)[-1]["score"] == [["argentina", 6], ["brazil", 0], ["chile", 0]]
    assert offline.replay_differences(game) == []
    facts = offline.exported(game)
    facts[-1]["score"][0][1] = 5
    user, stake, status, paid = facts[-1]["bets"][2]
    facts[-1]["bets"][2][3] = 7
    with closing(open_memory()) as connection:
        differences = Replay(connection, offline.settings).run(facts)
    assert differences == [
        f"bets, number 3: was [{user}, {stake}, '{status}', 7], now [{user}, {stake}, '{status}', {paid}]",
        "score, number 1: was ['argentina', 5], now ['argentina', 6]",
    ]


def test_a_game_in_which_an_admin_of_the_server_returned_bets_is_the_same_again(offline: Offline) -> None:
    _, game = open_game(offline)
    pool = do(offline, "fifa", 385, game_id=game, **POOL)["pool_id"]
    offline.command(AddUser("boss", is_admin=True))
    bob = offline.add_user("bob")
    offline.add_user("ann")
    for name, target in (("bob", "argentina"), ("ann", "brazil"), ("bob", "brazil"), ("ann", "argentina")):
        do(offline, name, 392, pool_id=pool, target=target, amount=10)
        offline.let_time_pass(1)
    assert do(offline, "boss", 1001, user_id=bob, void_bets=True)["bets"] == 2
    offline.let_time_pass(1)
    do(offline, "fifa", 395, game_id=game, **GOAL)
    assert offline.replay_differences(game) == []
    assert find_faults(offline.connection) == []
