from collections.abc import Callable

import pytest
import trio

from gameserver.engine import sessions
from gameserver.engine.sessions import Login
from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.login_cache import MAX_LOGINS, LoginCache
from gameserver.storage.connection import Connection
from gameserver.storage.users import Session, User, get_session
from tests.support.harness import Server
from tests.support.http import client_of

ANN = User(1, "ann", is_provider=False)


def login(key: str, expires_at: int = 1_000) -> Login:
    return Login(Session(key, ANN, 0, expires_at, False), key)


class Lookups:
    """Looks up a login, and counts how often."""

    def __init__(self, found: Login | None) -> None:
        self.found = found
        self.count = 0

    async def __call__(self) -> Login | None:
        await trio.lowlevel.checkpoint()
        self.count += 1
        return self.found


async def test_a_login_is_looked_up_once_until_it_expires() -> None:
    cache, look_up = LoginCache(), Lookups(login("k"))
    for now_ms in (0, 999):
        assert await cache.find("k", now_ms, look_up) == login("k")
    assert look_up.count == 1
    look_up.found = None
    for count in (2, 3):
        assert await cache.find("k", 1_000, look_up) is None
        assert look_up.count == count


async def test_what_is_forgotten_while_it_is_looked_up_is_not_known_afterwards() -> None:
    cache = LoginCache()

    async def look_up() -> Login:
        await trio.lowlevel.checkpoint()
        cache.forget()
        return login("k")

    assert await cache.find("k", 0, look_up) == login("k")
    gone = Lookups(None)
    assert await cache.find("k", 0, gone) is None
    assert gone.count == 1


async def test_no_more_logins_than_the_limit_are_known() -> None:
    cache = LoginCache()
    for number in range(MAX_LOGINS + 1):
        await cache.find(str(number), 0, Lookups(login(str(number))))
    known = Lookups(None)
    assert await cache.find(str(MAX_LOGINS), 0, known) is not None
    assert await cache.find("0", 0, known) is None


@pytest.mark.parametrize(
    "change", [lambda registry: registry.end_session("other"), lambda registry: registry.update_user(ANN)]
)
async def test_whatever_changes_a_session_or_a_user_is_followed_by_a_new_look(
    change: Callable[[ConnectionRegistry], None],
) -> None:
    registry, look_up = ConnectionRegistry(), Lookups(login("k"))
    for _ in range(2):
        await registry.logins.find("k", 0, look_up)
    change(registry)
    await registry.logins.find("k", 0, look_up)
    assert look_up.count == 2


async def test_requests_by_http_look_their_user_up_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def count(connection: Connection, session_id: str, now_ms: int) -> Session | None:
        looked_up.append(session_id)
        return get_session(connection, session_id, now_ms)

    monkeypatch.setattr(sessions, "get_session", count)
    client, other = await client_of(server, "ann"), await client_of(server, "bob")
    for _ in range(3):
        assert (await client.get("/r/sources/")).status == 200
    await other.get("/r/sources/")
    assert len(looked_up) == 2
