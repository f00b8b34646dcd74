"""Exports a server's metrics in Prometheus' text format (protocol, "HTTP")."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gameserver import __version__
from gameserver.ops.log_output import dropped_lines
from gameserver.ops.metrics import Histogram, Metrics, ServerSnapshot
from gameserver.protocol.registry import OPERATIONS


class PrometheusMetrics:
    """The metrics of one server, in a Prometheus registry of their own."""

    def __init__(self, metrics: Metrics, snapshot: ServerSnapshot) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Server(metrics, snapshot))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def __call__(self) -> bytes:
        """Encode the current values."""
        return generate_latest(self._registry)


class _Server(Collector):
    """Makes metrics of a server's counters and of a snapshot of its state."""

    def __init__(self, metrics: Metrics, snapshot: ServerSnapshot) -> None:
        self._metrics = metrics
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the server itself."""
        engine = self._snapshot.engine
        info = GaugeMetricFamily("gameserver_info", "versions, as labels; always 1", labels=["version", engine])
        info.add_metric([__version__, self._snapshot.engine_version], 1)
        yield info
        text = "seconds by which the server's clock is ahead of the system's"
        yield GaugeMetricFamily("gameserver_clock_ahead_seconds", text, self._snapshot.clock_ahead_s)
        text = "log lines dropped because they could not be written, or not fast enough"
        yield CounterMetricFamily("gameserver_log_lines_dropped", text, dropped_lines())
        yield from self._connections()
        yield from self._requests()
        yield from self._broadcasts()
        yield from self._storage()

    def _connections(self) -> Iterator[Metric]:
        snapshot, metrics = self._snapshot, self._metrics
        yield GaugeMetricFamily("gameserver_connections", "open WebSocket connections", snapshot.connections)
        yield GaugeMetricFamily("gameserver_users_connected", "users with one or more open connections", snapshot.users)
        yield CounterMetricFamily("gameserver_connections_opened", "WebSocket connections opened", metrics.opened)
        closed = CounterMetricFamily(
            "gameserver_connections_closed", "WebSocket connections closed, by close code", labels=["code"]
        )
        for code, count in sorted(metrics.closed.items()):
            closed.add_metric([str(int(code))], count)
        yield closed
        text = "connections refused, by reason"
        refused = CounterMetricFamily("gameserver_connections_refused", text, labels=["reason"])
        for reason, count in sorted(metrics.refused.items()):
            refused.add_metric([reason], count)
        yield refused

    def _requests(self) -> Iterator[Metric]:
        metrics = self._metrics
        text = "requests answered, by operation and by outcome: ok or the error's code"
        requests = CounterMetricFamily("gameserver_requests", text, labels=["op", "outcome"])
        for (op, outcome), count in metrics.requests.items():
            requests.add_metric(["unknown" if op is None else OPERATIONS[op].name, outcome], count)
        yield requests
        text = "from receiving a request to queueing its reply for sending"
        yield _histogram("gameserver_request_duration_seconds", text, metrics.request_seconds)

    def _broadcasts(self) -> Iterator[Metric]:
        snapshot = self._snapshot
        yield GaugeMetricFamily("gameserver_hubs", "games with subscribers or watchers", snapshot.hubs)
        yield GaugeMetricFamily(
            "gameserver_hub_backlog", "broadcasts that are on disk and not yet pushed", snapshot.hub_backlog
        )
        yield CounterMetricFamily(
            "gameserver_deliveries",
            "broadcasts pushed to subscribers, times the number of receivers",
            snapshot.deliveries,
        )

    def _storage(self) -> Iterator[Metric]:
        snapshot, metrics = self._snapshot, self._metrics
        text = "writes that shared one transaction"
        yield _histogram("gameserver_write_batch_size", text, metrics.batch_sizes)
        text = "duration of one transaction, from its start until it is on disk"
        yield _histogram("gameserver_write_batch_duration_seconds", text, metrics.batch_seconds)
        yield GaugeMetricFamily(
            "gameserver_writes_waiting", "requests queued for the database's writer", snapshot.writes_waiting
        )
        yield GaugeMetricFamily("gameserver_database_bytes", "size of the database file", snapshot.database_bytes)
        yield GaugeMetricFamily("gameserver_wal_bytes", "size of the database's write-ahead log", snapshot.log_bytes)


def _histogram(name: str, text: str, values: Histogram) -> HistogramMetricFamily:
    bounds = [*(str(float(bound)) for bound in values.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(values.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets, values.total)
