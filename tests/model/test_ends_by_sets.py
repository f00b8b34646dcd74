"""Pools that end together come to what they come to one by one: replies, what is told and to whom, and every row."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gameserver.config import Settings
from gameserver.engine import endings, scheduled
from gameserver.engine.context import Change
from gameserver.engine.settlement import Resolution
from gameserver.handlers import corrections, events, resolutions
from gameserver.storage.check import find_faults
from gameserver.storage.games import Game
from gameserver.storage.pools import Pool
from tests.support.databases import all_rows, named
from tests.support.machines import NewDatabase, new_files
from tests.support.offline import Offline

SEEDS = 20
STEPS = 90
BETTORS = ("ann", "bob", "cat")
PLAYERS = ("argentina:1", "argentina:2", "brazil:7")
LIMITS = Settings(max_open_pools=12, max_unbacked_runs=2, max_listed_bettors=1)
end_together = endings.end_pools


def end_one_by_one(change: Change, game: Game, ends: Sequence[tuple[Pool, Resolution]]) -> None:
    for end in ends:
        end_together(change, game, [end])


class Course:
    """Games one after another, their many pools, bets, and what ends the pools; ``told`` is all that is heard."""

    def __init__(self, database: Path | str, seed: int) -> None:
        self.offline = Offline(database, LIMITS)
        self.chance = random.Random(seed)
        self.told: list[str] = []
        self.outcome: dict[str, Any] = {}
        self.game = ""
        for name in BETTORS:
            self.offline.add_user(name)
        self.offline.add_user("admin", provider=True)
        self.source = self.do(365, source_name="Cup", takeout="0.07")["source_id"]

    def ask(self, name: str, op: int, /, **parameters: Any) -> dict[str, Any]:
        reply = self.offline.call(name, op, **parameters)
        self.told.append(repr((reply, self.offline.effects)))
        return reply

    def do(self, op: int, /, **parameters: Any) -> dict[str, Any]:
        return self.ask("admin", op, **parameters)

    def pass_time(self, milliseconds: int) -> None:
        self.offline.let_time_pass(milliseconds)

    def open_pools(self) -> list[dict[str, Any]]:
        return list(self.offline.call("admin", 387, game_id=self.game)["pools_list"].values())

    def run(self) -> None:
        steps = [self.offer, self.offer, self.bet, self.bet, self.happen, self.happen, self.wait, self.wait]
        steps += [self.offer, self.bet, self.happen, self.correct, self.resolve, self.steer, self.close]
        for _ in range(STEPS):
            details = self.game and self.offline.call("admin", 372, game_id=self.game)
            if not details or details["status"] == "game_closed":
                self.open_game()
            self.chance.choice(steps)()
            self.pass_time(self.chance.choice([0, 1, 3]))

    def open_game(self) -> None:
        close_at = self.chance.choice([None, None, self.offline.now_ms + 900])
        parameters = {"source_id": self.source, "game_name": "A - B", "type": "football", "close_at": close_at}
        game = self.do(370, actions=["Goal", "Card"], targets=list(PLAYERS), scores={"Goal": 1}, **parameters)
        self.game = game["game_id"]
        self.do(616, game_id=self.game)

    def offer(self) -> None:
        """Open some pools, of which those with times finish at the same moment."""
        finish_at = self.offline.now_ms + self.chance.choice([2, 5, 40])
        for _ in range(self.chance.randrange(1, 6) if len(self.open_pools()) < 10 else 1):
            pool_type = self.chance.choice([1, 1, 1, 2, 2, 3, 4])
            options: dict[str, Any] = {"unlisted_target": self.chance.choice(["stay_open", "none", "refund"])}
            if pool_type < 3:
                targets = self.chance.choice([["argentina", "brazil"], PLAYERS[:2], PLAYERS[1:]])
                options |= {"action_id": self.chance.choice(["goal", "goal", "card"]), "targets": list(targets)}
            if pool_type in (2, 4):
                options |= {"finish_at": finish_at, "settle_delay_ms": self.chance.choice([0, 0, 5])}
            recreate = self.chance.random() < 0.7
            text = self.chance.choice(["?", "100 %?", '"%(pool)b"'])
            options |= {"is_cancellable": self.chance.random() < 0.2, "recreate_on_end": recreate, "description": text}
            self.do(385, game_id=self.game, pool_type=pool_type, **options)

    def bet(self) -> None:
        pools = self.open_pools()
        for _ in range(self.chance.randrange(8) if pools else 0):
            pool = self.chance.choice(pools)
            target = self.chance.choice(list(pool["distribution"]))
            amount = self.chance.choice(["1.00", "0.07", "3.33", "40"])
            self.ask(self.chance.choice(BETTORS), 392, pool_id=pool["pool_id"], target=target, amount=amount)
            self.pass_time(self.chance.choice([0, 1]))

    def happen(self) -> None:
        happened_at = self.offline.now_ms - self.chance.choice([0, 0, 1, 2, 6])
        target = self.chance.choice([*PLAYERS, "brazil"])
        action = self.chance.choice(["goal", "goal", "goal", "card"])
        self.do(395, game_id=self.game, action_id=action, target_id=target, happened_at=happened_at)

    def wait(self) -> None:
        self.pass_time(self.chance.choice([2, 5, 6, 50]))

    def correct(self) -> None:
        found = self.offline.query("SELECT uuid FROM events ORDER BY id DESC LIMIT 3")
        for (event,) in found[:1] if self.chance.random() < 0.7 else found[1:2]:
            if self.chance.random() < 0.5:
                self.do(3951, game_id=self.game, event_id=event)
            else:
                self.do(3954, event_id=event, target_id=self.chance.choice(PLAYERS))

    def resolve(self) -> None:
        pools = self.open_pools()
        if pools:
            pool = self.chance.choice(pools)
            targets = list(pool["distribution"])
            winners = self.chance.sample(targets, self.chance.randrange(1, len(targets) + 1))
            split = self.chance.choice(["profit", "pot"])
            self.do(3955, pool_id=pool["pool_id"], winners=winners, split=split)

    def steer(self) -> None:
        pools = self.open_pools()
        if pools and self.chance.random() < 0.6:
            self.do(self.chance.choice([397, 398, 398, 3952]), pool_id=self.chance.choice(pools)["pool_id"])
        else:
            self.do(self.chance.choice([3976, 3986, 3986]), game_id=self.game)

    def close(self) -> None:
        if self.chance.random() < 0.4:
            self.do(375, game_id=self.game)
            if self.chance.random() < 0.5:
                self.do(378, game_id=self.game)

    def result(self) -> dict[str, Any]:
        """All that was heard and all rows, with the numbers of rows in place of random ids.

        Timers are in their order, which is what their ids say.
        """
        names: dict[str, str] = {}
        for table in ("sources", "games", "pools", "events", "bets"):
            names |= {uuid: f"{table} {number}" for number, uuid in self.offline.query(f"SELECT id, uuid FROM {table}")}
        timers = {number: at for at, (number,) in enumerate(self.offline.query("SELECT id FROM timers ORDER BY id"))}
        rows = all_rows(self.offline.connection)
        for table in ("sessions", "identity"):
            del rows[table]
        for table in ("timers", "timer_exceptions"):
            rows[table] = sorted((timers[row[0]], *row[1:]) for row in rows[table])
        return {
            "told": [named(text, names) for text in self.told],
            **{table: [named(repr(row), names) for row in rows[table]] for table in rows},
        }


def run(new_database: NewDatabase, seed: int) -> Course:
    with new_database() as database:
        course = Course(database, seed)
        course.run()
        assert find_faults(course.offline.connection) == []
        course.outcome = course.result()
        course.offline.close()
    return course


def patched(monkeypatch: pytest.MonkeyPatch, end: Any) -> None:
    """Let ``end`` end pools, wherever they are ended."""
    for module in (endings, events, corrections, resolutions):
        monkeypatch.setattr(module, "end_pools", end)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_pools_that_end_together_come_to_what_they_come_to_one_by_one(
    seed: int, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = run(new_database, seed).outcome
    patched(monkeypatch, end_one_by_one)
    monkeypatch.setattr(scheduled, "list_due_with", lambda connection, timer: [timer])
    assert run(new_database, seed).outcome == together


def test_the_courses_of_that_comparison_end_pools_of_every_kind_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Counter[str] = Counter()

    def end(change: Change, game: Game, ends: Sequence[tuple[Pool, Resolution]]) -> None:
        end_together(change, game, ends)
        if len(ends) > 1:
            seen[f"by {ends[0][1].cause}"] += 1
            seen["some with bets"] += any(pool.bet_count for pool, _ in ends)
            seen["several with bets"] += sum(pool.bet_count > 0 for pool, _ in ends) > 1
            seen["some recreated"] += any(pool.recreate_on_end for pool, _ in ends)
            told = change.effects.publications
            seen["late bets"] += any(b'"invalidated_bettors":[]' not in sent.body for sent in told if sent.ends_pool)
            seen["winners"] += any(b'"is_money_return":false' in sent.body for sent in told)
            seen["cut lists"] += any(b'"truncated":true' in sent.body for sent in told)

    patched(monkeypatch, end)
    for seed in range(SEEDS):
        rows = run(new_files(tmp_path), seed).outcome
        seen["not recreated"] += sum(", -1, " in row for row in rows["journal"])
    assert set(seen) == {
        *("by event", "by time", "by close", "some with bets", "several with bets", "some recreated", "not recreated"),
        *("late bets", "winners", "cut lists"),
    }
    assert min(seen.values()) >= 5, seen
