"""The server as a whole: what it is made of, in which order it starts, and in which it stops."""

import logging
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import trio

from gameserver import __version__
from gameserver.admin.server import open_control_socket, serve_control
from gameserver.config import SECRET_VARIABLE, Settings, SettingsError
from gameserver.engine.scheduled import due_job
from gameserver.handlers import all as _all_handlers  # noqa: F401 - registers them
from gameserver.net.descriptors import raise_descriptor_limit
from gameserver.net.listening import Listening, listen
from gameserver.net.timers import Timers
from gameserver.net.tls import load_certificate
from gameserver.ops.log import log
from gameserver.ops.metrics import Metrics
from gameserver.ops.systemd import Systemd
from gameserver.ops.write_watch import WriterMonitor
from gameserver.realtime.clock import Clock, ClockWatch
from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.context import ServerContext
from gameserver.realtime.details_cache import DetailsCache
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.listener import accept_connections
from gameserver.realtime.publisher import Publisher
from gameserver.realtime.scheduler import Scheduler
from gameserver.storage.files import hold_lock, locate, open_to_others
from gameserver.storage.jobs import Job, RunSync
from gameserver.storage.secret import load_secret, require_no_stray_secret
from gameserver.storage.sqlite.connection import require_usable
from gameserver.storage.sqlite.migrations import MIGRATIONS
from gameserver.storage.store import Store

logger = logging.getLogger(__name__)


@contextmanager
def open_context(
    settings: Settings, clock: Clock | None = None, run_sync: RunSync = trio.to_thread.run_sync
) -> Iterator[ServerContext]:
    """The server without its tasks: the database under its lock, and what connections share."""
    file = locate(Path(settings.db))
    clock = clock or Clock()
    certificate = load_certificate(settings)
    require_usable(file)
    with hold_lock(file):
        given_secret = os.environ.get(SECRET_VARIABLE)
        if not given_secret:
            require_no_stray_secret(Path(settings.db), file)
        secret = load_secret(file, given_secret)
        timers = Timers()

        async def read(job: Job[list[bytes | None]]) -> list[bytes | None]:
            return await store.read(job)

        hubs = Hubs(
            now_ms=clock.now_ms,
            call_later=timers.call_later,
            presence_detail_limit=settings.presence_detail_limit,
            presence_interval_s=settings.presence_interval_ms / 1000,
            distribution_interval_s=settings.distribution_interval_ms / 1000,
            read=read,
        )
        details, registry = DetailsCache(), ConnectionRegistry()
        metrics = Metrics()
        writes = WriterMonitor(metrics, run_sync)
        store = Store(
            file,
            secret,
            readers=settings.readers,
            max_waiting_writes=settings.max_waiting_writes,
            due_job=partial(due_job, settings),
            publish=Publisher(hubs, details, registry, clock),
            monotonic_s=time.monotonic,
            run_sync=run_sync,
            run_writes=writes.run,
        )
        try:
            if store.migrated_from:
                _log_migration(store.file, store.migrated_from)
            clock.not_before(store.last_recorded_ms)
            shared = (details, registry, metrics, writes, certificate)
            context = ServerContext(settings, store, secret, clock, timers, hubs, *shared, run_sync=run_sync)
            try:
                yield context
            finally:
                context.reserve.close()
        finally:
            store.close()


@asynccontextmanager
async def run_background(context: ServerContext) -> AsyncIterator[None]:
    """The tasks that connections rely on. When they start, what fell due while the server was down is done."""
    async with trio.open_nursery() as storage:
        storage.start_soon(context.store.run)
        async with trio.open_nursery() as background:
            await background.start(context.hubs.run)
            background.start_soon(context.timers.run)
            background.start_soon(ClockWatch(context.clock).run)
            if context.certificate is not None:
                background.start_soon(context.certificate.watch, context.clock.now_ms)
            await context.catch_up(context.clock.now_ms())
            background.start_soon(Scheduler(context.settings, context.store, context.clock).run)
            yield
            background.cancel_scope.cancel()
        storage.cancel_scope.cancel()


