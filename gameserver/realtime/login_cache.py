"""Session keys that were proved lately, and whose they are: by HTTP each request proves one."""

from collections.abc import Awaitable, Callable

from gameserver.engine.sessions import Login

MAX_LOGINS = 10_000


class LoginCache:
    """Logins by session key. `forget` is called whenever a session ends or a user changes."""

    def __init__(self) -> None:
        self._known: dict[str, Login] = {}

    async def find(self, key: str, now_ms: int, look_up: Callable[[], Awaitable[Login | None]]) -> Login | None:
        """The login of a key: the known one unless it has expired, else the one that ``look_up`` finds, or None."""
        known = self._known
        login = known.get(key)
        if login is not None and now_ms < login.session.expires_at:
            return login
        login = await look_up()
        if login is None:
            known.pop(key, None)
        else:
            if len(known) >= MAX_LOGINS:
                known.clear()
            known[key] = login  # which nobody sees if all has been forgotten meanwhile
        return login

    def forget(self) -> None:
        """Forget all logins, those that are being looked up included."""
        self._known = {}
