"""Whether the ids in a path belong together: the pool to the game, and the game to the source."""

from collections.abc import Mapping
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Raw

from gameserver.errors import not_found
from gameserver.protocol.fields import Uuid
from gameserver.protocol.parameters import parameters_of, read_parameters
from gameserver.realtime.context import ServerContext
from gameserver.storage.connection import Connection
from gameserver.storage.games import find_game
from gameserver.storage.pools import find_pool

_MAX_KNOWN = 10_000
StructT = TypeVar("StructT", bound=msgspec.Struct)


class _Ids(msgspec.Struct):
    """The ids that a path may have, the outermost first."""

    source_id: Uuid | None = None
    game_id: Uuid | None = None
    pool_id: Uuid | None = None


class Places:
    """Checks paths, and remembers those that were right: what a game or pool belongs to never changes."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._known: dict[tuple[str, ...], None] = {}

    async def require(self, path: Mapping[str, str]) -> None:
        """Raise `Rejected`: for ids that are none, and (``not_found``) where one does not belong to the one before."""
        ids = tuple(path[name] for name in _Ids.__struct_fields__ if name in path)
        if len(ids) < 2 or ids in self._known:
            return
        read_path(path, _Ids)
        await self._context.store.read(partial(_require, ids=ids))
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[ids] = None


def read_path(path: Mapping[str, str], struct: type[StructT]) -> StructT:
    """The values of a struct's fields that are in a path. Raises `Rejected`."""
    named = {name: Raw(msgspec.json.encode(path[name])) for name in struct.__struct_fields__ if name in path}
    return struct(**read_parameters(named, parameters_of(struct)))


def _require(connection: Connection, ids: tuple[str, ...]) -> None:
    source, game, *pools = ids
    found = find_game(connection, game)
    if found is None or found.source_uuid != source:
        raise not_found("game_id", "game of this source")
    for pool in pools:
        found_pool = find_pool(connection, pool)
        if found_pool is None or found_pool.game_uuid != game:
            raise not_found("pool_id", "pool of this game")
