"""An event is corrected in one step: what it decided is settled as if it had been right at first."""

from pathlib import Path
from typing import Any

import pytest

from gameserver.storage.check import find_faults
from tests.support.harness import START_MS
from tests.support.offline import Offline
from tests.support.settling import Table, accepted, faults_of, kinds, of_kind
from tests.support.world import assert_broadcast, assert_refused


async def amend(table: Table, event: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """Correct an event."""
    return await accepted(table.admin, 3954, event_id=event["event_id"], **parameters)


async def pools_of_players(table: Table, **options: Any) -> tuple[str, str]:
    """A pool on teams and one on players, with bets of ann on Argentina (1), bob on Brazil (7) and cat on 2."""
    teams = await table.pool(**options)
    players = await table.pool(targets=["argentina:1", "argentina:2", "brazil:7"], **options)
    for name, team, player in (
        ("ann", "argentina", "argentina:1"),
        ("bob", "brazil", "brazil:7"),
        ("cat", "argentina", "argentina:2"),
    ):
        await table.bet(name, teams, team, 2, at=1)
        await table.bet(name, players, player, 3, at=1)
    return teams, players


async def test_the_wrong_scorer_is_corrected_and_everybody_has_what_the_right_one_would_have_brought(
    table: Table,
) -> None:
    teams, players = await pools_of_players(table)
    wrong = await table.event("argentina:1", at=10, description="Header", external_id="7")
    assert await table.nets() == {"ann": 7, "bob": -5, "cat": -2}
    watcher = await table.watcher()
    table.set_time(20)
    reply = await amend(table, wrong, target_id="argentina:2")
    assert await table.nets() == {"ann": -2, "bob": -5, "cat": 7}
    assert reply["pools"] == {teams: "resettled", players: "resettled"}
    heard = [message for message in await watcher.heard() if message["res"] != 361]
    assert kinds(heard) == [3664, 362, 362]
    seq = heard[0]["response_header"]["seq"]
    told = {name: value for name, value in reply.items() if name not in ("response_header", "res", "overdrawn")}
    assert_broadcast(heard[0], 3664, seq, **told)
    same = {name: reply[name] for name in ("voided_event_id", "external_id", "description", "happened_at", "score")}
    assert same == {
        "voided_event_id": wrong["event_id"],
        "external_id": "7",
        "description": "Header",
        "happened_at": START_MS + 10,
        "score": None,
    }
    assert reply["current_count"] == {"argentina": 1, "argentina:2": 1}
    assert [message["event_id"] for message in heard[1:]] == [reply["event_id"]] * 2
    assert reply["versions"].keys() == reply["pools"].keys()
    (shown,) = (await table.details())["past_events"].items()
    assert (shown[0], shown[1]["target_id"]) == (reply["event_id"], "argentina:2")
    assert faults_of(table.server.context.settings.db) == []


async def test_each_bettor_is_told_the_balance_once_and_of_the_correction_wherever(table: Table) -> None:
    await pools_of_players(table)
    wrong = await table.event("argentina:1", at=10)
    ann = await table.client("ann")
    await ann.heard()
    await amend(table, wrong, target_id="argentina:2")
    heard = await ann.heard()
    assert len(of_kind(heard, 815)) == len(of_kind(heard, 3664)) == 1
    assert "seq" not in of_kind(heard, 3664)[0]["response_header"]


async def test_a_pool_that_the_corrected_event_does_not_concern_opens_again(table: Table) -> None:
    teams, players = await pools_of_players(table)
    offside = await table.pool(action_id="offside", targets=["argentina", "brazil"])
    wrong = await table.event("argentina:1", at=10)
    reply = await amend(table, wrong, action_id="Offside")
    assert reply["pools"] == {teams: "reopened", players: "reopened", offside: "resolved"}
    states = [(await table.pool_object(pool))["status"] for pool in (teams, players, offside)]
    assert states == ["open", "open", "resolved"]
    assert await table.nets() == {"ann": -5, "bob": -5, "cat": -5}
    assert (await table.details())["game_state"] == {"offside": {"argentina": 1, "argentina:1": 1}}


async def test_a_pool_that_a_later_event_would_have_ended_opens_blocked(table: Table) -> None:
    teams, players = await pools_of_players(table)
    wrong = await table.event("argentina:1", at=10)
    await table.event("brazil:7", at=20)
    reply = await amend(table, wrong, action_id="offside")
    assert reply["pools"] == {teams: "blocked", players: "blocked"}
    assert (await table.pool_object(teams))["is_blocked"] is True


@pytest.mark.parametrize("times", [1, 2])
async def test_voiding_an_amended_event_blocks_a_pool_that_an_event_since_the_original_would_have_ended(
    table: Table, times: int
) -> None:
    pool, other = await table.pool(), await table.pool(targets=["argentina:1", "argentina:2"])
    event = await table.event("argentina:1", at=10)
    await table.event("brazil:7", at=20)
    for time in range(times):
        table.set_time(30 + time)
        event = await amend(table, event, target_id=f"argentina:{2 - time}")
    preview = await accepted(table.admin, 3953, event_id=event["event_id"])
    assert {uuid: shown["outcome"] for uuid, shown in preview["pools"].items()} == {pool: "blocked", other: "reopened"}
    await table.void(event)
    assert [(await table.pool_object(uuid))["is_blocked"] for uuid in (pool, other)] == [True, False]


async def test_an_earlier_moment_makes_more_bets_late_and_those_refunded_before_stay_refunded(table: Table) -> None:
    pool = await table.pool()
    early = await table.bet("ann", pool, "argentina", 4, at=1)
    middle = await table.bet("bob", pool, "brazil", 5, at=10)
    late = await table.bet("cat", pool, "argentina", 6, at=30)
    event = await table.event("argentina:1", at=40, happened_at=START_MS + 20)
    assert await table.nets() == {"ann": 5, "bob": -5, "cat": 0}
    event = await amend(table, event, happened_at=START_MS + 5)
    assert await table.nets() == {"ann": 0, "bob": 0, "cat": 0}
    await amend(table, event, happened_at=START_MS + 35)
    statuses = [(await table.receipt(*bet))["status"] for bet in (("ann", early), ("bob", middle), ("cat", late))]
    assert statuses == ["won", "invalidated", "invalidated"]
    assert faults_of(table.server.context.settings.db) == []


async def test_a_successor_runs_on_and_no_second_one_is_made(table: Table) -> None:
    teams, players = await pools_of_players(table, recreate_on_end=True)
    wrong = await table.event("argentina:1", at=10)
    successors = list((await accepted(table.admin, 387, game_id=table.game))["pools_list"])
    await table.bet("ann", successors[0], "none", 1, at=15)
    watcher = await table.watcher()
    await amend(table, wrong, target_id="argentina:2")
    assert kinds(await watcher.heard()) == [3664, 362, 362]
    assert list((await accepted(table.admin, 387, game_id=table.game))["pools_list"]) == successors
    assert not {teams, players} & set(successors)


async def test_an_event_is_amended_again_and_voided_under_its_new_id(table: Table) -> None:
    await pools_of_players(table)
    first = await table.event("argentina:1", at=10)
    second = await amend(table, first, target_id="argentina:2")
    third = await amend(table, second, target_id="brazil:7")
    assert await table.nets() == {"ann": -5, "bob": 10, "cat": -5}
    for gone in (first, second):
        assert await table.refusal(3954, event_id=gone["event_id"], target_id="brazil:7") == "conflict"
    await table.void(third)
    assert await table.nets() == {"ann": -5, "bob": -5, "cat": -5}


async def test_the_original_sent_again_by_the_feed_gets_the_amended_event(table: Table) -> None:
    first = await table.event("argentina:1", external_id="7")
    amended = await amend(table, first, target_id="argentina:2")
    again = await accepted(table.admin, 395, **table.draft("argentina:1", external_id="7"))
    assert (again["event_id"], again["target_id"]) == (amended["event_id"], "argentina:2")


async def test_in_a_closed_game_pools_that_both_concern_are_settled_again_and_others_void(table: Table) -> None:
    teams, players = await pools_of_players(table)
    wrong = await table.event("argentina:1", at=10)
    await accepted(table.admin, 375, game_id=table.game)
    reply = await amend(table, wrong, target_id="argentina")
    assert reply["pools"] == {teams: "resettled", players: "voided"}
    assert await table.nets() == {"ann": 1, "bob": -2, "cat": 1}
    assert faults_of(table.server.context.settings.db) == []


async def test_who_has_spent_what_is_taken_back_is_named(table: Table) -> None:
    await pools_of_players(table)
    wrong = await table.event("argentina:1", at=10)
    table.set_time(20)
    await table.bet("ann", await table.pool(), "brazil", 1007)
    assert (await amend(table, wrong, target_id="argentina:2"))["overdrawn"] == {"1": 9}


async def test_an_amendment_is_carried_out_once_for_its_key(table: Table) -> None:
    await pools_of_players(table)
    wrong = await table.event("argentina:1", at=10)
    request = {"event_id": wrong["event_id"], "target_id": "argentina:2"}
    first = await table.admin.call(3954, header={"key": "k"}, **request)
    again = await table.admin.call(3954, header={"key": "k"}, **request)
    assert (again["event_id"], again["response_header"]["repeated"]) == (first["event_id"], True)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"target_id": "none"}, "target_id"),
        ({"target_id": "peru"}, "target_id"),
        ({"action_id": "corner"}, "action_id"),
        ({"happened_at": START_MS + 11}, "happened_at"),
        ({"happened_at": START_MS - 86_400_001}, "happened_at"),
    ],
)
async def test_an_amendment_that_makes_no_sense_is_refused_and_changes_nothing(
    table: Table, parameters: dict[str, Any], field: str
) -> None:
    await pools_of_players(table)
    event = await table.event("argentina:1", at=10)
    before = await table.nets()
    reply = await table.admin.call(3954, event_id=event["event_id"], **parameters)
    assert_refused(reply, 3954, "invalid_parameter", field)
    assert await table.nets() == before


