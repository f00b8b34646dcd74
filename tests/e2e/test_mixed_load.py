"""Power cuts and orderly ends in the middle of bets, events, settlements and voids.

GAMESERVER_SOAK_ROUNDS says how many power cuts there are.
"""

import os
import random
import sys
import time
from pathlib import Path

import pytest

from gameserver.config import Settings
from tests.support.mixed_load import assert_nothing_is_lost, build_load

ROUNDS = int(os.environ.get("GAMESERVER_SOAK_ROUNDS", "10"))


def test_no_kill_under_mixed_load_loses_what_was_acknowledged_or_leaves_anything_by_halves(database: Path) -> None:
    chance = random.Random(1930)
    load = build_load(database, chance)
    for number in range(1, ROUNDS + 1):
        with load.running(acknowledged=chance.randint(1, 200)) as server:
            server.kill()
        assert_nothing_is_lost(load)
        answered = sum(len(actor.log) for actor in load.actors) - len(load.unanswered())
        print(f"kill {number} of {ROUNDS}: {answered} requests answered, none lost", file=sys.stderr, flush=True)
    load.finish()
    assert not load.unanswered()
    assert_nothing_is_lost(load)
    assert min(len(load.done(op)) for op in (392, 395, 3951, 385)) >= ROUNDS


@pytest.mark.parametrize("seed", range(3))
def test_a_server_told_to_end_under_load_answers_what_it_carries_out_and_carries_out_nothing_else(
    database: Path, seed: int
) -> None:
    chance = random.Random(seed)
    load = build_load(database, chance)
    with load.running(acknowledged=chance.randint(50, 200)) as server:
        told_at_s = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - told_at_s < Settings().shutdown_timeout_s
    assert {actor.close_code for actor in load.actors} == {1001}
    carried_out = load.stored_replies()
    assert not [request for request in load.unanswered() if request.key in carried_out]
    assert_nothing_is_lost(load)
    assert "Traceback" not in server.log.read_text()
