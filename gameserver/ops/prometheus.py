"""A server's metrics in Prometheus' text format (protocol, "HTTP")."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gameserver import __version__
from gameserver.ops.log_output import dropped_lines
from gameserver.ops.metrics import Histogram, Metrics, Observed
from gameserver.protocol.registry import OPERATIONS


class PrometheusMetrics:
    """The metrics of one server, each with a registry of its own."""

    def __init__(self, metrics: Metrics, observed: Observed) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Server(metrics, observed))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def __call__(self) -> bytes:
        """How things are now."""
        return generate_latest(self._registry)


class _Server(Collector):
    """Reads the numbers where they lie."""

    def __init__(self, metrics: Metrics, observed: Observed) -> None:
        self._metrics = metrics
        self._observed = observed

    def collect(self) -> Iterator[Metric]:
        """Every metric of the server itself."""
        info = GaugeMetricFamily("gameserver_info", "versions, as labels; always 1", labels=["version", "sqlite"])
        info.add_metric([__version__, self._observed.engine_version], 1)
        yield info
        text = "by which the server's clock is ahead of the system's"
        yield GaugeMetricFamily("gameserver_clock_ahead_seconds", text, self._observed.clock_ahead_s)
        text = "lines of the log that could not be written, or that nobody took"
        yield CounterMetricFamily("gameserver_log_lines_dropped", text, dropped_lines())
        yield from self._connections()
        yield from self._requests()
        yield from self._broadcasts()
        yield from self._storage()

    def _connections(self) -> Iterator[Metric]:
        observed, metrics = self._observed, self._metrics
        yield GaugeMetricFamily("gameserver_connections", "WebSocket connections that are open", observed.connections)
        yield GaugeMetricFamily("gameserver_users_connected", "users who have one or more", observed.users)
        yield CounterMetricFamily("gameserver_connections_opened", "WebSocket connections ever opened", metrics.opened)
        closed = CounterMetricFamily("gameserver_connections_closed", "of those, ended, by close code", labels=["code"])
        for code, count in sorted(metrics.closed.items()):
            closed.add_metric([str(int(code))], count)
        yield closed
        text = "connections that came to nothing, by reason"
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
        text = "from a request's receipt to its reply being handed over for sending"
        yield _histogram("gameserver_request_duration_seconds", text, metrics.request_seconds)

    def _broadcasts(self) -> Iterator[Metric]:
        observed = self._observed
        yield GaugeMetricFamily("gameserver_hubs", "games with subscribers or watchers", observed.hubs)
        yield GaugeMetricFamily("gameserver_hub_backlog", "broadcasts on disk and not yet pushed", observed.hub_backlog)
        yield CounterMetricFamily(
            "gameserver_deliveries", "broadcasts pushed, times their receivers", observed.deliveries
        )

    def _storage(self) -> Iterator[Metric]:
        observed, metrics = self._observed, self._metrics
        text = "writes in one transaction"
        yield _histogram("gameserver_write_batch_size", text, metrics.batch_sizes)
        text = "of one transaction, from its start until it is on disk"
        yield _histogram("gameserver_write_batch_duration_seconds", text, metrics.batch_seconds)
        yield GaugeMetricFamily("gameserver_writes_waiting", "requests queued for the writer", observed.writes_waiting)
        yield GaugeMetricFamily("gameserver_database_bytes", "of the database file", observed.database_bytes)
        yield GaugeMetricFamily("gameserver_wal_bytes", "of its write-ahead log", observed.log_bytes)


def _histogram(name: str, text: str, values: Histogram) -> HistogramMetricFamily:
    bounds = [*(str(float(bound)) for bound in values.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(values.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets, values.total)
