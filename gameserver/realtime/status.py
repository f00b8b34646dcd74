"""How the server fares, for its admins (protocol, "Administration")."""

import trio

from gameserver import __version__
from gameserver.ops.activity import Activity, Sample
from gameserver.ops.metrics import OK, Metrics
from gameserver.protocol.administration import ServerStatus
from gameserver.protocol.betting import PlaceBetInBettingPool
from gameserver.protocol.declare import tag_of
from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.hubs import Hubs
from gameserver.storage.store import Store

_BET = tag_of(PlaceBetInBettingPool)
_INTERVAL_S = 1.0


class StatusMonitor:
    """Samples what the server counts, once a second, and sums up its state."""

    def __init__(
        self, store: Store, hubs: Hubs, registry: ConnectionRegistry, metrics: Metrics, started_at: int
    ) -> None:
        self._store = store
        self._hubs = hubs
        self._registry = registry
        self._metrics = metrics
        self._started_at = started_at
        self._activity = Activity()

    async def run(self) -> None:
        """Take samples until cancelled."""
        due_s = trio.current_time()
        while True:
            self._sample(trio.current_time() - due_s)
            due_s = trio.current_time() + _INTERVAL_S
            await trio.sleep_until(due_s)

    def _sample(self, delay_s: float) -> None:
        requests = self._metrics.requests
        self._activity.add(
            Sample(trio.current_time(), requests.total(), requests[_BET, OK], self._hubs.deliveries, delay_s)
        )

    def status(self) -> ServerStatus:
        """The state now; how many games are open, the database knows."""
        requests_per_s, bets_per_s, deliveries_per_s = self._activity.rates()
        commit_s = self._metrics.batch_p99_s
        return ServerStatus(
            version=__version__,
            started_at=self._started_at,
            connections=self._registry.count,
            users_online=self._registry.user_count,
            games_open=0,
            subscribers=self._hubs.subscribers,
            requests_per_s=round(requests_per_s, 1),
            bets_per_s=round(bets_per_s, 1),
            deliveries_per_s=round(deliveries_per_s, 1),
            loop_delay_ms=round(self._activity.delay_s * 1000, 1),
            commit_p99_ms=round(commit_s * 1000, 1) if commit_s is not None else None,
            database_bytes=self._store.database_bytes,
            log_bytes=self._store.log_bytes,
            waiting_writes=self._store.writer.waiting,
        )
