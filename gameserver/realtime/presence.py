"""Who comes to a game and goes: told singly, or counted in a large game (protocol, "Joining and presence")."""

from collections.abc import Callable

import trio

from gameserver.protocol.declare import Message
from gameserver.protocol.games import PresenceUpdate, UserJoinedGame, UserLeftGame
from gameserver.storage.users import User


class Presence:
    """Tells the subscribers of one game of the users that come and go.

    ``count`` gives the number of connections subscribed; above ``detail_limit`` of them, a count of comings
    and goings is told instead of each, at most once every ``interval_s``.
    """

    def __init__(
        self,
        game_uuid: str,
        *,
        tell_now: Callable[[Message], None],
        tell_soon: Callable[[Message], None],
        count: Callable[[], int],
        call_later: Callable[[float, Callable[[], object]], object],
        detail_limit: int,
        interval_s: float,
    ) -> None:
        self._game_uuid = game_uuid
        self._tell_now = tell_now
        self._tell_soon = tell_soon
        self._count = count
        self._call_later = call_later
        self._detail_limit = detail_limit
        self._interval_s = interval_s
        self._joined = 0
        self._left = 0
        self._told_at = float("-inf")
        self._scheduled = False

    def user_joined(self, user: User) -> None:
        """A user's first connection is about to be one of the subscribers."""
        if self._count() + 1 > self._detail_limit:
            self._joined += 1
            self._schedule()
        else:
            self._tell_now(UserJoinedGame(game_id=self._game_uuid, user_id=user.id, user_name=user.username))

    def user_left(self, user: User) -> None:
        """A user's last connection has ceased to be one of the subscribers."""
        if self._count() > self._detail_limit:
            self._left += 1
            self._schedule()
        else:
            self._tell_now(UserLeftGame(game_id=self._game_uuid, user_id=user.id, user_name=user.username))

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            wait_s = self._told_at + self._interval_s - trio.current_time()
            self._call_later(max(0.0, wait_s), self._update)

    def _update(self) -> None:
        self._scheduled = False
        self._told_at = trio.current_time()
        self._tell_soon(
            PresenceUpdate(game_id=self._game_uuid, subscribers=self._count(), joined=self._joined, left=self._left)
        )
        self._joined = self._left = 0
