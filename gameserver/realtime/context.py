"""The server context: what all connections of a server share."""

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from gameserver.config import Settings, normal_origin
from gameserver.engine.accounts import end_session
from gameserver.engine.context import Change, Effects, WithEffects
from gameserver.engine.details import lasting_details
from gameserver.engine.sessions import Credentials, Login, NewSession, authenticate, new_session
from gameserver.errors import not_found
from gameserver.handlers.execution import run_read
from gameserver.net.application import HttpApplication
from gameserver.net.compression import Compression, MessageFrames, compress, is_costly
from gameserver.net.forwarded import Addresses
from gameserver.net.outbox import Gathering
from gameserver.net.reserve import Reserve
from gameserver.net.timers import Timers
from gameserver.net.tls import Certificate
from gameserver.ops.log import log
from gameserver.ops.metrics import Metrics, ServerSnapshot
from gameserver.ops.writer_monitor import WriterMonitor
from gameserver.protocol.administration import GetServerStatus, ListUsers
from gameserver.protocol.codec import with_subscribers
from gameserver.protocol.declare import Request
from gameserver.protocol.friends import ListFriends
from gameserver.protocol.games import GetGameDetails
from gameserver.protocol.general import Limits
from gameserver.realtime.accounts import AccountService
from gameserver.realtime.audience import ServerAudience
from gameserver.realtime.clock import Clock
from gameserver.realtime.connection_limits import ConnectionLimiter
from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.details_cache import DetailsCache
from gameserver.realtime.follower import Follower
from gameserver.realtime.hashing import Hashing
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.rate_limits import RateLimiter, UnansweredBytes
from gameserver.realtime.status import StatusMonitor
from gameserver.realtime.usage import Usage
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import RunSync, Scope, UserJob
from gameserver.storage.sources import find_source
from gameserver.storage.store import Store
from gameserver.storage.users import Session, User, get_session, list_live_sessions

logger = logging.getLogger(__name__)

_PROBE_S = 1.0  # for a test write to succeed


