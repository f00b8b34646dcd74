"""Accepts connections, and routes each by its request head to HTTP or WebSocket (protocol, "Transport")."""

import logging
from collections.abc import Awaitable, Iterable
from socket import AF_UNIX
from typing import NamedTuple, TypeVar

import trio

from gameserver.config import UNIX
from gameserver.engine.sessions import Login
from gameserver.errors import ErrorCode, Rejected
from gameserver.net.accept import accept_forever
from gameserver.net.checks import (
    DRAINING,
    FULL,
    METRICS,
    READY,
    READYZ,
    RETRY_AFTER,
    STORAGE_UNAVAILABLE,
    answer,
    endpoint,
    is_check,
)
from gameserver.net.handshake import Handshake, accept_handshake
from gameserver.net.head import Head, HeadRefused, read_head
from gameserver.net.proxy_protocol import read_source
from gameserver.net.responses import without_body
from gameserver.net.tls import Certificate
from gameserver.ops.log import log_failure, set_context
from gameserver.ops.prometheus import PrometheusMetrics
from gameserver.realtime.admission import Admission
from gameserver.realtime.connection import Connection
from gameserver.realtime.context import ServerContext
from gameserver.realtime.http import respond_last, serve_http
from gameserver.realtime.logon import Query, read_query, unauthorized

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def serve_connection(
    context: ServerContext,
    transport: trio.abc.Stream,
    peer: str,
    clients: trio.Nursery,
    *,
    at_metrics_port: bool = False,
) -> None:
    """Serve one connection from the address ``peer``: answer a check or refuse it, or pass it to a task of its own.

    That task belongs to ``clients``, which stays open until the server drains. No client's behaviour raises.
    """
    admission = Admission(context, transport, peer, at_metrics_port=at_metrics_port)
    set_context(admission.fields)
    routed: _Routed | None = await _contain(admission, _serve_request(context, admission))
    if routed is not None:
        clients.start_soon(_contain, admission, _serve_client(context, admission, routed))


async def _contain(admission: Admission, serve: Awaitable[T | None]) -> T | None:
    """Await what serves a connection, and contain its failures; the connection ends unless there is a result."""
    result = None
    try:
        try:
            result = await serve
        finally:
            if result is None:
                admission.release_slot()
    except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as errors:
        logger.debug("connection broken: %r", errors.exceptions)
    except* Exception:
        log_failure(logger, logging.ERROR, "internal_error", "the connection ended by a bug in the server")
    finally:
        if result is None:
            await trio.aclose_forcefully(admission.transport)
    return result


class _Opening(NamedTuple):
    """The opening of a WebSocket: its accepted handshake, its query, and the bytes received after its head."""

    handshake: Handshake
    query: Query
    early: bytes


_Routed = _Opening | Head  # a head is that of a request to the application


async def _serve_request(context: ServerContext, admission: Admission) -> _Routed | None:
    """Read a connection's first request, and answer it unless it is for the application or opens a WebSocket.

    A connection beyond the limits gets health checks only, unless a slot is free by its request.
    """
    if admission.has_slot:
        return await _in_time(context, admission, _read_request(context, admission))
    routed = None
    with context.reserve.hold() as hold:
        routed = await _in_time(context, admission, _read_request(context, admission))
    if hold.cancelled_caught and not admission.answered:
        refused = admission.too_many_connections()
        admission.record_refusal(refused.reason, refused.fields)
        if context.certificate is None:
            await admission.transport.send_all(refused.response)
    return routed


async def _in_time(context: ServerContext, admission: Admission, step: Awaitable[T]) -> T | None:
    """Take a step of the handshake; None if it is refused, or not done within ``handshake_timeout_s``."""
    done = None
    with trio.move_on_after(context.settings.handshake_timeout_s) as deadline:
        done = await _unless_refused(context, admission, step)
    if deadline.cancelled_caught:
        admission.record_refusal("timeout")
    return done


async def _unless_refused(context: ServerContext, admission: Admission, step: Awaitable[T]) -> T | None:
    """Take a step of serving a connection; None if it is refused, which is answered."""
    try:
        return await step
    except HeadRefused as refused:
        admission.record_refusal(refused.reason, refused.fields)
        await respond_last(context, admission, refused.response)
    return None


async def _read_request(context: ServerContext, admission: Admission) -> _Routed | None:
    if context.settings.proxy_protocol and admission.peer in context.trusted_proxies:
        admission.set_peer(await read_source(admission.transport) or admission.peer)
    if context.certificate is not None:
        await _begin_tls(context.certificate, admission)
    return await _handle_head(context, admission)


async def _handle_head(context: ServerContext, admission: Admission, early: bytes = b"") -> _Routed | None:
    """Read a request's head, which begins with ``early``, and route it; checks are answered here.

    Raises `HeadRefused`.
    """
    head = await read_head(admission.transport, context.settings.max_head_bytes, early)
    if head is None:
        admission.record_refusal("closed")
        return None
    try:
        admission.locate(head)
        head = head.below(context.settings.base_path.rstrip("/"))
        if head.wants_websocket and not admission.at_metrics_port:
            admission.claim_slot()
            _require_not_draining(context)
            return _read_handshake(context, head, is_secure=admission.is_secure)
        if context.application.serves(head) and not is_check(head.method, head.path) and not admission.at_metrics_port:
            admission.claim_slot()
            _require_not_draining(context)
            return head
        response = await _http_response(context, admission, head)
    except HeadRefused as refused:
        if head.method == "HEAD":
            refused.response = without_body(refused.response)
        raise
    await respond_last(context, admission, without_body(response) if head.method == "HEAD" else response)
    return None