class Signals:
    """What the process is told: to stop (SIGTERM, SIGINT), or to read its certificate anew (SIGHUP).

    SIGHUP stops it too if ``hangup_stops``, that of a terminal which is closed, unless whoever started the process has
    had it ignored (nohup). A second SIGINT ends the process at once, as a power cut would.
    """

    def __init__(self, *, hangup_stops: bool = False) -> None:
        self.stop = trio.Event()
        self.on_reload: Callable[[], None] = lambda: None
        self._hangup_stops = hangup_stops

    async def obey(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do what signals say, until cancelled."""
        heeded = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        if self._hangup_stops and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            heeded.remove(signal.SIGHUP)
        try:
            with trio.open_signal_receiver(*heeded) as signals:
                task_status.started()
                async for number in signals:
                    self._take(signal.Signals(number))
        finally:
            if self.stop.is_set():  # everything is closed, and the process about to end as it should
                signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _take(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP and not self._hangup_stops:
            self.on_reload()
            return
        log(logger, logging.INFO, "stopping", "told to stop", signal=number.name)
        self.stop.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


async def serve(
    settings: Settings,
    on_serving: Callable[[ServerContext, list[str]], Awaitable[None]],
    signals: Signals,
    systemd: Systemd,
) -> None:
    """Serve until told to stop, then shut down in order.

    ``on_serving`` is called with the URLs once connections are accepted.
    """
    raise_descriptor_limit(settings.max_connections)
    with open_context(settings) as context:
        async with (
            run_background(context),
            listen(settings, systemd.take_sockets()) as (clients, scrapers),
            trio.open_nursery() as connections,
        ):
            connections.start_soon(systemd.watch, lambda: context.writes.busy_s)
            control = await open_control_socket(context.store.file)
            if control is not None:
                connections.start_soon(serve_control, context, control)
            await connections.start(accept_connections, context, clients.listeners)
            accept_scrapers = partial(accept_connections, at_metrics_port=True)
            await connections.start(accept_scrapers, context, scrapers.listeners)
            _log_start(context, clients)
            signals.on_reload = partial(_reload, context, systemd)
            await on_serving(context, clients.urls(secure=context.certificate is not None))
            systemd.ready()
            await signals.stop.wait()
            systemd.stopping()
            await _drain(context)
            connections.cancel_scope.cancel()
    log(logger, logging.INFO, "stopped", "stopped")


def _log_migration(file: Path, version: int) -> None:
    text = "the database was of an older version, and is brought up to date"
    names = {"database": str(file), "from_version": version, "to_version": len(MIGRATIONS) + 1}
    log(logger, logging.INFO, "migrated", text, **names)


def _log_start(context: ServerContext, listening: Listening) -> None:
    settings = context.settings
    log(
        logger,
        logging.INFO,
        "serving",
        "serving",
        version=__version__,
        sqlite=sqlite3.sqlite_version,
        database=str(context.store.file),
        host="systemd" if listening.is_inherited else settings.host,
        port=listening.port,
        tls=context.certificate is not None,
    )
    folder = open_to_others(context.store.file)
    if folder is not None:
        text = "others may put files beside the database, or replace it: let nobody else write in this folder"
        log(logger, logging.WARNING, "insecure_folder", text, folder=str(folder))
    if context.store.void_keys:
        text = f"{context.store.void_keys} session keys are void: they were made with another secret than this one"
        log(logger, logging.WARNING, "secret_changed", text, keys=context.store.void_keys)


async def _drain(context: ServerContext) -> None:
    """Answer what is in hand, close every connection with 1001, and refuse new ones meanwhile."""
    context.draining = True
    for connection in context.registry.everyone():
        connection.drain()
    with trio.move_on_after(context.settings.shutdown_timeout_s):
        await context.registry.wait_until_empty()


def _reload(context: ServerContext, systemd: Systemd) -> None:
    """Take up what may change while the server runs: the certificate."""
    systemd.reloading()
    _reload_certificate(context)
    systemd.ready()


def _reload_certificate(context: ServerContext) -> None:
    if context.certificate is None:
        log(logger, logging.INFO, "reloaded", "there is no certificate to read anew")
        return
    try:
        context.certificate.reload()
    except SettingsError as error:
        log(logger, logging.ERROR, "reload_failed", f"the certificate stays as it was: {error}")
    else:
        log(logger, logging.INFO, "reloaded", "the certificate has been read anew")
