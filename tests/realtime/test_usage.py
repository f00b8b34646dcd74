"""The use of sessions is noted, and written now and then."""

from collections.abc import Callable
from typing import cast

import pytest

from gameserver.config import Settings
from gameserver.errors import ErrorCode, Rejected
from gameserver.realtime.usage import Usage
from gameserver.storage.connection import Connection
from gameserver.storage.store import Store
from gameserver.storage.users import Session, User, get_session, insert_session, insert_user
from tests.support.world import DAY_MS

NOW = 1_800_000_000_000


class Writer:
    """Carries out jobs on a connection, unless it is to fail."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.fails = False
        self.written = 0

    async def write(self, job: Callable[[Connection], None], now_ms: int) -> None:
        """Carry out a job."""
        if self.fails:
            raise Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be written now")
        self.written += 1
        job(self.connection)


class Scene:
    """A guest with a session of 30 days, made at `NOW`."""

    def __init__(self, connection: Connection) -> None:
        guest = insert_user(connection, "guest", False, NOW, is_guest=True)
        assert guest is not None
        self.writer, self.now_ms = Writer(connection), NOW
        self.usage = Usage(Settings(), cast("Store", self.writer), lambda: self.now_ms)
        session_id, _ = insert_session(connection, guest.id, NOW, NOW + 30 * DAY_MS, 10)
        found = get_session(connection, session_id, NOW)
        assert found is not None
        self.session: Session = found

    def stored(self) -> tuple[int | None, int]:
        """When the guest was seen last, and until when its session is valid, by the database."""
        row: tuple[int | None, int] = self.writer.connection.execute(
            "SELECT last_seen_at, expires_at FROM users JOIN sessions ON sessions.user_id = users.id"
        ).fetchone()
        return row


@pytest.fixture
def scene(connection: Connection) -> Scene:
    return Scene(connection)


async def test_what_was_noted_is_written_once(scene: Scene) -> None:
    scene.now_ms += 2 * DAY_MS
    scene.usage.see(scene.session)
    assert scene.usage.renew(scene.session).expires_at == NOW + 32 * DAY_MS
    assert scene.stored() == (None, NOW + 30 * DAY_MS)
    for _ in range(2):
        await scene.usage.write()
    assert (scene.stored(), scene.writer.written) == ((NOW + 2 * DAY_MS, NOW + 32 * DAY_MS), 1)


async def test_what_the_database_refuses_is_kept_and_what_is_newer_counts(scene: Scene) -> None:
    scene.writer.fails = True
    scene.usage.see(scene.session)
    await scene.usage.write()
    scene.now_ms += 5
    scene.usage.see(scene.session)
    scene.writer.fails = False
    await scene.usage.write()
    assert scene.stored() == (NOW + 5, NOW + 30 * DAY_MS)


async def test_a_guests_session_is_renewed_once_a_day_and_no_other_ever(scene: Scene) -> None:
    session = scene.session
    scene.now_ms += DAY_MS - 1
    assert scene.usage.renew(session) is session
    scene.now_ms += 1
    renewed = scene.usage.renew(session)
    assert renewed.expires_at == NOW + 31 * DAY_MS
    assert scene.usage.renew(renewed) is renewed
    view = session._replace(is_view=True)
    full = session._replace(user=User(session.user.id, "ann", is_provider=False))
    assert (scene.usage.renew(view), scene.usage.renew(full)) == (view, full)


async def test_who_looks_on_by_a_view_key_is_not_seen(scene: Scene) -> None:
    scene.usage.see(scene.session._replace(is_view=True))
    await scene.usage.write()
    assert scene.writer.written == 0
