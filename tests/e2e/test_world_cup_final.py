"""The final of 2022, Argentina - France, as it was, with a hundred people betting on it."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.harness import Client, FakeClock, running_server
from tests.support.process import run
from tests.support.settling import Table, accepted, faults_of, house_of, of_kind, seqs

KICK_OFF_MS = 1_671_375_600_000  # 18 December 2022, 15:00 UTC
MINUTE_MS = 60_000
SEED = 20221218
BETTORS = [f"fan{number}" for number in range(100)]

ARGENTINA = (
    *("Emiliano Martínez", "Molina", "Romero", "Otamendi", "Tagliafico", "De Paul", "Fernández", "Mac Allister"),
    *("Messi", "Álvarez", "Di María", "Acuña", "Montiel"),
)
FRANCE = (
    *("Lloris", "Koundé", "Varane", "Upamecano", "Hernández", "Tchouaméni", "Rabiot", "Griezmann", "Dembélé"),
    *("Giroud", "Mbappé", "Kolo Muani", "Thuram", "Coman", "Camavinga"),
)
PLAYERS = [f"Argentina:{name}" for name in ARGENTINA] + [f"France:{name}" for name in FRANCE]


class Fact(NamedTuple):
    """What happened in a minute of the match."""

    minute: int
    action: str
    player: str


GOAL, CARD, OFF = "Goal", "Yellow Card", "Substituted"
HISTORY = (
    Fact(23, GOAL, "Argentina:Messi"),  # penalty
    Fact(36, GOAL, "Argentina:Di María"),
    Fact(41, OFF, "France:Dembélé"),
    Fact(41, OFF, "France:Giroud"),
    Fact(55, CARD, "France:Rabiot"),
    Fact(64, OFF, "Argentina:Di María"),
    Fact(71, OFF, "France:Griezmann"),
    Fact(71, OFF, "France:Hernández"),
    Fact(80, GOAL, "France:Mbappé"),  # penalty
    Fact(81, GOAL, "France:Mbappé"),
    Fact(87, CARD, "France:Thuram"),
    Fact(91, OFF, "Argentina:Molina"),
    Fact(108, GOAL, "Argentina:Messi"),
    Fact(116, CARD, "Argentina:Montiel"),
    Fact(118, GOAL, "France:Mbappé"),  # penalty
)


def moment(minute: float) -> int:
    """When about that minute was played, breaks counted."""
    breaks = 0 if minute <= 45 else 22 if minute <= 90 else 35 if minute <= 105 else 37
    return KICK_OFF_MS + int((minute + breaks) * MINUTE_MS)


class Final:
    """The match on a server, its pools, and the fans."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.chance = random.Random(SEED)
        self.pools: dict[str, str] = {}

    async def open_pools(self) -> None:
        """Pools on every action by teams and by players, opened anew when they end, and four of other kinds."""
        for action in (GOAL, CARD, OFF):
            for level, targets in (("team", ["Argentina", "France"]), ("player", PLAYERS)):
                await self.open(f"{action} by {level}", action_id=action, targets=targets, recreate_on_end=True)
        await self.open("Goal in 20 minutes", pool_type=4, finish_at=moment(20))
        await self.open("Goal before half-time", pool_type=2, action_id=GOAL, targets=["France"], finish_at=moment(45))
        await self.open("Extra time", pool_type=3)
        await self.open("Champion", pool_type=3, targets=["Argentina", "France"])

    async def open(self, description: str, **parameters: Any) -> None:
        self.pools[description] = await self.table.pool(description=description, **parameters)

    async def bet(self, minute: float, count: int) -> None:
        """So many fans bet what they like, on what is open."""
        self.table.clock.time_ms = moment(minute)
        pools = list((await accepted(self.table.admin, 387, game_id=self.table.game))["pools_list"].values())
        for name in self.chance.sample(BETTORS, count):
            pool = self.chance.choice(pools)
            target = self.chance.choice(list(pool["distribution"]))
            amount = f"{self.chance.randint(1, 3_000) / 100:.2f}"
            await self.table.bet(name, pool["pool_id"], target, amount)

    async def play(self) -> None:
        """What happened is registered half a minute later; some still bet meanwhile."""
        await self.bet(0, 100)
        extra_time_known = False
        for fact in HISTORY:
            if fact.minute > 90 and not extra_time_known:
                extra_time_known = True
                self.table.clock.time_ms = moment(90) + 10 * MINUTE_MS
                await self.table.resolve(self.pools["Extra time"], "yes")
            await self.bet(fact.minute - 0.3, 15)
            await self.bet(fact.minute + 0.3, 3)
            self.table.clock.time_ms = moment(fact.minute) + MINUTE_MS // 2
            await self.table.event(fact.player, action_id=fact.action, happened_at=moment(fact.minute))
        await self.bet(120, 30)
        reply = await self.table.admin.call(375, game_id=self.table.game)
        assert reply["pools"] == [self.pools["Champion"]]
        await self.table.resolve(self.pools["Champion"], "argentina")  # 4:2 on penalties
        await accepted(self.table.admin, 375, game_id=self.table.game)


def part(name: str) -> str:
    """The id of a player."""
    return name.lower().replace(" ", "-")


def expected_winners() -> dict[str, list[str]]:
    """What history says of each kind of pool, one after another."""
    winners: dict[str, list[str]] = {}
    for action in (GOAL, CARD, OFF):
        # Of two that happen together the first counts: the pool that is opened anew starts after both.
        facts = {fact.minute: fact for fact in reversed(HISTORY) if fact.action == action}
        players = [part(facts[minute].player) for minute in sorted(facts)]
        winners[f"{action} by player"] = [*players, "none"]
        winners[f"{action} by team"] = [*(player.split(":")[0] for player in players), "none"]
    return winners | {
        "Goal in 20 minutes": ["no"],
        "Goal before half-time": ["none"],
        "Extra time": ["yes"],
        "Champion": ["argentina"],
    }


