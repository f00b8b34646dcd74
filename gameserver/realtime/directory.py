"""Which connections there are: by user, and by the session key they logged on with."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

import trio

if TYPE_CHECKING:
    from gameserver.realtime.connection import Connection

MAX_ENDED = 10_000  # more session keys than can end while one connection logs on

K = TypeVar("K", int, str)


class Directory:
    """Every WebSocket connection of the server."""

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._of_user: dict[int, set[Connection]] = {}
        self._of_session: dict[str, set[Connection]] = {}
        self._emptied = trio.Event()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def add(self, connection: "Connection") -> None:
        """A connection is open; it may not have logged on yet."""
        self._all.add(connection)

    def add_login(self, connection: "Connection", user_id: int, session_id: str) -> None:
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

    def remove(self, connection: "Connection", user_id: int | None, session_id: str | None) -> None:
        """A connection has ended."""
        self._all.discard(connection)
        if not self._all:
            self._emptied.set()
            self._emptied = trio.Event()
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

    def everyone(self) -> list["Connection"]:
        """All connections."""
        return list(self._all)

    async def wait_until_empty(self) -> None:
        """Wait until every connection has ended."""
        while self._all:
            await self._emptied.wait()

    def count_of(self, user_id: int) -> int:
        """How many connections a user has."""
        return len(self._of_user.get(user_id, ()))

    def of_user(self, user_id: int) -> Iterable["Connection"]:
        """A user's connections."""
        return tuple(self._of_user.get(user_id, ()))


def _discard(table: dict[K, set["Connection"]], key: K | None, connection: "Connection") -> None:
    if key is not None and key in table:
        table[key].discard(connection)
        if not table[key]:
            del table[key]
