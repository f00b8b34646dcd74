from typing import cast

from gameserver.net.outbox import Outbox
from gameserver.realtime.connections import MAX_ENDED_SESSIONS, ConnectionRegistry
from gameserver.storage.users import Session, User


class Listener:
    """A connection that remembers whether its session was ended."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ended = 0

    @property
    def outbox(self) -> Outbox:
        """There is none."""
        return cast("Outbox", None)

    def drain(self) -> None:
        """Go on."""

    def set_user(self, user: User) -> None:
        """Have the session name it."""
        self.session = self.session._replace(user=user)

    def end_session(self) -> None:
        """Count it."""
        self.ended += 1


def log_on(registry: ConnectionRegistry, user_id: int, session_id: str) -> Listener:
    session = Session(session_id, User(user_id, f"user{user_id}", is_provider=False), 0, 1, is_view=False)
    connection = Listener(session)
    registry.add(connection)
    registry.add_login(connection, session)
    return connection


def test_the_end_of_a_session_ends_its_connections_and_those_that_log_on_by_it_later() -> None:
    registry = ConnectionRegistry()
    of_it, other = log_on(registry, 1, "a"), log_on(registry, 1, "b")
    registry.end_session("a")
    late = log_on(registry, 1, "a")
    assert (of_it.ended, other.ended, late.ended) == (1, 0, 1)


def test_the_ends_of_so_many_sessions_are_remembered_and_the_oldest_is_forgotten_first() -> None:
    registry = ConnectionRegistry()
    for number in range(MAX_ENDED_SESSIONS):
        registry.end_session(str(number))
    assert log_on(registry, 1, "0").ended
    registry.end_session("one more")
    assert [log_on(registry, 1, session).ended for session in ("0", "1", "one more")] == [0, 1, 1]


def test_users_and_sessions_are_kept_as_long_as_they_have_connections() -> None:
    registry = ConnectionRegistry()
    first, second, other = log_on(registry, 1, "a"), log_on(registry, 1, "a"), log_on(registry, 2, "b")
    assert (registry.count, registry.user_count, registry.count_of(1), registry.count_of(3)) == (3, 2, 2, 0)
    registry.remove(first)
    registry.end_session("a")
    assert (first.ended, second.ended) == (0, 1)
    assert (list(registry.of_user(1)), registry.user_count) == ([second], 2)
    registry.remove(second)
    registry.remove(other)
    assert (registry.count, registry.user_count, list(registry.of_user(1))) == (0, 0, [])
