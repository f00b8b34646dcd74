"""A pool with twenty thousand bets: settled wholly or not at all, and nobody else waits for it."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gameserver.config import Settings
from gameserver.engine.bet_placement import Proposal, place_bets
from gameserver.engine.context import Change
from gameserver.errors import Rejected
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import insert_credit
from gameserver.storage.outcomes import list_bet_outcomes
from gameserver.storage.sqlite.connection import open_reader
from gameserver.storage.users import insert_user
from tests.support.offline import Offline
from tests.support.process import TIMEOUT_S, UNLIMITED, Player, ServerProcess, add_user, playing, run, serving

USERS = 2_000
BETS = 20_000
STAKE = 10_00
CREDIT = STAKE * BETS // USERS
HOUR_MS = 3_600_000


class Big(NamedTuple):
    """A file with a game and its big pool, and an admin's session key."""

    file: Path
    game: str
    pool: str
    key: str

    @contextmanager
    def serving(self) -> Iterator[ServerProcess]:
        """A server on the file."""
        with serving(self.file, *UNLIMITED) as server:
            yield server

    def statuses(self) -> dict[str, int]:
        """How many bets there are of each status."""
        with closing(open_reader(self.file)) as connection:
            (game_id,) = connection.execute("SELECT id FROM games").fetchone()
            return Counter(outcome.status.value for _, outcome in list_bet_outcomes(connection, game_id))


def let_users_bet(connection: Connection, pool_uuid: str, now_ms: int) -> None:
    """Let every user bet in turn, on three targets in turn, until there are as many bets as wanted."""
    connection.execute("BEGIN")
    users = []
    for number in range(USERS):
        user = insert_user(connection, f"user{number}", False, now_ms)
        assert user is not None
        insert_credit(connection, user.id, "DON", CREDIT, now_ms)
        users.append(user)
    proposals = [
        Proposal(
            Change(connection, users[number % USERS], now_ms + number, Settings()),
            pool_uuid,
            ("argentina", "france", "none")[number % 3],
            STAKE // 100,
        )
        for number in range(BETS)
    ]
    assert not any(isinstance(bet, Rejected) for bet in place_bets(connection, proposals))
    connection.execute("COMMIT")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Big:
    """The file as it is before the event, made once."""
    file = tmp_path_factory.mktemp("prepared") / "game.db"
    key = add_user(file, "fifa", provider=True)["session_key"]
    offline = Offline(file)
    offline.now_ms = int(time.time() * 1000) - HOUR_MS
    source = offline.call("fifa", 365, source_name="Cup", takeout="0.05")["source_id"]
    contents = {"actions": "Goal", "targets": ["Argentina:1", "France:1"]}
    game = offline.call("fifa", 370, source_id=source, game_name="Final", type="football", **contents)["game_id"]
    offline.call("fifa", 616, game_id=game)
    options = {"action_id": "goal", "targets": ["argentina", "france"]}
    pool = offline.call("fifa", 385, game_id=game, description="Who scores?", **options)["pool_id"]
    let_users_bet(offline.connection, pool, offline.now_ms)
    offline.close()
    return Big(file, game, pool, key)


@pytest.fixture
def big(prepared: Big, tmp_path: Path) -> Big:
    """A copy of that file."""
    shutil.copytree(prepared.file.parent, tmp_path / "copy")
    return prepared._replace(file=tmp_path / "copy" / prepared.file.name)


def send_event(player: Player, game: str) -> None:
    """Send the event that ends the pool, without waiting for its reply."""
    parameters = {"game_id": game, "action_id": "goal", "target_id": "argentina:1"}
    player.socket.send(json.dumps({"header": {"key": "the goal", "id": "event"}, "op": 395, **parameters}))


def has_reply(player: Player, wait_s: float = 0.005) -> bool:
    """Whether the reply to the event is there, or comes in so long a time."""
    try:
        while True:
            message: dict[str, Any] = json.loads(player.socket.recv(timeout=wait_s))
            if message["response_header"].get("id") == "event":
                assert message["res"] == 366, message
                return True
    except TimeoutError:
        return False


def outcome_since_opening(player: Player, game: str) -> list[int]:
    """What was told of the game after the pool was opened, to one who rejoins."""
    joined = player.call(363, game_id=game, after_seq=2)
    assert joined["recovered"] is True
    durable = player.hear_until(joined["seq"]) if joined["seq"] > 2 else []
    assert [message["response_header"]["seq"] for message in durable] == list(range(3, joined["seq"] + 1))
    return [message["res"] for message in durable]


def test_pings_are_answered_while_a_big_pool_is_settled(big: Big) -> None:
    with big.serving() as server, playing(server.url, big.key) as admin, playing(server.url, big.key) as other:
        send_event(admin, big.game)
        answered = 0
        while not has_reply(admin):
            assert other.call(1)["res"] == 1
            answered += 1
        assert answered >= 3
        assert outcome_since_opening(other, big.game) == [366, 362]
        assert server.stop() == 0
    assert big.statuses() == {"won": 6_667, "lost": 13_333}
    assert run("check", "--db", big.file).code == 0


@pytest.mark.parametrize("pings", [0, 5, 20, 60, 1_000])
def test_a_kill_during_a_big_settlement_leaves_all_of_it_or_none_and_resending_makes_it_one(
    big: Big, pings: int
) -> None:
    with big.serving() as server, playing(server.url, big.key) as admin, playing(server.url, big.key) as other:
        send_event(admin, big.game)
        for _ in range(pings):
            other.call(1)
            if has_reply(admin):
                break
        server.kill()
    assert run("check", "--db", big.file).code == 0
    settled = big.statuses() == {"won": 6_667, "lost": 13_333}
    assert settled or big.statuses() == {"running": BETS}
    with big.serving() as server, playing(server.url, big.key) as admin, playing(server.url, big.key) as other:
        assert outcome_since_opening(other, big.game) == ([366, 362] if settled else [])
        send_event(admin, big.game)
        assert has_reply(admin, TIMEOUT_S)
        assert outcome_since_opening(other, big.game) == [366, 362]
        assert other.call(372, game_id=big.game)["game_state"]["goal"]["argentina"] == 1
        assert server.stop() == 0
    assert big.statuses() == {"won": 6_667, "lost": 13_333}
    assert run("check", "--db", big.file).code == 0


def test_a_big_pool_is_settled_though_there_is_no_place_for_temporary_files(big: Big) -> None:
    with big.serving() as server, playing(server.url, big.key) as admin, playing(server.url, big.key) as other:
        server.limit_descriptors(3)  # whatever is opened from now on fails
        send_event(admin, big.game)
        assert has_reply(admin, TIMEOUT_S)
        assert outcome_since_opening(other, big.game) == [366, 362]
        assert server.stop() == 0
    assert big.statuses() == {"won": 6_667, "lost": 13_333}
    assert run("check", "--db", big.file).code == 0
