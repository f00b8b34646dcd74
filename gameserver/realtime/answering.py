"""Answering one client's requests, each after those before it (contract, sections 1 and 3)."""

import logging
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import trio

from gameserver.config import Settings
from gameserver.errors import CloseCode, ErrorCode, Rejected, without_frames
from gameserver.handlers.registry import SESSIONS, Committed, Conversation, Parsed, parse, run_write
from gameserver.protocol.codec import (
    ResponseHeader,
    Undecodable,
    decode_request,
    encode_body,
    request_digest,
    with_header,
)
from gameserver.protocol.declare import Kind, Message, Request, declared, error_reply
from gameserver.protocol.registry import OPERATIONS
from gameserver.realtime.costs import change_cost, request_cost
from gameserver.realtime.frames import text_frame
from gameserver.realtime.limits import Patience
from gameserver.realtime.logs import log_failure
from gameserver.realtime.metrics import OK
from gameserver.realtime.outbox import Outbox, send_away
from gameserver.realtime.services import Services
from gameserver.realtime.visit import Visit
from gameserver.storage.jobs import Outcome

logger = logging.getLogger(__name__)

_MAX_UNANSWERED = 32
_RATE_LIMITED_PATIENCE_S = 10.0
_FRAGMENTS_A_TOKEN = 256
# Requests whose replies show how pools are backed, of which an update may wait to be sent.
_SHOWING_POOLS = frozenset(
    operation.request
    for operation in OPERATIONS.values()
    if any({"distribution", "pools_list"} & set(reply.__struct_fields__) for reply in operation.replies)
)
_SHORT = 4_096  # characters: what can be written with fewer is looked at sooner than it is given to a thread


class _Asked(NamedTuple):
    """A request that has been looked at; ``failure`` says why it is not carried out."""

    received_at_s: float
    op: int | None
    id: str | int | None
    request: Request | None = None
    failure: Exception | None = None


