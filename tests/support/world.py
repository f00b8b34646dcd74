"""A source with its games and a user of each role, and strict checks of what is replied."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio
from trio_websocket import ConnectionClosed

from gameserver.protocol.reference import errors_of
from gameserver.protocol.registry import OPERATIONS
from tests.support.harness import START_MS, Client, FakeClock, Server
from tests.support.wire import request_head

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
NEVER_S = 1_000_000  # an interval longer than any test
NONE = {"symbol": "non", "display_name": "None", "targets": {}}

RETRYABLE = frozenset({"rate_limited", "busy", "storage_unavailable"})
# Those that the reference lists once, for every message.
OF_ANY_MESSAGE = frozenset({"bad_request", "unsupported_version", "internal"})


@dataclass
class World:
    """A source of ``provider``'s with an open and an upcoming game, and connections of each role.

    ``source_admin`` is no provider, ``game_admin`` of the open game only, ``outsider`` a provider with a
    source of its own, ``admin`` administers the server, ``user`` has no role.
    """

    server: Server
    provider: Client
    source_admin: Client
    game_admin: Client
    outsider: Client
    admin: Client
    user: Client
    source: str
    game: str
    upcoming: str


async def build_world(server: Server) -> World:
    """The world, new."""
    provider = await server.connect("provider")
    source_admin, game_admin = await server.connect("source_admin"), await server.connect("game_admin")
    outsider, user = await server.connect("provider_outside"), await server.connect("user")
    admin = await server.connect("admin")
    source = await server.open_source(provider)
    game = await server.open_game(provider, source)
    upcoming: str = (await provider.call(3701, source_id=source, game_name="Later", type="football"))["game_id"]
    assert (await provider.call(367, source_id=source, username="source_admin"))["res"] == 337
    assert (await provider.call(617, game_id=game, username="game_admin"))["res"] == 617
    await game_admin.expect(640)
    await server.open_game(outsider, await server.open_source(outsider))
    return World(server, provider, source_admin, game_admin, outsider, admin, user, source, game, upcoming)


def assert_reply(reply: dict[str, Any], res: int, /, **fields: Any) -> None:
    """A reply to a request with an id has exactly these fields."""
    assert set(reply["response_header"]) == {"t", "id"}
    assert {name: value for name, value in reply.items() if name != "response_header"} == {"res": res, **fields}


def assert_broadcast(message: dict[str, Any], res: int, seq: int | None, /, **fields: Any) -> None:
    """A broadcast has exactly these fields; ``seq`` is None for what is not durable."""
    assert set(message["response_header"]) == ({"t"} if seq is None else {"t", "seq"})
    assert message["response_header"].get("seq") == seq
    assert {name: value for name, value in message.items() if name != "response_header"} == {"res": res, **fields}


def assert_refused(reply: dict[str, Any], op: int | None, code: str, field: str | None = None) -> None:
    """An error reply with exactly the members of the contract (section 3), its code one that the reference lists."""
    assert op not in OPERATIONS or code in OF_ANY_MESSAGE or code in errors_of(OPERATIONS[op])
    members = {"op": op, "code": code, "retryable": code in RETRYABLE, "text": reply.get("text")}
    if field is not None:
        members["field"] = field
    if code in ("insufficient_funds", "stake_limit"):
        members |= {name: reply[name] for name in ("asked", "available", "min_stake")}
        members |= {name: reply[name] for name in ("max_stake", "left") if name in reply}
    assert "id" in reply["response_header"]
    assert {name: value for name, value in reply.items() if name != "response_header"} == {"res": 666, **members}
    assert len(reply["text"]) > 10


def as_broadcast(reply: dict[str, Any], seq: int, t: int = START_MS) -> dict[str, Any]:
    """The broadcast of the same thing as a reply."""
    return {**reply, "response_header": {"t": t, "seq": seq}}


def bearer(key: str) -> list[tuple[bytes, bytes]]:
    """The header that logs on with a session key."""
    return [(b"Authorization", b"Bearer " + key.encode())]


async def handshake_status(server: Server, path: str = "/", **headers: str) -> int:
    """The HTTP status that answers a handshake."""
    stream = server.open_stream()
    await stream.send_all(request_head(path, **headers))
    status = int((await stream.receive_some()).split()[1])
    await stream.aclose()
    return status


@asynccontextmanager
async def within(seconds: float = 5) -> AsyncIterator[None]:
    """What should come does come: fail instead of waiting without end."""
    with trio.fail_after(seconds):
        yield


async def is_closed(client: Client) -> bool:
    """Whether the server has closed the connection: it does not answer a ping."""
    try:
        await client.call(1)
    except ConnectionClosed:
        return True
    return False


class RunningClock(FakeClock):
    """A clock that goes with Trio's, for tests with a mock clock."""

    def __init__(self) -> None:
        super().__init__()
        began_s = trio.current_time()
        self._read_s = lambda: self.time_ms / 1000 + trio.current_time() - began_s
        self._monotonic_s = trio.current_time
