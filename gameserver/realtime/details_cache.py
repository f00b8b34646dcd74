"""A cache of game details, which many clients ask for and few changes affect."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from gameserver.engine.details import LastingDetails
from gameserver.protocol.games import GetGameDetails

MAX_CACHED_BYTES = 16_777_216


class DetailsCache:
    """Caches the replies to get_game_details (372) with default parameters.

    A reply is valid until the game's next durable broadcast, since every change of the game publishes one, until a
    source is renamed, or until the game's status changes by time. The least recently used replies are dropped above
    ``max_bytes``.
    """

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES) -> None:
        self._max_bytes = max_bytes
        self._cached: OrderedDict[str, LastingDetails] = OrderedDict()
        self._cached_bytes = 0
        self._being_read: dict[str, object] = {}

    @staticmethod
    def serves(request: GetGameDetails) -> bool:
        """Whether a request has the default parameters, and so can be answered from the cache."""
        return request == GetGameDetails(header=request.header, game_id=request.game_id)

    async def get(self, game_uuid: str, now_ms: int, read: Callable[[], Awaitable[LastingDetails]]) -> bytes:
        """The reply's body, from the cache or by ``read``. Raises what ``read`` raises."""
        cached = self._cached.get(game_uuid)
        if cached is not None and now_ms < cached.until_ms:
            self._cached.move_to_end(game_uuid)
            return cached.body
        reading = self._being_read[game_uuid] = object()
        try:
            found = await read()
        finally:
            # False if the game has changed meanwhile, or a later read has begun.
            is_current = self._being_read.get(game_uuid) is reading
            if is_current:
                del self._being_read[game_uuid]
        if is_current:
            self._insert(game_uuid, found)
        return found.body

    def invalidate(self, game_uuid: str) -> None:
        """Drop a game that has changed, from the cache and from reads in progress."""
        self._being_read.pop(game_uuid, None)
        cached = self._cached.pop(game_uuid, None)
        if cached is not None:
            self._cached_bytes -= len(cached.body)

    def invalidate_all(self) -> None:
        """Drop every game, from the cache and from reads in progress."""
        for game_uuid in [*self._cached, *self._being_read]:
            self.invalidate(game_uuid)

    def _insert(self, game_uuid: str, found: LastingDetails) -> None:
        self.invalidate(game_uuid)
        self._cached[game_uuid] = found
        self._cached_bytes += len(found.body)
        while self._cached_bytes > self._max_bytes:
            self.invalidate(next(iter(self._cached)))
