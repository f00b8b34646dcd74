"""A server's metrics in Prometheus' text format (contract, section 10)."""

import sqlite3
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gameserver import __version__
from gameserver.ops.log_output import dropped_lines
from gameserver.ops.metrics import Histogram
from gameserver.protocol.registry import OPERATIONS
from gameserver.realtime.context import ServerContext
from gameserver.storage.files import beside


class PrometheusMetrics:
    """The metrics of one server, each with a registry of its own."""

    def __init__(self, context: ServerContext) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Server(context))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def __call__(self) -> bytes:
        """How things are now."""
        return generate_latest(self._registry)


class _Server(Collector):
    """Reads the numbers where they lie."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Every metric of the server itself."""
        info = GaugeMetricFamily("gameserver_info", "versions, as labels; always 1", labels=["version", "sqlite"])
        info.add_metric([__version__, sqlite3.sqlite_version], 1)
        yield info
        text = "by which the server's clock is ahead of the system's"
        yield GaugeMetricFamily("gameserver_clock_ahead_seconds", text, self._context.clock.ahead_s)
        text = "lines of the log that could not be written, or that nobody took"
        yield CounterMetricFamily("gameserver_log_lines_dropped", text, dropped_lines())
        yield from self._connections()
        yield from self._requests()
        yield from self._broadcasts()
        yield from self._storage()

    def _connections(self) -> Iterator[Metric]:
        directory, metrics = self._context.registry, self._context.metrics
        yield GaugeMetricFamily("gameserver_connections", "WebSocket connections that are open", directory.count)
        yield GaugeMetricFamily("gameserver_users_connected", "users who have one or more", directory.user_count)
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
        metrics = self._context.metrics
        text = "requests answered, by operation and by outcome: ok or the error's code"
        requests = CounterMetricFamily("gameserver_requests", text, labels=["op", "outcome"])
        for (op, outcome), count in metrics.requests.items():
            requests.add_metric(["unknown" if op is None else OPERATIONS[op].name, outcome], count)
        yield requests
        text = "from a request's receipt to its reply being handed over for sending"
        yield _histogram("gameserver_request_duration_seconds", text, metrics.request_seconds)

    def _broadcasts(self) -> Iterator[Metric]:
        hubs = self._context.hubs
        yield GaugeMetricFamily("gameserver_hubs", "games with subscribers or watchers", hubs.count)
        yield GaugeMetricFamily("gameserver_hub_backlog", "broadcasts on disk and not yet pushed", hubs.backlog)
        yield CounterMetricFamily("gameserver_deliveries", "broadcasts pushed, times their receivers", hubs.deliveries)

    def _storage(self) -> Iterator[Metric]:
        metrics, store = self._context.metrics, self._context.store
        text = "writes in one transaction"
        yield _histogram("gameserver_write_batch_size", text, metrics.batch_sizes)
        text = "of one transaction, from its start until it is on disk"
        yield _histogram("gameserver_write_batch_duration_seconds", text, metrics.batch_seconds)
        yield GaugeMetricFamily("gameserver_writes_waiting", "requests queued for the writer", store.writer.waiting)
        yield GaugeMetricFamily("gameserver_database_bytes", "of the database file", _size_bytes(store.file))
        wal = beside(store.file, "-wal")
        yield GaugeMetricFamily("gameserver_wal_bytes", "of its write-ahead log", _size_bytes(wal))


def _histogram(name: str, text: str, values: Histogram) -> HistogramMetricFamily:
    bounds = [*(str(float(bound)) for bound in values.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(values.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets, values.total)


def _size_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
