"""Whatever is blocked and allowed, now or later, while pools end and open again: betting is as a plain model says."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from gameserver.storage.check import find_faults
from tests.support.machines import DatabaseMachine, NewDatabase, run_machine
from tests.support.rows import logged_messages

TEAMS = ("argentina", "brazil")
HELD = {"both": TEAMS, "first": TEAMS[:1], "manual": ("yes", "no")}
ALLOW, BLOCK = "allow", "block"  # in the order in which those due at once are done
OPERATIONS = {(BLOCK, False): 397, (ALLOW, False): 398, (BLOCK, True): 3975, (ALLOW, True): 3985}
RES = {(BLOCK, False): 368, (ALLOW, False): 369, (BLOCK, True): 370, (ALLOW, True): 371}

later = st.sampled_from([0, 0, 1, 2, 5, 9])


@dataclass
class ModelPool:
    """A pool as the model knows it. What was ordered before ``barrier`` no longer allows it."""

    uuid: str
    teams: tuple[str, ...]
    on_action: bool
    is_open: bool = True
    is_blocked: bool = False
    is_untold: bool = False
    barrier: int = 0


@dataclass
class ModelEvent:
    """An event, or the resolution of one pool by hand, and what it ended."""

    uuid: str
    team: str
    ended: list[ModelPool]
    by_hand: bool = False


@dataclass
class Order:
    """An allow or a block to come: of one pool, or of the action's."""

    due_at: int
    number: int
    what: str
    pool: ModelPool | None


@dataclass
class Model:
    """The rules of the contract, told plainly (section 6): each order has a number, each block raises a barrier."""

    pools: dict[str, ModelPool] = field(default_factory=dict)
    events: list[ModelEvent] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    number: int = 0
    is_held: bool = False

    def order(self, what: str, pool: ModelPool | None, due_at: int) -> None:
        """A newer order takes the place of the one before it."""
        self.number += 1
        self.orders = [order for order in self.orders if (order.what, order.pool) != (what, pool)]
        self.orders.append(Order(due_at, self.number, what, pool))

    def act_at_once(self, what: str, pool: ModelPool | None) -> None:
        """What is done at once cancels what was to come of the same subject; a block, all allows of its pools."""
        self.number += 1
        self.orders = [order for order in self.orders if order.pool is not pool]
        self.act(Order(0, self.number, what, pool), at_once=True)

    def act(self, order: Order, *, at_once: bool = False) -> None:
        pools = [order.pool] if order.pool else [pool for pool in self.pools.values() if pool.on_action]
        for pool in pools:
            if order.what == ALLOW and order.number < pool.barrier:
                continue
            if not pool.is_open and order.pool is None:
                continue
            if at_once and order.what == BLOCK:
                pool.barrier = order.number
            pool.is_blocked = order.what == BLOCK
            pool.is_untold = not pool.is_open
            if pool.is_open and (order.what == BLOCK or not self.is_held):
                self.told.append(RES[order.what, False])
        if order.pool is None:
            self.told.append(RES[order.what, True])

    def hold(self) -> None:
        """A hold blocks at once whatever is open, and leaves each pool's own block as it is."""
        self.number += 1
        self.is_held = True
        for pool in self.pools.values():
            if pool.is_open:
                pool.barrier = self.number
                self.told.append(RES[BLOCK, False])
        self.told.append(3681)

    def release(self) -> None:
        let_on = [pool for pool in self.pools.values() if self.is_held and pool.is_open and not pool.is_blocked]
        self.is_held = False
        self.told += [RES[ALLOW, False]] * len(let_on) + [3691]

    def pass_until(self, now_ms: int) -> None:
        """Of those due at once the allows are first, of these the pools' own."""
        self.orders.sort(key=lambda order: (order.due_at, order.what, order.pool is None, order.number))
        while self.orders and self.orders[0].due_at <= now_ms:
            self.act(self.orders.pop(0))

    def end(self, event: ModelEvent) -> None:
        self.events.append(event)
        self.told.append(366)
        for pool in event.ended:
            pool.is_open = False
            self.told.append(362)

    def void(self, event: ModelEvent) -> None:
        """Each pool opens again, blocked at once if a later event would have ended it."""
        position = self.events.index(event)
        self.events.remove(event)
        self.told.append(3661)
        for pool in event.ended:
            self.number += 1
            pool.is_open = True
            since = [other for other in self.events[position:] if not other.by_hand]
            if pool.on_action and any(other.team in pool.teams for other in since):
                pool.is_blocked, pool.is_untold, pool.barrier = True, False, self.number
            self.told.append(352)
            is_blocked = pool.is_blocked or self.is_held
            if is_blocked or pool.is_untold:
                self.told.append(RES[BLOCK if is_blocked else ALLOW, False])
            pool.is_untold = False


