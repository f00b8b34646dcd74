"""Opening a WebSocket to a server, over TCP, TLS or any other stream."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

from gameserver.client.contexts import ungrouped

OpenStream = Callable[[], Awaitable[trio.abc.Stream]]

HANDSHAKE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
# What tells of a server that cannot be reached, or does not answer.
UNREACHABLE = (OSError, HandshakeError, ConnectionClosed, trio.TooSlowError, trio.BrokenResourceError)


class Address(NamedTuple):
    """Where a server is and how to log on to it; ``open_stream`` is for one that is not reached over TCP."""

    url: str
    session_key: str
    open_stream: OpenStream | None = None


def open_socket(address: Address) -> AbstractAsyncContextManager[WebSocketConnection]:
    """A WebSocket that has logged on, until the context exits. Raises what is in ``UNREACHABLE``."""
    return ungrouped(_open_socket(address))


@asynccontextmanager
async def _open_socket(address: Address) -> AsyncIterator[WebSocketConnection]:
    parts = urlsplit(address.url)
    headers = [(b"Authorization", b"Bearer " + address.session_key.encode())]
    resource = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    # trio-websocket opens connections too, but hangs where TLS fails, and where a server says nothing.
    async with trio.open_nursery() as nursery:
        with trio.fail_after(HANDSHAKE_TIMEOUT_S):
            stream = await (address.open_stream or partial(_open_stream, parts))()
        try:
            with trio.fail_after(HANDSHAKE_TIMEOUT_S):
                socket = await wrap_client_stream(
                    nursery,
                    stream,  # type: ignore[arg-type]  # any stream will do
                    parts.netloc.rpartition("@")[2],
                    resource,
                    extra_headers=headers,
                    max_message_size=sys.maxsize,
                )
            yield socket
            with trio.move_on_after(CLOSE_TIMEOUT_S):
                await socket.aclose()
        finally:
            await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()


async def _open_stream(url: SplitResult) -> trio.abc.Stream:
    host = url.hostname or ""
    if url.scheme != "wss":
        return await trio.open_tcp_stream(host, url.port or 80)
    stream = await trio.open_ssl_over_tcp_stream(host, url.port or 443)
    try:
        await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream
