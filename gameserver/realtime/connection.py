"""A WebSocket connection: one task that reads the client's messages, and the connection's state."""

import logging
from collections.abc import Awaitable, Callable

import trio

from gameserver.engine.sessions import Credentials, Login, NewSession
from gameserver.errors import CloseCode, ErrorCode, Rejected
from gameserver.net.compression import Compression, inflate
from gameserver.net.frames import (
    CLOSE,
    PING,
    PING_FRAME,
    PONG,
    Frame,
    FrameReader,
    FrameRefused,
    control_frame,
)
from gameserver.net.keepalive import Keepalive
from gameserver.net.outbox import Outbox
from gameserver.net.receiver import Receiver
from gameserver.net.timers import TimerHandle
from gameserver.ops.log import log
from gameserver.ops.metrics import NO_CLOSE_FRAME
from gameserver.protocol.declare import Message
from gameserver.protocol.general import Limits, LogonRefusal
from gameserver.protocol.sessions import EndSession, SessionEnded
from gameserver.protocol.subscriptions import JoinGame, LeaveGame
from gameserver.realtime.admission import Admission
from gameserver.realtime.context import ServerContext
from gameserver.realtime.requests import RequestPipeline
from gameserver.realtime.subscriptions import Subscriptions
from gameserver.storage.users import Session, User

logger = logging.getLogger(__name__)

_MAX_ANONYMOUS_BYTES = 4_096  # per message received, and unsent, before log-on
_ORDINARY_CODES = (CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.SESSION_ENDED)


