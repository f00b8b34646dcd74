"""The port: accepts connections, reads each one's request head and passes it on (protocol, "Transport")."""

import logging
from collections.abc import Iterable
from socket import AF_UNIX
from typing import NamedTuple

import trio

from gameserver.config import UNIX
from gameserver.engine.sessions import Login
from gameserver.errors import ErrorCode, Rejected
from gameserver.net.accept import accept_forever
from gameserver.net.handshake import accept_handshake
from gameserver.net.head import Head, HeadRefused, read_head
from gameserver.net.proxy_protocol import read_source
from gameserver.net.responses import without_body
from gameserver.net.tls import Certificate
from gameserver.ops.log import log_failure, set_context
from gameserver.ops.prometheus import PrometheusMetrics
from gameserver.realtime.admission import Admission
from gameserver.realtime.connection import Connection
from gameserver.realtime.context import ServerContext
from gameserver.realtime.logon import read_query, unauthorized
from gameserver.web.endpoints import (
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

logger = logging.getLogger(__name__)


async def serve_connection(
    context: ServerContext, transport: trio.abc.Stream, peer: str, *, at_metrics_port: bool = False
) -> None:
    """Serve one connection from the address ``peer`` to its end. Never raises because of what a client does."""
    admission = Admission(context, transport, peer, at_metrics_port=at_metrics_port)
    set_context(admission.fields)
    try:
        try:
            await _serve(context, admission)
        finally:
            admission.leave()
    except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as errors:
        logger.debug("the connection broke: %r", errors.exceptions)
    except* Exception:
        log_failure(logger, logging.ERROR, "internal_error", "the connection ended by a bug of the server")
    finally:
        await trio.aclose_forcefully(admission.transport)


class _Admitted(NamedTuple):
    """A WebSocket handshake that is in order: the response, what came along with it, and who asks."""

    response: bytes
    early: bytes
    login: Login | None
    sources: list[str]
    watched: list[int]


async def _serve(context: ServerContext, admission: Admission) -> None:
    if admission.has_place:
        admitted = await _welcome(context, admission)
    else:
        admitted = await _welcome_briefly(context, admission)
    if admitted is not None:
        await _converse(context, admission, admitted)
        await _end_tls(context, admission.transport)


async def _welcome_briefly(context: ServerContext, admission: Admission) -> _Admitted | None:
    """The same for somebody who has no place: he may ask how the server does, and stay if there is one by then."""
    admitted = None
    with context.reserve.hold() as room:
        admitted = await _welcome(context, admission)
    if room.cancelled_caught and not admission.answered:
        refused = admission.too_many()
        admission.note_refusal(refused.reason, refused.fields)
        if context.certificate is None:
            await admission.transport.send_all(refused.response)
    return admitted


async def _welcome(context: ServerContext, admission: Admission) -> _Admitted | None:
    """Hear what somebody wants; None if that is no conversation."""
    admitted = None
    try:
        with trio.move_on_after(context.settings.handshake_timeout_s) as patience:
            if context.settings.proxy_protocol and admission.peer in context.trusted_proxies:
                admission.pass_on(await read_source(admission.transport) or admission.peer)
            if context.certificate is not None:
                await _begin_tls(context.certificate, admission)
            admitted = await _receive(context, admission)
        if patience.cancelled_caught:
            admission.note_refusal("timeout")
    except HeadRefused as refused:
        admission.note_refusal(refused.reason, refused.fields)
        await _respond(context, admission, refused.response)
    return admitted


async def _receive(context: ServerContext, admission: Admission) -> _Admitted | None:
    """Read a request's head; an HTTP request is answered here. Raises `HeadRefused`."""
    head = await read_head(admission.transport, context.settings.max_head_bytes)
    if head is None:
        admission.note_refusal("closed")
        return None
    try:
        admission.locate(head)
        head = head.below(context.settings.base_path.rstrip("/"))
        if head.wants_websocket and not admission.at_metrics_port:
            admission.settle()
            return await _admit(context, head)
        response = await _answer(context, admission, head)
    except HeadRefused as refused:
        if head.method == "HEAD":
            refused.response = without_body(refused.response)
        raise
    await _respond(context, admission, without_body(response) if head.method == "HEAD" else response)
    return None


async def _answer(context: ServerContext, admission: Admission, head: Head) -> bytes:
    """The response to an HTTP request. Raises `HeadRefused` where there is no place for it."""
    if endpoint(head.path) == METRICS and admission.at_metrics_port != bool(context.settings.metrics_port):
        head = head._replace(path="")  # they are at the other port
    if not is_check(head.method, head.path):
        admission.settle()
    name, state, metrics = endpoint(head.path), READY, None
    if context.draining:
        state = DRAINING
    elif name == READYZ and admission.is_one_too_many:
        state = FULL
    elif name == READYZ and not await context.can_write():
        state = STORAGE_UNAVAILABLE
    if name == METRICS and admission.may_read_metrics(head):
        metrics = PrometheusMetrics(context.metrics, context.observed())
        if not context.reserve.replenish():
            context.reserve.spend()  # the process is measured by reading files
    return answer(head.method, head.path, state=state, metrics=metrics)


async def _admit(context: ServerContext, head: Head) -> _Admitted:
    """Check a handshake, its credentials and the sources it wants to watch. Raises `HeadRefused`."""
    if context.draining:
        raise HeadRefused(503, "busy", "the server is going away; try again soon", RETRY_AFTER, reason="draining")
    response = accept_handshake(head, context.allowed_origins)
    query = read_query(head)
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
        raise HeadRefused(503, rejected.code, rejected.text, RETRY_AFTER) from None
    # Nothing is waited for between here and the connection's entry into the directory.
    if login is not None and not context.has_room_for(login.session.user):
        text = "this user has as many connections as a user may have; close one"
        raise HeadRefused(503, ErrorCode.BUSY, text, RETRY_AFTER, reason="too_many_of_user")
    return _Admitted(response, head.rest, login, query.sources, watched)


async def _converse(context: ServerContext, admission: Admission, admitted: _Admitted) -> None:
    connection = None
    try:
        async with trio.open_nursery() as nursery:
            connection = Connection(context, nursery, admission.transport, admission, admitted.early, admitted.sources)
            await connection.run(admitted.response, admitted.login, admitted.watched)
    finally:
        if connection is not None:
            connection.dispose()


async def _respond(context: ServerContext, admission: Admission, response: bytes) -> None:
    """Send an HTTP response and wait a little for the client to close, lest a reset destroys it."""
    admission.answered = True
    transport = admission.transport
    with trio.move_on_after(context.settings.close_timeout_s):
        await transport.send_all(response)
        if isinstance(transport, trio.SocketStream):
            await transport.send_eof()
        elif isinstance(transport, trio.SSLStream):
            await transport.unwrap()
            return
        while await transport.receive_some():
            pass


async def _begin_tls(certificate: Certificate, admission: Admission) -> None:
    admission.transport = transport = certificate.secure(admission.transport)
    try:
        await transport.do_handshake()
    except trio.BrokenResourceError:
        admission.note_refusal("tls")
        raise


async def _end_tls(context: ServerContext, transport: trio.abc.Stream) -> None:
    """Tell a client of wss that nothing was cut off."""
    if isinstance(transport, trio.SSLStream):
        with trio.move_on_after(context.settings.close_timeout_s):
            await transport.aclose()


async def accept_connections(
    context: ServerContext,
    listeners: Iterable[trio.SocketListener],
    task_status: trio.TaskStatus[None],
    *,
    at_metrics_port: bool = False,
) -> None:
    """Accept until cancelled; each connection is a task of its own."""

    async def serve(stream: trio.SocketStream) -> None:
        await serve_connection(context, stream, _address_of(stream.socket), at_metrics_port=at_metrics_port)

    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(accept_forever, listener, serve, nursery, context.reserve.spend)
        task_status.started()


def _address_of(socket: trio.socket.SocketType) -> str:
    """The peer's address, asked for once: a connection that was reset has none any more."""
    if socket.family == AF_UNIX:
        return UNIX
    try:
        return str(socket.getpeername()[0])
    except OSError:
        return "unknown"
