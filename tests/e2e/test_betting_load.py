"""Bets by many at once."""

import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.process import TIMEOUT_S, UNLIMITED, Player, add_user, playing, run, serving

BETTORS = ("ann", "bob", "cat", "dan", "eve")
CONNECTIONS = 50
STAKE = 300


def open_pool(admin: Player) -> str:
    """A pool in a new game of a new source; its id."""
    source = admin.call(365, source_name="Cup")["source_id"]
    game: dict[str, Any] = {"game_name": "A - B", "type": "football", "actions": "Goal", "targets": "Argentina, Brazil"}
    uuid = admin.call(370, source_id=source, **game)["game_id"]
    assert admin.call(616, game_id=uuid)["res"] == 640
    pool: dict[str, Any] = {"description": "Who?", "action_id": "goal", "targets": "Argentina, Brazil"}
    return str(admin.call(385, game_id=uuid, **pool)["pool_id"])


def join_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


def is_sound(file: Path) -> bool:
    done = run("check", "--db", file)
    assert (done.code, done.stdout) == (0, f"{file} is sound\n")
    return True


def test_of_50_bets_made_at_once_exactly_those_that_can_be_paid_are_taken(database: Path) -> None:
    admin = add_user(database, "admin", provider=True)
    users = [add_user(database, name) for name in BETTORS]
    for extra, user in enumerate(users):
        if extra:
            assert run("user", "credit", user["username"], str(extra * STAKE), "DON", "--db", database).code == 0
    replies: list[tuple[str, dict[str, Any]]] = []
    barrier = threading.Barrier(CONNECTIONS, timeout=TIMEOUT_S)

    def play(player: Player, name: str, pool: str) -> None:
        barrier.wait()
        replies.append((name, player.call(392, pool_id=pool, target="argentina", amount=STAKE)))

    with serving(database, *UNLIMITED) as server, ExitStack() as stack:
        host = stack.enter_context(playing(server.url, admin["session_key"]))
        pool = open_pool(host)
        threads = [
            threading.Thread(
                target=play,
                args=(stack.enter_context(playing(server.url, user["session_key"])), user["username"], pool),
            )
            for user in users * (CONNECTIONS // len(users))
        ]
        for thread in threads:
            thread.start()
        join_all(threads)
        taken = Counter(name for name, reply in replies if reply["res"] == 356)
        # 1000 are three stakes; each user has been given one more than the user before.
        assert taken == {name: 3 + extra for extra, name in enumerate(BETTORS)}
        refused = [reply["code"] for _, reply in replies if reply["res"] != 356]
        assert refused == ["insufficient_funds"] * (CONNECTIONS - taken.total())
        shown = host.call(393, pool_id=pool)
        assert (shown["bet_count"], shown["participants"]) == (taken.total(), len(BETTORS))
        assert shown["amount_total"] == taken.total() * STAKE
        assert server.stop() == 0
    assert is_sound(database)
