"""A WebSocket connection: one task that reads, decodes, carries out and answers, in order."""

import logging
import math
import secrets
import time
from functools import partial
from typing import NamedTuple

import trio

from gameserver.errors import CloseCode, ErrorCode, Rejected
from gameserver.handlers.registry import SESSIONS, Committed, Credentials, Login, run_write
from gameserver.protocol.codec import (
    ResponseHeader,
    Undecodable,
    decode_request,
    encode_body,
    request_digest,
    with_header,
)
from gameserver.protocol.declare import Kind, Message, Request, declared, error_reply
from gameserver.protocol.games import JoinGame, LeaveGame
from gameserver.protocol.general import Limits
from gameserver.realtime.alarms import Alarm
from gameserver.realtime.frames import (
    CLOSE,
    PING,
    PING_FRAME,
    PONG,
    Frame,
    FrameReader,
    FrameRefused,
    control_frame,
    text_frame,
)
from gameserver.realtime.heartbeat import Heartbeat
from gameserver.realtime.incoming import Incoming
from gameserver.realtime.limits import Patience
from gameserver.realtime.logs import log, log_failure
from gameserver.realtime.memberships import Memberships
from gameserver.realtime.metrics import NO_CLOSE_FRAME, OK
from gameserver.realtime.outbox import Outbox
from gameserver.realtime.services import Services
from gameserver.realtime.visit import Visit
from gameserver.storage.jobs import Outcome
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_MAX_UNANSWERED = 32
_RATE_LIMITED_PATIENCE_S = 10.0
_USUAL_ENDS = (CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.SESSION_ENDED)


class _Asked(NamedTuple):
    """A request that has been looked at; ``failure`` says why it is not carried out."""

    received_at_s: float
    op: int | None
    id: str | int | None
    request: Request | None = None
    failure: Exception | None = None


