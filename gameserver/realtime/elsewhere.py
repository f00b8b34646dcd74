"""Who is connected to the other servers on the same database, as each of them tells it about once a second."""

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from gameserver.realtime.presence import Attendee


class Present(msgspec.Struct, array_like=True, frozen=True):
    """Who is connected to a server: users by id, connections in games, and which users are present in each game.

    ``names`` are those of the users in games where each is told of by name.
    """

    online: list[int] = []
    subscribers: dict[str, int] = {}
    users: dict[str, list[int]] = {}
    names: dict[int, str] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Present)


def encode_present(present: Present) -> bytes:
    """What a server tells the others."""
    return _encoder.encode(present)


class Elsewhere:
    """Who is connected to the other servers, by what each of them tells; it never changes.

    What cannot be read is left out: it comes from a server of another version.
    """

    def __init__(self, bodies: Iterable[bytes] = ()) -> None:
        self._subscribers: dict[str, int] = {}
        self._users: dict[str, set[int]] = {}
        self._online: set[int] = set()
        self._names: dict[int, str] = {}
        for body in bodies:
            with suppress(msgspec.DecodeError):
                self._add(_decoder.decode(body))

    def _add(self, present: Present) -> None:
        self._online.update(present.online)
        self._names |= present.names
        for game_uuid, count in present.subscribers.items():
            self._subscribers[game_uuid] = self.subscribers_of(game_uuid) + count
        for game_uuid, users in present.users.items():
            self._users.setdefault(game_uuid, set()).update(users)

    def subscribers_of(self, game_uuid: str) -> int:
        """The number of connections that have joined a game."""
        return self._subscribers.get(game_uuid, 0)

    def has_joined(self, user_id: int, game_uuid: str) -> bool:
        """Whether a user is present in a game."""
        return user_id in self._users.get(game_uuid, ())

    def games_of(self, user_id: int) -> list[str]:
        """The ids of the games that a user is present in."""
        return [game_uuid for game_uuid, users in self._users.items() if user_id in users]

    def is_online(self, user_id: int) -> bool:
        """Whether a user is connected, view keys aside."""
        return user_id in self._online

    def who_is_not_in(self, other: "Elsewhere", game_uuid: str) -> list[Attendee]:
        """Who is present in a game here and not in ``other``, by user id."""
        missing = self._users.get(game_uuid, set()) - other._users.get(game_uuid, set())
        return [Attendee(user_id, self._names.get(user_id, "")) for user_id in sorted(missing)]
