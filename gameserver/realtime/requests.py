"""Decodes, runs and answers one client's requests, in order (protocol, "Transport")."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import trio

from gameserver.engine.connection import ClientConnection
from gameserver.engine.context import Committed
from gameserver.errors import CloseCode, Rejected, without_frames
from gameserver.handlers.table import CONNECTION
from gameserver.net.compression import MessageFrames, is_costly
from gameserver.net.outbox import Outbox, close_for_reconnect
from gameserver.ops.log import log_failure
from gameserver.protocol.codec import (
    ResponseHeader,
    Undecodable,
    decode_request,
    encode_body,
    with_header,
)
from gameserver.protocol.declare import Kind, Message, Request, declared, error_reply
from gameserver.protocol.registry import OPERATIONS
from gameserver.realtime.admission import Admission
from gameserver.realtime.context import ServerContext
from gameserver.realtime.operations import (
    charge_change,
    count_answer,
    log_bug,
    prepare_write,
    rate_limited_for,
    too_many,
)
from gameserver.realtime.rate_limits import FloodDetector
from gameserver.realtime.request_cost import request_cost
from gameserver.storage.jobs import Outcome
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_MAX_UNANSWERED = 32
_MAX_RATE_LIMITED_S = 10.0
_FRAGMENTS_PER_TOKEN = 256
# Requests whose replies show the distributions of pools, of which an update may be queued.
_SHOWING_POOLS = frozenset(
    operation.request
    for operation in OPERATIONS.values()
    if any({"distribution", "pools_list"} & set(reply.__struct_fields__) for reply in operation.replies)
)


class _DecodedRequest(NamedTuple):
    """A received request; ``failure`` says why it is not carried out, and then ``request`` is None."""

    received_at_s: float
    op: int | None
    id: str | int | None
    request: Request | None = None
    failure: Exception | None = None


class RequestPipeline:
    """Handles the requests of one connection, of which ``unanswered`` are in flight.

    ``nursery`` is the connection's; ``on_all_answered`` is called whenever no request is left.
    """

    __slots__ = (
        "_address",
        "_answered",
        "_awaited_count",
        "_connection",
        "_context",
        "_fields",
        "_flood_detector",
        "_late",
        "_nursery",
        "_on_all_answered",
        "_outbox",
        "_request_id",
        "unanswered",
    )

    def __init__(
        self,
        context: ServerContext,
        connection: ClientConnection,
        outbox: Outbox,
        admission: Admission,
        nursery: trio.Nursery,
        on_all_answered: Callable[[], None],
    ) -> None:
        self.unanswered = 0
        self._context = context
        self._connection = connection
        self._outbox = outbox
        self._address = admission.limit_key
        self._fields = admission.fields
        self._nursery = nursery
        self._on_all_answered = on_all_answered
        self._late: list[MessageFrames] = []
        self._awaited_count = 0
        self._answered: trio.lowlevel.ParkingLot | None = None  # only while the task waits for answers
        self._request_id: str | int | None = None  # of the read or connection request that is being run
        self._flood_detector = FloodDetector(_MAX_RATE_LIMITED_S)

    async def handle(self, text: str, fragments: int) -> None:
        """Handle a request, received in ``fragments`` fragments, and answer it after those before it.

        Returns once the next request may be read. That does not wait for a write to be committed, so that consecutive
        writes share a commit; every other request has been answered by then.
        """
        decoded = self._decode(text, fragments)
        self.unanswered += 1
        if decoded.request is not None and declared(decoded.request).kind is Kind.WRITE:
            if self.unanswered > _MAX_UNANSWERED:
                await self._wait_until_left(1)
            await self._outbox.wait_for_room()
            failure = await self._submit(decoded, decoded.request, text)
            if failure is None:
                return
            decoded = decoded._replace(request=None, failure=failure)
        if self.unanswered > 1:
            await self._wait_until_left(1)
        await self._run(decoded)
        self._note_answered()

    def _decode(self, text: str, fragments: int) -> _DecodedRequest:
        """Decode a request and charge its cost; a refused request is not kept in memory."""
        received_at_s = time.perf_counter()
        request = op = id_ = None
        failure: Exception | None = None
        try:
            session = self._connection.session
            is_view = session is not None and session.is_view
            request = decode_request(text, logged_in=session is not None, is_view=is_view)
        except Undecodable as undecodable:
            op, id_, failure = undecodable.op, undecodable.id, without_frames(undecodable.rejected)
        except Exception as bug:
            failure = bug
        else:
            op, id_ = declared(request).op, request.header.id
        retry_after_ms = self._rate_limited_for(request_cost(text, request) + fragments // _FRAGMENTS_PER_TOKEN)
        if retry_after_ms and (failure is None or isinstance(failure, Rejected)):
            failure = too_many(retry_after_ms)
        return _DecodedRequest(received_at_s, op, id_, request if failure is None else None, failure)

    async def _submit(self, decoded: _DecodedRequest, request: Request, text: str) -> Exception | None:
        """Submit a write, which is answered once it is committed; returns the error if it cannot be submitted."""
        context, session = self._context, self._connection.session
        assert session is not None
        user, size_bytes = session.user, len(text)
        await context.unanswered_bytes.acquire(user.id, size_bytes)
        try:
            job, now_ms = await prepare_write(context, request, text, user)
            context.store.writer.submit(job, now_ms, partial(self._answer_write, decoded, user, size_bytes))
        except BaseException as error:
            context.unanswered_bytes.release(user.id, size_bytes)
            if not isinstance(error, Exception):
                raise
            return without_frames(error)  # answered after the requests before it
        return None

    def _answer_write(self, decoded: _DecodedRequest, user: User, size_bytes: int, outcome: Outcome) -> None:
        """Answer a write that was committed or failed; those before it have been answered."""
        self._context.unanswered_bytes.release(user.id, size_bytes)
        error = outcome.error
        is_answered = True
        try:
            if error is None:
                committed: Committed = outcome.result
                charge_change(self._context, user, committed)
                is_answered = self._put(self._reply(decoded.id, committed.body, repeated=committed.repeated))
            else:
                is_answered = self._put(self._reply(decoded.id, self._error_body(decoded, error)))
        except Exception:
            self._log_unanswered(op=decoded.op)
        count_answer(self._context, decoded.op, error, decoded.received_at_s)
        if is_answered:
            self._note_answered()

    async def _run(self, decoded: _DecodedRequest) -> None:
        """Run a read or connection request and answer it, or answer the failure of any request."""
        self._request_id = decoded.id
        error = decoded.failure
        try:
            if decoded.request is not None:
                await self._perform(decoded.request)
        except Exception as raised:
            error = raised
        if error is not None:
            await self._send(self._error_body(decoded, error))
        count_answer(self._context, decoded.op, error, decoded.received_at_s)

    async def _perform(self, request: Request) -> None:
        if declared(request).kind is Kind.CONNECTION:
            await CONNECTION[type(request)](self._connection, request)
        else:
            session = self._connection.session
            assert session is not None
            body = await self._context.read(request, session.reader)
            await self._send(body, about_all=type(request) in _SHOWING_POOLS)

    def _error_body(self, decoded: _DecodedRequest, error: Exception) -> bytes:
        """The body of the error reply; a bug is logged with an incident id."""
        rejected = error if isinstance(error, Rejected) else log_bug(error, decoded.op, self._fields)
        return encode_body(error_reply(decoded.op, rejected.code, rejected.text, rejected.field, **rejected.details))

    async def wait_until_answered(self) -> None:
        """Wait until every request received so far is answered."""
        await self._wait_until_left(0)

    async def _wait_until_left(self, count: int) -> None:
        """Wait until no more than ``count`` requests are unanswered, that of the caller included."""
        while self.unanswered > count:
            self._awaited_count, self._answered = count, trio.lowlevel.ParkingLot()
            await self._answered.park()
            self._answered = None

    def _note_answered(self) -> None:
        self.unanswered -= 1
        if self._answered is not None and self.unanswered <= self._awaited_count:
            self._answered.unpark_all()
        if not self.unanswered:
            self._on_all_answered()

    def allows_control_frame(self) -> bool:
        """Charge a control frame, which costs as much as a small request; whether the rate limits allow it."""
        return self._rate_limited_for(1) is None

    def _rate_limited_for(self, cost: int) -> int | None:
        """Charge a cost to the rate limits; the wait in milliseconds if one refuses it, else None.

        Closes the connection with 4029 if it has sent nothing but rate-limited requests for too long.
        """
        session, now_s = self._connection.session, trio.current_time()
        user = session.user if session is not None else None
        refused = rate_limited_for(self._context, user, self._address, cost)
        if refused is None:
            self._flood_detector.granted(now_s)
            return None
        wait_ms, limit = refused
        if self._flood_detector.refused(wait_ms, now_s):
            self._outbox.close(CloseCode.RATE_LIMITED, f"rate limit exceeded for too long ({limit})")
        return wait_ms

    async def reply(self, message: Message) -> None:
        """Send the reply to the request that is being run."""
        await self._send(encode_body(message))

    async def _send(self, body: bytes, *, about_all: bool = False) -> None:
        reply, compression = self._reply(self._request_id, body), self._outbox.compression
        if compression.is_agreed:
            await self._context.compress((reply,), compression)
        await self._outbox.send(reply.of(compression), about_all=about_all)

    def _put(self, reply: MessageFrames) -> bool:
        """Send the reply to a write, unless it or one before it is still to be compressed; whether it was sent."""
        compression = self._outbox.compression
        if not self._late and not (compression.is_agreed and is_costly((reply,), compression)):
            self._outbox.put(reply.of(compression))
            return True
        self._late.append(reply)
        if len(self._late) == 1:
            self._nursery.start_soon(self._send_late)
        return False

    async def _send_late(self) -> None:
        """Send the replies that could not be sent at once, in order."""
        try:
            while self._late:
                await self._context.compress(self._late[:1], self._outbox.compression)
                self._outbox.put(self._late.pop(0).of(self._outbox.compression))
                self._note_answered()
        except Exception:
            self._log_unanswered()

    def _log_unanswered(self, **fields: object) -> None:
        """Log a bug in answering, and close the connection, whose client must recover."""
        text = "a committed change could not be answered"
        log_failure(logger, logging.ERROR, "internal_error", text, **self._fields, **fields)
        close_for_reconnect(self._outbox)

    def _reply(self, request_id: str | int | None, body: bytes, *, repeated: bool = False) -> MessageFrames:
        header = ResponseHeader(t=self._context.clock.now_ms(), id=request_id, repeated=repeated)
        return MessageFrames(with_header(header, body))
