"""A WebSocket connection: one task that reads what the client sends, and who the client is."""

import logging
import math
from collections.abc import Awaitable, Callable

import trio

from gameserver.errors import CloseCode
from gameserver.handlers.registry import Credentials, Login
from gameserver.protocol.declare import Message
from gameserver.protocol.games import JoinGame, LeaveGame
from gameserver.protocol.general import Limits, LogonRefusal
from gameserver.realtime.alarms import Alarm
from gameserver.realtime.answering import Answering
from gameserver.realtime.frames import (
    CLOSE,
    PING,
    PING_FRAME,
    PONG,
    Frame,
    FrameReader,
    FrameRefused,
    control_frame,
)
from gameserver.realtime.heartbeat import Heartbeat
from gameserver.realtime.incoming import Incoming
from gameserver.realtime.logs import log
from gameserver.realtime.memberships import Memberships
from gameserver.realtime.metrics import NO_CLOSE_FRAME
from gameserver.realtime.outbox import Outbox
from gameserver.realtime.services import Services
from gameserver.realtime.visit import Visit
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_MAX_ANONYMOUS_BYTES = 4_096  # of a message of a client that has not logged on, and of what waits for it
_USUAL_ENDS = (CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.SESSION_ENDED)


class Connection:
    """One client. It contains every failure of its own.

    Implements `gameserver.handlers.registry.Conversation`.
    """

    __slots__ = (
        "_answering",
        "_blocked_alarm",
        "_closing_alarm",
        "_expires_at_ms",
        "_heartbeat",
        "_incoming",
        "_logon_alarm",
        "_memberships",
        "_nursery",
        "_opened_at_s",
        "_services",
        "_session_alarm",
        "_session_id",
        "_sources",
        "_visit",
        "_watched",
        "outbox",
        "user",
    )

    def __init__(
        self,
        services: Services,
        nursery: trio.Nursery,
        transport: trio.abc.Stream,
        visit: Visit,
        early: bytes,
        sources: list[str],
    ) -> None:
        settings = services.settings
        self.user: User | None = None
        self.outbox = Outbox(
            transport,
            min(_MAX_ANONYMOUS_BYTES, settings.max_unsent_bytes),
            start=self._start_sending,
            on_closing=self._limit_closing,
            on_dead=nursery.cancel_scope.cancel,
        )
        self._services = services
        self._nursery = nursery
        frames = FrameReader(min(_MAX_ANONYMOUS_BYTES, settings.max_message_bytes), settings.max_message_fragments)
        self._incoming = Incoming(transport, frames, early)
        self._visit = visit
        self._sources = sources
        self._watched: list[int] = []
        self._session_id: str | None = None
        self._expires_at_ms: float = math.inf
        self._memberships = Memberships(services, self.outbox)
        self._answering = Answering(services, self, self.outbox, visit, self._note_all_answered)
        self._opened_at_s: float | None = None
        self._heartbeat: Heartbeat | None = None
        self._logon_alarm: Alarm | None = None
        self._session_alarm: Alarm | None = None
        self._blocked_alarm: Alarm | None = None
        self._closing_alarm: Alarm | None = None

    @property
    def limits(self) -> Limits:
        """The server's limits."""
        return self._services.limits

    async def run(self, handshake_response: bytes, login: Login | None, watched: list[int]) -> None:
        """Accept the handshake and converse until the connection ends.

        With a ``login``, which has been found to have room, ``watched`` are the sources that it asks for.
        """
        services, settings = self._services, self._services.settings
        try:
            await self.outbox.send(handshake_response)
            services.directory.add(self)
            services.metrics.opened += 1
            self._opened_at_s = trio.current_time()
            log(logger, logging.DEBUG, "opened", "the connection is open")
            if login is not None:
                self._act_for(login, watched)
            else:
                self._limit_logon()
            self._heartbeat = Heartbeat(
                services.alarms,
                settings.ping_interval_s,
                settings.ping_timeout_s,
                ping=self._ping,
                quiet_since=self._quiet_since,
                drop=self._drop,
            )
            if services.draining:
                self.drain()
            await self._converse()
        finally:
            self._depart()

    async def _converse(self) -> None:
        try:
            while (message := await self._incoming.next()) is not None:
                if isinstance(message, Frame):
                    if not await self._take(message):
                        return
                elif self.outbox.closing is None:  # and not what was in flight when the connection began to close
                    await self._answering.answer(message, self._incoming.take_fragments())
        except FrameRefused as refused:
            await self._answering.wait_until_answered()
            self.outbox.close(refused.code, refused.reason)
            await self._incoming.wait_for_close()

    async def _take(self, frame: Frame) -> bool:
        """Take what is no request; whether the client has more to say."""
        if frame.opcode in (PING, PONG):
            if self._answering.admits_frame() and frame.opcode == PING:
                await self.outbox.send(control_frame(PONG, frame.payload))
        else:
            await self._answering.wait_until_answered()
            if frame.opcode == CLOSE:
                self.outbox.send_last(control_frame(CLOSE, frame.payload[:2]))
                return False
            self.outbox.close(CloseCode.UNSUPPORTED_DATA, "text frames only")
        return True

    def _depart(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if self.outbox.closing is None:
            # The peer is gone: nobody takes what still waits for it, and nothing more is due.
            self.dispose()
            self._nursery.cancel_scope.cancel()
        self._memberships.end()
        for source_id in self._watched:
            self._services.hubs.unwatch(source_id, self.outbox)
        if self._opened_at_s is not None:
            self._note_closed(trio.current_time() - self._opened_at_s)
        self._services.directory.remove(self, self.user.id if self.user else None, self._session_id)

    async def reply(self, message: Message) -> None:
        """Answer the request that concerns the connection itself."""
        await self._answering.reply(message)

    def _note_all_answered(self) -> None:
        if self._services.draining:
            self.drain()

    # Who it is

    async def log_on(self, credentials: Credentials) -> Login | LogonRefusal:
        """Act for the user that the credentials prove, or say why not."""
        services = self._services
        login = await services.authenticate(credentials)
        if login is None:
            services.note_failed_logon()
            return LogonRefusal.BAD_CREDENTIALS
        watched = await services.find_sources(self._sources)
        if not services.has_room_for(login.session.user):
            return LogonRefusal.TOO_MANY_CONNECTIONS
        self._act_for(login, watched)
        return login

    def _act_for(self, login: Login, watched: list[int]) -> None:
        session = login.session
        self.user = session.user
        self._session_id = session.id
        self._visit.fields["user"] = session.user.id
        self._expires_at_ms = session.expires_at
        self._visit.admit()
        self._incoming.allow(self._services.settings.max_message_bytes)
        self.outbox.max_unsent_bytes = self._services.settings.max_unsent_bytes
        self._services.directory.add_login(self, session.user.id, session.id)
        self._watched = watched
        for source_id in watched:
            self._services.hubs.watch(source_id, self.outbox)
        if self._logon_alarm is not None:
            self._logon_alarm.cancel()
        self._limit_session()

    def _limit_session(self) -> None:
        """Close with 4002 once the session is over by the server's clock, which need not go as fast as Trio's."""
        if self._session_alarm is not None:
            self._session_alarm.cancel()
        left_s = (self._expires_at_ms - self._services.clock.now_ms()) / 1000
        if left_s > 0:
            self._session_alarm = self._services.alarms.set(left_s, self._limit_session)
        else:
            self.outbox.close(CloseCode.SESSION_ENDED, "session key expired")

    def _limit_logon(self) -> None:
        """Close with 4001 unless somebody logs on within the time, in which the server must have been listening."""
        assert self._opened_at_s is not None
        alarms = self._services.alarms
        ends_at = max(self._opened_at_s, alarms.resumed_at) + self._services.settings.logon_timeout_s
        left_s = ends_at - trio.current_time()
        if left_s > 0:
            self._logon_alarm = alarms.set(left_s, self._limit_logon)
        else:
            self.outbox.close(CloseCode.LOGON_TIMEOUT, "log on within the time")

    # Games

    async def join(self, request: JoinGame) -> None:
        """Subscribe to a game, and answer the request."""
        assert self.user is not None
        await self._memberships.join(request, self.user, self._answering.reply)

    async def leave(self, request: LeaveGame) -> None:
        """End a subscription, and answer the request."""
        await self._memberships.leave(request, self._answering.reply)

    # Life and death

    def drain(self) -> None:
        """The server is going away: close once the requests in hand are answered."""
        if not self._answering.unanswered:
            self.outbox.close(CloseCode.GOING_AWAY, "the server is going away")

    def end_session(self) -> None:
        """The session key that the connection logged on with is no longer valid."""
        self.outbox.close(CloseCode.SESSION_ENDED, "session ended")

    def dispose(self) -> None:
        """The transport is about to be closed: nothing more will be due, nor sent, nor read.

        What waits is let go of now: the connection is garbage in a circle, which may be kept for a while.
        """
        self.outbox.abandon()
        self._incoming.abandon()
        for alarm in (self._logon_alarm, self._session_alarm, self._blocked_alarm, self._closing_alarm):
            if alarm is not None:
                alarm.cancel()

    def _start_sending(self, send: Callable[[], Awaitable[None]]) -> None:
        """Something waits for the peer: send it in a task of its own, and see that the peer takes it."""
        self._nursery.start_soon(send)
        if self._blocked_alarm is None:
            self._blocked_alarm = self._services.alarms.set(self._services.settings.max_blocked_s, self._limit_blocked)

    def _limit_blocked(self) -> None:
        """Close with 4008 once the peer has taken nothing for too long, for as long as something waits."""
        self._blocked_alarm = None
        blocked_since = self.outbox.blocked_since()
        if blocked_since is None:
            return
        alarms = self._services.alarms
        ends_at = max(blocked_since, alarms.resumed_at) + self._services.settings.max_blocked_s
        left_s = ends_at - trio.current_time()
        if left_s > 0:
            self._blocked_alarm = alarms.set(left_s, self._limit_blocked)
        else:
            self.outbox.close(CloseCode.TOO_SLOW, "nothing of what waits has been taken")

    def _limit_closing(self) -> None:
        settings = self._services.settings
        self._closing_alarm = self._services.alarms.set(settings.close_timeout_s, self._nursery.cancel_scope.cancel)

    def _ping(self) -> None:
        """Ping, and see whether the session is over by a clock that has been set forward."""
        if self.user is not None:
            self._limit_session()
        self.outbox.push_if_room(PING_FRAME)

    def _quiet_since(self) -> float | None:
        """Since when the peer has neither sent anything, while the server listened, nor taken what waited for it."""
        silent_since = self._incoming.silent_since
        if silent_since is None:
            return None
        return max(silent_since, self.outbox.progressed_at, self._services.alarms.resumed_at)

    def _drop(self) -> None:
        text = "the connection is dropped: no sign of life"
        log(logger, logging.INFO, "dropped", text, reason="silent", **self._visit.fields)
        self._nursery.cancel_scope.cancel()

    def _note_closed(self, duration_s: float) -> None:
        """Count the end of the connection, and log it: the usual ones for those who look closely."""
        code = int(self.outbox.closing or NO_CLOSE_FRAME)
        self._services.metrics.closed[code] += 1
        fields: dict[str, object] = {"code": code, "duration_s": round(duration_s, 3)}
        if self.outbox.why_closing:
            fields["why"] = self.outbox.why_closing
        if code in _USUAL_ENDS:
            log(logger, logging.DEBUG, "closed", "the connection is closed", **fields)
        else:
            level = logging.WARNING if code == CloseCode.TOO_SLOW else logging.INFO
            log(logger, level, "closed", "the connection is closed", **fields, reason=str(code))
