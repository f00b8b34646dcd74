"""Bets by many at once, and power cuts in the middle of them."""

import random
import sqlite3
import threading
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.support.process import TIMEOUT_S, UNLIMITED, Countdown, Player, add_user, playing, run, serving

ROUNDS = 10
BETTORS = ("ann", "bob", "cat", "dan", "eve")
TARGETS = ("argentina", "brazil", "none")
CONNECTIONS = 50
STAKE = 300


def open_pool(admin: Player) -> str:
    """A pool in a new game of a new source; its id."""
    source = admin.call(365, source_name="Cup")["source_id"]
    game: dict[str, Any] = {"game_name": "A - B", "type": "football", "actions": "Goal", "targets": "Argentina, Brazil"}
    uuid = admin.call(370, source_id=source, **game)["game_id"]
    assert admin.call(616, game_id=uuid)["res"] == 640
    pool: dict[str, Any] = {"description": "Who?", "action_id": "goal", "targets": "Argentina, Brazil"}
    return str(admin.call(385, game_id=uuid, **pool)["pool_id"])


def join_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


def is_sound(file: Path) -> bool:
    done = run("check", "--db", file)
    assert (done.code, done.stdout) == (0, f"{file} is sound\n")
    return True


def test_of_50_bets_made_at_once_exactly_those_that_can_be_paid_are_taken(database: Path) -> None:
    admin = add_user(database, "admin", provider=True)
    users = [add_user(database, name) for name in BETTORS]
    for extra, user in enumerate(users):
        if extra:
            assert run("user", "credit", user["username"], str(extra * STAKE), "DON", "--db", database).code == 0
    replies: list[tuple[str, dict[str, Any]]] = []
    barrier = threading.Barrier(CONNECTIONS, timeout=TIMEOUT_S)

    def play(player: Player, name: str, pool: str) -> None:
        barrier.wait()
        replies.append((name, player.call(392, pool_id=pool, target="argentina", amount=STAKE)))

    with serving(database, *UNLIMITED) as server, ExitStack() as stack:
        host = stack.enter_context(playing(server.url, admin["session_key"]))
        pool = open_pool(host)
        threads = [
            threading.Thread(
                target=play,
                args=(stack.enter_context(playing(server.url, user["session_key"])), user["username"], pool),
            )
            for user in users * (CONNECTIONS // len(users))
        ]
        for thread in threads:
            thread.start()
        join_all(threads)
        taken = Counter(name for name, reply in replies if reply["res"] == 356)
        # 1000 are three stakes; each user has been given one more than the user before.
        assert taken == {name: 3 + extra for extra, name in enumerate(BETTORS)}
        refused = [reply["code"] for _, reply in replies if reply["res"] != 356]
        assert refused == ["insufficient_funds"] * (CONNECTIONS - taken.total())
        shown = host.call(393, pool_id=pool)
        assert (shown["bet_count"], shown["participants"]) == (taken.total(), len(BETTORS))
        assert shown["amount_total"] == taken.total() * STAKE
        assert server.stop() == 0
    assert is_sound(database)


@dataclass
class Bet:
    """A bet with a key, and its reply if one came."""

    key: str
    parameters: dict[str, Any]
    reply: dict[str, Any] | None = None

    def send(self, player: Player) -> dict[str, Any]:
        """Send it, for the first time or again."""
        return player.call(392, header={"key": self.key}, **self.parameters)


@dataclass
class Bettor:
    """A user who bets as fast as he can, whenever there is a server."""

    name: str
    session_key: str
    chance: random.Random
    bets: list[Bet] = field(default_factory=list)

    def next_bet(self, pools: list[str]) -> Bet:
        """Another bet, in one of the pools."""
        parameters = {
            "pool_id": self.chance.choice(pools),
            "target": self.chance.choice(TARGETS),
            "amount": self.chance.randint(1, 40) / 100,
        }
        return Bet(f"{self.name}-{len(self.bets)}", parameters)

    def play(self, url: str, pools: list[str], countdown: Countdown) -> None:
        """First send again what got no reply, then bet until the server is gone."""
        try:
            with playing(url, self.session_key) as player:
                self.resend(player)
                while True:
                    bet = self.next_bet(pools)
                    self.bets.append(bet)
                    bet.reply = bet.send(player)
                    assert bet.reply["res"] == 356, bet.reply
                    countdown.acknowledge()
        except (ConnectionClosed, OSError):
            return

    def resend(self, player: Player) -> None:
        """Send again what got no reply."""
        for bet in self.bets:
            if bet.reply is None:
                bet.reply = bet.send(player)
                assert bet.reply["res"] == 356, bet.reply


def bet_until_killed(file: Path, bettors: list[Bettor], pools: list[str], after: int) -> None:
    """Let everybody bet, and kill the server after so many bets."""
    with serving(file, *UNLIMITED) as server:
        countdown = Countdown(after)
        threads = [threading.Thread(target=bettor.play, args=(server.url, pools, countdown)) for bettor in bettors]
        for thread in threads:
            thread.start()
        countdown.wait()
        server.kill()
        join_all(threads)


def bets_on_disk(file: Path) -> dict[str, tuple[str, str, int, int]]:
    """Bet id → who, on what, how much, and how much has been moved for it."""
    query = (
        "SELECT b.uuid, username, t.key, b.amount, (SELECT sum(amount) FROM transfers WHERE bet_id = b.id)"
        " FROM bets AS b JOIN users ON users.id = user_id JOIN pool_targets AS t USING (pool_id, position)"
    )
    with closing(sqlite3.connect(file)) as connection:
        return {row[0]: row[1:] for row in connection.execute(query)}


def test_ten_kills_under_betting_load_lose_no_acknowledged_bet_and_take_none_twice_or_by_halves(database: Path) -> None:
    chance = random.Random(2024)
    admin = add_user(database, "admin", provider=True)
    with serving(database, *UNLIMITED) as server, playing(server.url, admin["session_key"]) as player:
        pools = [open_pool(player) for _ in range(2)]
        assert server.stop() == 0
    bettors = [
        Bettor(name, add_user(database, name)["session_key"], random.Random(chance.random())) for name in BETTORS
    ]
    for _ in range(ROUNDS):
        bet_until_killed(database, bettors, pools, after=chance.randint(1, 150))
        on_disk = bets_on_disk(database)
        acknowledged = {bet.reply["bet_id"] for bettor in bettors for bet in bettor.bets if bet.reply}
        assert acknowledged <= set(on_disk)
        assert all(amount == moved for _, _, amount, moved in on_disk.values())
        assert is_sound(database)
    with serving(database, *UNLIMITED) as server:
        for bettor in bettors:
            with playing(server.url, bettor.session_key) as player:
                bettor.resend(player)
                again = bettor.bets[-1].send(player)
                assert again["response_header"]["repeated"] is True
        assert server.stop() == 0
    expected = {
        bet.reply["bet_id"]: (bettor.name, bet.parameters["target"], round(bet.parameters["amount"] * 100))
        for bettor in bettors
        for bet in bettor.bets
        if bet.reply
    }
    assert {uuid: row[:3] for uuid, row in bets_on_disk(database).items()} == expected
    assert len(expected) == sum(len(bettor.bets) for bettor in bettors)
    assert is_sound(database)
