"""Power cuts and orderly ends in the middle of bets, events, settlements and voids.

SOAK_ROUNDS says how many power cuts there are at least, and how many requests of each kind.
"""

import os
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidMessage

from gameserver.config import Settings
from tests.support.mixed_load import Load, assert_nothing_is_lost, build_load
from tests.support.process import TIMEOUT_S, playing, until_the_server_is_gone

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "10"))


@pytest.mark.time_limit(60 + 10 * ROUNDS)
def test_no_kill_under_mixed_load_loses_what_was_acknowledged_or_leaves_anything_by_halves(database: Path) -> None:
    chance = random.Random(1930)
    load = build_load(database, chance)
    number = 0
    while number < ROUNDS or done_of_each_kind(load) < ROUNDS:
        assert number < 2 * ROUNDS, "the load is not mixed"
        number += 1
        with load.running(acknowledged=chance.randint(1, 200)) as server:
            server.kill()
        assert_nothing_is_lost(load)
        answered = sum(len(actor.log) for actor in load.actors) - len(load.unanswered())
        print(f"kill {number}, {ROUNDS} at least: {answered} answered, none lost", file=sys.stderr, flush=True)
    load.finish()
    assert not load.unanswered()
    assert_nothing_is_lost(load)


@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 101 Switching Pro", b"HTTP/1.1 101 Switching Protocols\r\nUpgr"])
def test_a_client_takes_a_handshake_that_is_cut_for_a_server_that_is_gone(cut: bytes) -> None:
    with answering(cut) as url, until_the_server_is_gone(), playing(url, None):
        pytest.fail("there was no server")


def test_a_client_does_not_take_an_answer_that_is_wrong_for_a_server_that_is_gone() -> None:
    with (
        answering(b"SMTP\r\n\r\n") as url,
        pytest.raises(InvalidMessage),
        until_the_server_is_gone(),
        playing(url, None),
    ):
        pytest.fail("there was no server")


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Where whoever connects gets this answer to his request, and then the end of the stream."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(TIMEOUT_S)


def done_of_each_kind(load: Load) -> int:
    """How many requests of the rarest kind were carried out."""
    return min(len(load.done(op)) for op in (392, 395, 3951, 385))


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
