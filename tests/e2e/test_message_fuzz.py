"""Random bytes and mutated requests: each is answered, and none finds a bug of the server.

SOAK_MESSAGES says how many are sent. What is sent is the same every time, but for the ids in it.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from gameserver.protocol.registry import OPERATIONS
from tests.support.process import UNLIMITED, Player, ServerProcess, add_user, playing, run, serving

MESSAGES = int(os.environ.get("SOAK_MESSAGES", "2000"))
PER_CONNECTION = 500
PER_FLUSH = 20  # whose replies fit into the system's buffers, so that neither side waits for the other
MAX_BYTES = 200_000

HUGE = [
    "9" * 400,
    "9" * 5000,
    "-1",
    "1e400",
    "1e-400",
    "-0",
    "0.1" + "0" * 300 + "1",
    str(2**63),
    str(2**64),
    "1e999999999",
]
BOMBS = [
    "[" * 2000 + "]" * 2000,
    '{"a":' * 2000 + "1" + "}" * 2000,
    "[" + "1," * 20_000 + "1]",
    "[" + '"a",' * 10_000 + '"a"]',
    '"' + "a," * 20_000 + '"',
    '"' + "a:" * 10_000 + '"',
    "{" + ",".join(f'"k{number}":1' for number in range(2000)) + "}",
    "{" + '"op":1,' * 2000 + '"op":1}',
]
TEXTS = [
    '""',
    '"None"',
    '" "',
    r'"\u0000"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    '"\u2028\u202e\u00df\ufb03"',
    '"' + "\ufdfa" * 3000 + '"',
    '"a\u0300' + "\u0300" * 500 + '"',
    '"\'; DROP TABLE users; --"',
    '"%s%n{0}"',
    '"' + "x" * 20_000 + '"',
]
ATOMS = [*HUGE, *TEXTS, "null", "true", "false", "[]", "{}", "NaN", "1", "0", '"1"', '["a",["b"]]', "[null]"]


class Fuzz:
    """Makes messages, of which most look much like requests about ``known``: parameter → values that exist."""

    def __init__(self, seed: int, known: dict[str, list[Any]]) -> None:
        self._random = random.Random(seed)
        self._known = known
        self._ops = sorted(OPERATIONS)
        self._mutations: list[Callable[[str], str]] = [
            self._edit,
            self._cut,
            self._repeat,
            self._swap_value,
            self._splice,
        ]

    def random_bytes(self) -> str:
        """Bytes without meaning, as much as they can be text."""
        return self._random.randbytes(self._random.randint(0, 200)).decode("utf-8", "replace")

    def mutated(self) -> str:
        """A request that is nearly right, or is right by chance."""
        text = self._request()
        for _ in range(self._random.choice([0, 1, 1, 1, 2, 4])):
            text = self._random.choice(self._mutations)(text)
        return text[:MAX_BYTES]

    def _request(self) -> str:
        op = self._random.choice(self._ops)
        message: dict[str, Any] = {"header": {"id": self._random.randint(0, 9)}, "op": op}
        if self._random.random() < 0.2:
            message["header"]["key"] = str(self._random.randint(0, 50))
        for field in msgspec.structs.fields(OPERATIONS[op].request):
            if field.name != "header" and (field.required or self._random.random() < 0.3):
                message[field.name] = self._random.choice(self._known.get(field.name, [1, "1", "Goal", None]))
        return json.dumps(message)

    def _place(self, text: str) -> int:
        return self._random.randint(0, len(text))

    def _edit(self, text: str) -> str:
        place = self._place(text)
        inserted = self._random.choice(
            ['"', "{", "}", "[", "]", ",", ":", "\\", "0", "-", "\x00", "\ufeff", "é", "\U0001f600"]
        )
        return text[:place] + inserted + text[place + self._random.randint(0, 2) :]

    def _cut(self, text: str) -> str:
        first, last = sorted((self._place(text), self._place(text)))
        return text[:first] + text[last:]

    def _repeat(self, text: str) -> str:
        first, last = sorted((self._place(text), self._place(text)))
        return text[:last] + text[first:last] * self._random.randint(1, 3) + text[last:]

    def _swap_value(self, text: str) -> str:
        name, colon, rest = text.rpartition('":') if self._random.random() < 0.5 else text.partition('":')
        _, mark, after = rest.partition(self._random.choice([",", "}"]))
        values = BOMBS if self._random.random() < 0.02 else ATOMS
        return name + colon + self._random.choice(values) + mark + after

    def _splice(self, text: str) -> str:
        other = self._request()
        return text[: self._place(text)] + other[self._place(other) :]


class Sent(NamedTuple):
    """A message, and whether it can be nothing that is carried out."""

    text: str
    senseless: bool


def messages(seed: int, known: dict[str, list[Any]]) -> Iterator[Sent]:
    """Messages without end, one in ten of them without sense."""
    fuzz = Fuzz(seed, known)
    while True:
        for _ in range(9):
            yield Sent(fuzz.mutated(), senseless=False)
        yield Sent(fuzz.random_bytes(), senseless=True)


def accepted(player: Player, op: int, **parameters: Any) -> dict[str, Any]:
    """The reply to a request that is not refused."""
    reply = player.call(op, **parameters)
    assert reply["res"] != 666, reply
    return reply


def prepare(player: Player, bettor: Player) -> dict[str, list[Any]]:
    """Something for requests to be about: a source, a game, a pool, a bet, an event."""
    source = accepted(player, 365, source_name="Fuzz")["source_id"]
    game = accepted(
        player,
        370,
        source_id=source,
        game_name="A - B",
        type="football",
        actions="Goal,Corner",
        targets="A,B,A:1,A:2,B:1",
    )["game_id"]
    accepted(player, 616, game_id=game)
    pool = accepted(player, 385, game_id=game, description="Who?", action_id="goal", targets="A,B")["pool_id"]
    bet = accepted(bettor, 392, pool_id=pool, target="a", amount=1)["bet_id"]
    event = accepted(player, 395, game_id=game, action_id="corner", target_id="a:1")["event_id"]
    return {
        "source_id": [source],
        "game_id": [game],
        "pool_id": [pool],
        "bet_id": [bet],
        "event_id": [event],
        "action_id": ["goal", "Corner"],
        "target_id": ["a", "A:1", "b:1", "none"],
        "target": ["a", "B", "none"],
        "amount": [1, "0.5", 10**6],
        "takeout": ["0.05", 0],
        "username": ["ann", "bob"],
        "currency": ["DON", "EUR"],
    }


def send_and_check(player: Player, sent: list[Sent], first: int) -> None:
    """Send messages, each followed by a ping, and see that an answer comes before the ping's."""
    for number, message in enumerate(sent, first):
        player.socket.send(message.text)
        player.socket.send(json.dumps({"header": {"id": f"ping {number}"}, "op": 1}))
    for number, message in enumerate(sent, first):
        between = []
        while (heard := player.receive())["response_header"].get("id") != f"ping {number}":
            between.append(heard)
        answers = [heard for heard in between if "seq" not in heard["response_header"]]
        refusals = [answer for answer in answers if answer["res"] == 666]
        what = (message.text[:2000], answers)
        assert answers, what
        assert len(refusals) <= 1, what
        assert not any(refusal["code"] == "internal" for refusal in refusals), what
        if message.senseless:
            assert [refusal["code"] in ("bad_json", "bad_request") for refusal in refusals] == [True], what