async def test_a_resolution_by_hand_is_not_amended(table: Table) -> None:
    event = await table.resolve(await table.pool(pool_type=3), "yes")
    assert await table.refusal(3954, event_id=event["event_id"], target_id="no") == "conflict"


class BusyMatch:
    """A match in which somebody bets every two milliseconds, on who scores next."""

    def __init__(self, file: Path) -> None:
        self.offline = Offline(file)
        self.offline.add_user("fifa", provider=True)
        self.bettors = [f"bettor{number}" for number in range(20)]
        for name in self.bettors:
            self.offline.add_user(name)
        source = self.do(365, source_name="Cup")["source_id"]
        game = {"game_name": "A - B", "type": "football", "actions": "Goal", "targets": "A:7, A:11, B:9"}
        self.game = self.do(370, source_id=source, **game)["game_id"]
        self.do(616, game_id=self.game)
        for targets in ("A:7, A:11, B:9", "A, B"):
            options = {"description": "?", "action_id": "goal", "targets": targets, "recreate_on_end": True}
            self.do(385, game_id=self.game, **options)
        self.number = 0

    def do(self, op: int, /, **parameters: Any) -> dict[str, Any]:
        reply = self.offline.call("fifa", op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    def pools(self) -> list[dict[str, Any]]:
        return list(self.do(387, game_id=self.game)["pools_list"].values())

    def bet(self, pools: list[dict[str, Any]], bets: int) -> set[str]:
        """Let so many bets come in, in these pools in turn; the replies, or what they are refused with."""
        replies = set()
        for _ in range(bets):
            self.offline.let_time_pass(2)
            self.number += 1
            pool = pools[self.number % len(pools)]
            target = list(pool["distribution"])[self.number // len(pools) % len(pool["distribution"])]
            name = self.bettors[self.number * 7 % len(self.bettors)]
            amount = 1 + self.number % 3
            reply = self.offline.call(name, 392, pool_id=pool["pool_id"], target=target, amount=amount)
            replies.add(str(reply.get("code", reply["res"])))
        return replies

    def goal(self, target: str) -> dict[str, Any]:
        """A goal of ten bets ago."""
        happened_at = self.offline.now_ms - 20
        return self.do(395, game_id=self.game, action_id="goal", target_id=target, happened_at=happened_at)

    def outcome(self) -> list[Any]:
        """What has become of every pool and everybody."""
        assert find_faults(self.offline.connection) == self.offline.replay_differences(self.game) == []
        pools = self.offline.query(
            "SELECT p.status, p.amount_total, p.bet_count, p.recreate_on_end, s.position, s.takeout FROM pools AS p"
            " LEFT JOIN settlements AS s ON s.id = p.settlement_id ORDER BY p.id"
        )
        nets = self.offline.query("SELECT user_id, pool_id, net FROM participations ORDER BY user_id, pool_id")
        accounts = self.offline.query("SELECT user_id, kind, balance FROM accounts ORDER BY user_id, kind, currency")
        self.offline.close()
        return [pools, nets, accounts]


def test_while_500_bets_a_second_arrive_a_corrected_goal_leaves_all_as_if_it_had_been_right_at_first(
    tmp_path: Path,
) -> None:
    outcomes = []
    for number, first in enumerate(("a:7", "a:11")):
        match = BusyMatch(tmp_path / f"{number}.db")
        pools = match.pools()
        assert match.bet(pools, 500) == {"356"}
        event = match.goal(first)
        assert match.bet(pools, 20) == {"pool_resolved"}, "nobody bets on a known result"
        successors = match.pools()
        assert {pool["recreated_from"] for pool in successors} == {pool["pool_id"] for pool in pools}
        assert match.bet(successors, 250) == {"356"}
        if first != "a:11":
            amended = match.do(3954, event_id=event["event_id"], target_id="a:11")
            assert set(amended["pools"].values()) == {"resettled"}
        assert match.bet(pools, 20) == {"pool_resolved"}
        assert match.bet(successors, 250) == {"356"}
        match.goal("b:9")
        match.do(375, game_id=match.game)
        outcomes.append(match.outcome())
    assert outcomes[0] == outcomes[1]
