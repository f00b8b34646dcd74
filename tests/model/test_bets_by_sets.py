"""Bets that are placed by sets come to what they come to one by one: replies, errors, and every row."""

import itertools
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from gameserver.admin.commands import CreditUser
from gameserver.config import Settings
from gameserver.engine.announcing import announce, hear
from gameserver.engine.bet_placement import PlacedBet, Proposal, place_bets
from gameserver.engine.context import Committed
from gameserver.engine.scheduled import due_job
from gameserver.errors import Rejected
from gameserver.handlers import betting
from gameserver.handlers.execution import WriteRequest, parse, write_job
from gameserver.protocol.codec import decode_request, request_digest
from gameserver.storage import ids
from gameserver.storage.check import find_faults
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Completion, Outcome, Wake
from gameserver.storage.opening import holding
from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.store import Store, StoreOptions
from gameserver.storage.users import find_user
from tests.support.databases import all_rows, named
from tests.support.decoding import request_text
from tests.support.harness import START_MS, run_inline
from tests.support.machines import NewDatabase, new_files
from tests.support.offline import SECRET, Offline

BETS = 60
ENDS_AT = START_MS + 40
NO_POOL = "01970000-0000-7000-8000-000000000000"


class Sent(NamedTuple):
    """A request as a client sends it."""

    user: str
    now_ms: int
    text: str


class World:
    """A writer on a database with users, three games in two currencies, and a pool in each."""

    def __init__(self, database: Path | str, seed: int) -> None:
        self.settings = Settings()
        self.offline = Offline(database, self.settings)
        self.outcomes: list[Outcome] = []
        self.is_awake = False  # whether what is due has been asked for, as the scheduler does
        chance = random.Random(seed)
        for name in ("fifa", "ann", "bob", "cat", "dan"):
            self.offline.add_user(name, provider=name == "fifa")
            for currency in ("DON", "JPY"):
                if chance.random() < 0.8:
                    self.offline.command(CreditUser(name, str(chance.choice([3, 30, 300])), currency))
        source = self._ask(365, source_name="Cup")["source_id"]
        self.pools = [self._open_pool(source, currency) for currency in ("DON", "JPY")]
        # This one ends while bets come in.
        self.pools.append(self._open_pool(source, "DON", type=2, finish_at=ENDS_AT))

    def _open_pool(self, source: str, currency: str, **options: Any) -> str:
        contents = {"actions": ["Goal"], "targets": ["A", "B"], "currency": currency}
        game = self._ask(370, source_id=source, game_name="A - B", type="football", **contents)["game_id"]
        self._ask(616, game_id=game)
        pool: str = self._ask(
            385, game_id=game, description="x", action_id="goal", targets=["A", "B"], recreate_on_end=False, **options
        )["pool_id"]
        return pool

    def _ask(self, op: int, **parameters: Any) -> dict[str, Any]:
        return self.offline.call("fifa", op, **parameters)

    def _job(self, sent: Sent) -> Any:
        request = decode_request(sent.text, logged_in=True)
        digest = request_digest(sent.text) if request.header.key else None
        user = find_user(self.offline.connection, sent.user)
        assert user is not None
        return write_job(WriteRequest(request, parse(request, self.settings), digest, user, sent.now_ms, self.settings))

    def place(self, sent: Iterable[Sent], size: int) -> None:
        """Place bets, so many of which wait at a time, and keep the outcomes of all; what is due is done in between."""

        async def run(store: Store) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(store.writer.run)
                todo = iter(sent)
                while some := list(itertools.islice(todo, size)):
                    answers = []
                    for one in some:
                        if one.now_ms >= ENDS_AT and not self.is_awake:
                            self.is_awake = True
                            store.writer.submit(Wake(), one.now_ms, lambda outcome: None)
                        answers.append(self._submit(store, one))
                    for answer in answers:
                        self.outcomes.append(await answer())
                nursery.cancel_scope.cancel()

        with self._open_store() as store:
            trio.run(run, store)

    @contextmanager
    def _open_store(self) -> Iterator[Store]:
        options = StoreOptions(
            readers=1,
            max_waiting_writes=BETS + 1,
            due_job=partial(due_job, self.settings),
            publish=lambda result: None,
            announce=announce,
            hear=hear,
            missed=lambda: None,
            advance_clock=lambda now_ms: None,
            telling=nullcontext(),
            monotonic_s=lambda: 0.0,
            run_sync=run_inline,
            run_writes=run_inline,
        )
        with (
            holding(str(self.offline.database), SECRET.hex()) as (_, open_store),
            closing(open_store(options)) as store,
        ):
            yield store

    def _submit(self, store: Store, sent: Sent) -> Callable[[], Awaitable[Outcome]]:
        completion: Completion[Committed] = Completion()
        try:
            store.writer.submit(self._job(sent), sent.now_ms, completion)
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
        names = {uuid: f"bet {number}" for number, uuid in self.offline.query("SELECT id, uuid FROM bets")}
        self.offline.connection.execute("UPDATE pools SET history_length = 0, version = version + 1")
        rows = all_rows(self.offline.connection)
        for table in ("backing_history", "sessions", "identity"):  # ids of sessions are random
            del rows[table]
        return {
            "outcomes": [named(outcome_text(outcome), names) for outcome in self.outcomes],
            **{table: sorted(named(repr(row), names) for row in rows[table]) for table in rows},
        }