@dataclass
class ServerContext:
    """The store, the clock, the hubs, the connection registry and the limits of one server.

    ``run_aside`` runs a function in a worker thread, one at a time: what would hold up the event loop. ``application``
    answers HTTP requests; ``idle_http`` are the scopes in which connections wait for the next one. ``follower`` follows
    the other servers on the database, if there can be any.
    """

    settings: Settings
    store: Store
    secret: bytes
    clock: Clock
    timers: Timers
    hubs: Hubs
    gathering: Gathering
    details_cache: DetailsCache
    registry: ConnectionRegistry
    metrics: Metrics
    writer_monitor: WriterMonitor
    run_aside: RunSync
    hashing: Hashing
    certificate: Certificate | None = None
    draining: bool = False
    connection_limiter: ConnectionLimiter = field(init=False)
    trusted_proxies: Addresses = field(init=False)
    metrics_addresses: Addresses = field(init=False)
    allowed_origins: frozenset[str] = field(init=False)
    accounts: AccountService = field(init=False)
    usage: Usage = field(init=False)
    status_monitor: StatusMonitor = field(init=False)
    reserve: Reserve = field(default_factory=Reserve)
    connection_numbers: Iterator[int] = field(init=False)
    unanswered_bytes: UnansweredBytes = field(init=False)
    user_rate_limiter: RateLimiter = field(init=False)
    address_rate_limiter: RateLimiter = field(init=False)
    limits: Limits = field(init=False)
    audience: ServerAudience = field(init=False)
    application: HttpApplication = field(init=False)
    follower: Follower | None = None
    idle_http: set[trio.CancelScope] = field(default_factory=set)

    def __post_init__(self) -> None:
        settings = self.settings
        self.audience = ServerAudience(self.hubs, self.registry)
        self.connection_limiter = ConnectionLimiter(
            settings.max_connections,
            settings.max_connections_per_address,
            settings.max_anonymous_connections_per_address,
        )
        self.metrics_addresses = Addresses(settings.metrics_addresses)
        self.allowed_origins = frozenset(map(normal_origin, settings.allowed_origins))
        self.trusted_proxies = Addresses(settings.trusted_proxies)
        self.connection_numbers = itertools.count(1)
        self.unanswered_bytes = UnansweredBytes(settings.max_unanswered_bytes)
        self.user_rate_limiter = RateLimiter(settings.max_requests_per_s)
        self.address_rate_limiter = RateLimiter(settings.max_requests_per_s_per_address)
        self.accounts = AccountService(settings, self.store, self.secret, self.hashing, self.clock.now_ms)
        self.usage = Usage(settings, self.store, self.clock.now_ms)
        started_at = self.clock.now_ms()
        self.status_monitor = StatusMonitor(self.store, self.hubs, self.registry, self.metrics, started_at)
        self.limits = Limits(**{name: getattr(settings, name) for name in Limits.__struct_fields__})

    def drain(self) -> None:
        """Refuse new connections, and close each open one, a WebSocket with 1001, once its requests are answered."""
        self.draining = True
        for waiting in tuple(self.idle_http):
            waiting.cancel()
        for connection in self.registry.all_connections():
            connection.drain()

    async def authenticate(self, credentials: Credentials) -> Login | None:
        """The live session that the credentials prove, None if they prove none.

        Raises ``not_authorized`` if its user is banned.
        """
        now_ms = self.clock.now_ms()
        look_up = partial(authenticate, self.store, self.secret, credentials, now_ms)
        return await (self.registry.logins.find(credentials.key, now_ms, look_up) if credentials.key else look_up())

    async def create_view_key(self, user: User) -> NewSession:
        """A new view key of a user; the oldest one ends beyond the limit."""
        now_ms = self.clock.now_ms()

        def make(connection: Connection, now_ms: int) -> WithEffects:
            made = new_session(connection, user, self.secret, self.settings, now_ms, is_view=True)
            return WithEffects(made, Effects(ended_sessions=made.ended))

        with trio.CancelScope(shield=True):  # until the connections of what has ended are closed
            ended = await self.store.write(UserJob(make, now_ms, Scope(user_id=user.id, is_urgent=True)), now_ms)
        for session_id in ended.effects.ended_sessions:
            self.registry.end_session(session_id)
        made: NewSession = ended.result
        return made

    async def list_sessions(self, user: User) -> list[Session]:
        """A user's live sessions, newest first."""
        return await self.store.read(partial(list_live_sessions, user_id=user.id, now_ms=self.clock.now_ms()))

    async def delete_session(self, user: User, session_id: str) -> None:
        """Delete a live session of a user, which the caller then ends in the registry. Raises ``not_found``."""
        now_ms = self.clock.now_ms()
        delete = partial(_delete_session, user=user, session_id=session_id, settings=self.settings)
        with trio.CancelScope(shield=True):  # until its connections are closed
            ended = await self.store.write(UserJob(delete, now_ms, Scope(user_id=user.id, is_urgent=True)), now_ms)
        if not ended.result:
            raise not_found("session_id", "session of this user")

    async def find_sources(self, uuids: list[str]) -> list[int]:
        """The ids of the game sources that a connection asks to watch. Raises `Rejected` (``not_found``)."""
        return await self.store.read(partial(_find_sources, uuids=uuids)) if uuids else []

    def has_room_for(self, user: User) -> bool:
        """Whether a user may open one more connection."""
        return self.registry.count_of(user.id) < self.settings.max_connections_per_user

    def log_failed_logon(self) -> None:
        """Log a failed log-on, without the credentials."""
        log(
            logger,
            logging.WARNING,
            "logon_failed",
            "log-on failed: no live session has these credentials",
            reason="credentials",
        )

    async def can_write(self) -> bool:
        """Whether the database is writable: by the last write, and if that failed, by a test write."""
        if self.writer_monitor.in_doubt:
            with trio.move_on_after(_PROBE_S):
                self.writer_monitor.in_doubt = not await self.store.can_write(self.clock.now_ms())
        return not self.writer_monitor.in_doubt

    async def read(self, request: Request, user: User) -> bytes:
        """The body of the reply to a read request, after everything due by now has been carried out."""
        now_ms = self.clock.now_ms()
        await self.store.catch_up(now_ms)
        if isinstance(request, GetGameDetails) and self.details_cache.serves(request):
            lasting = partial(lasting_details, request=request, user=user, now_ms=now_ms, settings=self.settings)
            body = await self.details_cache.get(request.game_id, now_ms, partial(self.store.read, lasting))
            return with_subscribers(body, self.hubs.subscribers_of(request.game_id))
        if isinstance(request, ListUsers | ListFriends):  # which show when users were seen last
            await self.usage.write()
        status = self.status_monitor.status() if isinstance(request, GetServerStatus) else None
        return await self.store.read(
            partial(
                run_read,
                request=request,
                user=user,
                now_ms=now_ms,
                settings=self.settings,
                audience=self.audience,
                status=status,
            )
        )

    async def compress(self, messages: Sequence[MessageFrames], compression: Compression) -> None:
        """Compress messages in a worker thread, if it is costly, so that nothing of it is left for the event loop."""
        if is_costly(messages, compression):
            await self.run_aside(compress, messages, compression)

    def snapshot(self) -> ServerSnapshot:
        """The state of the server that its counters do not hold."""
        return ServerSnapshot(
            engine=self.store.engine,
            engine_version=self.store.engine_version,
            clock_ahead_s=self.clock.ahead_s,
            connections=self.registry.count,
            users=self.registry.user_count,
            hubs=self.hubs.count,
            hub_backlog=self.hubs.backlog,
            deliveries=self.hubs.deliveries,
            writes_waiting=self.store.writer.waiting,
            database_bytes=self.store.database_bytes,
            log_bytes=self.store.log_bytes,
        )


def _delete_session(
    connection: Connection, now_ms: int, user: User, session_id: str, settings: Settings
) -> WithEffects:
    """Delete a live session of a user; the result is False if the user has none of this id."""
    change = Change(connection, user, now_ms, settings)
    session = get_session(connection, session_id, now_ms)
    own = session is not None and session.user.id == user.id
    deleted = own and end_session(change, session_id)
    return WithEffects(deleted, change.finish())


def _find_sources(connection: Connection, uuids: list[str]) -> list[int]:
    found = [find_source(connection, uuid) for uuid in uuids]
    ids = [source.id for source in found if source is not None]
    if len(ids) < len(uuids):
        raise not_found("source", "game source")
    return ids
