"""Servers on one PostgreSQL database are killed, paused and cut off from it, and it fails over, all under load.

SOAK_FAULTS says how many faults there are.
"""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from gameserver.config import SECRET_VARIABLE
from gameserver.storage.postgres.connection import open_reader, open_writer
from tests.support.postgres import Pair
from tests.support.process import (
    TIMEOUT_S,
    UNLIMITED,
    Countdown,
    Player,
    ServerProcess,
    add_user,
    playing,
    run,
    serving,
    until_the_server_is_gone,
)

FAULTS = int(os.environ.get("SOAK_FAULTS", "4"))
NODES = 3
BETTORS = ("ann", "bob", "cat", "dan", "eve", "fay")


class Nodes:
    """The servers that run, and those who are at them: whoever loses his server goes on at any other."""

    def __init__(self, pair: Pair, folder: Path, stack: ExitStack, chance: random.Random) -> None:
        self.database = pair.empty_database()
        self.chance = chance
        self.over = False
        self.failed: list[BaseException] = []
        self._pair = pair
        self._folder = folder
        self._stack = stack
        self.servers: list[ServerProcess] = [self._start() for _ in range(NODES)]

    def _start(self) -> ServerProcess:
        return self._stack.enter_context(serving(self.database, *UNLIMITED, folder=self._folder))

    def kill_one(self, countdown: Callable[[], None]) -> None:
        """Kill a server at once, and start another later."""
        gone = self.servers.pop(self.chance.randrange(NODES))
        gone.kill()
        countdown()
        self.servers.append(self._start())

    def pause_one(self, countdown: Callable[[], None]) -> None:
        """Let a server stand still while the others go on, and come back."""
        paused = self.servers[self.chance.randrange(NODES)]
        paused.tell(signal.SIGSTOP)
        countdown()
        paused.tell(signal.SIGCONT)

    def cut_all(self, countdown: Callable[[], None]) -> None:
        """End all connections to the database."""
        with open_writer(self.database) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        countdown()

    def fail_over(self, countdown: Callable[[], None]) -> None:
        """Have the standby in the place of the database's primary, which ends at once."""
        self._pair.fail_over()
        countdown()

    def visit_some(self, session_key: str, act: Callable[[Player], object]) -> None:
        """Act at any server, which may be gone or stand still by then, or at any time."""
        url = self.chance.choice(self.servers).url
        with suppress(TimeoutError), until_the_server_is_gone(), playing(url, session_key) as player:
            act(player)


class Person(threading.Thread):
    """Somebody who goes on until all is over."""

    def __init__(self, nodes: Nodes, name: str) -> None:
        super().__init__(name=name)
        self.nodes = nodes
        self.session_key = str(add_user(nodes.database, name)["session_key"])

    def run(self) -> None:
        """Come again and again."""
        try:
            while not self.nodes.over:
                self.nodes.visit_some(self.session_key, self.act)
        except BaseException as error:
            self.nodes.failed.append(error)

    def act(self, player: Player) -> None:
        """Do what this person does, as long as there is a connection."""
        raise NotImplementedError


class Bettor(Person):
    """Bets, each time with a key of its own, until the bet is acknowledged."""

    def __init__(self, nodes: Nodes, name: str, pool: str) -> None:
        super().__init__(nodes, name)
        self.pool = pool
        self.bets: dict[str, str] = {}
        self.countdown = Countdown(0)

    def act(self, player: Player) -> None:
        while not self.nodes.over:
            key = f"{self.name}-{len(self.bets)}"
            reply = player.call(392, header={"key": key}, pool_id=self.pool, target="yes", amount=0.01)
            if reply.get("code") == "pool_resolved":
                return
            if reply["res"] == 666:
                assert reply["code"] in ("storage_unavailable", "busy"), reply
                continue
            self.bets[key] = reply["bet_id"]
            self.countdown.acknowledge()