class Answering:
    """The requests of one conversation, of which ``unanswered`` are in hand.

    ``on_all_answered`` is called whenever none is left.
    """

    __slots__ = (
        "_address",
        "_awaited_count",
        "_conversation",
        "_few_unanswered",
        "_fields",
        "_on_all_answered",
        "_outbox",
        "_patience",
        "_request_id",
        "_services",
        "unanswered",
    )

    def __init__(
        self,
        services: Services,
        conversation: Conversation,
        outbox: Outbox,
        visit: Visit,
        on_all_answered: Callable[[], None],
    ) -> None:
        self.unanswered = 0
        self._services = services
        self._conversation = conversation
        self._outbox = outbox
        self._address = visit.limited_as
        self._fields = visit.fields
        self._on_all_answered = on_all_answered
        self._awaited_count = 0
        self._few_unanswered: trio.Event | None = None
        self._request_id: str | int | None = None  # of the request that reads or concerns the connection
        self._patience = Patience(_RATE_LIMITED_PATIENCE_S)

    async def answer(self, text: str, fragments: int) -> None:
        """Have a request answered after those before it, which has come in so many fragments.

        A change is answered when it is on disk. Until then the next request is read: changes that follow each
        other share a commit.
        """
        asked = self._look_at(text, fragments)
        self.unanswered += 1
        if asked.request is not None and declared(asked.request).kind is Kind.WRITE:
            if self.unanswered > _MAX_UNANSWERED:
                await self._wait_for_others()
            await self._outbox.wait_for_room()
            failure = await self._submit(asked, asked.request, text)
            if failure is None:
                return
            asked = asked._replace(request=None, failure=failure)
        await self._wait_for_others()
        await self._carry_out(asked)
        self._note_answered()

    def _look_at(self, text: str, fragments: int) -> _Asked:
        """Decode a request and take what it costs; one that is refused is not held."""
        received_at_s = time.perf_counter()
        request = op = id_ = None
        failure: Exception | None = None
        try:
            request = decode_request(text, logged_in=self._conversation.user is not None)
        except Undecodable as undecodable:
            op, id_, failure = undecodable.op, undecodable.id, without_frames(undecodable.rejected)
        except Exception as bug:
            failure = bug
        else:
            op, id_ = declared(request).op, request.header.id
        retry_after_ms = self._rate_limited_for(request_cost(text, request) + fragments // _FRAGMENTS_A_TOKEN)
        if retry_after_ms and (failure is None or isinstance(failure, Rejected)):
            failure = _too_many(retry_after_ms)
        return _Asked(received_at_s, op, id_, request if failure is None else None, failure)

    async def _submit(self, asked: _Asked, request: Request, text: str) -> Exception | None:
        """Have a change carried out, and answered, in its turn; why not, if that cannot be."""
        services, user = self._services, self._conversation.user
        assert user is not None
        size_bytes = len(text)
        await services.unanswered.enter(user.id, size_bytes)
        try:
            digest, parsed = await self._prepare(request, text)
            now_ms = services.clock.now_ms()
            write = partial(
                run_write,
                request=request,
                parsed=parsed,
                digest=digest,
                user=user,
                now_ms=now_ms,
                settings=services.settings,
            )
            services.store.writer.submit(write, now_ms, partial(self._answer_change, asked, user.id, size_bytes))
        except BaseException as error:
            services.unanswered.leave(user.id, size_bytes)
            if not isinstance(error, Exception):
                raise
            return without_frames(error)  # told in its turn
        return None

    async def _prepare(self, request: Request, text: str) -> tuple[bytes | None, Parsed]:
        """What the writer needs to have been made of a request: in a thread, if that may take long."""
        prepare = partial(_prepare, request, text, self._services.settings)
        if len(text) <= _SHORT:
            return prepare()
        prepared: tuple[bytes | None, Parsed] = await self._services.run_sync(prepare, limiter=self._services.parsers)
        return prepared

    def _answer_change(self, asked: _Asked, user_id: int, size_bytes: int, outcome: Outcome) -> None:
        """A change has become what it has become, and the changes before it are answered."""
        self._services.unanswered.leave(user_id, size_bytes)
        error = outcome.error
        try:
            if error is None:
                committed: Committed = outcome.result
                if cost := change_cost(committed):
                    self._services.user_rate.charge(user_id, trio.current_time(), cost)
                self._outbox.put(self._reply_frame(asked.id, committed.body, repeated=committed.repeated))
            else:
                self._outbox.put(self._reply_frame(asked.id, self._refuse(asked, error)))
        except Exception:
            text = "a change that has been carried out could not be answered"
            log_failure(logger, logging.ERROR, "internal_error", text, **self._fields, op=asked.op)
            send_away(self._outbox)
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
            await SESSIONS[type(request)](self._conversation, request)
        else:
            user = self._conversation.user
            assert user is not None
            await self._send(await self._services.read(request, user), about_all=type(request) in _SHOWING_POOLS)

    def _refuse(self, asked: _Asked, error: Exception) -> bytes:
        """The body of the error reply; a bug is logged with its incident id."""
        rejected = error if isinstance(error, Rejected) else self._report(asked, error)
        return encode_body(error_reply(asked.op, rejected.code, rejected.text, rejected.field, **rejected.details))

    def _report(self, asked: _Asked, bug: Exception) -> Rejected:
        incident = secrets.token_hex(6)
        text = "the operation failed by a bug of the server"
        fields = {**self._fields, "op": asked.op, "incident": incident}
        try:
            raise bug
        except Exception:
            log_failure(logger, logging.ERROR, "internal_error", text, **fields)
        return Rejected(ErrorCode.INTERNAL, f"a bug of the server, logged as incident {incident}")

    def _count(self, asked: _Asked, error: Exception | None) -> None:
        outcome = OK if error is None else error.code if isinstance(error, Rejected) else ErrorCode.INTERNAL
        self._services.metrics.count_answer(asked.op, outcome, time.perf_counter() - asked.received_at_s)

    async def wait_until_answered(self) -> None:
        """Wait until every request read so far has been answered."""
        await self._wait_until_left(0)

    async def _wait_for_others(self) -> None:
        """Wait until the request that was read last is the only one in hand."""
        await self._wait_until_left(1)

    async def _wait_until_left(self, count: int) -> None:
        while self.unanswered > count:
            self._awaited_count, self._few_unanswered = count, trio.Event()
            await self._few_unanswered.wait()
            self._few_unanswered = None

    def _note_answered(self) -> None:
        self.unanswered -= 1
        if self._few_unanswered is not None and self.unanswered <= self._awaited_count:
            self._few_unanswered.set()
        if not self.unanswered:
            self._on_all_answered()

    def admits_frame(self) -> bool:
        """Whether the client may still send a control frame, which costs what a small request costs."""
        return self._rate_limited_for(1) is None

    def _rate_limited_for(self, cost: int) -> int | None:
        """Take what something costs; the milliseconds to wait if there are not as many."""
        now_s = trio.current_time()
        wait_ms, limit = None, "max_requests_per_s"
        # The user first: who floods must not use up what others behind the same address may ask for.
        user = self._conversation.user
        if user is not None:
            wait_ms = self._services.user_rate.take(user.id, now_s, cost)
        if wait_ms is None:
            limit = "max_requests_per_s_per_address"
            wait_ms = self._services.address_rate.take(self._address, now_s, cost)
        if wait_ms is None:
            self._patience.granted(now_s)
        elif self._patience.refused(wait_ms, now_s):
            self._outbox.close(CloseCode.RATE_LIMITED, f"nothing but requests over {limit}")
        return wait_ms

    async def reply(self, message: Message) -> None:
        """Answer the request."""
        await self._send(encode_body(message))

    async def _send(self, body: bytes, *, about_all: bool = False) -> None:
        await self._outbox.send(self._reply_frame(self._request_id, body), about_all=about_all)

    def _reply_frame(self, request_id: str | int | None, body: bytes, *, repeated: bool = False) -> bytes:
        header = ResponseHeader(t=self._services.clock.now_ms(), id=request_id, repeated=repeated)
        return text_frame(with_header(header, body))


def _prepare(request: Request, text: str, settings: Settings) -> tuple[bytes | None, Parsed]:
    return request_digest(text) if request.header.key else None, parse(request, settings)


def _too_many(retry_after_ms: int) -> Rejected:
    text = f"too many requests; wait {retry_after_ms} ms"
    return Rejected(ErrorCode.RATE_LIMITED, text, retry_after_ms=retry_after_ms)
