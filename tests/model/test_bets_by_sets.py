"""Bets that are placed by sets come to what they come to one by one: replies, errors, and every row."""

import itertools
import random
import re
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import trio

from gameserver.admin.commands import AddUser, CreditUser, perform
from gameserver.config import Settings
from gameserver.engine import bet_placement
from gameserver.engine.context import Committed
from gameserver.engine.scheduled import due_job
from gameserver.errors import Rejected
from gameserver.handlers.execution import WriteRequest, parse, write_job
from gameserver.protocol.codec import decode_request, request_digest
from gameserver.storage import ids
from gameserver.storage.bets import NewBetRow, insert_bets
from gameserver.storage.check import find_faults
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Completion, Outcome
from gameserver.storage.pools import add_bets_to_sums
from gameserver.storage.schedule import next_due_at
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import migrate
from gameserver.storage.sqlite.writer import Writer
from gameserver.storage.users import User, find_user
from tests.support.decoding import request_text
from tests.support.harness import START_MS, run_inline

BETS = 60
NO_POOL = "01970000-0000-7000-8000-000000000000"
UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Sent(NamedTuple):
    """A request as a client sends it."""

    user: str
    now_ms: int
    text: str


class World:
    """A writer on a database with users, three games in two currencies, and a pool in each."""

    def __init__(self, file: Path, seed: int) -> None:
        self.settings = Settings()
        self.connection = open_writer(file)
        self.connection.execute("PRAGMA synchronous = OFF")  # no test cuts the power here
        migrate(self.connection)
        self.outcomes: list[Outcome] = []
        self.writer = Writer(
            lambda: self.connection,
            due_job=partial(due_job, self.settings),
            next_due=next_due_at,
            publish=lambda result: None,
            telling=nullcontext(),
            monotonic_s=lambda: 0.0,
            max_waiting=BETS,
            run_sync=run_inline,
        )
        chance = random.Random(seed)
        for name in ("fifa", "ann", "bob", "cat", "dan"):
            self._command(AddUser(name, is_provider=name == "fifa"))
            for currency in ("DON", "JPY"):
                if chance.random() < 0.8:
                    self._command(CreditUser(name, str(chance.choice([3, 30, 300])), currency))
        source = self._ask(365, source_name="Cup")["source_id"]
        self.pools = [self._open_pool(source, currency) for currency in ("DON", "JPY")]
        # This one ends while bets come in.
        self.pools.append(self._open_pool(source, "DON", type=2, finish_at=START_MS + 40))

    def _open_pool(self, source: str, currency: str, **options: Any) -> str:
        contents = {"actions": ["Goal"], "targets": ["A", "B"], "currency": currency}
        game = self._ask(370, source_id=source, game_name="A - B", type="football", **contents)["game_id"]
        self._ask(616, game_id=game)
        pool: str = self._ask(
            385, game_id=game, description="x", action_id="goal", targets=["A", "B"], recreate_on_end=False, **options
        )["pool_id"]
        return pool

    def _command(self, command: AddUser | CreditUser) -> None:
        perform(self.connection, command, b"s" * 32, self.settings, START_MS)

    def _user(self, name: str) -> User:
        user = find_user(self.connection, name)
        assert user is not None
        return user

    def _ask(self, op: int, **parameters: Any) -> dict[str, Any]:
        body = self._job(Sent("fifa", START_MS, request_text(op, **parameters)))(self.connection).body
        reply: dict[str, Any] = msgspec.json.decode(body)
        return reply

    def _job(self, sent: Sent) -> Any:
        request = decode_request(sent.text, logged_in=True)
        digest = request_digest(sent.text) if request.header.key else None
        user = self._user(sent.user)
        return write_job(WriteRequest(request, parse(request, self.settings), digest, user, sent.now_ms, self.settings))

    def place(self, sent: Iterable[Sent], size: int) -> None:
        """Place bets, so many of which wait at a time, and keep the outcomes of all."""

        async def run() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.writer.run)
                todo = iter(sent)
                while some := list(itertools.islice(todo, size)):
                    for answer in [self._submit(one) for one in some]:
                        self.outcomes.append(await answer())
                nursery.cancel_scope.cancel()

        trio.run(run)

    def _submit(self, sent: Sent) -> Callable[[], Awaitable[Outcome]]:
        completion: Completion[Committed] = Completion()
        try:
            self.writer.submit(self._job(sent), sent.now_ms, completion)
        except Rejected as rejected:  # by its parameters alone
            completion(Outcome(error=rejected))

        async def answer() -> Outcome:
            try:
                return Outcome(await completion.result())
            except Rejected as rejected:
                return Outcome(error=rejected)

        return answer

    def result(self) -> dict[str, Any]:
        """The outcomes and all rows, with bets called by their numbers in place of their random ids.

        Left out is what is recorded of the course of time, which goes on by whole sets.
        """
        names = {uuid: f"bet {number}" for number, uuid in self.connection.execute("SELECT id, uuid FROM bets")}
        query = (
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " AND name NOT IN ('sessions', 'backing_history')"  # the ids of sessions are random
        )
        tables = [name for (name,) in self.connection.execute(query)]
        rows = {name: self.connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
        columns = [name for _, name, *_ in self.connection.execute("PRAGMA table_info(pools)")]
        recorded = columns.index("history_length")
        rows["pools"] = [(*row[:recorded], *row[recorded + 1 :]) for row in rows["pools"]]
        return {
            "outcomes": [named(outcome_text(outcome), names) for outcome in self.outcomes],
            **{name: [named(repr(row), names) for row in rows[name]] for name in tables},
        }


def outcome_text(outcome: Outcome) -> str:
    """What the requester, the hub and the user's other connections get."""
    if outcome.error is None:
        committed = outcome.result
        return repr((committed.body, committed.repeated, committed.stored_bytes, committed.effects))
    assert isinstance(outcome.error, Rejected), outcome.error
    return repr((outcome.error.code, outcome.error.text, outcome.error.field))


def named(text: str, names: dict[str, str]) -> str:
    return UUID.sub(lambda found: names.get(found.group(), found.group()), text)


def some_bets(seed: int, pools: list[str]) -> Iterator[Sent]:
    """Bets, good and bad, some with keys that come again for the same bet or another."""
    chance = random.Random(seed)
    now_ms = START_MS + 1
    keyed: list[Sent] = []
    for _ in range(BETS):
        now_ms += chance.choice([0, 0, 1, 3])
        user = chance.choice(["ann", "bob", "cat", "dan", "fifa"])
        parameters = {
            "pool_id": chance.choice([*pools * 3, NO_POOL]),
            "target": chance.choice(["A", "B", "b", "none", "A", "B", "b", "none", "zz", "::"]),
            "amount": chance.choice([1, 2, 1, 2, 1.5, "0.25", 7, 0.001, 250]),
        }
        key = chance.choice([None, None, None, f"k{chance.randrange(7)}"])
        if key and keyed and chance.random() < 0.5:
            yield chance.choice(keyed[-6:])._replace(now_ms=now_ms)
            continue
        sent = Sent(user, now_ms, request_text(392, {"key": key} if key else None, **parameters))
        if key:
            keyed.append(sent)
        yield sent


def fail_each_set(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let every set of more than one bet fail after its last statement; the sizes of these sets."""
    sizes: list[int] = []
    last = 0

    def inserting(connection: Connection, bets: list[NewBetRow]) -> None:
        nonlocal last
        last = len(bets)
        insert_bets(connection, bets)

    def adding(*arguments: Any, **named: Any) -> None:
        add_bets_to_sums(*arguments, **named)
        if last > 1:
            sizes.append(last)
            raise AssertionError("a bug")

    monkeypatch.setattr(bet_placement, "insert_bets", inserting)
    monkeypatch.setattr(bet_placement, "add_bets_to_sums", adding)
    return sizes


def placed(seed: int, size: int) -> dict[str, Any]:
    """What comes of the seed's bets if so many wait at a time."""
    with tempfile.TemporaryDirectory() as directory:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ids, "urandom", random.Random(seed).randbytes)
            world = World(Path(directory) / "game.db", seed)
        with closing(world.connection):
            world.place(some_bets(seed, world.pools), size)
            assert find_faults(world.connection) == []
            return world.result()


@pytest.mark.parametrize("seed", range(25))
def test_bets_by_sets_come_to_what_they_come_to_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = placed(seed, 1)
    for size in (7, 60):
        assert placed(seed, size) == one_by_one
    sizes = fail_each_set(monkeypatch)
    assert placed(seed, 60) == one_by_one
    assert sizes


def test_the_bets_of_that_comparison_are_of_every_kind() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(25):
        for outcome in placed(seed, BETS)["outcomes"]:
            refused = re.match(r"\(<ErrorCode.(\w+)", outcome)
            kinds[refused.group(1) if refused else "repeated" if ", True, " in outcome else "placed"] += 1
    codes = ("INVALID_PARAMETER", "NOT_FOUND", "NOT_AUTHORIZED", "POOL_RESOLVED", "INSUFFICIENT_FUNDS", "KEY_REUSED")
    assert set(kinds) == {"placed", "repeated", *codes}
    assert min(kinds.values()) >= 5
    assert kinds["placed"] > 300
