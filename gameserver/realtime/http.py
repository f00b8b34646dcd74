"""Serves the HTTP requests of a connection, one after another (protocol, "HTTP")."""

import time

import trio

from gameserver.net.application import HttpRequest
from gameserver.net.body import read_body
from gameserver.net.head import Head, HeadRefused
from gameserver.realtime.admission import Admission
from gameserver.realtime.context import ServerContext

_PIECE_BYTES = 65_536  # of a response, for which `max_blocked_s` are given


async def serve_http(context: ServerContext, admission: Admission, head: Head) -> bytes | None:
    """Answer a request to the application, and wait for the next one on its connection.

    Returns the first bytes of the next one, None if the connection is to be closed. Raises `HeadRefused`.
    """
    settings = context.settings
    received_at_s = time.perf_counter()
    with trio.move_on_after(settings.handshake_timeout_s) as deadline:
        body = await read_body(admission.transport, head, settings.max_body_bytes)
    if deadline.cancelled_caught:
        raise HeadRefused(408, "bad_request", "the body of the request did not arrive in time", reason="timeout")
    if body is None:
        admission.record_refusal("closed")
        return None
    response = await context.application.answer(
        HttpRequest(
            head,
            body.content,
            admission.address,
            admission.limit_key,
            admission.is_secure,
            received_at_s,
            admission.fields,
        )
    )
    keeps_open = head.keeps_open and not context.draining
    encoded = response.encode(keeps_open=keeps_open, is_head=head.method == "HEAD")
    if not await _send(context, admission.transport, encoded):
        return None
    if not keeps_open:
        with trio.move_on_after(settings.close_timeout_s):
            await _wait_for_close(admission.transport)
        return None
    admission.release_client()
    rest = body.rest
    del head, body, response, encoded  # which an idle connection need not keep in memory
    return rest or await _wait_for_next(context, admission.transport)


async def _send(context: ServerContext, transport: trio.abc.Stream, response: bytes) -> bool:
    """Send a response; False if the client took none of it for too long."""
    view = memoryview(response)
    for start in range(0, len(view), _PIECE_BYTES):
        with trio.move_on_after(context.settings.max_blocked_s) as deadline:
            await transport.send_all(view[start : start + _PIECE_BYTES])
        if deadline.cancelled_caught:
            return False
    return True


async def _wait_for_next(context: ServerContext, transport: trio.abc.Stream) -> bytes | None:
    """The first bytes of the next request; None if none comes in time, or the server drains."""
    if context.draining:
        return None
    received = b""
    with trio.move_on_after(context.settings.http_idle_timeout_s) as waiting:
        context.idle_http.add(waiting)
        try:
            received = bytes(await transport.receive_some(context.settings.max_head_bytes))
        finally:
            context.idle_http.discard(waiting)
    return received or None


async def respond_last(context: ServerContext, admission: Admission, response: bytes) -> None:
    """Send the last response of a connection, and wait a little for the client to close."""
    admission.answered = True
    with trio.move_on_after(context.settings.close_timeout_s):
        await admission.transport.send_all(response)
        await _wait_for_close(admission.transport)


async def _wait_for_close(transport: trio.abc.Stream) -> None:
    """Wait for the client to close, since a reset could discard the response."""
    if isinstance(transport, trio.SocketStream):
        await transport.send_eof()
    elif isinstance(transport, trio.SSLStream):
        await transport.unwrap()
        return
    while await transport.receive_some():
        pass