class Connection:
    """One client. It contains every failure of its own.

    Implements `gameserver.handlers.registry.Conversation`.
    """

    __slots__ = (
        "_address",
        "_all_answered",
        "_deadline",
        "_expires_at_ms",
        "_fields",
        "_heartbeat",
        "_incoming",
        "_memberships",
        "_nursery",
        "_opened_at_s",
        "_patience",
        "_request_id",
        "_services",
        "_session_id",
        "_unanswered",
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
        watched: list[int],
    ) -> None:
        settings = services.settings
        self.user: User | None = None
        self.outbox = Outbox(
            transport,
            settings.max_unsent_bytes,
            start=nursery.start_soon,
            on_closing=self._limit_closing,
            on_dead=nursery.cancel_scope.cancel,
        )
        self._services = services
        self._nursery = nursery
        frames = FrameReader(settings.max_message_bytes, settings.max_message_fragments)
        self._incoming = Incoming(transport, frames, early)
        self._address = visit.address
        self._fields = visit.fields
        self._watched = watched
        self._session_id: str | None = None
        self._expires_at_ms: float = math.inf
        self._memberships = Memberships(services, self.outbox)
        self._request_id: str | int | None = None
        self._patience = Patience(_RATE_LIMITED_PATIENCE_S)
        self._unanswered = 0
        self._all_answered: trio.Event | None = None
        self._opened_at_s: float | None = None
        self._heartbeat: Heartbeat | None = None
        self._deadline: Alarm | None = None  # to log on, then for the session to end, then to close

    @property
    def limits(self) -> Limits:
        """The server's limits."""
        return self._services.limits

    async def run(self, handshake_response: bytes, login: Login | None) -> None:
        """Accept the handshake and converse until the connection ends."""
        services, settings = self._services, self._services.settings
        try:
            await self.outbox.send(handshake_response)
            services.directory.add(self)
            services.metrics.opened += 1
            self._opened_at_s = trio.current_time()
            log(logger, logging.DEBUG, "opened", "the connection is open")
            if login is not None:
                self._act_for(login)
            else:
                self._set_deadline(settings.logon_timeout_s, CloseCode.LOGON_TIMEOUT, "log on within the time")
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
                    await self._answer(message)
        except FrameRefused as refused:
            await self._wait_until_answered()
            self.outbox.close(refused.code, refused.reason)
            await self._incoming.wait_for_close()

    async def _take(self, frame: Frame) -> bool:
        """Take what is no request; whether the client has more to say."""
        if frame.opcode == PING:
            await self.outbox.send(control_frame(PONG, frame.payload))
        elif frame.opcode != PONG:
            await self._wait_until_answered()
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

    # Requests

    async def _answer(self, text: str) -> None:
        """Have a request answered after those before it.

        A change is answered when it is on disk. Until then the next request is read: changes that follow each
        other share a commit.
        """
        asked = self._look_at(text)
        if asked.request is not None and declared(asked.request).kind is Kind.WRITE:
            if self._unanswered >= _MAX_UNANSWERED:
                await self._wait_until_answered()
            await self.outbox.wait_for_room()
            failure = self._submit(asked, asked.request, text)
            if failure is None:
                return
            asked = asked._replace(failure=failure)
        await self._wait_until_answered()
        self._unanswered += 1
        await self._carry_out(asked)
        self._note_answered()

    def _look_at(self, text: str) -> _Asked:
        received_at_s = time.perf_counter()
        retry_after_ms = self._rate_limited_for()
        try:
            request = decode_request(text, logged_in=self.user is not None)
        except Undecodable as undecodable:
            failure = _too_many(retry_after_ms) if retry_after_ms else undecodable.rejected
            return _Asked(received_at_s, undecodable.op, undecodable.id, failure=failure)
        except Exception as bug:
            return _Asked(received_at_s, None, None, failure=bug)
        op, id_ = declared(request).op, request.header.id
        if retry_after_ms:
            return _Asked(received_at_s, op, id_, failure=_too_many(retry_after_ms))
        return _Asked(received_at_s, op, id_, request)

    def _submit(self, asked: _Asked, request: Request, text: str) -> Exception | None:
        """Have a change carried out, and answered, in its turn; why not, if that cannot be."""
        services = self._services
        assert self.user is not None
        now_ms = services.clock.now_ms()
        try:
            digest = request_digest(text) if request.header.key else None
            write = partial(
                run_write,
                request=request,
                digest=digest,
                user=self.user,
                now_ms=now_ms,
                settings=services.settings,
            )
            services.store.writer.submit(write, now_ms, partial(self._answer_change, asked))
        except Exception as error:  # told in its turn
            return error
        self._unanswered += 1
        return None

    def _answer_change(self, asked: _Asked, outcome: Outcome) -> None:
        """A change has become what it has become, and the changes before it are answered."""
        error = outcome.error
        if error is None:
            committed: Committed = outcome.result
            self.outbox.put(self._reply_frame(asked.id, committed.body, repeated=committed.repeated))
        else:
            self.outbox.put(self._reply_frame(asked.id, self._refuse(asked, error)))
        self._count(asked, error)
        self._note_answered()

    async def _carry_out(self, asked: _Asked) -> None:
        """Carry out a request that reads or concerns the connection itself, and answer it, whatever happens."""
        self._request_id = asked.id
        error = asked.failure
        try:
            if asked.request is not None and error is None:
                await self._perform(asked.request)
        except Exception as raised:
            error = raised
        if error is not None:
            await self._send(self._refuse(asked, error))
        self._count(asked, error)

    async def _perform(self, request: Request) -> None:
        if declared(request).kind is Kind.SESSION:
            await SESSIONS[type(request)](self, request)
        else:
            assert self.user is not None
            await self._send(await self._services.read(request, self.user))

    def _refuse(self, asked: _Asked, error: Exception) -> bytes:
        """The body of the error reply; a bug is logged with its incident id."""
        try:
            raise error
        except Rejected as raised:
            rejected = raised
        except Exception:
            incident = secrets.token_hex(6)
            text = "the operation failed by a bug of the server"
            fields = {**self._fields, "op": asked.op, "incident": incident}
            log_failure(logger, logging.ERROR, "internal_error", text, **fields)
            rejected = Rejected(ErrorCode.INTERNAL, f"a bug of the server, logged as incident {incident}")
        return encode_body(error_reply(asked.op, rejected.code, rejected.text, rejected.field, **rejected.details))

    def _count(self, asked: _Asked, error: Exception | None) -> None:
        outcome = OK if error is None else error.code if isinstance(error, Rejected) else ErrorCode.INTERNAL
        self._services.metrics.count_answer(asked.op, outcome, time.perf_counter() - asked.received_at_s)

    async def _wait_until_answered(self) -> None:
        """Wait until every request read so far has been answered."""
        while self._unanswered:
            if self._all_answered is None:
                self._all_answered = trio.Event()
            await self._all_answered.wait()

    def _note_answered(self) -> None:
        self._unanswered -= 1
        if not self._unanswered:
            if self._all_answered is not None:
                self._all_answered.set()
                self._all_answered = None
            if self._services.draining:
                self.drain()

    def _rate_limited_for(self) -> int | None:
        """Take the request's tokens; the milliseconds to wait if there are none left."""
        now_s = trio.current_time()
        wait_ms = None
        # The user first: who floods must not use up what others behind the same address may ask for.
        if self.user is not None:
            wait_ms = self._services.user_rate.take(self.user.id, now_s)
        if wait_ms is None:
            wait_ms = self._services.address_rate.take(self._address, now_s)
        if wait_ms is None:
            self._patience.granted(now_s)
        elif self._patience.refused(wait_ms, now_s):
            self.outbox.close(CloseCode.RATE_LIMITED, "nothing but rate-limited requests")
        return wait_ms

    async def reply(self, message: Message) -> None:
        """Answer the request."""
        await self._send(encode_body(message))

    async def _send(self, body: bytes) -> None:
        await self.outbox.send(self._reply_frame(self._request_id, body))

    def _reply_frame(self, request_id: str | int | None, body: bytes, *, repeated: bool = False) -> bytes:
        header = ResponseHeader(t=self._services.clock.now_ms(), id=request_id, repeated=repeated)
        return text_frame(with_header(header, body))

    # Who it is

    async def log_on(self, credentials: Credentials) -> Login | None:
        """Act for the user that the credentials prove; None if they prove nobody."""
        login = await self._services.authenticate(credentials)
        if login is not None:
            self._act_for(login)
        else:
            self._services.note_failed_logon()
        return login

    def _act_for(self, login: Login) -> None:
        session = login.session
        self.user = session.user
        self._session_id = session.id
        self._fields["user"] = session.user.id
        self._expires_at_ms = session.expires_at
        self._services.directory.add_login(self, session.user.id, session.id)
        for source_id in self._watched:
            self._services.hubs.watch(source_id, self.outbox)
        left_s = (session.expires_at - self._services.clock.now_ms()) / 1000
        self._set_deadline(left_s, CloseCode.SESSION_ENDED, "session key expired")

    def _set_deadline(self, delay_s: float, code: CloseCode, reason: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._services.alarms.set(delay_s, partial(self.outbox.close, code, reason))

    # Games

    async def join(self, request: JoinGame) -> None:
        """Subscribe to a game, and answer the request."""
        assert self.user is not None
        await self._memberships.join(request, self.user, self.reply)

    async def leave(self, request: LeaveGame) -> None:
        """End a subscription, and answer the request."""
        await self._memberships.leave(request, self.reply)

    # Life and death

    def drain(self) -> None:
        """The server is going away: close once the requests in hand are answered."""
        if not self._unanswered:
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
        if self._deadline is not None:
            self._deadline.cancel()

    def _limit_closing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        settings = self._services.settings
        self._deadline = self._services.alarms.set(settings.close_timeout_s, self._nursery.cancel_scope.cancel)

    def _ping(self) -> None:
        """Ping, and see whether the session is over by the wall clock, which may have been set forward."""
        if self._services.clock.now_ms() >= self._expires_at_ms:
            self.outbox.close(CloseCode.SESSION_ENDED, "session key expired")
        self.outbox.push_if_room(PING_FRAME)

    def _quiet_since(self) -> float | None:
        """Since when the peer has neither sent anything, while the server listened, nor taken what waited for it."""
        silent_since = self._incoming.silent_since
        return None if silent_since is None else max(silent_since, self.outbox.progressed_at)

    def _drop(self) -> None:
        text = "the connection is dropped: no sign of life"
        self._services.floods.log(logger, logging.INFO, "dropped", text, "silent", **self._fields)
        self._nursery.cancel_scope.cancel()

    def _note_closed(self, duration_s: float) -> None:
        """Count the end of the connection, and log it: the usual ones for those who look closely."""
        code = int(self.outbox.closing or NO_CLOSE_FRAME)
        self._services.metrics.closed[code] += 1
        fields: dict[str, object] = {"code": code, "duration_s": round(duration_s, 3)}
        if code in _USUAL_ENDS:
            log(logger, logging.DEBUG, "closed", "the connection is closed", **fields)
        else:
            level = logging.WARNING if code == CloseCode.TOO_SLOW else logging.INFO
            self._services.floods.log(logger, level, "closed", "the connection is closed", str(code), **fields)


def _too_many(retry_after_ms: int) -> Rejected:
    text = f"too many requests; wait {retry_after_ms} ms"
    return Rejected(ErrorCode.RATE_LIMITED, text, retry_after_ms=retry_after_ms)
