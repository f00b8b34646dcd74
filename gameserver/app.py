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
from gameserver.config import SECRET_VARIABLE, Settings, SettingsError
from gameserver.handlers import all as _all_handlers  # noqa: F401 - registers them
from gameserver.handlers.due import due_job
from gameserver.realtime.alarms import Alarms
from gameserver.realtime.announcer import Announcer
from gameserver.realtime.clock import Clock, ClockWatch
from gameserver.realtime.control import open_control_socket, serve_control
from gameserver.realtime.descriptors import raise_descriptor_limit
from gameserver.realtime.details import Details
from gameserver.realtime.directory import Directory
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.listener import accept_connections
from gameserver.realtime.listening import Listening, listen
from gameserver.realtime.logs import log
from gameserver.realtime.metrics import Metrics
from gameserver.realtime.scheduler import Scheduler
from gameserver.realtime.services import Services
from gameserver.realtime.systemd import Systemd
from gameserver.realtime.tls import load_certificate
from gameserver.realtime.writes import WriteWatch
from gameserver.storage.connection import require_usable
from gameserver.storage.files import hold_lock, locate, open_to_others
from gameserver.storage.jobs import Job, RunSync
from gameserver.storage.migrations import MIGRATIONS
from gameserver.storage.secret import load_secret, require_no_stray_secret
from gameserver.storage.store import Store

logger = logging.getLogger(__name__)


@contextmanager
def open_services(
    settings: Settings, clock: Clock | None = None, run_sync: RunSync = trio.to_thread.run_sync
) -> Iterator[Services]:
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
        alarms = Alarms()

        async def read(job: Job[list[bytes | None]]) -> list[bytes | None]:
            return await store.read(job)

        hubs = Hubs(
            now_ms=clock.now_ms,
            set_alarm=alarms.set,
            presence_detail_limit=settings.presence_detail_limit,
            presence_interval_s=settings.presence_interval_ms / 1000,
            distribution_interval_s=settings.distribution_interval_ms / 1000,
            read=read,
        )
        details, directory = Details(), Directory()
        metrics = Metrics()
        writes = WriteWatch(metrics, run_sync)
        store = Store(
            file,
            secret,
            readers=settings.readers,
            max_waiting_writes=settings.max_waiting_writes,
            due_job=partial(due_job, settings),
            publish=Announcer(hubs, details, directory, clock),
            monotonic_s=time.monotonic,
            run_sync=run_sync,
            run_writes=writes.run,
        )
        try:
            if store.migrated_from:
                _log_migration(store.file, store.migrated_from)
            clock.not_before(store.last_recorded_ms)
            shared = (details, directory, metrics, writes, certificate)
            services = Services(settings, store, secret, clock, alarms, hubs, *shared, run_sync=run_sync)
            try:
                yield services
            finally:
                services.reserve.close()
        finally:
            store.close()


@asynccontextmanager
async def run_background(services: Services) -> AsyncIterator[None]:
    """The tasks that connections rely on. When they start, what fell due while the server was down is done."""
    async with trio.open_nursery() as storage:
        storage.start_soon(services.store.run)
        async with trio.open_nursery() as background:
            await background.start(services.hubs.run)
            background.start_soon(services.alarms.run)
            background.start_soon(ClockWatch(services.clock).run)
            if services.certificate is not None:
                background.start_soon(services.certificate.watch, services.clock.now_ms)
            await services.catch_up(services.clock.now_ms())
            background.start_soon(Scheduler(services.settings, services.store, services.clock).run)
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
    on_serving: Callable[[Services, list[str]], Awaitable[None]],
    signals: Signals,
    systemd: Systemd,
) -> None:
    """Serve until told to stop, then shut down in order.

    ``on_serving`` is called with the URLs once connections are accepted.
    """
    raise_descriptor_limit(settings.max_connections)
    with open_services(settings) as services:
        async with (
            run_background(services),
            listen(settings, systemd.take_sockets()) as (clients, scrapers),
            trio.open_nursery() as connections,
        ):
            connections.start_soon(systemd.watch, lambda: services.writes.busy_s)
            control = await open_control_socket(services.store.file)
            if control is not None:
                connections.start_soon(serve_control, services, control)
            await connections.start(accept_connections, services, clients.listeners)
            accept_scrapers = partial(accept_connections, at_metrics_port=True)
            await connections.start(accept_scrapers, services, scrapers.listeners)
            _log_start(services, clients)
            signals.on_reload = partial(_reload, services, systemd)
            await on_serving(services, clients.urls(secure=services.certificate is not None))
            systemd.ready()
            await signals.stop.wait()
            systemd.stopping()
            await _drain(services)
            connections.cancel_scope.cancel()
    log(logger, logging.INFO, "stopped", "stopped")


def _log_migration(file: Path, version: int) -> None:
    text = "the database was of an older version, and is brought up to date"
    names = {"database": str(file), "from_version": version, "to_version": len(MIGRATIONS) + 1}
    log(logger, logging.INFO, "migrated", text, **names)


def _log_start(services: Services, listening: Listening) -> None:
    settings = services.settings
    log(
        logger,
        logging.INFO,
        "serving",
        "serving",
        version=__version__,
        sqlite=sqlite3.sqlite_version,
        database=str(services.store.file),
        host="systemd" if listening.is_inherited else settings.host,
        port=listening.port,
        tls=services.certificate is not None,
    )
    folder = open_to_others(services.store.file)
    if folder is not None:
        text = "others may put files beside the database, or replace it: let nobody else write in this folder"
        log(logger, logging.WARNING, "insecure_folder", text, folder=str(folder))
    if services.store.void_keys:
        text = f"{services.store.void_keys} session keys are void: they were made with another secret than this one"
        log(logger, logging.WARNING, "secret_changed", text, keys=services.store.void_keys)


async def _drain(services: Services) -> None:
    """Answer what is in hand, close every connection with 1001, and refuse new ones meanwhile."""
    services.draining = True
    for connection in services.directory.everyone():
        connection.drain()
    with trio.move_on_after(services.settings.shutdown_timeout_s):
        await services.directory.wait_until_empty()


def _reload(services: Services, systemd: Systemd) -> None:
    """Take up what may change while the server runs: the certificate."""
    systemd.reloading()
    _reload_certificate(services)
    systemd.ready()


def _reload_certificate(services: Services) -> None:
    if services.certificate is None:
        log(logger, logging.INFO, "reloaded", "there is no certificate to read anew")
        return
    try:
        services.certificate.reload()
    except SettingsError as error:
        log(logger, logging.ERROR, "reload_failed", f"the certificate stays as it was: {error}")
    else:
        log(logger, logging.INFO, "reloaded", "the certificate has been read anew")
