"""Who is connected to the other servers on the same database, as each of them tells it about once a second."""

from collections.abc import Iterable

import msgspec


class Present(msgspec.Struct, array_like=True, frozen=True):
    """Who is connected to a server: users by id, connections in games, and which games each user is present in."""

    online: list[int] = []
    subscribers: dict[str, int] = {}
    games: dict[int, list[str]] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Present)


def encode_present(present: Present) -> bytes:
    """What a server tells the others."""
    return _encoder.encode(present)


class Elsewhere:
    """Who is connected to the other servers; nobody where there are none. May be asked in any thread."""

    def __init__(self) -> None:
        self._subscribers: dict[str, int] = {}
        self._games: dict[int, list[str]] = {}
        self._online: frozenset[int] = frozenset()

    def hear(self, bodies: Iterable[bytes]) -> None:
        """Take in what each of the other servers tells, in place of what they told before."""
        subscribers: dict[str, int] = {}
        games: dict[int, dict[str, None]] = {}
        online: set[int] = set()
        for present in map(_decoder.decode, bodies):
            online.update(present.online)
            for game_uuid, count in present.subscribers.items():
                subscribers[game_uuid] = subscribers.get(game_uuid, 0) + count
            for user_id, joined in present.games.items():
                games.setdefault(user_id, {}).update(dict.fromkeys(joined))
        self._subscribers, self._online = subscribers, frozenset(online)
        self._games = {user_id: list(joined) for user_id, joined in games.items()}

    def subscribers_of(self, game_uuid: str) -> int:
        """The number of connections that have joined a game."""
        return self._subscribers.get(game_uuid, 0)

    def games_of(self, user_id: int) -> list[str]:
        """The ids of the games that a user is present in."""
        return self._games.get(user_id, [])

    def is_online(self, user_id: int) -> bool:
        """Whether a user is connected, view keys aside."""
        return user_id in self._online
