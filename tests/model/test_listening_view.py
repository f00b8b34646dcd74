"""What a client makes of the broadcasts it hears is what the server shows when it is asked (contract, sections 6, 7).

A game is lived at random, with corrections, closes and restarts. The view knows a pool by its 352, and takes from every
later message what has a version that is no older than its own.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.harness import START_MS, Client, run_inline, running_server
from tests.support.settling import Table, accepted, lay_table
from tests.support.world import NEVER_S, RunningClock, bearer

INTERVAL_MS = 100
LIVES, STEPS = 3, 25
BETTORS = ("ann", "bob", "cat")
PLAYERS = ("argentina:1", "argentina:2", "brazil:7", "argentina")
ENDS = ("winning_targets", "prices", "price", "event_id", "is_money_return")


class View:
    """What a client knows of a game."""

    def __init__(self, table: Table) -> None:
        self.game = table.game
        self.seq = 0
        self.pools: dict[str, dict[str, Any]] = {}
        self.counts: dict[str, dict[str, int]] = {}
        self.score: dict[str, int] | None = None
        self.events: set[str] = set()
        self.is_held = False
        self.status = "open"

    def hear(self, message: dict[str, Any]) -> None:
        """Take in a broadcast."""
        seq = message["response_header"].get("seq")
        if seq is not None:
            assert seq == self.seq + 1, "no broadcast is missing or comes twice"
            self.seq = seq
        apply = getattr(self, f"_hear_{message['res']}", None)
        if apply is not None:
            apply({name: value for name, value in message.items() if name not in ("res", "response_header")})

    def _update(self, pool_id: str, version: int, **known: Any) -> None:
        pool = self.pools[pool_id]
        if version >= pool["version"]:
            pool.update(known, version=version)

    def _hear_352(self, pool: dict[str, Any]) -> None:
        if pool["version"] >= self.pools.get(pool["pool_id"], pool)["version"]:
            self.pools[pool["pool_id"]] = pool

    def _hear_361(self, told: dict[str, Any]) -> None:
        names = ("participants", "amount_total", "bet_count", "distribution")
        self._update(told["pool_id"], told["version"], **{name: told[name] for name in names})

    def _hear_362(self, told: dict[str, Any]) -> None:
        known = {name: told[name] for name in (*ENDS, "amount_total", "participants")}
        self._update(told["pool_id"], told["version"], status="resolved", **known)

    def _hear_363(self, told: dict[str, Any]) -> None:
        self._hear_362(told)

    def _hear_366(self, told: dict[str, Any]) -> None:
        if "action_id" in told:
            self.events.add(told["event_id"])
            self.counts[told["action_id"]] = told["current_count"]
            self.score = told["score"]

    def _hear_367(self, told: dict[str, Any]) -> None:
        self._update(told["pool_id"], told["version"], is_hot=told["hot_since"] is not None)

    def _hear_368(self, told: dict[str, Any]) -> None:
        self._update(told["pool_id"], told["version"], is_blocked=True)

    def _hear_369(self, told: dict[str, Any]) -> None:
        self._update(told["pool_id"], told["version"], is_blocked=False)

    def _hear_342(self, told: dict[str, Any]) -> None:
        self.counts, self.score, self.is_held = told["game_state"], told["score"], told["held_at"] is not None

    def _hear_3661(self, told: dict[str, Any]) -> None:
        self._correct(told, told["event_id"])

    def _hear_3664(self, told: dict[str, Any]) -> None:
        self._correct(told, told["voided_event_id"])
        self._hear_366(told)

    def _correct(self, told: dict[str, Any], event_id: str) -> None:
        self.events.discard(event_id)
        if told["action_id"] is not None:
            self.counts[told["action_id"]] = told["current_count"]
            self.score = told["score"]
        for pool_id, outcome in told["pools"].items():
            if outcome == "voided":
                self._update(pool_id, told["versions"][pool_id], status="voided")

    def _hear_3662(self, told: dict[str, Any]) -> None:
        sums = {name: told[name] for name in ("amount_total", "participants")}
        self._update(told["pool_id"], told["version"], status="voided", **sums)

    def _hear_3681(self, told: dict[str, Any]) -> None:
        self.is_held = True

    def _hear_3691(self, told: dict[str, Any]) -> None:
        self.is_held = False

    def _hear_341(self, told: dict[str, Any]) -> None:
        self.status = "closed"

    def _hear_378(self, told: dict[str, Any]) -> None:
        self.status = "open"


class Match:
    """A game that is lived at random by its admin and its bettors."""

    def __init__(self, table: Table, chance: Random, keys: dict[str, str]) -> None:
        self.table = table
        self.chance = chance
        self.keys = keys
        self.moves = (
            [self.open] * 3 + [self.bet] * 6 + [self.goal] * 3 + [self.void] * 2 + [self.amend] * 2
            + [self.cancel, self.resolve, self.void_pool, self.steer, self.steer, self.hold, self.change, self.update]
            + [self.wait] * 2 + [self.close_and_reopen]
        )  # fmt: skip

    async def move(self) -> None:
        """Do something; it may be refused."""
        chosen: Callable[[], Awaitable[None]] = self.chance.choice(self.moves)
        await chosen()

    async def ask(self, op: int, /, name: str = "admin", **parameters: Any) -> dict[str, Any]:
        client = self.table.admin if name == "admin" else self.table.clients[name]
        reply = await client.call(op, **parameters)
        assert reply["res"] != 666 or reply["code"] != "internal_error", reply
        return reply

    async def pools(self, op: int = 387) -> dict[str, dict[str, Any]]:
        pools: dict[str, dict[str, Any]] = (await self.ask(op, game_id=self.table.game, limit=1000))["pools_list"]
        return pools

    async def any_pool(self, op: int = 387) -> dict[str, Any] | None:
        pools = list((await self.pools(op)).values())
        return self.chance.choice(pools) if pools else None

    async def any_event(self) -> str | None:
        events = list((await self.table.details())["past_events"])
        return self.chance.choice(events) if events else None

    async def open(self) -> None:
        kind = self.chance.choice([1, 1, 2, 3, 4])
        options: dict[str, Any] = {"pool_type": kind, "recreate_on_end": self.chance.random() < 0.5}
        options |= {"is_cancellable": True, "is_blocked": self.chance.random() < 0.1}
        options["unlisted_target"] = self.chance.choice(["stay_open", "none", "refund"])
        if kind < 3:
            teams, players = ["argentina", "brazil"], ["argentina:1", "argentina:2", "brazil:7"]
            options |= {"action_id": "goal", "targets": self.chance.choice([teams, players])}
        if kind in (2, 4):
            options["finish_at"] = self.table.clock.now_ms() + self.chance.choice([1_000, 5_000])
            options["settle_delay_ms"] = self.chance.choice([0, 2_000])
        await self.ask(385, game_id=self.table.game, description="?", **options)

    async def bet(self) -> None:
        pool = await self.any_pool()
        if pool is not None:
            target = self.chance.choice(list(pool["distribution"]))
            await self.ask(392, self.chance.choice(BETTORS), pool_id=pool["pool_id"], target=target, amount=5)

    async def cancel(self) -> None:
        name = self.chance.choice(BETTORS)
        mine = (await self.ask(389, name, game_id=self.table.game))["pools_list"]
        for pool in list(mine.values())[:1]:
            await self.ask(3921, name, bet_id=pool["my_bets"][0]["bet_id"])

    def past(self) -> int:
        return int(self.table.clock.now_ms()) - self.chance.choice([0, 0, 1, 500, 3_000])

    async def goal(self) -> None:
        target = self.chance.choice(PLAYERS)
        await self.ask(395, **self.table.draft(target, happened_at=self.past()))

    async def void(self) -> None:
        event = await self.any_event()
        if event is not None:
            blocked = self.chance.random() < 0.3
            await self.ask(3951, game_id=self.table.game, event_id=event, keep_blocked=blocked)

    async def amend(self) -> None:
        event = await self.any_event()
        if event is not None:
            await self.ask(3954, event_id=event, target_id=self.chance.choice(PLAYERS), happened_at=self.past())

    async def resolve(self) -> None:
        pool = await self.any_pool()
        if pool is not None:
            targets = list(pool["distribution"])
            winners = self.chance.sample(targets, self.chance.randint(1, len(targets)))
            await self.ask(3955, pool_id=pool["pool_id"], winners=winners, happened_at=self.past())

    async def void_pool(self) -> None:
        pool = await self.any_pool(self.chance.choice([387, 3870]))
        if pool is not None:
            await self.ask(3952, pool_id=pool["pool_id"])

    async def steer(self) -> None:
        later = self.chance.choice([{}, {}, {"block_at": self.table.clock.now_ms() + 700}])
        pool = await self.any_pool()
        op = self.chance.choice([397, 398, 396, 3975, 3985])
        if op in (3975, 3985):
            await self.ask(op, game_id=self.table.game, action_id="goal")
        elif pool is not None:
            hot = {"is_hot": self.chance.random() < 0.7} if op == 396 else later if op == 397 else {}
            await self.ask(op, pool_id=pool["pool_id"], **hot)

    async def hold(self) -> None:
        await self.ask(self.chance.choice([3976, 3986, 3986]), game_id=self.table.game)

    async def change(self) -> None:
        pool = await self.any_pool()
        if pool is not None:
            await self.ask(3852, pool_id=pool["pool_id"], description=self.chance.choice(["A?", "B?"]), max_stake=50)

    async def update(self) -> None:
        await self.ask(373, game_id=self.table.game, scores={"goal": self.chance.choice([1, 2])})

    async def wait(self) -> None:
        await trio.sleep(self.chance.choice([0.5, 2, 6]))

    async def close_and_reopen(self) -> None:
        await self.ask(375, game_id=self.table.game)
        await trio.sleep(1)
        await self.ask(378, game_id=self.table.game)

    async def compare(self, view: View) -> None:
        """The view is what the server shows."""
        open_pools, ended = await self.pools(), await self.pools(3870)
        shown = open_pools | ended
        assert set(view.pools) == set(shown)
        for uuid, pool in shown.items():
            known, right = _known(view.pools[uuid]), _known(pool)
            differing = {name for name in known if known[name] != right[name]}
            # Not told is what is allowed during a hold, and what falls due when a pool has ended until it opens again.
            may_differ = {"version"} if view.is_held or pool["status"] != "open" else set()
            assert differing <= may_differ, (known, right)
            assert known["version"] <= right["version"]
        details = await self.table.details()
        assert (view.score, view.events, view.seq) == (details["score"], set(details["past_events"]), details["seq"])
        assert view.is_held == (details["held_at"] is not None)
        counts = {action: found for action, found in view.counts.items() if found}
        assert counts == {action: found for action, found in details["game_state"].items() if found}


def _known(pool: dict[str, Any]) -> dict[str, Any]:
    """What a view can know of a pool: of one that has ended, how; of one that is open, all but the admin's part."""
    if pool["status"] == "open":
        return {name: value for name, value in pool.items() if name not in ("pending", *ENDS, "winning_target")}
    names = ("status", "version", "amount_total", "participants", "description")
    return {name: pool[name] for name in (*names, *(ENDS if pool["status"] == "resolved" else ()))}


