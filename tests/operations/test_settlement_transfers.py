"""Whatever the number of bets, a settlement moves money once for each user and way, in as many statements."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gameserver.storage.check import find_faults
from gameserver.storage.sqlite.connection import SqliteConnection
from tests.support.offline import Offline

BETTORS = ("ann", "bob", "cat")


class Pools:
    """An open game with takeout, its admin and bettors, who bet in one pool after another."""

    def __init__(self, offline: Offline) -> None:
        self.offline = offline
        for name in BETTORS:
            offline.add_user(name)
        offline.add_user("fifa", provider=True)
        source = self.do("fifa", 365, source_name="Cup", takeout="0.1")["source_id"]
        parts = {"actions": ["Goal"], "targets": ["Argentina", "Brazil"]}
        game = self.do("fifa", 370, source_id=source, game_name="Final", type="football", **parts)
        self.game = game["game_id"]
        self.do("fifa", 616, game_id=self.game)

    def do(self, name: str, op: int, /, **parameters: Any) -> dict[str, Any]:
        """What a user asks for and must get."""
        reply = self.offline.call(name, op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    def open(self) -> str:
        """A new pool; its id."""
        pool = {"description": "Who?", "action_id": "goal", "targets": ["argentina", "brazil"]}
        return str(self.do("fifa", 385, game_id=self.game, **pool)["pool_id"])

    def bet(self, name: str, pool: str, target: str, amount: int) -> str:
        """A bet, a millisecond after what was before; its id."""
        self.offline.let_time_pass(1)
        return str(self.do(name, 392, pool_id=pool, target=target, amount=amount)["bet_id"])

    def goal(self, *, ago: int = 0) -> str:
        """A goal of Argentina, so long ago; its id."""
        self.offline.let_time_pass(1)
        happened_at = self.offline.now_ms - ago
        event = {"action_id": "goal", "target_id": "argentina", "happened_at": happened_at}
        return str(self.do("fifa", 395, game_id=self.game, **event)["event_id"])

    def void(self, event: str) -> None:
        """Void an event."""
        self.do("fifa", 3951, game_id=self.game, event_id=event)

    def moved(self, settlement: int = 1) -> list[tuple[Any, ...]]:
        """The transfers of a settlement: who paid, who got, how much and why."""
        return self.offline.query(
            "SELECT coalesce(u.username, d.kind), coalesce(v.username, c.kind), t.amount, reason FROM transfers AS t"
            " JOIN accounts AS d ON d.id = debit_id LEFT JOIN users AS u ON u.id = d.user_id"
            " JOIN accounts AS c ON c.id = credit_id LEFT JOIN users AS v ON v.id = c.user_id"
            " WHERE settlement_id = ? ORDER BY t.id",
            settlement,
        )


@pytest.fixture
def pools(database: Path) -> Iterator[Pools]:
    with closing(Offline(database)) as offline:
        yield Pools(offline)
        assert find_faults(offline.connection) == []


def test_each_user_has_one_transfer_for_each_way(pools: Pools) -> None:
    pool = pools.open()
    for name, target, amount in [
        ("ann", "argentina", 1),
        ("bob", "brazil", 3),
        ("ann", "argentina", 2),
        ("ann", "brazil", 4),
        ("cat", "argentina", 3),
        ("bob", "brazil", 7),
    ]:
        pools.bet(name, pool, target, amount)
    for name in ("cat", "bob", "cat"):
        pools.bet(name, pool, "brazil", 5)
    event = pools.goal(ago=3)
    divided = [
        ("ann", "clearing", 700, "pot"),
        ("bob", "clearing", 1000, "pot"),
        ("cat", "clearing", 300, "pot"),
        ("clearing", "ann", 900, "payout"),
        ("clearing", "cat", 900, "payout"),
        ("clearing", "house", 200, "takeout"),
    ]
    refunded = [("bob", "bob", 500, "refund"), ("cat", "cat", 1000, "refund")]
    assert pools.moved() == [*refunded, *divided]
    pools.void(event)
    taken_back = [(credited, debited, amount, "take_back") for debited, credited, amount, _ in reversed(divided)]
    assert pools.moved() == [*refunded, *divided, *taken_back]


def test_where_every_stake_is_returned_late_bets_go_back_with_the_others_and_stay_when_these_are_taken_again(
    pools: Pools,
) -> None:
    pool = pools.open()
    pools.bet("ann", pool, "brazil", 1)
    pools.bet("bob", pool, "none", 2)
    pools.bet("ann", pool, "argentina", 4)
    pools.bet("cat", pool, "argentina", 8)
    event = pools.goal(ago=2)
    refunded = [("ann", "ann", 500, "refund"), ("bob", "bob", 200, "refund"), ("cat", "cat", 800, "refund")]
    assert pools.moved() == refunded
    pools.void(event)
    taken_back = [("ann", "ann", 100, "take_back"), ("bob", "bob", 200, "take_back")]
    assert pools.moved() == [*refunded, *taken_back]


def test_a_bet_placed_after_a_settlement_was_taken_back_has_no_share_in_it(pools: Pools) -> None:
    pool = pools.open()
    early = pools.bet("ann", pool, "argentina", 1)
    pools.void(pools.goal())
    later = pools.bet("ann", pool, "argentina", 1)
    reasons = {
        bet: [moved["reason"] for moved in pools.do("ann", 391, bet_id=bet)["transfers"]] for bet in (early, later)
    }
    assert reasons == {early: ["stake", "pot", "payout", "take_back", "take_back"], later: ["stake"]}


def test_a_settlement_takes_as_many_statements_for_a_hundred_bets_as_for_three(pools: Pools) -> None:
    counts = []
    connection = pools.offline.connection
    assert isinstance(connection, SqliteConnection)
    for rounds in (1, 1, 33):  # the first opens the accounts of the house
        pool = pools.open()
        for number in range(rounds):
            for name, target in zip(BETTORS, ("argentina", "brazil", "argentina"), strict=True):
                pools.bet(name, pool, target, 1 + number)
        for name in BETTORS * rounds:
            pools.bet(name, pool, "brazil", 1)
        ran: list[str] = []
        connection.set_trace_callback(ran.append)
        pools.void(pools.goal(ago=3 * rounds))
        connection.set_trace_callback(None)
        pools.do("fifa", 3952, pool_id=pool)
        # A statement is told again for each run of a trigger.
        counts.append(len({statement for statement in ran if not statement.startswith("--")}))
    assert counts[1] == counts[2]