async def prepare(admin: Client, clock: FakeClock, **parameters: Any) -> tuple[str, str]:
    """The source and the game."""
    clock.time_ms = KICK_OFF_MS - 30 * MINUTE_MS
    source = (await accepted(admin, 365, source_name="World Cup 2022", takeout="0.05"))["source_id"]
    game = await accepted(
        admin,
        370,
        source_id=source,
        game_name="Argentina - France",
        type="football",
        actions=[GOAL, CARD, OFF],
        targets=PLAYERS,
        live_start_at=KICK_OFF_MS,
        **parameters,
    )
    await accepted(admin, 616, game_id=game["game_id"])
    return source, game["game_id"]


async def play_final(database: Path) -> tuple[str, list[dict[str, Any]]]:
    """The game's id, and everything that was told of it."""
    clock = FakeClock()
    clock.time_ms = KICK_OFF_MS - 40 * MINUTE_MS
    limits: dict[str, Any] = {"max_requests_per_s": 100_000, "max_requests_per_s_per_address": 100_000}
    async with running_server(database, clock, **limits) as server:
        admin = await server.connect("provider")
        source, game = await prepare(admin, clock)
        table = Table(server, clock, admin, source, game)
        final = Final(table)
        await final.open_pools()
        await final.play()
        nets = await table.nets()
        assert len(nets) == len(BETTORS)
        assert round(sum(nets.values()), 2) == -house_of(database) / 100 < 0
        state = (await table.details())["game_state"]["goal"]
        goals = Counter(part(fact.player) for fact in HISTORY if fact.action == GOAL)
        assert state == {"argentina": 3, "france": 3, **goals}
        await accepted(admin, 363, game_id=game, after_seq=0)
        return game, await admin.heard()


def losses_and_wins(ended: dict[str, Any]) -> float:
    """What all bettors of a pool have won."""
    return float(round(sum(ended["winners"].values()) - sum(ended["losers"].values()), 2))


async def test_every_pool_on_the_final_settles_as_history_says_and_is_the_same_when_replayed(
    database: Path, tmp_path: Path
) -> None:
    game, told = await play_final(database)
    assert seqs(told) == list(range(1, len(told) + 1))
    ended = [message for message in told if message["res"] in (362, 363)]
    winners: dict[str, list[str]] = {}
    for message in ended:
        winners.setdefault(message["description"], []).append(message["winning_target"])
    assert winners == expected_winners()
    assert [message["description"] for message in of_kind(told, 363)] == ["Goal in 20 minutes", "Goal before half-time"]
    assert any(message["invalidated_bettors"] for message in ended)
    assert all(losses_and_wins(message) <= 0 for message in ended)
    assert faults_of(database) == []
    assert run("check", "--db", database).code == 0

    exported = run("export", game, "--db", database)
    assert exported.code == 0, exported.stderr
    assert replay(tmp_path / "final.jsonl", exported.stdout)[0] == 0
    for tampered in (another_stake, another_payout, another_scorer):
        code, said = replay(tmp_path / "tampered.jsonl", tampered(exported.stdout))
        assert code == 1
        assert ", now " in said or "could not be repeated" in said


def replay(file: Path, text: str) -> tuple[int, str]:
    """The exit code and the output of replaying an export."""
    file.write_text(text, encoding="utf-8")
    done = run("replay", file, "--verify")
    return done.code, done.stdout + done.stderr


def changed(text: str, change: Any) -> str:
    """An export with one of its facts changed: the first that ``change`` says it has changed."""
    facts = [json.loads(line) for line in text.splitlines()]
    assert any(change(fact) for fact in facts)
    return "".join(json.dumps(fact) + "\n" for fact in facts)


def another_stake(text: str) -> str:
    """Somebody has staked more."""

    def change(fact: dict[str, Any]) -> bool:
        if fact.get("op") == 392:
            fact["parameters"]["amount"] = "31.00"
        return fact.get("op") == 392

    return changed(text, change)


def another_payout(text: str) -> str:
    """Somebody was paid a unit more."""

    def change(fact: dict[str, Any]) -> bool:
        if fact["fact"] == "outcome":
            fact["bets"][0][-1] += 1
        return bool(fact["fact"] == "outcome")

    return changed(text, change)


def another_scorer(text: str) -> str:
    """It was not Messi."""

    def change(fact: dict[str, Any]) -> bool:
        if fact.get("op") == 395:
            fact["parameters"]["target_id"] = "France:Lloris"
        return fact.get("op") == 395

    return changed(text, change)


@pytest.mark.parametrize("close_at", [None, moment(200)])
async def test_a_game_exported_while_the_server_is_down_is_the_same_when_replayed(
    database: Path, tmp_path: Path, close_at: int | None
) -> None:
    clock = FakeClock()
    clock.time_ms = KICK_OFF_MS - 40 * MINUTE_MS
    async with running_server(database, clock) as server:
        admin = await server.connect("provider")
        source, game = await prepare(admin, clock, close_at=close_at)
        table = Table(server, clock, admin, source, game)
        final = Final(table)
        await final.open_pools()
        await table.bet("fan1", final.pools["Goal in 20 minutes"], "yes", 5)
    # It is years later now, but nothing of what fell due since has been done in this file.
    exported = run("export", game, "--db", database)
    assert replay(tmp_path / "final.jsonl", exported.stdout) == (
        0,
        f"{len(exported.stdout.splitlines()) - 2} requests repeated: every balance, bet and pool came out the same\n",
    )
