"""One of two servers on a PostgreSQL database is killed: the other goes on, and nothing acknowledged is lost."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gameserver.storage.postgres.connection import open_reader
from tests.support.process import (
    TIMEOUT_S,
    UNLIMITED,
    Countdown,
    add_user,
    playing,
    run,
    serving,
    until_the_server_is_gone,
)

KILLED_AFTER = (5, 60)


@dataclass
class Bettor:
    """A user who bets at one server until it is gone, each time with a key of its own."""

    name: str
    session_key: str
    bets: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def work(self, url: str, pool: str, countdown: Countdown) -> None:
        """Bet again and again."""
        with until_the_server_is_gone(), playing(url, self.session_key) as player:
            for number in range(500):
                key = f"{self.name}-{number}"
                self.bets[key] = None
                reply = player.call(392, header={"key": key}, pool_id=pool, target="yes", amount=1)
                assert reply["res"] != 666, reply
                self.bets[key] = reply
                countdown.acknowledge()


@pytest.fixture
def engine() -> str:
    """Only a database server can be shared."""
    return "postgres"


@pytest.mark.parametrize("acknowledged", KILLED_AFTER)
def test_what_a_killed_server_has_acknowledged_stays_and_its_clients_go_on_at_another(
    location: str, tmp_path: Path, acknowledged: int
) -> None:
    admin = add_user(location, "admin", provider=True)["session_key"]
    bettors = [Bettor(name, add_user(location, name)["session_key"]) for name in ("ann", "bob", "cat")]
    with (
        serving(location, *UNLIMITED, folder=tmp_path) as stays,
        serving(location, *UNLIMITED, folder=tmp_path) as goes,
        playing(stays.url, admin) as player,
    ):
        source = player.call(365, source_name="Ours")["source_id"]
        game = player.call(370, source_id=source, game_name="Final", type="football")["game_id"]
        player.call(616, game_id=game)
        pool = player.call(385, game_id=game, description="Penalty?", pool_type=3)["pool_id"]
        countdown = Countdown(acknowledged)
        threads = [threading.Thread(target=it.work, args=(goes.url, pool, countdown)) for it in bettors]
        for thread in threads:
            thread.start()
        countdown.wait()
        goes.kill()
        for thread in threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()
        for bettor in bettors:
            with playing(stays.url, bettor.session_key) as again:
                for key, reply in bettor.bets.items():
                    repeated = again.call(392, header={"key": key}, pool_id=pool, target="yes", amount=1)
                    assert repeated["res"] != 666
                    assert reply is None or reply["bet_id"] == repeated["bet_id"]
        assert player.call(395, pool_id=pool, target_id="yes")["res"] != 666
    with open_reader(location) as connection:
        assert connection.execute("SELECT count(*) FROM bets").fetchone() == (sum(len(it.bets) for it in bettors),)
    assert "is sound" in run("check", "--db", location).stdout
