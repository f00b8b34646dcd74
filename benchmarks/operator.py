"""An operator of games, whose events become broadcasts of one size."""

import asyncio
from collections.abc import Sequence

from benchmarks.load import Client, encode

# Numbers that count events have this many digits in a game of `WorldMaker.add_game`: sizes stay what they are.
_SEQ = ',"seq":1234'


class Operator:
    """Registers goals in a game, described at such length that each broadcast is a frame of ``frame_bytes``.

    Over several connections it sends evenly on all. A description is at most 512 characters; ``filler`` is
    what it consists of.
    """

    def __init__(self, clients: Sequence[Client], game_id: str, frame_bytes: int, filler: str = "x") -> None:
        self._clients = clients
        self._game_id = game_id
        self._payload_bytes = frame_bytes - 4  # a frame of this size has four bytes of head
        self._filler = filler
        self._event = b""

    async def prepare(self) -> None:
        """Learn how long a broadcast is without its description; registers one event."""
        (reply,) = await self._clients[0].ask([self._request("-")], b'"res":366,')
        free = self._payload_bytes - (len(reply) + len(_SEQ) - len("-"))
        filled, rest = divmod(free, len(self._filler.encode()))
        self._event = self._request(self._filler * filled + "x" * rest)

    async def register(self, events: int) -> None:
        """Register so many events, all sent at once; returns when all are acknowledged."""
        share, rest = divmod(events, len(self._clients))
        await asyncio.gather(
            *(
                client.ask([self._event] * (share + (number < rest)), b'"res":366,')
                for number, client in enumerate(self._clients)
                if share or number < rest
            )
        )

    def _request(self, description: str) -> bytes:
        return encode(395, game_id=self._game_id, action_id="goal", target_id="argentina", description=description)
