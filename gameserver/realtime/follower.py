"""Follows what other servers on the same database announce, and exchanges with them who is connected where.

Being woken saves time alone: what is to be told is looked for twice a second anyway.
"""

import logging
import math
from collections.abc import Callable
from typing import Any

import trio

from gameserver.storage.connection import StorageFailed
from gameserver.storage.jobs import RunSync
from gameserver.storage.peers import ClockReading, Peers

logger = logging.getLogger(__name__)

LOOK_S = 0.5
_EXCHANGE_S = 1.0
_RETRY_S = 1.0


class Follower:
    """A task that follows the other servers; ``run_sync`` runs in a worker thread what waits for the database.

    ``present`` makes bytes of who is connected here, ``hear_present`` gets those of each other server, ``follow_clock``
    what the database's clock shows.
    """

    def __init__(
        self,
        peers: Peers[Any],
        *,
        present: Callable[[], bytes],
        hear_present: Callable[[list[bytes]], None],
        follow_clock: Callable[[ClockReading], None],
        run_sync: RunSync,
    ) -> None:
        self._peers = peers
        self._present = present
        self._hear_present = hear_present
        self._follow_clock = follow_clock
        self._run_sync = run_sync
        self._exchange_at = -math.inf  # when this server next tells who is connected to it

    async def run(self) -> None:
        """Follow until cancelled; a line that is lost is opened again."""
        while True:
            try:
                await self._run_sync(self._peers.open)
                try:
                    await self._follow()
                finally:
                    self._peers.close()
            except StorageFailed as error:
                logger.warning("announcements cannot be read; trying again: %s", error)
                await trio.sleep(_RETRY_S)

    async def _follow(self) -> None:
        while True:
            self._peers.publish(await self._run_sync(self._peers.look))
            if trio.current_time() >= self._exchange_at:
                self._exchange_at = trio.current_time() + _EXCHANGE_S
                exchanged = await self._run_sync(self._peers.exchange, self._present())
                self._hear_present(exchanged.told)
                self._follow_clock(exchanged.clock)
            with trio.move_on_after(LOOK_S):
                while not self._peers.is_behind:
                    await trio.lowlevel.wait_readable(self._peers.fileno())
                    self._peers.take_hints()