async def _listen(match: Match, view: View) -> Client:
    """A connection that hears all that the view has not; the first view begins when nothing has happened."""
    watcher = await match.table.server.connect(headers=bearer(match.keys["watcher"]))
    joined = await accepted(watcher, 363, game_id=match.table.game, after_seq=view.seq or None)
    assert joined["recovered"] == (view.seq > 0)
    view.seq = view.seq or joined["seq"]
    return watcher


@pytest.mark.parametrize("seed", range(8))
async def test_a_view_made_of_broadcasts_is_what_the_server_shows(
    location: str, autojump_clock: MockClock, seed: int
) -> None:
    settings: dict[str, Any] = {"run_sync": run_inline, "ping_interval_s": NEVER_S}
    settings["distribution_interval_ms"] = INTERVAL_MS
    chance, clock = Random(seed), RunningClock()
    keys: dict[str, str] = {}
    view: View | None = None
    for _ in range(LIVES):
        async with running_server(location, clock, **settings) as server:
            if view is None:
                table = await lay_table(server, clock, takeout="0.1", live_start_at=START_MS + 86_400_000)
                view = View(table)
                for name in (*BETTORS, "provider", "watcher"):
                    await server.key_of(name)
                    keys[name] = await server.new_key(name)
            table = Table(
                server, clock, await server.connect(headers=bearer(keys["provider"])), table.source, table.game
            )
            table.clients = {name: await server.connect(headers=bearer(keys[name])) for name in BETTORS}
            match = Match(table, chance, keys)
            watcher = await _listen(match, view)
            for _ in range(STEPS):
                await match.move()
                await trio.sleep(2 * INTERVAL_MS / 1000)
                await table.details()  # and so all that has fallen due has been done
                for message in await watcher.heard():
                    view.hear(message)
                if view.status == "closed":
                    await accepted(watcher, 363, game_id=table.game, after_seq=view.seq)
                    for message in await watcher.heard():
                        view.hear(message)
                await match.compare(view)
