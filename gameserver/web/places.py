"""Whether the ids in a path belong together: the pool to the game, and the game to the source."""

from collections.abc import Mapping
from functools import partial

from gameserver.errors import not_found
from gameserver.realtime.context import ServerContext
from gameserver.storage.connection import Connection
from gameserver.storage.games import find_game
from gameserver.storage.pools import find_pool

_MAX_KNOWN = 10_000


class Places:
    """Checks paths, and remembers those that were right: what a game or pool belongs to never changes."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._known: dict[tuple[str, ...], None] = {}

    async def require(self, path: Mapping[str, str]) -> None:
        """Raise `Rejected` (``not_found``) for ids of which one does not belong to the one before."""
        ids = tuple(path[name] for name in ("source_id", "game_id", "pool_id") if name in path)
        if len(ids) < 2 or ids in self._known:
            return
        await self._context.store.read(partial(_require, ids=ids))
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[ids] = None


def _require(connection: Connection, ids: tuple[str, ...]) -> None:
    source, game, *pools = ids
    found = find_game(connection, game)
    if found is None or found.source_uuid != source:
        raise not_found("game_id", "game of this source")
    for pool in pools:
        found_pool = find_pool(connection, pool)
        if found_pool is None or found_pool.game_uuid != game:
            raise not_found("pool_id", "pool of this game")
