"""The composition root: assembles the server, starts its tasks, and shuts them down in order."""

import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from functools import partial
from typing import NamedTuple

import trio

from gameserver import __version__
from gameserver.admin.commands import CommandRunner
from gameserver.admin.server import open_control_socket, serve_control
from gameserver.config import SECRET_VARIABLE, Settings, SettingsError
from gameserver.engine.announcing import announce, hear
from gameserver.engine.distribution import Updates
from gameserver.engine.leaderboards import RankingUpdate
from gameserver.engine.scheduled import due_job
from gameserver.net.descriptors import raise_descriptor_limit
from gameserver.net.listening import Listening, listen
from gameserver.net.outbox import Gathering
from gameserver.net.timers import Timers
from gameserver.net.tls import load_certificate
from gameserver.ops.log import log
from gameserver.ops.metrics import Metrics
from gameserver.ops.signals import Signals
from gameserver.ops.systemd import Systemd
from gameserver.ops.writer_monitor import WriterMonitor
from gameserver.realtime.clock import Clock, ClockMonitor
from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.context import ServerContext
from gameserver.realtime.details_cache import DetailsCache
from gameserver.realtime.follower import Follower
from gameserver.realtime.hashing import Hashing
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.listener import accept_connections
from gameserver.realtime.publisher import Publisher
from gameserver.realtime.scheduler import Scheduler
from gameserver.storage.files import open_to_others
from gameserver.storage.jobs import Job, RunSync
from gameserver.storage.opening import holding
from gameserver.storage.sqlite.migrations import MIGRATIONS
from gameserver.storage.store import StoreOptions
from gameserver.storage.worker_threads import WorkerThreads
from gameserver.web.application import Application

logger = logging.getLogger(__name__)


@contextmanager
def open_context(
    settings: Settings, clock: Clock | None = None, run_sync: RunSync | None = None
) -> Iterator[ServerContext]:
    """Open the database, a file under its lock, and assemble the server without starting its tasks.

    What waits or computes long runs in threads, unless by ``run_sync``.
    """
    clock = clock or Clock()
    certificate = load_certificate(settings)
    with (
        closing(WorkerThreads()) as threads,
        holding(settings.db, os.environ.get(SECRET_VARIABLE)) as (secret, open_store),
    ):
        run_jobs, run_sync = run_sync or threads.run_sync, run_sync or trio.to_thread.run_sync
        timers = Timers()
        # More at once would only compete with the event loop and the writer.
        run_aside = partial(run_sync, limiter=trio.CapacityLimiter(1))

        async def read(job: Job[Updates]) -> Updates:
            return await store.read(job)

        async def read_ranking(job: Job[RankingUpdate]) -> RankingUpdate:
            return await store.read(job)

        hubs = Hubs(
            now_ms=clock.now_ms,
            call_later=timers.call_later,
            presence_detail_limit=settings.presence_detail_limit,
            presence_interval_s=settings.presence_interval_ms / 1000,
            distribution_interval_s=settings.distribution_interval_ms / 1000,
            leaderboard_interval_s=settings.leaderboard_interval_ms / 1000,
            read=read,
            read_ranking=read_ranking,
            run_aside=run_aside,
        )
        details_cache, registry = DetailsCache(), ConnectionRegistry()
        hashing = Hashing(run_sync)
        gathering, metrics = Gathering(), Metrics()
        writer_monitor = WriterMonitor(metrics, run_jobs)
        publisher = Publisher(hubs, details_cache, registry, clock)
        store = open_store(
            StoreOptions(
                readers=settings.readers,
                max_waiting_writes=settings.max_waiting_writes,
                due_job=partial(due_job, settings),
                publish=publisher,
                announce=announce,
                hear=hear,
                missed=publisher.close_all,
                advance_clock=clock.advance_to,
                telling=gathering,
                monotonic_s=time.monotonic,
                run_sync=run_jobs,
                run_writes=writer_monitor.run,
            )
        )
        try:
            if store.migrated_from:
                _log_migration(store.name, store.migrated_from)
            if store.clock is not None:
                clock.follow(store.clock)
            clock.advance_to(store.last_recorded_ms)
            shared = (gathering, details_cache, registry, metrics, writer_monitor, run_aside, hashing, certificate)
            context = ServerContext(settings, store, secret, clock, timers, hubs, *shared)
            context.application = Application(context)
            if store.peers is not None:
                context.follower = Follower(
                    store.peers,
                    present=context.audience.present,
                    hear_present=hubs.hear_present,
                    follow_clock=clock.follow,
                    run_sync=run_sync,
                )
            try:
                yield context
            finally:
                context.reserve.close()
        finally:
            store.close()