def outcome_text(outcome: Outcome) -> str:
    """What the requester, the hub and the user's other connections get."""
    if outcome.error is None:
        committed = outcome.result
        return repr((committed.body, committed.repeated, committed.stored_bytes, committed.effects))
    assert isinstance(outcome.error, Rejected), outcome.error
    return repr((outcome.error.code, outcome.error.text, outcome.error.field))


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

    def placing(connection: Connection, proposals: Sequence[Proposal]) -> list[PlacedBet | Rejected]:
        give_undone_ids_again(connection)
        decisions = place_bets(connection, proposals)
        placed = sum(isinstance(decision, PlacedBet) for decision in decisions)
        if placed > 1:
            sizes.append(placed)
            raise AssertionError("a bug")
        return decisions

    monkeypatch.setattr(betting, "place_bets", placing)
    return sizes


def give_undone_ids_again(connection: Connection) -> None:
    """Have PostgreSQL give ids again that it gave to what is undone, as SQLite does, so that rows can be compared."""
    if isinstance(connection, PostgresConnection):
        for table, id_ in (("bets", "id"), ("accounts", "id"), ("transfers", "id"), ("stored_replies", "rowid")):
            sequence = f"pg_get_serial_sequence('{table}', '{id_}')"
            connection.execute(f"SELECT setval({sequence}, coalesce(max({id_}), 0) + 1, false) FROM {table}")


def placed(new_database: NewDatabase, seed: int, size: int) -> dict[str, Any]:
    """What comes of the seed's bets if so many wait at a time."""
    with new_database() as database:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ids, "urandom", random.Random(seed).randbytes)
            world = World(database, seed)
        with closing(world.offline):
            world.place(some_bets(seed, world.pools), size)
            assert find_faults(world.offline.connection) == []
            return world.result()


@pytest.mark.parametrize("seed", range(25))
def test_bets_by_sets_come_to_what_they_come_to_one_by_one(
    seed: int, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = placed(new_database, seed, 1)
    for size in (7, 60):
        assert placed(new_database, seed, size) == one_by_one
    sizes = fail_each_set(monkeypatch)
    assert placed(new_database, seed, 60) == one_by_one
    assert sizes


def test_the_bets_of_that_comparison_are_of_every_kind(tmp_path: Path) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(25):
        for outcome in placed(new_files(tmp_path), seed, BETS)["outcomes"]:
            refused = re.match(r"\(<ErrorCode.(\w+)", outcome)
            kinds[refused.group(1) if refused else "repeated" if ", True, " in outcome else "placed"] += 1
    codes = ("INVALID_PARAMETER", "NOT_FOUND", "NOT_AUTHORIZED", "POOL_RESOLVED", "INSUFFICIENT_FUNDS", "KEY_REUSED")
    assert set(kinds) == {"placed", "repeated", *codes}
    assert min(kinds.values()) >= 5
    assert kinds["placed"] > 300
