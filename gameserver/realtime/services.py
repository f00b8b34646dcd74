"""What all connections of a server share."""

import itertools
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import trio

from gameserver.config import Settings, normal_origin
from gameserver.errors import Rejected, not_found
from gameserver.handlers.details import lasting_details
from gameserver.handlers.logon import authenticate
from gameserver.handlers.registry import Credentials, Login, run_read
from gameserver.protocol.declare import Request
from gameserver.protocol.games import GetGameDetails
from gameserver.protocol.general import Limits
from gameserver.realtime.alarms import Alarms
from gameserver.realtime.clock import Clock
from gameserver.realtime.details import Details
from gameserver.realtime.directory import Directory
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.limits import ConnectionLimiter, RateLimiter, UnansweredBytes
from gameserver.realtime.logs import log
from gameserver.realtime.metrics import Metrics
from gameserver.realtime.proxies import Addresses
from gameserver.realtime.reserve import Reserve
from gameserver.realtime.tls import Certificate
from gameserver.realtime.writes import WriteWatch
from gameserver.storage.jobs import Awaited, RunSync
from gameserver.storage.probe import write_nothing_new
from gameserver.storage.sources import find_source
from gameserver.storage.store import Store
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_PROBE_S = 1.0  # for the database to be found writable
_BEHIND_MS = 1_000  # what could not be done is not tried for each read anew


@dataclass
class Services:
    """The store, the hubs, the directory of connections, the clock and the limits of one server."""

    settings: Settings
    store: Store
    secret: bytes
    clock: Clock
    alarms: Alarms
    hubs: Hubs
    details: Details
    directory: Directory
    metrics: Metrics
    writes: WriteWatch
    certificate: Certificate | None = None
    run_sync: RunSync = trio.to_thread.run_sync
    draining: bool = False
    behind_until_ms: int = 0
    connections: ConnectionLimiter = field(init=False)
    trusted_proxies: Addresses = field(init=False)
    metrics_addresses: Addresses = field(init=False)
    allowed_origins: frozenset[str] = field(init=False)
    reserve: Reserve = field(default_factory=Reserve)
    connection_numbers: Iterator[int] = field(init=False)
    unanswered: UnansweredBytes = field(init=False)
    parsers: trio.CapacityLimiter = field(init=False)
    user_rate: RateLimiter = field(init=False)
    address_rate: RateLimiter = field(init=False)
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.connections = ConnectionLimiter(
            settings.max_connections,
            settings.max_connections_per_address,
            settings.max_anonymous_connections_per_address,
        )
        self.metrics_addresses = Addresses(settings.metrics_addresses)
        self.allowed_origins = frozenset(map(normal_origin, settings.allowed_origins))
        self.trusted_proxies = Addresses(settings.trusted_proxies)
        self.connection_numbers = itertools.count(1)
        self.unanswered = UnansweredBytes(settings.max_unanswered_bytes)
        self.parsers = trio.CapacityLimiter(1)  # two would only take turns with the loop and the writer
        self.user_rate = RateLimiter(settings.max_requests_per_s)
        self.address_rate = RateLimiter(settings.max_requests_per_s_per_address)
        self.limits = Limits(**{name: getattr(settings, name) for name in Limits.__struct_fields__})

    async def authenticate(self, credentials: Credentials) -> Login | None:
        """The live session that the credentials prove, or None."""
        return await authenticate(self.store, self.secret, credentials, self.clock.now_ms())

    async def find_sources(self, uuids: list[str]) -> list[int]:
        """The sources that a connection asks to watch. Raises `Rejected` (``not_found``)."""
        return await self.store.read(partial(_find_sources, uuids=uuids)) if uuids else []

    def has_room_for(self, user: User) -> bool:
        """Whether a user may have one connection more."""
        return self.directory.count_of(user.id) < self.settings.max_connections_per_user

    def note_failed_logon(self) -> None:
        """Log that somebody's credentials proved nobody, and not which."""
        log(logger, logging.WARNING, "logon_failed", "credentials prove nobody", reason="credentials")

    async def can_write(self) -> bool:
        """Whether the database can be written: as it went last, and if that is in doubt, as it goes now."""
        if self.writes.in_doubt:
            with trio.move_on_after(_PROBE_S), suppress(Rejected):
                await self.store.write(write_nothing_new, self.clock.now_ms())
                self.writes.in_doubt = False
        return not self.writes.in_doubt

    async def read(self, request: Request, user: User) -> bytes:
        """The body of the reply to a request that reads; what is due by now has been done before."""
        now_ms = self.clock.now_ms()
        await self.catch_up(now_ms)
        if isinstance(request, GetGameDetails) and self.details.serves(request):
            lasting = partial(lasting_details, request=request, user=user, now_ms=now_ms, settings=self.settings)
            return await self.details.get(request.game_id, now_ms, partial(self.store.read, lasting))
        return await self.store.read(
            partial(run_read, request=request, user=user, now_ms=now_ms, settings=self.settings)
        )

    async def catch_up(self, now_ms: int) -> None:
        """Wait until everything that is due has been done, so that a read sees it.

        If the database cannot be written, what is on disk can still be read: the scheduler goes on trying, and for
        a while nobody waits for that. Raises `Rejected` (``busy``) if too many requests wait to be written.
        """
        due_at = self.store.writer.next_due_ms
        if due_at is not None and due_at <= now_ms and now_ms >= self.behind_until_ms:
            due: Awaited[None] = Awaited()
            self.store.writer.submit(lambda connection: None, now_ms, due)
            try:
                await due.result()
            except Rejected:
                self.behind_until_ms = now_ms + _BEHIND_MS


def _find_sources(connection: sqlite3.Connection, uuids: list[str]) -> list[int]:
    found = [find_source(connection, uuid) for uuid in uuids]
    ids = [source.id for source in found if source is not None]
    if len(ids) < len(uuids):
        raise not_found("source", "game source")
    return ids
