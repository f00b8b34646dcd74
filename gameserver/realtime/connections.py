"""The registry of open connections, by user and by session."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol, TypeVar

from gameserver.net.outbox import Outbox

MAX_ENDED_SESSIONS = 10_000  # more sessions than can end while one connection logs on

K = TypeVar("K", int, str)


class RegisteredConnection(Protocol):
    """What the registry and its users need of a connection."""

    @property
    def outbox(self) -> Outbox:
        """The connection's send queue."""

    def drain(self) -> None:
        """Close with 1001 once the requests in flight are answered."""

    def end_session(self) -> None:
        """Close with 4002, since the session has ended."""


class ConnectionRegistry:
    """Every WebSocket connection of the server."""

    def __init__(self) -> None:
        self._all: set[RegisteredConnection] = set()
        self._of_user: dict[int, set[RegisteredConnection]] = {}
        self._of_session: dict[str, set[RegisteredConnection]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def add(self, connection: RegisteredConnection) -> None:
        """Register an open connection, logged on or not."""
        self._all.add(connection)

    def add_login(self, connection: RegisteredConnection, user_id: int, session_id: str) -> None:
        """Register a connection's user and session, and close it if the session ended while it logged on."""
        self._of_user.setdefault(user_id, set()).add(connection)
        self._of_session.setdefault(session_id, set()).add(connection)
        if session_id in self._ended:
            connection.end_session()

    def end_session(self, session_id: str) -> None:
        """Close the connections of a session that has ended, and any that is about to log on by it."""
        self._ended[session_id] = None
        if len(self._ended) > MAX_ENDED_SESSIONS:
            self._ended.popitem(last=False)
        for connection in tuple(self._of_session.get(session_id, ())):
            connection.end_session()

    def remove(self, connection: RegisteredConnection, user_id: int | None, session_id: str | None) -> None:
        """Remove a connection that has ended; the user and the session are None if it had not logged on."""
        self._all.discard(connection)
        _discard(self._of_user, user_id, connection)
        _discard(self._of_session, session_id, connection)

    @property
    def count(self) -> int:
        """The number of open connections."""
        return len(self._all)

    @property
    def user_count(self) -> int:
        """The number of users with an open connection."""
        return len(self._of_user)

    def all_connections(self) -> list[RegisteredConnection]:
        """All open connections."""
        return list(self._all)

    def count_of(self, user_id: int) -> int:
        """The number of a user's open connections."""
        return len(self._of_user.get(user_id, ()))

    def of_user(self, user_id: int) -> Iterable[RegisteredConnection]:
        """A user's open connections."""
        return tuple(self._of_user.get(user_id, ()))


def _discard(table: dict[K, set[RegisteredConnection]], key: K | None, connection: RegisteredConnection) -> None:
    if key is not None and key in table:
        table[key].discard(connection)
        if not table[key]:
            del table[key]
