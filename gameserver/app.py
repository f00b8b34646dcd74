"""The server as a whole: what it is made of, in which order it starts, and in which it stops."""

import logging
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import trio

from gameserver.config import SECRET_VARIABLE, Settings
from gameserver.handlers import all as _all_handlers  # noqa: F401 - registers them
from gameserver.handlers.due import due_job
from gameserver.realtime.alarms import Alarms
from gameserver.realtime.clock import Clock
from gameserver.realtime.control import open_control_socket, serve_control
from gameserver.realtime.details import Details
from gameserver.realtime.directory import Directory
from gameserver.realtime.hub import Hubs
from gameserver.realtime.listener import accept_connections
from gameserver.realtime.scheduler import Scheduler
from gameserver.realtime.services import Announcer, Services
from gameserver.storage.connection import hold_lock, load_secret
from gameserver.storage.jobs import Job, RunSync
from gameserver.storage.store import Store

logger = logging.getLogger(__name__)


@contextmanager
def open_services(
    settings: Settings, clock: Clock | None = None, run_sync: RunSync = trio.to_thread.run_sync
) -> Iterator[Services]:
    """The server without its tasks: the database under its lock, and what connections share."""
    file = Path(settings.db)
    clock = clock or Clock()
    with hold_lock(file):
        secret = load_secret(file, os.environ.get(SECRET_VARIABLE))
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
        store = Store(
            file,
            readers=settings.readers,
            max_waiting_writes=settings.max_waiting_writes,
            due_job=partial(due_job, settings),
            publish=Announcer(hubs, details, directory, clock),
            run_sync=run_sync,
        )
        try:
            clock.not_before(store.last_recorded_ms)
            yield Services(settings, store, secret, clock, alarms, hubs, details, directory)
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
            await services.catch_up(services.clock.now_ms())
            background.start_soon(Scheduler(services.settings, services.store, services.clock).run)
            yield
            background.cancel_scope.cancel()
        storage.cancel_scope.cancel()


async def serve(settings: Settings, on_serving: Callable[[Services, int], Awaitable[None]], stop: trio.Event) -> None:
    """Serve until ``stop`` is set, then shut down in order.

    ``on_serving`` is called with the port once connections are accepted.
    """
    with open_services(settings) as services:
        logger.info("SQLite %s, database %s", sqlite3.sqlite_version, settings.db)
        async with run_background(services), trio.open_nursery() as connections:
            control = await open_control_socket(Path(settings.db))
            connections.start_soon(serve_control, services, control)
            listeners = await _listen(settings)
            await connections.start(accept_connections, services, listeners)
            port: int = listeners[0].socket.getsockname()[1]
            await on_serving(services, port)
            await stop.wait()
            await _drain(services)
            connections.cancel_scope.cancel()
    logger.info("stopped")


async def _listen(settings: Settings) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(settings.port, host=settings.host)
    except OSError as error:
        text = f"cannot listen on {settings.host}, port {settings.port}: {error}; choose others with --host and --port"
        raise OSError(text) from error


async def _drain(services: Services) -> None:
    """Answer what is in hand, close every connection with 1001, and refuse new ones meanwhile."""
    services.draining = True
    for connection in services.directory.everyone():
        connection.drain()
    with trio.move_on_after(services.settings.shutdown_timeout_s):
        await services.directory.wait_until_empty()


async def stop_on_signal(stop: trio.Event, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Set ``stop`` when the process is told to end."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            logger.info("%s: shutting down", signal.Signals(number).name)
            stop.set()
