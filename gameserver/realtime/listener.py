"""The port: accepts connections, reads each one's request head and passes it on (contract, section 1)."""

import logging
from collections.abc import Iterable
from socket import AF_UNIX
from typing import NamedTuple

import trio

from gameserver.config import UNIX
from gameserver.errors import ErrorCode, Rejected
from gameserver.handlers.registry import Login
from gameserver.realtime.accept import accept_forever
from gameserver.realtime.connection import Connection
from gameserver.realtime.exposition import Exposition
from gameserver.realtime.head import Head, HeadRefused, accept_handshake, read_head, read_query, unauthorized
from gameserver.realtime.logs import log_failure, set_context
from gameserver.realtime.proxy_protocol import read_source
from gameserver.realtime.services import Services
from gameserver.realtime.tls import Certificate
from gameserver.realtime.visit import Visit
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
from gameserver.web.responses import without_body

logger = logging.getLogger(__name__)


async def serve_connection(
    services: Services, transport: trio.abc.Stream, peer: str, *, at_metrics_port: bool = False
) -> None:
    """Serve one connection from the address ``peer`` to its end. Never raises because of what a client does."""
    visit = Visit(services, transport, peer, at_metrics_port=at_metrics_port)
    set_context(visit.fields)
    try:
        try:
            await _serve(services, visit)
        finally:
            visit.leave()
    except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as errors:
        logger.debug("the connection broke: %r", errors.exceptions)
    except* Exception:
        log_failure(logger, logging.ERROR, "internal_error", "the connection ended by a bug of the server")
    finally:
        await trio.aclose_forcefully(visit.transport)


class _Admitted(NamedTuple):
    """A WebSocket handshake that is in order: the response, what came along with it, and who asks."""

    response: bytes
    early: bytes
    login: Login | None
    sources: list[str]
    watched: list[int]


async def _serve(services: Services, visit: Visit) -> None:
    if visit.has_place:
        admitted = await _welcome(services, visit)
    else:
        admitted = await _welcome_briefly(services, visit)
    if admitted is not None:
        await _converse(services, visit, admitted)
        await _end_tls(services, visit.transport)


async def _welcome_briefly(services: Services, visit: Visit) -> _Admitted | None:
    """The same for somebody who has no place: he may ask how the server does, and stay if there is one by then."""
    admitted = None
    with services.reserve.hold() as room:
        admitted = await _welcome(services, visit)
    if room.cancelled_caught and not visit.answered:
        refused = visit.too_many()
        visit.note_refusal(refused.reason, refused.fields)
        if services.certificate is None:
            await visit.transport.send_all(refused.response)
    return admitted


async def _welcome(services: Services, visit: Visit) -> _Admitted | None:
    """Hear what somebody wants; None if that is no conversation."""
    admitted = None
    try:
        with trio.move_on_after(services.settings.handshake_timeout_s) as patience:
            if services.settings.proxy_protocol and visit.peer in services.trusted_proxies:
                visit.pass_on(await read_source(visit.transport) or visit.peer)
            if services.certificate is not None:
                await _begin_tls(services.certificate, visit)
            admitted = await _receive(services, visit)
        if patience.cancelled_caught:
            visit.note_refusal("timeout")
    except HeadRefused as refused:
        visit.note_refusal(refused.reason, refused.fields)
        await _respond(services, visit, refused.response)
    return admitted


async def _receive(services: Services, visit: Visit) -> _Admitted | None:
    """Read a request's head; an HTTP request is answered here. Raises `HeadRefused`."""
    head = await read_head(visit.transport, services.settings.max_head_bytes)
    if head is None:
        visit.note_refusal("closed")
        return None
    try:
        visit.locate(head)
        head = head.below(services.settings.base_path.rstrip("/"))
        if head.wants_websocket and not visit.at_metrics_port:
            visit.settle()
            return await _admit(services, head)
        response = await _answer(services, visit, head)
    except HeadRefused as refused:
        if head.method == "HEAD":
            refused.response = without_body(refused.response)
        raise
    await _respond(services, visit, without_body(response) if head.method == "HEAD" else response)
    return None


