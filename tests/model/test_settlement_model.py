"""Any course of bets, events, resolutions, voids, time and restarts keeps every unit of money accounted for."""

import math
from collections import Counter
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from gameserver.config import Settings
from gameserver.storage.check import find_faults
from tests.support.machines import DatabaseMachine, NewDatabase, run_machine
from tests.support.rows import logged_messages

BETTORS = ("ann", "bob", "cat")
PLAYERS = ("argentina:1", "argentina:2", "brazil:7")
TEAMS = ("argentina", "brazil")
TARGETS_OF = {"teams": TEAMS, "players": PLAYERS[:2]}
CREDIT = 1000_00
CLOSING = {"game_closed", "conflict"}
REFUSALS = {
    "insufficient_funds",
    "betting_blocked",
    "betting_not_started",
    "pool_resolved",
    "betting_ended",
    "stake_limit",
}

choices = st.integers(0, 30)
amounts = st.integers(1, 300_00) | st.just(500_00)
seldom = st.integers(0, 5).map(lambda number: number == 5)


class Course(DatabaseMachine):
    """A source of a house that takes 7 %, its games one after another, and what happens in them.

    ``lived`` counts, over all courses, what a course may well do without.
    """

    lived: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.offline = self.open_offline(Settings(max_open_pools=9, max_unbacked_runs=2))
        self.games: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.bets: list[tuple[str, str]] = []
        self.seen: dict[str, tuple[int, list[Any]]] = {}  # each pool's version and what it was then

    @initialize(close_in=st.sampled_from([None, 50, 2_000]))
    def begin(self, close_in: int | None) -> None:
        for name in BETTORS:
            self.offline.add_user(name)
        self.offline.add_user("admin", provider=True)
        self.source = self.do(365, source_name="Cup", takeout="0.07")["source_id"]
        self.open_game(close_in)

    def open_game(self, close_in: int | None) -> None:
        self.close_at = math.inf if close_in is None else self.offline.now_ms + close_in
        game = self.do(
            370,
            source_id=self.source,
            game_name="A - B",
            type="football",
            actions=["Goal"],
            targets=list(PLAYERS),
            live_start_at=self.offline.now_ms + 60_000,
            scores={"Goal": -1},
            close_at=None if close_in is None else self.offline.now_ms + close_in,
        )
        self.games.append(game["game_id"])
        self.do(616, game_id=self.games[-1])
        self.events = []
        for pool_type in (1, 3):
            self.open_pool(pool_type, "players", "stay_open", recreate=True, starts_in=0, lasts=1, delay=0)

    def do(self, op: int, /, **parameters: Any) -> dict[str, Any]:
        """What the admin asks for and must get."""
        reply = self.offline.call("admin", op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    @property
    def is_closed(self) -> bool:
        return bool(self.do(372, game_id=self.games[-1])["status"] == "game_closed")

    def balances(self) -> list[Any]:
        """Every account of a user and the house."""
        return self.offline.query("SELECT user_id, kind, balance FROM accounts WHERE balance <> 0 ORDER BY id")

    @precondition(lambda self: self.is_closed)
    @rule(close_in=st.sampled_from([None, 50, 2_000]))
    def next_game(self, close_in: int | None) -> None:
        self.lived["another game"] += 1
        self.open_game(close_in)

    @rule(
        pool_type=st.sampled_from([1, 1, 2, 3, 4]),
        level=st.sampled_from(["teams", "players"]),
        unlisted=st.sampled_from(["stay_open", "none", "refund"]),
        recreate=st.booleans(),
        starts_in=st.sampled_from([0, 0, 0, 20]),
        lasts=st.integers(1, 1_000),
        delay=st.sampled_from([0, 0, 30, 3_000]),
    )
    def open_pool(
        self, pool_type: int, level: str, unlisted: str, recreate: bool, starts_in: int, lasts: int, delay: int
    ) -> None:
        options: dict[str, Any] = {"unlisted_target": unlisted, "start_at": self.offline.now_ms + starts_in}
        options |= {"is_cancellable": True, "min_stake": "1.00", "max_stake": "400.00"}
        if pool_type < 3:
            options |= {"action_id": "goal", "targets": list(TARGETS_OF[level])}
        if pool_type in (2, 4):
            options |= {"finish_at": self.offline.now_ms + starts_in + lasts, "settle_delay_ms": delay}
        parameters = {"game_id": self.games[-1], "description": "?", "recreate_on_end": recreate, **options}
        reply = self.offline.call("admin", 385, pool_type=pool_type, **parameters)
        moments = [options["start_at"], options.get("finish_at", 0)]
        refusals = {"invalid_parameter"} if max(moments) > self.close_at else CLOSING
        assert reply["res"] == 350 or reply["code"] in refusals, reply

    def open_pools(self) -> list[dict[str, Any]]:
        """The unresolved pools, recreated ones included."""
        return list(self.do(387, game_id=self.games[-1])["pools_list"].values())

    @rule(bets=st.lists(st.tuples(st.sampled_from(BETTORS), choices, choices, amounts), min_size=2))
    def bet(self, bets: list[tuple[str, int, int, int]]) -> None:
        pools = self.open_pools()
        for name, pool, backed, amount in bets if pools else []:
            chosen = pools[pool % len(pools)]
            targets = list(chosen["distribution"])
            parameters = {"target": targets[backed % len(targets)], "amount": f"{amount // 100}.{amount % 100:02}"}
            before = self.balances()
            reply = self.offline.call(name, 392, pool_id=chosen["pool_id"], **parameters)
            if reply["res"] == 666:
                assert reply["code"] in REFUSALS, reply
                assert self.balances() == before
            else:
                self.bets.append((name, reply["bet_id"]))
            self.offline.let_time_pass(1)

    @rule(bet=choices)
    def cancel(self, bet: int) -> None:
        if not self.bets:
            return
        name, uuid = self.bets[-1 - bet % len(self.bets)]
        before = self.balances()
        reply = self.offline.call(name, 3921, bet_id=uuid)
        if reply["res"] == 666:
            assert reply["code"] in REFUSALS | {"conflict"}, reply
            assert self.balances() == before
        else:
            self.lived["a bet cancelled"] += 1

    @rule(player=st.sampled_from(PLAYERS), ago=st.sampled_from([0, 0, 2, 5, 1_000]))
    def happen(self, player: str, ago: int) -> None:
        happened_at = self.offline.now_ms - ago
        parameters = {"action_id": "goal", "target_id": player, "happened_at": happened_at}
        self.register({"game_id": self.games[-1], **parameters})

    @rule(player=st.sampled_from(PLAYERS))
    def hear_late(self, player: str) -> None:
        """Register a goal from just before the finish of a pool that waits for such news."""
        self.open_pool(2, "teams", "none", recreate=True, starts_in=0, lasts=10, delay=30)
        awaited = [pool["finish_at"] for pool in self.open_pools() if pool["settle_delay_ms"]]
        if awaited:
            self.offline.let_time_pass(max(1, awaited[0] - self.offline.now_ms))
            parameters = {"action_id": "goal", "target_id": player, "happened_at": awaited[0] - 1}
            self.register({"game_id": self.games[-1], **parameters})
            self.lived["news that comes late"] += 1

    @rule(pool=choices, second=st.booleans())
    def resolve(self, pool: int, second: bool) -> None:
        pools = [found for found in self.open_pools() if found["type"] > 2]
        if pools and (chosen := pools[pool % len(pools)])["start_at"] <= self.offline.now_ms:
            labels = list(chosen["distribution"])
            self.register({"pool_id": chosen["pool_id"], "target_id": labels[second], **self.latest_moment(chosen)})

    def latest_moment(self, pool: dict[str, Any]) -> dict[str, Any]:
        """When what resolves a pool by hand can have happened at the latest."""
        last = self.offline.now_ms if pool["finish_at"] is None else pool["finish_at"] - 1
        return {"happened_at": min(last, self.offline.now_ms)}

    @rule(pool=choices, winners=st.lists(choices, min_size=1, max_size=3), split=st.sampled_from(["profit", "pot"]))
    def resolve_to_several(self, pool: int, winners: list[int], split: str) -> None:
        self.bet([(name, pool, winners[0] + at, 7_77) for at, name in enumerate(BETTORS[:2])])
        pools = [found for found in self.open_pools() if found["bet_count"] > 1]
        if pools:
            chosen = pools[pool % len(pools)]
            targets = list(chosen["distribution"])
            names = list(dict.fromkeys(targets[winner % len(targets)] for winner in winners))
            self.lived["a dead heat"] += len(names) > 1
            moment = self.latest_moment(chosen)
            self.register({"pool_id": chosen["pool_id"], "winners": names, "split": split, **moment})

    def register(self, parameters: dict[str, Any]) -> None:
        """Register an event, or resolve a pool by hand; it does what a preview has said."""
        preview = self.offline.call("admin", 3950, **parameters)
        reply = self.offline.call("admin", 3955 if "winners" in parameters else 395, **parameters)
        if reply["res"] == 666:
            assert reply["code"] == preview["code"] in CLOSING, reply
            return
        self.events.append({"event_id": reply["event_id"], "parameters": parameters})
        nets: dict[str, float] = {}
        for pool in preview["pools"].values():
            for user, net in pool["winners"].items():
                nets[user] = nets.get(user, 0) + net
            for user, net in pool["losers"].items():
                nets[user] = nets.get(user, 0) - net
        rows = self.offline.query(
            "SELECT user_id, sum(net) FROM participations WHERE pool_id IN (SELECT settlements.pool_id FROM settlements"
            " JOIN events ON events.id = event_id WHERE events.uuid = ?) GROUP BY user_id",
            reply["event_id"],
        )
        found = {str(user): net / 100 for user, net in rows if net}
        assert found == {user: round(net, 2) for user, net in nets.items() if round(net, 2)}

    @rule(event=choices)
    def void(self, event: int) -> None:
        if self.events:
            chosen = self.events.pop(event % len(self.events))
            self.lived["a void after the close"] += self.is_closed
            self.correct(3951, {"event_id": chosen["event_id"]}, game_id=self.games[-1])

    def correct(self, op: int, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Void or amend an event; it does what a preview has said."""
        preview = self.do(3953, **parameters)
        reply = self.do(op, **parameters, **more)
        outcomes = {pool: shown["outcome"] for pool, shown in preview["pools"].items()}
        if op == 3951:  # whose reply does not say which of the reopened pools are blocked
            outcomes = {pool: "reopened" if was == "blocked" else was for pool, was in outcomes.items()}
        assert (outcomes, preview["overdrawn"]) == (reply["pools"], reply["overdrawn"])
        return reply

    @rule(event=choices, player=st.sampled_from(PLAYERS))
    def amend(self, event: int, player: str) -> None:
        """Correct an event; corrected back, it leaves every balance as it was, unless pools were void or open again."""
        actions = [chosen for chosen in self.events if "action_id" in chosen["parameters"]]
        if not actions:
            return
        chosen = actions[event % len(actions)]
        was = self.balances()
        reply = self.correct(3954, {"event_id": chosen["event_id"], "target_id": player})
        back = {"event_id": reply["event_id"], "target_id": chosen["parameters"]["target_id"]}
        again = self.correct(3954, back)
        chosen["event_id"] = again["event_id"]
        if set(reply["pools"].values()) == {"resettled"} == set(again["pools"].values()):
            self.lived["an event amended and back"] += 1
            assert self.balances() == was

    @rule(event=choices)
    def void_and_register_again(self, event: int) -> None:
        """Void an event and register it again: the balances are those from before, unless it ends other pools too."""
        if not self.events:
            return
        chosen = self.events[event % len(self.events)]
        parameters = chosen["parameters"]
        if "game_id" in parameters and self.offline.call("admin", 3950, **parameters).get("pools") != {}:
            return
        before = self.balances()
        voided = self.correct(3951, {"event_id": chosen["event_id"]}, game_id=self.games[-1])
        self.events.remove(chosen)
        if "voided" in voided["pools"].values() or (not voided["pools"] and "pool_id" in parameters):
            return
        self.register(parameters)
        self.lived["a void and the same again"] += not self.is_closed
        assert self.is_closed or self.balances() == before

    @rule(
        points=st.none() | st.integers(-2, 2),
        out=st.none() | st.booleans(),
        postponed=st.sampled_from([None, 50, 2_000]),
    )
    def update(self, points: int | None, out: bool | None, postponed: int | None) -> None:
        """Change what a goal is worth, whether a team is in the game, and when the game closes."""
        parameters: dict[str, Any] = {}
        if points is not None:
            parameters["scores"] = {"goal": points} if points else {}
        if out is not None:
            parameters["labels"] = {"argentina": {"is_active": not out}}
        if postponed is not None:
            parameters["close_at"] = self.offline.now_ms + postponed
        reply = self.offline.call("admin", 373, game_id=self.games[-1], **parameters)
        if reply["res"] == 666:
            assert reply["code"] in CLOSING, reply
        elif postponed is not None:
            self.close_at = parameters["close_at"]
            self.lived["a close at another time"] += 1

    @rule(pool=choices, finish_in=st.none() | st.integers(1, 1_000), recreate=st.booleans())
    def change(self, pool: int, finish_in: int | None, recreate: bool) -> None:
        """Change when an open pool finishes, and whether it is recreated."""
        pools = self.open_pools()
        if not pools:
            return
        chosen = pools[pool % len(pools)]
        parameters: dict[str, Any] = {"recreate_on_end": recreate}
        if finish_in is not None and chosen["finish_at"] is not None:
            parameters["finish_at"] = self.offline.now_ms + finish_in
        reply = self.offline.call("admin", 3852, pool_id=chosen["pool_id"], **parameters)
        if reply["res"] == 666:
            assert reply["code"] in CLOSING | {"invalid_parameter", "betting_ended"}, reply
        else:
            self.lived["a pool changed"] += 1

    @rule(held=seldom)
    def hold_or_release(self, held: bool) -> None:
        reply = self.offline.call("admin", 3976 if held else 3986, game_id=self.games[-1])
        if reply["res"] == 666:
            assert reply["code"] in CLOSING, reply
        else:
            self.lived["a hold"] += held

    @rule(pool=choices, sure=seldom)
    def void_pool(self, pool: int, sure: bool) -> None:
        if not sure:
            return
        rows = self.offline.query("SELECT uuid FROM pools WHERE status <> 'voided' ORDER BY id")
        if rows:
            self.do(3952, pool_id=rows[pool % len(rows)][0])

    @rule(milliseconds=st.sampled_from([1, 200, 999, 3_000]))
    def wait(self, milliseconds: int) -> None:
        self.offline.let_time_pass(milliseconds)

    @rule(sure=seldom)
    def close(self, sure: bool) -> None:
        if not sure:
            return
        reply = self.offline.call("admin", 375, game_id=self.games[-1])
        assert reply["res"] == 341 or reply["code"] in ("game_closed", "manual_pools_remain")
        if reply.get("code") == "manual_pools_remain":
            self.lived["a close that waits"] += 1

    @rule(sure=seldom)
    def close_for_good(self, sure: bool) -> None:
        """Resolve what a close leaves, and close again."""
        self.offline.let_time_pass(20)  # until every pool has started
        if sure and not self.is_closed:
            reply = self.offline.call("admin", 375, game_id=self.games[-1])
            for pool in reply.get("pools", []):
                self.register({"pool_id": pool, "target_id": "no", "happened_at": self.offline.now_ms})
            assert self.is_closed or self.do(375, game_id=self.games[-1])

    @rule(sure=seldom)
    def close_by_mistake(self, sure: bool) -> None:
        """Close an open game and open it again: every balance is as before, unless the close has ended a delay."""
        query = "SELECT 1 FROM games WHERE uuid = ? AND closing_at IS NULL AND closed_at IS NULL"
        if sure and self.offline.query(query, self.games[-1]):
            before = self.balances()
            self.offline.call("admin", 375, game_id=self.games[-1])
            if "kept" not in self.open_again().values():
                assert self.balances() == before
                self.lived["a close by mistake"] += 1

    @rule(sure=seldom)
    def reopen(self, sure: bool) -> None:
        """Open a game again, whenever it was closed."""
        if sure and self.is_closed:
            self.open_again()

    def open_again(self) -> dict[str, str]:
        """Take a close back; what becomes of the pools that it has ended."""
        reply = self.offline.call("admin", 378, game_id=self.games[-1])
        if reply["res"] == 666:
            assert reply["code"] == "conflict", reply  # it was called off
            return {}
        self.close_at = math.inf if reply["close_at"] is None else reply["close_at"]
        self.lived["a game opened again"] += 1
        pools: dict[str, str] = reply["pools"]
        return pools

    @rule(sure=seldom, resolved=st.booleans())
    def call_off(self, sure: bool, resolved: bool) -> None:
        """Call a game off: with what was resolved, nobody has won or lost anything in it."""
        if not sure:
            return
        reply = self.offline.call("admin", 376, game_id=self.games[-1], include_resolved=resolved)
        if reply["res"] == 666:
            assert reply["code"] == "conflict", reply
            return
        self.lived["a game called off"] += 1
        nets = "SELECT net FROM participations WHERE game_id = (SELECT id FROM games WHERE uuid = ?) AND net <> 0"
        assert not (resolved and self.offline.query(nets, self.games[-1]))

    @rule()
    def restart(self) -> None:
        self.offline.reopen()

    @invariant()
    def the_database_is_sound(self) -> None:
        assert find_faults(self.offline.connection) == []

    @invariant()
    def all_balances_sum_to_zero_and_nothing_is_between_them(self) -> None:
        rows = self.offline.query("SELECT currency, sum(balance) FROM accounts GROUP BY currency")
        assert all(total == 0 for _, total in rows)
        assert not self.offline.query("SELECT * FROM accounts WHERE kind = 'clearing' AND balance <> 0")

    @invariant()
    def everybody_has_what_was_credited_and_won(self) -> None:
        totals = self.offline.query("SELECT user_id, sum(balance) FROM accounts WHERE user_id > 0 GROUP BY user_id")
        won = dict(self.offline.query("SELECT user_id, sum(net) FROM participations GROUP BY user_id"))
        assert dict(totals) == {user: CREDIT + won.get(user, 0) for user, _ in totals}

    @invariant()
    def every_open_pool_with_a_finish_at_will_end_then_or_after_its_delay(self) -> None:
        assert not self.offline.query(
            "SELECT uuid FROM pools WHERE status = 'open' AND finish_at IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM timers WHERE pool_id = pools.id AND (kind = 10 AND due_at = finish_at"
            "   OR kind = 11 AND due_at = finish_at + settle_delay_ms))"
        )

    @invariant()
    def a_pool_that_has_changed_has_a_greater_version(self) -> None:
        rows = self.offline.query(
            "SELECT pools.uuid, version, status, is_blocked, hot_since, recreate_on_end, settlement_id, participants,"
            " amount_total, bet_count FROM pools"
        )
        backing: dict[str, list[tuple[int, int]]] = {}
        for uuid, people, money in self.offline.query(
            "SELECT pools.uuid, backing_people, backing_money FROM pools JOIN pool_targets ON pool_id = pools.id"
            " ORDER BY pools.id, position"
        ):
            backing.setdefault(uuid, []).append((people, money))
        for uuid, version, *columns in rows:
            state = [*columns, backing[uuid]]
            before, was = self.seen.get(uuid, (0, None))
            assert version > before or (version, state) == (before, was)
            self.seen[uuid] = version, state

    @invariant()
    def the_versions_of_a_pool_are_told_in_order_and_the_last_is_no_greater_than_its_own(self) -> None:
        told = dict.fromkeys(self.seen, 1)
        for _, message in logged_messages(self.offline.connection):
            versions = message.get("versions", {})
            if "version" in message:
                versions[message["pool_id"]] = message["version"]
            for uuid, version in versions.items():
                assert version >= told[uuid]
                told[uuid] = version
        assert all(version <= self.seen[uuid][0] for uuid, version in told.items())

    @invariant()
    def no_more_pools_are_open_than_may_be_but_for_those_that_open_again(self) -> None:
        opened = "SELECT count(*) FROM pools WHERE status = 'open' AND id NOT IN (SELECT pool_id FROM settlements)"
        assert self.offline.query(f"{opened} GROUP BY game_id HAVING count(*) > 9") == []

    def teardown(self) -> None:
        try:
            self.offline.settings = Settings()
            for game in self.games:
                assert self.offline.replay_differences(game) == []
        finally:
            self.offline.close()
            super().teardown()


@pytest.mark.time_limit(900)
def test_any_course_of_things_accounts_for_every_unit_and_is_the_same_when_lived_again(
    new_database: NewDatabase,
) -> None:
    run_machine(Course, new_database, examples=150, steps=50)
    assert set(Course.lived) == {
        "a bet cancelled",
        "a dead heat",
        "an event amended and back",
        "another game",
        "a void after the close",
        "a void and the same again",
        "a close that waits",
        "a close at another time",
        "news that comes late",
        "a pool changed",
        "a hold",
        "a close by mistake",
        "a game opened again",
        "a game called off",
    }
    assert all(Course.lived.values())
