"""The details of games, which everybody asks for and few things change: kept until something does."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from gameserver.engine.details import LastingDetails
from gameserver.protocol.games import GetGameDetails

MAX_KEPT_BYTES = 16_777_216


class DetailsCache:
    """The replies to get_game_details (372) as it is usually asked.

    A reply lasts until the game's next durable broadcast, since everything that changes what it shows is told
    by one, or until time changes the game's status.
    """

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, LastingDetails] = OrderedDict()
        self._kept_bytes = 0
        self._being_read: dict[str, object] = {}

    @staticmethod
    def serves(request: GetGameDetails) -> bool:
        """Whether a request asks for what is kept: the newest events, in the usual number."""
        return request == GetGameDetails(header=request.header, game_id=request.game_id)

    async def get(self, game_uuid: str, now_ms: int, read: Callable[[], Awaitable[LastingDetails]]) -> bytes:
        """The reply's body: kept, or read now. Raises what ``read`` raises."""
        kept = self._kept.get(game_uuid)
        if kept is not None and now_ms < kept.until_ms:
            self._kept.move_to_end(game_uuid)
            return kept.body
        reading = self._being_read[game_uuid] = object()
        try:
            found = await read()
        finally:
            # Not if the game has changed meanwhile, or another reading has begun.
            is_current = self._being_read.get(game_uuid) is reading
            if is_current:
                del self._being_read[game_uuid]
        if is_current:
            self._keep(game_uuid, found)
        return found.body

    def forget(self, game_uuid: str) -> None:
        """The game has changed: neither what is kept of it nor what is being read is true any more."""
        self._being_read.pop(game_uuid, None)
        kept = self._kept.pop(game_uuid, None)
        if kept is not None:
            self._kept_bytes -= len(kept.body)

    def _keep(self, game_uuid: str, found: LastingDetails) -> None:
        self.forget(game_uuid)
        self._kept[game_uuid] = found
        self._kept_bytes += len(found.body)
        while self._kept_bytes > self._max_bytes:
            self.forget(next(iter(self._kept)))
