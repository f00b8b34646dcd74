"""The hubs of all games, opened when needed, and the watchers of game sources (protocol, "Sequence and recovery")."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

import trio

from gameserver.engine.context import Announcement, PoolBet, Publication, ReopenedPool
from gameserver.engine.distribution import Updates
from gameserver.engine.leaderboards import RankingUpdate
from gameserver.net.outbox import Outbox, close_for_reconnect
from gameserver.ops.log import set_context
from gameserver.realtime.elsewhere import Elsewhere, Present
from gameserver.realtime.hub import Hub
from gameserver.realtime.hub_context import HubContext
from gameserver.storage.jobs import Job, RunSync


class Hubs:
    """The hubs of games with subscribers or watchers, and the watchers of game sources."""

    def __init__(
        self,
        *,
        now_ms: Callable[[], int],
        call_later: Callable[[float, Callable[[], object]], object],
        presence_detail_limit: int,
        presence_interval_s: float,
        distribution_interval_s: float,
        leaderboard_interval_s: float,
        read: Callable[[Job[Updates]], Awaitable[Updates]],
        read_ranking: Callable[[Job[RankingUpdate]], Awaitable[RankingUpdate]],
        run_aside: RunSync,
    ) -> None:
        self._context = HubContext(
            now_ms,
            call_later,
            read,
            read_ranking,
            run_aside,
            self.watchers_of,
            presence_detail_limit,
            presence_interval_s,
            distribution_interval_s,
            leaderboard_interval_s,
        )
        self._hubs: dict[str, Hub] = {}
        self._watchers: dict[int, dict[Outbox, None]] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the hubs' tasks, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def publish(self, publication: Publication) -> None:
        """Pass a broadcast to its game's hub, if the game has subscribers or its source has watchers."""
        hub = self._hubs.get(publication.game_uuid)
        if hub is None and publication.for_watchers and publication.source_id in self._watchers:
            hub = self._open(publication.game_uuid)
        if hub is not None:
            hub.publish(publication)

    def close_subscribers(self, game_uuid: str) -> None:
        """Close the subscribers of a game, who may have missed distribution updates."""
        hub = self._hubs.get(game_uuid)
        if hub is not None:
            hub.close_subscribers()

    def skip(self, publication: Publication) -> None:
        """Skip a broadcast that cannot be pushed: its receivers are closed, and recover it from the log."""
        hub = self._hubs.get(publication.game_uuid)
        if hub is not None:
            hub.skip(publication)
        elif publication.for_watchers:
            for outbox in list(self.watchers_of(publication.source_id)):
                close_for_reconnect(outbox)

    def outboxes_of(self, publication: Publication) -> set[Outbox]:
        """The connections that get a broadcast since they have joined its game or watch its source."""
        hub = self._hubs.get(publication.game_uuid)
        watchers = self.watchers_of(publication.source_id) if publication.for_watchers else ()
        return {*watchers, *(() if hub is None else hub.outboxes)}

    def note_bet(self, bet: PoolBet) -> None:
        """Pass a bet to its game's hub, if the game has subscribers."""
        hub = self._hubs.get(bet.game_uuid)
        if hub is not None:
            hub.note_bet(bet)

    def note_reopened(self, reopened: ReopenedPool) -> None:
        """Pass a pool that is open again to its game's hub, if the game has subscribers."""
        hub = self._hubs.get(reopened.game_uuid)
        if hub is not None:
            hub.note_reopened(reopened)

    def note_ranking(self, game_uuid: str) -> None:
        """Tell a game's hub that its leaderboard has changed, if the game has subscribers."""
        hub = self._hubs.get(game_uuid)
        if hub is not None:
            hub.note_ranking()

    def subscribers_of(self, game_uuid: str) -> int:
        """The number of connections that have joined a game; may be asked for in any thread."""
        hub = self._hubs.get(game_uuid)
        return self.elsewhere.subscribers_of(game_uuid) if hub is None else hub.subscribers

    def announce(self, announcement: Announcement) -> None:
        """Pass a broadcast that is not durable to its game's hub, if the game has subscribers."""
        hub = self._hubs.get(announcement.game_uuid)
        if hub is not None:
            hub.push_soon(announcement.body, announcement.but_for)

    def games_of(self, user_id: int) -> list[str]:
        """The ids of the games that a user is present in; may be asked for in any thread."""
        here = self._context.attendance.games_of(user_id)
        return [*here, *(game for game in self.elsewhere.games_of(user_id) if game not in here)]

    @property
    def elsewhere(self) -> Elsewhere:
        """Who is connected to other servers."""
        return self._context.elsewhere

    def hear_present(self, bodies: Iterable[bytes]) -> None:
        """Take in what each of the other servers tells, in place of what they told before."""
        before, self._context.elsewhere = self.elsewhere, Elsewhere(bodies)
        for hub in self._hubs.values():
            hub.note_elsewhere(before, self.elsewhere)

    def present(self, online: list[int]) -> Present:
        """Who is connected to this server, for the others."""
        hubs = {game_uuid: hub for game_uuid, hub in self._hubs.items() if hub.subscribers_here}
        return Present(
            online,
            {game_uuid: hub.subscribers_here for game_uuid, hub in hubs.items()},
            {game_uuid: hub.user_ids for game_uuid, hub in hubs.items()},
            {user_id: name for hub in hubs.values() for user_id, name in hub.names.items()},
        )

    @property
    def subscribers(self) -> int:
        """The number of connections that have joined a game, each counted in every game it has joined."""
        return sum(hub.subscribers for hub in self._hubs.values())

    @property
    def deliveries(self) -> int:
        """The number of broadcasts pushed so far, times their receivers."""
        return self._context.deliveries

    @property
    def count(self) -> int:
        """The number of hubs."""
        return len(self._hubs)

    @property
    def backlog(self) -> int:
        """The number of broadcasts that are to be pushed."""
        return sum(hub.backlog for hub in self._hubs.values())

    @contextmanager
    def hold(self, game_uuid: str) -> Iterator[Hub]:
        """Keep a game's hub while a connection joins, so that it gets every broadcast committed from now on."""
        hub = self._hubs.get(game_uuid) or self._open(game_uuid)
        hub.holders += 1
        try:
            yield hub
        finally:
            hub.holders -= 1
            hub.wake()

    def _open(self, game_uuid: str) -> Hub:
        assert self._nursery is not None
        hub = self._hubs[game_uuid] = Hub(game_uuid, self._context)
        self._nursery.start_soon(self._run, hub)
        return hub

    async def _run(self, hub: Hub) -> None:
        set_context(None)  # not the fields of the connection that needed the hub first
        await hub.run()
        del self._hubs[hub.game_uuid]

    def watch(self, source_id: int, outbox: Outbox) -> None:
        """Push the broadcasts of a source's games to a connection, whether or not it has joined them."""
        self._watchers.setdefault(source_id, {})[outbox] = None

    def unwatch(self, source_id: int, outbox: Outbox) -> None:
        """Stop pushing the broadcasts of a source's games to a connection."""
        watchers = self._watchers.get(source_id, {})
        watchers.pop(outbox, None)
        if not watchers:
            self._watchers.pop(source_id, None)

    def watchers_of(self, source_id: int) -> Collection[Outbox]:
        """The outboxes of the connections that watch a source."""
        return self._watchers.get(source_id, {})
