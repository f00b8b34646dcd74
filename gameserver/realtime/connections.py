"""Which connections there are: by user, and by the session key they logged on with."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol, TypeVar

import trio

from gameserver.net.outbox import Outbox

MAX_ENDED = 10_000  # more session keys than can end while one connection logs on

K = TypeVar("K", int, str)


class RegisteredConnection(Protocol):
    """What the registry, and who finds a connection in it, needs of one."""

    @property
    def outbox(self) -> Outbox:
        """Where to push."""

    def drain(self) -> None:
        """Close once the requests in hand are answered: the server is going away."""

    def end_session(self) -> None:
        """Close: the session key is no longer valid."""


class ConnectionRegistry:
    """Every WebSocket connection of the server."""

    def __init__(self) -> None:
        self._all: set[RegisteredConnection] = set()
        self._of_user: dict[int, set[RegisteredConnection]] = {}
        self._of_session: dict[str, set[RegisteredConnection]] = {}
        self._emptied = trio.lowlevel.ParkingLot()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def add(self, connection: RegisteredConnection) -> None:
        """A connection is open; it may not have logged on yet."""
        self._all.add(connection)

    def add_login(self, connection: RegisteredConnection, user_id: int, session_id: str) -> None:
        """A connection acts for a user, unless the session was ended while it logged on."""
        self._of_user.setdefault(user_id, set()).add(connection)
        self._of_session.setdefault(session_id, set()).add(connection)
        if session_id in self._ended:
            connection.end_session()

    def end_session(self, session_id: str) -> None:
        """A session key is no longer valid: close its connections, and those about to log on with it."""
        self._ended[session_id] = None
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
        for connection in tuple(self._of_session.get(session_id, ())):
            connection.end_session()

    def remove(self, connection: RegisteredConnection, user_id: int | None, session_id: str | None) -> None:
        """A connection has ended."""
        self._all.discard(connection)
        if not self._all:
            self._emptied.unpark_all()
        _discard(self._of_user, user_id, connection)
        _discard(self._of_session, session_id, connection)

    @property
    def count(self) -> int:
        """How many connections there are."""
        return len(self._all)

    @property
    def user_count(self) -> int:
        """How many users they act for."""
        return len(self._of_user)

    def everyone(self) -> list[RegisteredConnection]:
        """All connections."""
        return list(self._all)

    async def wait_until_empty(self) -> None:
        """Wait until every connection has ended."""
        while self._all:
            await self._emptied.park()

    def count_of(self, user_id: int) -> int:
        """How many connections a user has."""
        return len(self._of_user.get(user_id, ()))

    def of_user(self, user_id: int) -> Iterable[RegisteredConnection]:
        """A user's connections."""
        return tuple(self._of_user.get(user_id, ()))


def _discard(table: dict[K, set[RegisteredConnection]], key: K | None, connection: RegisteredConnection) -> None:
    if key is not None and key in table:
        table[key].discard(connection)
        if not table[key]:
            del table[key]