class Connection:
    """One client's WebSocket connection.

    Implements `gameserver.engine.connection.ClientConnection`, `gameserver.realtime.connections.RegisteredConnection`.
    ``session`` is None until the client logs on. ``sources`` are the game sources that it asks to watch once it has.
    """

    __slots__ = (
        "_admission",
        "_blocked_timer",
        "_closing_timer",
        "_context",
        "_keepalive",
        "_logon_timer",
        "_nursery",
        "_opened_at_s",
        "_receiver",
        "_requests",
        "_session_timer",
        "_sources",
        "_subscriptions",
        "_watched",
        "outbox",
        "session",
    )

    def __init__(
        self,
        context: ServerContext,
        nursery: trio.Nursery,
        transport: trio.abc.Stream,
        admission: Admission,
        *,
        compression: Compression,
        early: bytes,
        sources: list[str],
    ) -> None:
        settings = context.settings
        self.session: Session | None = None
        self.outbox = Outbox(
            transport,
            min(_MAX_ANONYMOUS_BYTES, settings.max_unsent_bytes),
            compression=compression,
            gathering=context.gathering,
            start=self._start_sending,
            on_closing=self._start_close_timeout,
            on_dead=nursery.cancel_scope.cancel,
        )
        self._context = context
        self._nursery = nursery
        frames = FrameReader(
            min(_MAX_ANONYMOUS_BYTES, settings.max_message_bytes),
            settings.max_message_fragments,
            inflate if compression.is_agreed else None,
        )
        self._receiver = Receiver(transport, frames, early)
        self._admission = admission
        self._sources = sources
        self._watched: list[int] = []
        self._subscriptions = Subscriptions(context, self.outbox)
        self._requests = RequestPipeline(context, self, self.outbox, admission, nursery, self._note_all_answered)
        self._opened_at_s: float | None = None
        self._keepalive: Keepalive | None = None
        self._logon_timer: TimerHandle | None = None
        self._session_timer: TimerHandle | None = None
        self._blocked_timer: TimerHandle | None = None
        self._closing_timer: TimerHandle | None = None

    @property
    def limits(self) -> Limits:
        """The server's limits, as clients are told them."""
        return self._context.limits

    async def run(self, handshake_response: bytes, login: Login | None, watched: list[int]) -> None:
        """Accept the handshake and serve the client until the connection ends.

        ``login`` is the session that the handshake proved, checked against ``max_connections_per_user``, None if it had
        no credentials; ``watched`` are the ids of the sources it asks to watch.
        """
        context, settings = self._context, self._context.settings
        try:
            await self.outbox.send(handshake_response)
            context.registry.add(self)
            context.metrics.opened += 1
            self._opened_at_s = trio.current_time()
            log(logger, logging.DEBUG, "opened", "connection opened")
            if login is not None:
                self._set_login(login, watched)
            else:
                self._check_logon()
            self._keepalive = Keepalive(
                context.timers,
                settings.ping_interval_s,
                settings.ping_timeout_s,
                ping=self._ping,
                quiet_since=self._quiet_since,
                drop=self._drop,
            )
            if context.draining:
                self.drain()
            del handshake_response, login, watched  # which an idle connection need not keep in memory
            await self._read_messages()
        finally:
            self._clean_up()

    async def _read_messages(self) -> None:
        try:
            while (message := await self._receiver.next()) is not None:
                if isinstance(message, Frame):
                    if not await self._handle_frame(message):
                        return
                elif self.outbox.closing is None:  # messages after the close frame are ignored
                    await self._requests.handle(message, self._receiver.take_fragments())
        except FrameRefused as refused:
            await self._requests.wait_until_answered()
            self.outbox.close(refused.code, refused.reason)
            await self._receiver.wait_for_close()

    async def _handle_frame(self, frame: Frame) -> bool:
        """Handle a frame that is not a text message; whether to read on."""
        if frame.opcode in (PING, PONG):
            if self._requests.allows_control_frame() and frame.opcode == PING:
                await self.outbox.send(control_frame(PONG, frame.payload))
        else:
            await self._requests.wait_until_answered()
            if frame.opcode == CLOSE:
                self.outbox.answer_close(control_frame(CLOSE, frame.payload[:2]))
                return False
            self.outbox.close(CloseCode.UNSUPPORTED_DATA, "binary messages are not accepted")
        return True

    def _clean_up(self) -> None:
        if self._keepalive is not None:
            self._keepalive.stop()
        if self.outbox.closing is None:
            # The peer is gone: what is queued for it cannot be sent, nor what is still told of it.
            self.outbox.abandon()
            self._nursery.cancel_scope.cancel()
        self._context.registry.remove(self)
        if self.session is not None:
            self._context.usage.see(self.session)
        self._subscriptions.end()
        for source_id in self._watched:
            self._context.hubs.unwatch(source_id, self.outbox)
        if self._opened_at_s is not None:
            self._record_closed(trio.current_time() - self._opened_at_s)

    async def reply(self, message: Message) -> None:
        """Send the reply to the request that is being handled."""
        await self._requests.reply(message)

    def _note_all_answered(self) -> None:
        if self._context.draining:
            self.drain()

    # Log-on and session

    async def log_on(self, credentials: Credentials) -> Login | LogonRefusal:
        """Log the connection on by credentials; returns why not if that fails."""
        context = self._context
        try:
            login = await context.authenticate(credentials)
        except Rejected as rejected:
            if rejected.code is not ErrorCode.NOT_AUTHORIZED:
                raise
            return LogonRefusal.BANNED
        if login is None:
            context.log_failed_logon()
            return LogonRefusal.BAD_CREDENTIALS
        watched = await context.find_sources(self._sources)
        if not context.has_room_for(login.session.user):
            return LogonRefusal.TOO_MANY_CONNECTIONS
        self._set_login(login, watched)
        return login

    def _set_login(self, login: Login, watched: list[int]) -> None:
        self.session = login.session
        self._admission.fields["user"] = login.session.user.id
        self._admission.mark_logged_on()
        self._receiver.set_max_bytes(self._context.settings.max_message_bytes)
        self.outbox.max_unsent_bytes = self._context.settings.max_unsent_bytes
        self._context.registry.add_login(self, login.session)
        self._context.usage.see(login.session)
        self._watched = watched
        for source_id in watched:
            self._context.hubs.watch(source_id, self.outbox)
        if self._logon_timer is not None:
            self._logon_timer.cancel()
        self._check_session()

    def _check_session(self) -> None:
        """Close with 4002 once the session has expired by the server's clock, which may run slower than Trio's."""
        assert self.session is not None
        self.session = self._context.usage.renew(self.session)
        if self._session_timer is not None:
            self._session_timer.cancel()
        left_s = (self.session.expires_at - self._context.clock.now_ms()) / 1000
        if left_s > 0:
            self._session_timer = self._context.timers.call_later(left_s, self._check_session)
        else:
            self.outbox.close(CloseCode.SESSION_ENDED, "session key expired")

    def _check_logon(self) -> None:
        """Close with 4001 unless the client logs on within ``logon_timeout_s``, not counting pauses of the process."""
        assert self._opened_at_s is not None
        timers = self._context.timers
        ends_at = max(self._opened_at_s, timers.resumed_at) + self._context.settings.logon_timeout_s
        left_s = ends_at - trio.current_time()
        if left_s > 0:
            self._logon_timer = timers.call_later(left_s, self._check_logon)
        else:
            self.outbox.close(CloseCode.LOGON_TIMEOUT, "log-on timeout")

    async def create_view_key(self) -> NewSession:
        """Make a view key of the user; the oldest one ends beyond the limit."""
        assert self.session is not None
        return await self._context.create_view_key(self.session.user)

    async def list_sessions(self) -> list[Session]:
        """The user's live sessions, newest first."""
        assert self.session is not None
        return await self._context.list_sessions(self.session.user)

    async def revoke(self, request: EndSession) -> None:
        """End a session of the user, and send the reply before its connections are closed. Raises ``not_found``."""
        assert self.session is not None
        await self._context.delete_session(self.session.user, request.session_id)
        try:
            await self._requests.reply(SessionEnded(session_id=request.session_id))
        finally:  # also if this connection has ended meanwhile
            self._context.registry.end_session(request.session_id)

    # Games

    async def join(self, request: JoinGame) -> None:
        """Subscribe to a game, and send the reply."""
        assert self.session is not None
        user = None if self.session.is_view else self.session.user
        await self._subscriptions.join(request, user, self._requests.reply)

    async def leave(self, request: LeaveGame) -> None:
        """End a subscription, and send the reply."""
        await self._subscriptions.leave(request, self._requests.reply)

    # Closing

    def drain(self) -> None:
        """Close with 1001 once the requests in flight are answered, since the server is shutting down."""
        if not self._requests.unanswered:
            self.outbox.close(CloseCode.GOING_AWAY, "server shutting down")

    def end_session(self) -> None:
        """Close with 4002, since the session that the connection logged on with has ended."""
        self.outbox.close(CloseCode.SESSION_ENDED, "session ended")

    def set_user(self, user: User) -> None:
        """Note that the session's user has another name or other roles."""
        if self.session is not None:
            self.session = self.session._replace(user=user)
            self._subscriptions.set_user(user)

    def dispose(self) -> None:
        """Cancel the timers and free the buffers, before the transport is closed.

        The connection is part of reference cycles, so that its memory may be reclaimed much later.
        """
        self.outbox.abandon()
        self._receiver.abandon()
        for timer in (self._logon_timer, self._session_timer, self._blocked_timer, self._closing_timer):
            if timer is not None:
                timer.cancel()

    def _start_sending(self, send: Callable[[], Awaitable[None]]) -> None:
        """Start a task that sends what is queued, and the timer that closes the connection of a blocked peer."""
        self._nursery.start_soon(send)
        if self._blocked_timer is None:
            self._blocked_timer = self._context.timers.call_later(
                self._context.settings.max_blocked_s, self._check_blocked
            )

    def _check_blocked(self) -> None:
        """Close with 4008 if the peer has accepted no queued byte for ``max_blocked_s``, else check again later."""
        self._blocked_timer = None
        blocked_since = self.outbox.blocked_since()
        if blocked_since is None:
            return
        timers = self._context.timers
        ends_at = max(blocked_since, timers.resumed_at) + self._context.settings.max_blocked_s
        left_s = ends_at - trio.current_time()
        if left_s > 0:
            self._blocked_timer = timers.call_later(left_s, self._check_blocked)
        else:
            self.outbox.close(CloseCode.TOO_SLOW, "too slow: nothing was read in time")

    def _start_close_timeout(self) -> None:
        settings = self._context.settings
        self._closing_timer = self._context.timers.call_later(
            settings.close_timeout_s, self._nursery.cancel_scope.cancel
        )

    def _ping(self) -> None:
        """Ping, and check whether the session has expired, since the clock may have been set forward."""
        if self.session is not None:
            self._check_session()
        self.outbox.push_if_room(PING_FRAME)

    def _quiet_since(self) -> float | None:
        """Since when the peer has neither sent nor accepted anything; None while the server is not reading."""
        silent_since = self._receiver.silent_since
        if silent_since is None:
            return None
        return max(silent_since, self.outbox.progressed_at, self._context.timers.resumed_at)

    def _drop(self) -> None:
        text = "connection dropped: the peer is silent"
        log(logger, logging.INFO, "dropped", text, reason="silent", **self._admission.fields)
        self._nursery.cancel_scope.cancel()

    def _record_closed(self, duration_s: float) -> None:
        """Count and log the end of the connection; ordinary ones at level debug."""
        code = int(self.outbox.closing or NO_CLOSE_FRAME)
        self._context.metrics.closed[code] += 1
        fields: dict[str, object] = {"code": code, "duration_s": round(duration_s, 3)}
        if self.outbox.close_reason:
            fields["why"] = self.outbox.close_reason
        if code in _ORDINARY_CODES:
            log(logger, logging.DEBUG, "closed", "connection closed", **fields)
        else:
            level = logging.WARNING if code == CloseCode.TOO_SLOW else logging.INFO
            log(logger, level, "closed", "connection closed", **fields, reason=str(code))
