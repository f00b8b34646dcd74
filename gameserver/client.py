"""A WebSocket client that sends requests and waits for their replies (protocol, "Envelope")."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from gameserver.protocol.declare import ERROR_RES

REPLY_TIMEOUT_S = 60.0  # settling a hundred thousand bets takes a few seconds


class Client:
    """A connection that acts for one user; ``broadcasts`` collects those received while waiting for replies."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket
        self._last_id = 0
        self.broadcasts: list[dict[str, Any]] = []

    async def call(self, request: dict[str, Any], timeout_s: float = REPLY_TIMEOUT_S) -> dict[str, Any]:
        """Send a request and return its reply; an id is added to the header if it has none.

        Raises trio.TooSlowError if there is no reply within ``timeout_s``; the request may have been carried out or
        not.
        """
        self._last_id += 1
        header = {} if request.get("header") is None else request["header"]
        if isinstance(header, dict) and header.get("id") is None:
            header = {**header, "id": self._last_id}
        with trio.fail_after(timeout_s):
            await self._socket.send_message(msgspec.json.encode({**request, "header": header}).decode())
            while True:
                message: dict[str, Any] = msgspec.json.decode(await self._socket.get_message())
                if _answers(message, header):
                    return message
                self.broadcasts.append(message)


def _answers(message: dict[str, Any], header: Any) -> bool:
    """Whether a message is the reply to the request with this header; an error reply without an id is taken for it."""
    if "id" not in message["response_header"]:
        return bool(message["res"] == ERROR_RES)
    return isinstance(header, dict) and bool(message["response_header"]["id"] == header.get("id"))


@asynccontextmanager
async def connect(url: str, session_key: str, timeout_s: float = 10.0) -> AsyncIterator[Client]:
    """Connect and log on with a session key, until the context exits.

    Raises, in a group, trio.TooSlowError if the server does not answer, trio.BrokenResourceError if its certificate is
    not trusted, and what trio-websocket raises if it refuses the key.
    """
    parts = urlsplit(url)
    headers = [(b"Authorization", b"Bearer " + session_key.encode())]
    # trio-websocket opens connections too, but hangs where TLS fails, and where a server says nothing.
    async with trio.open_nursery() as nursery:
        with trio.fail_after(timeout_s):
            stream = await _open_stream(parts)
        try:
            resource = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
            with trio.fail_after(timeout_s):
                socket = await wrap_client_stream(
                    nursery, stream, parts.netloc.rpartition("@")[2], resource, extra_headers=headers
                )
            yield Client(socket)
            with trio.move_on_after(timeout_s):
                await socket.aclose()
        finally:
            await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()


async def _open_stream(url: SplitResult) -> "trio.SocketStream | trio.SSLStream[trio.SocketStream]":
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