def fuzz_connection(server: ServerProcess, keys: list[str], first: int, count: int) -> None:
    """So many messages on a connection of its own, about a source of its own."""
    with playing(server.url, keys[0]) as provider, playing(server.url, keys[1]) as bettor:
        known = prepare(provider, bettor)
        player = (provider, bettor)[first // PER_CONNECTION % 3 == 2]
        sent = messages(first, known)
        for start in range(first, first + count, PER_FLUSH):
            send_and_check(player, list(islice(sent, min(PER_FLUSH, first + count - start))), start)


@pytest.mark.time_limit(60 + MESSAGES / 100)
def test_random_bytes_and_mutated_requests_are_answered_each_and_find_no_bug(database: Path) -> None:
    users = [add_user(database, "ann", provider=True), add_user(database, "bob")]
    keys = [user["session_key"] for user in users]
    assert run("user", "credit", "bob", "1000000", "DON", "--db", database).code == 0
    with serving(database, *UNLIMITED) as server:
        for first in range(0, MESSAGES, PER_CONNECTION):
            fuzz_connection(server, keys, first, min(PER_CONNECTION, MESSAGES - first))
        assert server.stop() == 0
        log = server.log.read_text()
    assert "ERROR" not in log
    assert "Traceback" not in log
    assert run("check", "--db", database).stdout == f"{database} is sound\n"