class Steering(DatabaseMachine):
    """A game with two pools on goals and one by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.offline = self.open_offline()
        self.model = Model()

    @initialize()
    def begin(self) -> None:
        self.offline.add_user("admin", provider=True)
        self.offline.add_user("ann")
        source = self.do(365, source_name="Cup")["source_id"]
        game = {"game_name": "A - B", "type": "football", "actions": "Goal", "targets": list(TEAMS)}
        self.game = self.do(370, source_id=source, **game)["game_id"]
        self.do(616, game_id=self.game)
        for name, teams in HELD.items():
            subject: dict[str, Any] = {"action_id": "goal", "targets": list(teams)}
            pool = {"description": name, **(subject if name != "manual" else {"pool_type": 3})}
            uuid = self.do(385, game_id=self.game, **pool)["pool_id"]
            self.model.pools[name] = ModelPool(uuid, teams, name != "manual")
        self.seq = 4

    def do(self, op: int, /, **parameters: Any) -> dict[str, Any]:
        reply = self.offline.call("admin", op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    @rule(what=st.sampled_from([ALLOW, BLOCK]), name=st.sampled_from([*HELD, None]), due_in=later)
    def steer(self, what: str, name: str | None, due_in: int) -> None:
        pool = None if name is None else self.model.pools[name]
        if pool is not None and not pool.is_open:
            return
        subject = {"game_id": self.game, "action_id": "goal"} if pool is None else {"pool_id": pool.uuid}
        times = {f"{what}_at": self.offline.now_ms + due_in} if due_in else {}
        self.do(OPERATIONS[what, pool is None], **subject, **times)
        if due_in:
            self.model.order(what, pool, self.offline.now_ms + due_in)
        else:
            self.model.act_at_once(what, pool)

    @rule()
    def hold(self) -> None:
        self.do(3976, game_id=self.game)
        self.model.hold()

    @rule()
    def release(self) -> None:
        self.do(3986, game_id=self.game)
        self.model.release()

    @rule(milliseconds=st.sampled_from([1, 2, 4, 20]))
    def wait(self, milliseconds: int) -> None:
        self.offline.let_time_pass(milliseconds)
        self.model.pass_until(self.offline.now_ms)

    @rule(team=st.sampled_from(TEAMS))
    def happen(self, team: str) -> None:
        uuid = self.do(395, game_id=self.game, action_id="goal", target_id=team)["event_id"]
        ended = [pool for pool in self.model.pools.values() if pool.is_open and pool.on_action and team in pool.teams]
        self.model.end(ModelEvent(uuid, team, ended))

    @rule()
    def resolve(self) -> None:
        pool = self.model.pools["manual"]
        if pool.is_open:
            uuid = self.do(395, pool_id=pool.uuid, target_id="yes")["event_id"]
            self.model.end(ModelEvent(uuid, "yes", [pool], by_hand=True))

    @rule(which=st.integers(0, 5))
    def void(self, which: int) -> None:
        if self.model.events:
            event = self.model.events[which % len(self.model.events)]
            self.do(3951, game_id=self.game, event_id=event.uuid)
            self.model.void(event)

    @rule()
    def restart(self) -> None:
        self.offline.reopen()

    @invariant()
    def each_pool_takes_bets_when_the_model_says_so(self) -> None:
        for pool in self.model.pools.values():
            reply = self.offline.call("ann", 392, pool_id=pool.uuid, target=pool.teams[0], amount="0.01")
            code = "betting_blocked" if pool.is_blocked or self.model.is_held else None
            assert reply.get("code") == (code if pool.is_open else "pool_resolved")

    @invariant()
    def what_is_told_is_what_the_model_tells(self) -> None:
        if not self.model.pools:
            return
        told = [(seq, message) for seq, message in logged_messages(self.offline.connection) if seq > self.seq]
        assert [message["res"] for _, message in told] == self.model.told
        self.seq = told[-1][0] if told else self.seq
        self.model.told.clear()

    @invariant()
    def the_database_is_sound(self) -> None:
        assert find_faults(self.offline.connection) == []

    def teardown(self) -> None:
        try:
            if self.model.pools:
                assert self.offline.replay_differences(self.game) == []
        finally:
            self.offline.close()
            super().teardown()


@pytest.mark.time_limit(300)
def test_betting_is_blocked_and_allowed_as_a_plain_model_says_whatever_ends_and_opens_again(
    new_database: NewDatabase,
) -> None:
    run_machine(Steering, new_database, examples=60, steps=30)