async def _http_response(context: ServerContext, admission: Admission, head: Head) -> bytes:
    """The response to an HTTP request. Raises `HeadRefused` (503) if there is no slot for it."""
    if endpoint(head.path) == METRICS and admission.at_metrics_port != bool(context.settings.metrics_port):
        head = head._replace(path="")  # the metrics are at the other port
    if not is_check(head.method, head.path):
        admission.claim_slot()
    name, state, metrics = endpoint(head.path), READY, None
    if context.draining:
        state = DRAINING
    elif name == READYZ and admission.is_full:
        state = FULL
    elif name == READYZ and not await context.can_write():
        state = STORAGE_UNAVAILABLE
    if name == METRICS and admission.may_read_metrics(head):
        metrics = PrometheusMetrics(context.metrics, context.snapshot())
        if not context.reserve.replenish():
            context.reserve.release_descriptor()  # the process's own metrics are read from files
    return answer(head.method, head.path, state=state, metrics=metrics)


def _require_not_draining(context: ServerContext) -> None:
    """Raise `HeadRefused` (503) if the server drains."""
    # No checkpoint between here and the start of the connection's task: a server that drains starts none.
    if context.draining:
        raise HeadRefused(503, "busy", "the server is shutting down; try again later", RETRY_AFTER, reason="draining")


def _read_handshake(context: ServerContext, head: Head, *, is_secure: bool) -> _Opening:
    """Check a handshake. Raises `HeadRefused`."""
    settings = context.settings
    compress_over_bytes = settings.compress_min_bytes if settings.compression else None
    handshake = accept_handshake(head, context.allowed_origins, compress_over_bytes)
    return _Opening(handshake, read_query(head, is_secure=is_secure), head.rest)


async def _serve_client(context: ServerContext, admission: Admission, routed: _Routed | None) -> None:
    """Serve a connection's requests to the application, or its WebSocket, until it ends."""
    while isinstance(routed, Head):
        early = await _unless_refused(context, admission, serve_http(context, admission, routed))
        routed = None
        if early is not None:
            routed = await _in_time(context, admission, _handle_head(context, admission, early))
    if routed is not None:
        await _serve_websocket(context, admission, routed)
    await _end_tls(context, admission.transport)


async def _serve_websocket(context: ServerContext, admission: Admission, opening: _Opening) -> None:
    """Serve a WebSocket connection, from its handshake to its end."""
    session = await _in_time(context, admission, _log_on(context, opening.query))
    if session is None:
        return
    connection = None
    try:
        async with trio.open_nursery() as nursery:
            connection = Connection(
                context,
                nursery,
                admission.transport,
                admission,
                compression=opening.handshake.compression,
                early=opening.early,
                sources=opening.query.sources,
            )
            running = connection.run(opening.handshake.response, *session)
            del opening, session  # which an idle connection need not keep in memory
            await running
    finally:
        if connection is not None:
            connection.dispose()


async def _log_on(context: ServerContext, query: Query) -> tuple[Login | None, list[int]]:
    """The session that a handshake proves, None without credentials, and the ids of the sources it asks to watch.

    Raises `HeadRefused`.
    """
    login, watched = None, []
    try:
        if query.credentials is not None:
            login = await context.authenticate(query.credentials)
            if login is None:
                raise unauthorized()
            watched = await context.find_sources(query.sources)
    except Rejected as rejected:
        if rejected.code is ErrorCode.NOT_FOUND:
            raise HeadRefused(404, rejected.code, rejected.text) from None
        if rejected.code is ErrorCode.NOT_AUTHORIZED:
            raise HeadRefused(403, rejected.code, rejected.text, reason="banned") from None
        raise HeadRefused(503, rejected.code, rejected.text, RETRY_AFTER) from None
    # No checkpoint between here and the connection's registration, lest a user exceed the limit.
    if login is not None and not context.has_room_for(login.session.user):
        text = "too many connections of this user; close one first"
        raise HeadRefused(503, ErrorCode.BUSY, text, RETRY_AFTER, reason="too_many_of_user")
    return login, watched


async def _begin_tls(certificate: Certificate, admission: Admission) -> None:
    admission.transport = transport = certificate.secure(admission.transport)
    try:
        await transport.do_handshake()
    except trio.BrokenResourceError:
        admission.record_refusal("tls")
        raise


async def _end_tls(context: ServerContext, transport: trio.abc.Stream) -> None:
    """Close TLS properly, so that the client knows nothing was truncated."""
    if isinstance(transport, trio.SSLStream):
        with trio.move_on_after(context.settings.close_timeout_s):
            await transport.aclose()


async def accept_connections(
    context: ServerContext,
    listeners: Iterable[trio.SocketListener],
    clients: trio.Nursery,
    task_status: trio.TaskStatus[None],
    *,
    at_metrics_port: bool = False,
) -> None:
    """Accept connections at each listener until cancelled; each is served by a task of its own.

    What is more than a check is served in the nursery ``clients``, and does not end with this.
    """

    async def serve(stream: trio.SocketStream) -> None:
        peer = _address_of(stream.socket)
        await serve_connection(context, stream, peer, clients, at_metrics_port=at_metrics_port)

    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(accept_forever, listener, serve, nursery, context.reserve.release_descriptor)
        task_status.started()


def _address_of(socket: trio.socket.SocketType) -> str:
    """The peer's address, looked up once, since a connection that was reset has none."""
    if socket.family == AF_UNIX:
        return UNIX
    try:
        return str(socket.getpeername()[0])
    except OSError:
        return "unknown"
