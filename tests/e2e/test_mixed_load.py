"""Power cuts and orderly ends in the middle of bets, events, settlements and voids.

GAMESERVER_SOAK_ROUNDS says how many power cuts there are.
"""

import os
import random
import sys
from pathlib import Path

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
