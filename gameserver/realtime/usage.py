"""When users were seen last, and which guests' sessions their use renews: noted in memory, written now and then."""

from collections.abc import Callable
from functools import partial

from gameserver.config import Settings
from gameserver.engine.sessions import renewed
from gameserver.errors import Rejected
from gameserver.storage.store import Store
from gameserver.storage.users import Session, update_use


class Usage:
    """The use of sessions that is not yet on disk; a crash forgets the last minute's."""

    def __init__(self, settings: Settings, store: Store, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._store = store
        self._now_ms = now_ms
        self._seen_at: dict[int, int] = {}
        self._expires_at: dict[str, int] = {}

    def see(self, session: Session) -> None:
        """Note that a session's user logs on, or has just gone; who uses a view key is not seen."""
        if not session.is_view:
            self._seen_at[session.user.id] = self._now_ms()

    def renew(self, session: Session) -> Session:
        """Note that a session is in use; returns it as it is valid from now on."""
        extended = renewed(session, self._settings, self._now_ms())
        if extended is not session:
            self._expires_at[session.id] = extended.expires_at
        return extended

    async def write(self) -> None:
        """Write what was noted; if the database refuses, it is kept for the next time."""
        if not self._seen_at and not self._expires_at:
            return
        seen_at, expires_at = self._seen_at, self._expires_at
        self._seen_at, self._expires_at = {}, {}
        try:
            await self._store.write(partial(update_use, seen_at=seen_at, expires_at=expires_at), self._now_ms())
        except Rejected:
            self._seen_at = seen_at | self._seen_at
            self._expires_at = expires_at | self._expires_at