class Watcher(Person):
    """Follows the game, and recovers what was missed."""

    def __init__(self, nodes: Nodes, name: str, game: str) -> None:
        super().__init__(nodes, name)
        self.game = game
        self.seqs: list[int] = [0]
        self.told_last = threading.Event()

    def act(self, player: Player) -> None:
        reply = player.call(363, game_id=self.game, after_seq=self.seqs[-1])
        assert reply["res"] == 333, reply
        assert reply["recovered"]
        while not self.told_last.is_set():
            message = player.heard.pop(0) if player.heard else player.receive()
            if "seq" in message["response_header"]:
                self.seqs.append(message["response_header"]["seq"])
                if message["res"] == 362:
                    self.told_last.set()


@pytest.mark.time_limit(180 + 60 * FAULTS)
def test_no_fault_at_any_server_loses_what_was_acknowledged_or_told(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "5e" * 32)
    with ExitStack() as stack:
        nodes = Nodes(pair, tmp_path, stack, random.Random(1934))
        admin = str(add_user(nodes.database, "admin", provider=True)["session_key"])
        with playing(nodes.servers[0].url, admin) as player:
            source = player.call(365, source_name="Ours")["source_id"]
            game = player.call(370, source_id=source, game_name="Final", type="football")["game_id"]
            player.call(616, game_id=game)
            pool = player.call(385, game_id=game, description="Penalty?", pool_type=3)["pool_id"]
        bettors = [Bettor(nodes, name, pool) for name in BETTORS]
        watchers = [Watcher(nodes, f"watcher{number}", game) for number in range(NODES)]
        for person in (*bettors, *watchers):
            person.start()
        try:
            for number in range(FAULTS):
                operate(nodes, admin, 385, f"{number}", game_id=game, description=f"Pool {number}", pool_type=3)
                fault = (nodes.kill_one, nodes.pause_one, nodes.cut_all, nodes.fail_over)[number % 4]
                fault(lambda: wait_for(bettors, nodes.chance.randint(1, 100)))
                print(f"fault {number + 1} of {FAULTS}: {fault.__name__}", file=sys.stderr, flush=True)
            operate(nodes, admin, 395, "last", pool_id=pool, target_id="yes")
            for watcher in watchers:
                assert watcher.told_last.wait(TIMEOUT_S)
        finally:
            nodes.over = True
            for person in (*bettors, *watchers):
                person.join(3 * TIMEOUT_S)
        assert nodes.failed == []
    acknowledged = {uuid for bettor in bettors for uuid in bettor.bets.values()}
    assert len(acknowledged) == sum(len(bettor.bets) for bettor in bettors)
    with open_reader(nodes.database) as connection:
        stored = {uuid for (uuid,) in connection.execute("SELECT uuid FROM bets")}
        (last_seq,) = connection.execute("SELECT seq FROM games").fetchone()
    assert acknowledged <= stored
    assert len(stored - acknowledged) <= len(bettors)  # the last of each may have had no answer
    assert [watcher.seqs for watcher in watchers] == [list(range(last_seq + 1))] * NODES
    assert "is sound" in run("check", "--db", nodes.database).stdout


def operate(nodes: Nodes, admin: str, op: int, key: str, **parameters: Any) -> None:
    """Have something done, once, by any server that can be reached, however often it is asked for."""
    replies: list[dict[str, Any]] = []
    for _ in range(100):
        nodes.visit_some(admin, lambda player: replies.append(player.call(op, header={"key": key}, **parameters)))
        if replies and replies[-1]["res"] != 666:
            return
        assert all(reply["code"] in ("storage_unavailable", "busy") for reply in replies), replies
    raise TimeoutError


def wait_for(bettors: list[Bettor], count: int) -> None:
    """Wait until so many more bets are acknowledged."""
    countdown = Countdown(count)
    for bettor in bettors:
        bettor.countdown = countdown
    countdown.wait(3 * TIMEOUT_S)  # a server that stands still keeps its locks, and its players, for a while