@asynccontextmanager
async def run_background(context: ServerContext) -> AsyncIterator[None]:
    """Run the tasks that connections rely on, after carrying out what fell due while the server was down."""
    async with trio.open_nursery() as storage:
        storage.start_soon(context.store.run)
        async with trio.open_nursery() as background:
            await background.start(context.hubs.run)
            background.start_soon(context.timers.run)
            background.start_soon(ClockMonitor(context.clock).run)
            if context.follower is not None:
                background.start_soon(context.follower.run)
            if context.certificate is not None:
                background.start_soon(context.certificate.watch, context.clock.now_ms)
            await context.store.catch_up(context.clock.now_ms())
            background.start_soon(Scheduler(context.settings, context.store, context.clock, context.usage).run)
            background.start_soon(context.status_monitor.run)
            yield
            await context.usage.write()
            background.cancel_scope.cancel()
        storage.cancel_scope.cancel()


def command_runner(context: ServerContext, urls: Sequence[str] = ()) -> CommandRunner:
    """Make the runner of the command line's commands in this server, which listens at ``urls``."""
    return CommandRunner(context.store, context.secret, context.settings, context.clock.now_ms, urls)


class RunningServer(NamedTuple):
    """A server that accepts connections: where it listens, and the nursery of its connections."""

    context: ServerContext
    listening: Listening
    connections: trio.Nursery

    @property
    def urls(self) -> list[str]:
        """The URLs that clients connect to."""
        return self.listening.urls(secure=self.context.certificate is not None)


@asynccontextmanager
async def run_server(
    settings: Settings, inherited: Iterable[socket.socket] = (), *, listens: bool = True
) -> AsyncIterator[RunningServer]:
    """Run a server until the context exits, then shut it down in order.

    It listens at the ``inherited`` sockets or as the settings say, or, unless ``listens``, nowhere. Raises
    `SettingsError` and what opening the database raises.
    """
    nowhere = nullcontext((Listening(), Listening()))
    with open_context(settings) as context:
        async with (
            run_background(context),
            listen(settings, inherited) if listens else nowhere as (clients, scrapers),
            trio.open_nursery() as accepting,
        ):
            control = None if context.store.file is None else await open_control_socket(context.store.file)
            if control is not None:
                runner = command_runner(context, clients.urls(secure=context.certificate is not None))
                accepting.start_soon(serve_control, runner, control, settings.handshake_timeout_s)
            async with trio.open_nursery() as connections:
                await accepting.start(accept_connections, context, clients.listeners, connections)
                accept_scrapers = partial(accept_connections, at_metrics_port=True)
                await accepting.start(accept_scrapers, context, scrapers.listeners, connections)
                _log_start(context, clients)
                yield RunningServer(context, clients, connections)
                context.drain()
                connections.cancel_scope.deadline = trio.current_time() + settings.shutdown_timeout_s
            accepting.cancel_scope.cancel()
    log(logger, logging.INFO, "stopped", "stopped")


async def serve(
    settings: Settings,
    on_serving: Callable[[ServerContext, list[str]], Awaitable[None]],
    signals: Signals,
    systemd: Systemd,
) -> None:
    """Serve until ``signals.stop`` is set, then shut down in order.

    ``on_serving`` is called with the server's URLs once connections are accepted. Raises what `run_server` raises.
    """
    raise_descriptor_limit(settings.max_connections)
    async with trio.open_nursery() as watching:
        async with run_server(settings, systemd.take_sockets()) as server:
            context = server.context
            watching.start_soon(systemd.watch, lambda: context.writer_monitor.busy_s)
            signals.on_reload = partial(_reload, context, systemd)
            await on_serving(context, server.urls)
            systemd.ready()
            await signals.stop.wait()
            systemd.stopping()
        watching.cancel_scope.cancel()


def _log_migration(database: str, version: int) -> None:
    text = "the database was migrated from an older version"
    names = {"database": database, "from_version": version, "to_version": len(MIGRATIONS) + 1}
    log(logger, logging.INFO, "migrated", text, **names)


def _log_start(context: ServerContext, listening: Listening) -> None:
    settings = context.settings
    log(
        logger,
        logging.INFO,
        "serving",
        "serving",
        version=__version__,
        database=context.store.name,
        host="systemd" if listening.is_inherited else settings.host,
        port=listening.port,
        tls=context.certificate is not None,
        **{context.store.engine: context.store.engine_version},
    )
    folder = None if context.store.file is None else open_to_others(context.store.file)
    if folder is not None:
        text = "other users can write in the database's folder, and so replace files in it: restrict its permissions"
        log(logger, logging.WARNING, "insecure_folder", text, folder=str(folder))
    if context.store.void_keys:
        text = f"{context.store.void_keys} session keys are void: they were made with another secret"
        log(logger, logging.WARNING, "secret_changed", text, keys=context.store.void_keys)


def _reload(context: ServerContext, systemd: Systemd) -> None:
    """Reload what can change while the server runs: the certificate."""
    systemd.reloading()
    _reload_certificate(context)
    systemd.ready()


def _reload_certificate(context: ServerContext) -> None:
    if context.certificate is None:
        log(logger, logging.INFO, "reloaded", "no certificate to reload")
        return
    try:
        context.certificate.reload()
    except SettingsError as error:
        log(logger, logging.ERROR, "reload_failed", f"the certificate is not reloaded: {error}")
    else:
        log(logger, logging.INFO, "reloaded", "the certificate is reloaded")
