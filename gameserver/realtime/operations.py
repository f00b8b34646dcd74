"""Carrying out operations, however they were asked for: their cost, the writer, and bugs in them."""

import logging
import secrets
import time
from collections.abc import Mapping
from functools import partial

import trio

from gameserver.config import Settings
from gameserver.engine.context import Committed
from gameserver.errors import ErrorCode, Rejected
from gameserver.handlers.execution import Parsed, WriteRequest, admit, hashes_password, parse, write_job
from gameserver.ops.log import log_failure
from gameserver.ops.metrics import OK
from gameserver.protocol.closing import is_preview
from gameserver.protocol.codec import request_digest
from gameserver.protocol.declare import Request
from gameserver.realtime.context import ServerContext
from gameserver.realtime.request_cost import change_cost
from gameserver.storage.jobs import Job
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_MAX_INLINE_CHARS = 4_096  # a shorter request is parsed sooner than it is passed to a thread
USER_LIMIT, ADDRESS_LIMIT = "max_requests_per_s", "max_requests_per_s_per_address"


async def prepare_write(
    context: ServerContext, request: Request, text: str, user: User, *, over_http: bool = False
) -> tuple[Job[Committed], int]:
    """The job that carries out a write, received as ``text``, and when it was received in epoch ms.

    Raises `Rejected`.
    """
    settings = context.settings
    prepare = partial(_prepare, request, text, settings)
    if hashes_password(request):
        # Who lacks the role is refused before that costs a hash.
        await context.store.read(partial(admit, request=request, user=user, settings=settings))
        digest, parsed = await context.hashing.run(prepare)
    else:
        digest, parsed = prepare() if len(text) <= _MAX_INLINE_CHARS else await context.run_aside(prepare)
    now_ms = context.clock.now_ms()
    received = WriteRequest(
        request, parsed, digest, user, now_ms, context.settings, context.audience, over_http=over_http
    )
    return write_job(received), now_ms


def _prepare(request: Request, text: str, settings: Settings) -> tuple[bytes | None, Parsed]:
    parsed = parse(request, settings)
    return request_digest(text) if request.header.key and not is_preview(request) else None, parsed


async def write(context: ServerContext, request: Request, text: str, user: User) -> Committed:
    """Carry out a write that came by HTTP, and return once it is on disk and published. Raises `Rejected`."""
    await context.unanswered_bytes.acquire(user.id, len(text))
    try:
        job, now_ms = await prepare_write(context, request, text, user, over_http=True)
        committed = await context.store.write(job, now_ms)
    finally:
        context.unanswered_bytes.release(user.id, len(text))
    charge_change(context, user, committed)
    return committed


def rate_limited_for(context: ServerContext, user: User | None, limit_key: str, cost: int) -> tuple[int, str] | None:
    """Charge a cost to the limits of a user, if there is one, and of an address.

    If one of them refuses it, returns the wait in milliseconds and the limit's name.
    """
    now_s = trio.current_time()
    # The user's limit first: a flooding user must not use up the limit of its address, which others share.
    if user is not None and (wait_ms := context.user_rate_limiter.take(user.id, now_s, cost)) is not None:
        return wait_ms, USER_LIMIT
    wait_ms = context.address_rate_limiter.take(limit_key, now_s, cost)
    return None if wait_ms is None else (wait_ms, ADDRESS_LIMIT)


def charge_change(context: ServerContext, user: User, committed: Committed) -> None:
    """Charge a user for what a committed change has published."""
    if cost := change_cost(committed):
        context.user_rate_limiter.charge(user.id, trio.current_time(), cost)


def too_many(retry_after_ms: int) -> Rejected:
    """The refusal of a request beyond a rate limit."""
    text = f"rate limit exceeded; retry in {retry_after_ms} ms"
    return Rejected(ErrorCode.RATE_LIMITED, text, retry_after_ms=retry_after_ms)


def log_bug(bug: Exception, op: int | None, fields: Mapping[str, object]) -> Rejected:
    """Log a bug in carrying out a request, with an incident id; the refusal that tells the client that id."""
    incident = secrets.token_hex(6)
    text = "the operation failed by a bug in the server"
    try:
        raise bug
    except Exception:
        log_failure(logger, logging.ERROR, "internal_error", text, **{**fields, "op": op, "incident": incident})
    return Rejected(ErrorCode.INTERNAL, f"internal server error; report incident {incident}")


def count_answer(context: ServerContext, op: int | None, error: Exception | None, received_at_s: float) -> None:
    """Count a request that was received at this time of `time.perf_counter` and is answered now."""
    outcome = OK if error is None else error.code if isinstance(error, Rejected) else ErrorCode.INTERNAL
    context.metrics.count_answer(op, outcome, time.perf_counter() - received_at_s)