async def _answer(services: Services, visit: Visit, head: Head) -> bytes:
    """The response to an HTTP request. Raises `HeadRefused` where there is no place for it."""
    if endpoint(head.path) == METRICS and visit.at_metrics_port != bool(services.settings.metrics_port):
        head = head._replace(path="")  # they are at the other port
    if not is_check(head.method, head.path):
        visit.settle()
    name, state, metrics = endpoint(head.path), READY, None
    if services.draining:
        state = DRAINING
    elif name == READYZ and visit.is_one_too_many:
        state = FULL
    elif name == READYZ and not await services.can_write():
        state = STORAGE_UNAVAILABLE
    if name == METRICS and visit.may_read_metrics(head):
        metrics = Exposition(services)
        if not services.reserve.replenish():
            services.reserve.spend()  # the process is measured by reading files
    return answer(head.method, head.path, state=state, metrics=metrics)


async def _admit(services: Services, head: Head) -> _Admitted:
    """Check a handshake, its credentials and the sources it wants to watch. Raises `HeadRefused`."""
    if services.draining:
        raise HeadRefused(503, "busy", "the server is going away; try again soon", RETRY_AFTER, reason="draining")
    response = accept_handshake(head, services.allowed_origins)
    query = read_query(head)
    login, watched = None, []
    try:
        if query.credentials is not None:
            login = await services.authenticate(query.credentials)
            if login is None:
                raise unauthorized()
            watched = await services.find_sources(query.sources)
    except Rejected as rejected:
        if rejected.code is ErrorCode.NOT_FOUND:
            raise HeadRefused(404, rejected.code, rejected.text) from None
        raise HeadRefused(503, rejected.code, rejected.text, RETRY_AFTER) from None
    # Nothing is waited for between here and the connection's entry into the directory.
    if login is not None and not services.has_room_for(login.session.user):
        text = "this user has as many connections as a user may have; close one"
        raise HeadRefused(503, ErrorCode.BUSY, text, RETRY_AFTER, reason="too_many_of_user")
    return _Admitted(response, head.rest, login, query.sources, watched)


async def _converse(services: Services, visit: Visit, admitted: _Admitted) -> None:
    connection = None
    try:
        async with trio.open_nursery() as nursery:
            connection = Connection(services, nursery, visit.transport, visit, admitted.early, admitted.sources)
            await connection.run(admitted.response, admitted.login, admitted.watched)
    finally:
        if connection is not None:
            connection.dispose()


async def _respond(services: Services, visit: Visit, response: bytes) -> None:
    """Send an HTTP response and wait a little for the client to close, lest a reset destroys it."""
    visit.answered = True
    transport = visit.transport
    with trio.move_on_after(services.settings.close_timeout_s):
        await transport.send_all(response)
        if isinstance(transport, trio.SocketStream):
            await transport.send_eof()
        elif isinstance(transport, trio.SSLStream):
            await transport.unwrap()
            return
        while await transport.receive_some():
            pass


async def _begin_tls(certificate: Certificate, visit: Visit) -> None:
    visit.transport = transport = certificate.secure(visit.transport)
    try:
        await transport.do_handshake()
    except trio.BrokenResourceError:
        visit.note_refusal("tls")
        raise


async def _end_tls(services: Services, transport: trio.abc.Stream) -> None:
    """Tell a client of wss that nothing was cut off."""
    if isinstance(transport, trio.SSLStream):
        with trio.move_on_after(services.settings.close_timeout_s):
            await transport.aclose()


async def accept_connections(
    services: Services,
    listeners: Iterable[trio.SocketListener],
    task_status: trio.TaskStatus[None],
    *,
    at_metrics_port: bool = False,
) -> None:
    """Accept until cancelled; each connection is a task of its own."""

    async def serve(stream: trio.SocketStream) -> None:
        await serve_connection(services, stream, _address_of(stream.socket), at_metrics_port=at_metrics_port)

    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(accept_forever, listener, serve, nursery, services.reserve.spend)
        task_status.started()


def _address_of(socket: trio.socket.SocketType) -> str:
    """The peer's address, asked for once: a connection that was reset has none any more."""
    if socket.family == AF_UNIX:
        return UNIX
    try:
        return str(socket.getpeername()[0])
    except OSError:
        return "unknown"
