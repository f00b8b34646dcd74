"""The hubs of all games, and who watches which source."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

import trio

from gameserver.handlers.context import Publication, ReopenedPool, Wager
from gameserver.realtime.hub import Hub, Shared
from gameserver.realtime.logs import set_context
from gameserver.realtime.outbox import Outbox, send_away
from gameserver.storage.jobs import Job


class Hubs:
    """The hubs that are needed now, and who watches which source."""

    def __init__(
        self,
        *,
        now_ms: Callable[[], int],
        set_alarm: Callable[[float, Callable[[], object]], object],
        presence_detail_limit: int,
        presence_interval_s: float,
        distribution_interval_s: float,
        read: Callable[[Job[list[bytes | None]]], Awaitable[list[bytes | None]]],
    ) -> None:
        self._shared = Shared(
            now_ms,
            set_alarm,
            read,
            self.watchers_of,
            presence_detail_limit,
            presence_interval_s,
            distribution_interval_s,
        )
        self._hubs: dict[str, Hub] = {}
        self._watchers: dict[int, dict[Outbox, None]] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be the parent of the hubs' tasks, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def publish(self, publication: Publication) -> None:
        """Pass a broadcast to its game's hub, if anybody listens there or watches the source."""
        hub = self._hubs.get(publication.game_uuid)
        if hub is None and publication.for_watchers and publication.source_id in self._watchers:
            hub = self._open(publication.game_uuid)
        if hub is not None:
            hub.publish(publication)

    def send_away(self, game_uuid: str) -> None:
        """Close the subscribers of a game, who may have missed how its pools are backed."""
        hub = self._hubs.get(game_uuid)
        if hub is not None:
            hub.send_away()

    def give_up(self, publication: Publication) -> None:
        """Send those away to whom a broadcast would have been told, which cannot be."""
        hub = self._hubs.get(publication.game_uuid)
        if hub is not None:
            hub.give_up(publication)
        elif publication.for_watchers:
            for outbox in list(self.watchers_of(publication.source_id)):
                send_away(outbox)

    def note_bet(self, wager: Wager) -> None:
        """Pass a bet to its game's hub, if anybody listens there."""
        hub = self._hubs.get(wager.game_uuid)
        if hub is not None:
            hub.note_bet(wager)

    def note_reopened(self, reopened: ReopenedPool) -> None:
        """Pass a pool that is open again to its game's hub, likewise."""
        hub = self._hubs.get(reopened.game_uuid)
        if hub is not None:
            hub.note_reopened(reopened)

    @property
    def deliveries(self) -> int:
        """How many frames they have pushed ever."""
        return self._shared.deliveries

    @property
    def count(self) -> int:
        """How many hubs there are."""
        return len(self._hubs)

    @property
    def backlog(self) -> int:
        """How many broadcasts wait in them to be pushed."""
        return sum(hub.backlog for hub in self._hubs.values())

    @contextmanager
    def hold(self, game_uuid: str) -> Iterator[Hub]:
        """The game's hub, kept while a connection joins: nothing committed from now on escapes it."""
        hub = self._hubs.get(game_uuid) or self._open(game_uuid)
        hub.holders += 1
        try:
            yield hub
        finally:
            hub.holders -= 1
            hub.wake()

    def _open(self, game_uuid: str) -> Hub:
        assert self._nursery is not None
        hub = self._hubs[game_uuid] = Hub(game_uuid, self._shared)
        self._nursery.start_soon(self._run, hub)
        return hub

    async def _run(self, hub: Hub) -> None:
        set_context(None)  # of the connection that happened to need the hub first
        await hub.run()
        del self._hubs[hub.game_uuid]

    def watch(self, source_id: int, outbox: Outbox) -> None:
        """Pass a source's games on to a connection that has not joined them."""
        self._watchers.setdefault(source_id, {})[outbox] = None

    def unwatch(self, source_id: int, outbox: Outbox) -> None:
        """Stop that."""
        watchers = self._watchers.get(source_id, {})
        watchers.pop(outbox, None)
        if not watchers:
            self._watchers.pop(source_id, None)

    def watchers_of(self, source_id: int) -> Collection[Outbox]:
        """The connections that watch a source."""
        return self._watchers.get(source_id, {})
