"""Presence in a game: a message for each user, or counts in a large game (protocol, "Joining and presence")."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import trio

from gameserver.protocol.declare import Message
from gameserver.protocol.subscriptions import PresenceUpdate, UserJoinedGame, UserLeftGame
from gameserver.storage.users import User


class Attendee(NamedTuple):
    """Who joins or leaves a game; the name is empty where it is not known."""

    user_id: int
    name: str


class Attendance:
    """Which games each user is present in; may be asked in any thread."""

    def __init__(self) -> None:
        self._games: dict[int, dict[str, None]] = {}

    def enter(self, user_id: int, game_uuid: str) -> None:
        """Note that a user is present in a game, now or already before."""
        self._games.setdefault(user_id, {})[game_uuid] = None

    def leave(self, user_id: int, game_uuid: str) -> None:
        """Note that a user is present in a game no longer."""
        games = self._games[user_id]
        del games[game_uuid]
        if not games:
            del self._games[user_id]

    def games_of(self, user_id: int) -> list[str]:
        """The ids of the games that a user is present in, in the order they were joined."""
        return list(self._games.get(user_id, ()))


class Presence:
    """Notifies the subscribers of one game of users who join and leave.

    ``count`` returns the number of subscribed connections, at all servers. Above ``detail_limit`` of them, the numbers
    of users who joined and left are pushed instead of each user, at most once every ``interval_s`` seconds.
    """

    def __init__(
        self,
        game_uuid: str,
        *,
        push_now: Callable[[Message], None],
        push_soon: Callable[[Message], None],
        count: Callable[[], int],
        call_later: Callable[[float, Callable[[], object]], object],
        detail_limit: int,
        interval_s: float,
    ) -> None:
        self._game_uuid = game_uuid
        self._push_now = push_now
        self._push_soon = push_soon
        self._count = count
        self._call_later = call_later
        self._detail_limit = detail_limit
        self._interval_s = interval_s
        self._joined = 0
        self._left = 0
        self._pushed_at = float("-inf")
        self._scheduled = False

    def user_joined(self, user: User) -> None:
        """Note a user whose first connection is about to subscribe."""
        self._note([Attendee(user.id, user.username)], [], self._count() + 1)

    def user_left(self, user: User) -> None:
        """Note a user whose last subscribed connection has left."""
        self._note([], [Attendee(user.id, user.username)], self._count())

    def changed_elsewhere(self, joined: Sequence[Attendee], left: Sequence[Attendee]) -> None:
        """Note users who have joined and left at other servers."""
        self._note(joined, left, self._count())

    def _note(self, joined: Sequence[Attendee], left: Sequence[Attendee], subscribers: int) -> None:
        if subscribers > self._detail_limit or not all(name for _, name in (*joined, *left)):
            self._joined += len(joined)
            self._left += len(left)
            self._schedule()
            return
        for kind, users in ((UserJoinedGame, joined), (UserLeftGame, left)):
            for user_id, name in users:
                self._push_now(kind(game_id=self._game_uuid, user_id=user_id, user_name=name))

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            wait_s = self._pushed_at + self._interval_s - trio.current_time()
            self._call_later(max(0.0, wait_s), self._push_update)

    def _push_update(self) -> None:
        self._scheduled = False
        self._pushed_at = trio.current_time()
        self._push_soon(
            PresenceUpdate(game_id=self._game_uuid, subscribers=self._count(), joined=self._joined, left=self._left)
        )
        self._joined = self._left = 0
