"""Messages about pools that are alike but for their ids: one of each kind is built and encoded, the others follow."""

from collections.abc import Callable, Hashable
from secrets import token_hex

from msgspec.structs import replace

from gameserver.engine.context import Broadcast
from gameserver.protocol.codec import encode_body
from gameserver.protocol.declare import Message
from gameserver.storage.pools import Pool

# In place of ids, and as long; nobody knows them, so no text of a pool holds them.
_POOL, _PREDECESSOR = token_hex(18), token_hex(18)


class PoolMessages:
    """Broadcasts of one kind about pools of a game."""

    def __init__(self, kind: type[Message]) -> None:
        self._kind = kind
        self._patterns: dict[tuple[Pool, Hashable], bytes] = {}

    def about(
        self, pool: Pool, rest: Hashable, build: Callable[[Pool], Message], ends_pool: str | None = None
    ) -> Broadcast:
        """The broadcast about a pool: ``build`` makes it of the pool and of ``rest``, and of nothing else that differs.

        It is called with a pool that has other ids, for the first of those that are alike.
        """
        like = replace(pool, id=0, uuid=_POOL, recreated_from=None, predecessor=pool.predecessor and _PREDECESSOR)
        pattern = self._patterns.get((like, rest))
        if pattern is None:
            pattern = self._patterns[like, rest] = _pattern(build(like))
        ids = {b"pool": pool.uuid.encode(), b"predecessor": (pool.predecessor or "").encode()}
        return Broadcast(pattern % ids, self._kind, (pool.uuid,), ends_pool)


def _pattern(message: Message) -> bytes:
    """The body of a message, to be formatted with ids."""
    body = encode_body(message).replace(b"%", b"%%")
    return body.replace(_POOL.encode(), b"%(pool)b").replace(_PREDECESSOR.encode(), b"%(predecessor)b")
