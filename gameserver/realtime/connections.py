"""The registry of open connections, by user and by session."""

from collections import OrderedDict
from typing import Protocol, TypeVar

from gameserver.net.outbox import Outbox
from gameserver.realtime.login_cache import LoginCache
from gameserver.storage.users import Session, User

MAX_ENDED_SESSIONS = 10_000  # more sessions than can end while one connection logs on

K = TypeVar("K", int, str)


class RegisteredConnection(Protocol):
    """What the registry and its users need of a connection."""

    @property
    def outbox(self) -> Outbox:
        """The connection's send queue."""

    @property
    def session(self) -> Session | None:
        """The session that the connection has logged on with, or None before."""

    def drain(self) -> None:
        """Close with 1001 once the requests in flight are answered."""

    def end_session(self) -> None:
        """Close with 4002, since the session has ended."""

    def set_user(self, user: User) -> None:
        """Note that the session's user has another name or other roles."""


class ConnectionRegistry:
    """Every WebSocket connection of the server, and the ``logins`` that are known without looking them up."""

    def __init__(self) -> None:
        self.logins = LoginCache()
        self._all: set[RegisteredConnection] = set()
        self._of_user: dict[int, set[RegisteredConnection]] = {}
        self._of_session: dict[str, set[RegisteredConnection]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def add(self, connection: RegisteredConnection) -> None:
        """Register an open connection, logged on or not."""
        self._all.add(connection)

    def add_login(self, connection: RegisteredConnection, session: Session) -> None:
        """Register the session that a connection has, and close it if the session ended while it logged on."""
        self._of_user.setdefault(session.user.id, set()).add(connection)
        self._of_session.setdefault(session.id, set()).add(connection)
        if session.id in self._ended:
            connection.end_session()

    def end_session(self, session_id: str) -> None:
        """Close the connections of a session that has ended, and any that is about to log on by it."""
        self.logins.forget()
        self._ended[session_id] = None
        if len(self._ended) > MAX_ENDED_SESSIONS:
            self._ended.popitem(last=False)
        for connection in tuple(self._of_session.get(session_id, ())):
            connection.end_session()

    def update_user(self, user: User) -> None:
        """Let a user's connections know its name and roles as they are now."""
        self.logins.forget()
        for connection in tuple(self._of_user.get(user.id, ())):
            connection.set_user(user)

    def remove(self, connection: RegisteredConnection) -> None:
        """Remove a connection that has ended."""
        self._all.discard(connection)
        if connection.session is not None:
            _discard(self._of_user, connection.session.user.id, connection)
            _discard(self._of_session, connection.session.id, connection)

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
        """The number of a user's open connections, those by view keys included."""
        return len(self._of_user.get(user_id, ()))

    @property
    def user_ids(self) -> list[int]:
        """The users with an open connection."""
        return list(self._of_user)

    def is_online(self, user_id: int) -> bool:
        """Whether a user has an open connection other than by a view key; may be asked for in any thread."""
        connections = tuple(self._of_user.get(user_id, ()))
        return any(it.session is not None and not it.session.is_view for it in connections)

    def of_user(self, user_id: int) -> list[RegisteredConnection]:
        """The open connections that get messages meant for a user: none by a view key."""
        connections = self._of_user.get(user_id, ())
        return [it for it in connections if it.session is not None and not it.session.is_view]


def _discard(table: dict[K, set[RegisteredConnection]], key: K, connection: RegisteredConnection) -> None:
    if key in table:
        table[key].discard(connection)
        if not table[key]:
            del table[key]
