"""An HTTP client as cheap as the WebSocket one: one keep-alive connection, the least parsing that is right."""

import asyncio
import json
import time
from typing import cast

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class HttpClient(asyncio.Protocol):
    """Sends one request at a time over one connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._request = b""
        self._expected = b""
        self._until = 0.0
        self._sent_at = 0.0
        self._times: list[float] = []
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.last_body = b""

    @classmethod
    async def connect(cls, port: int) -> "HttpClient":
        """A connection to the server on this port."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to send with."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take what came; at the end of a response, send the next request."""
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        if not end or len(body) < _body_bytes(head):
            return
        self._received = b""
        if not head.startswith(b"HTTP/1.1 200") or self._expected not in body:
            self._fail(RuntimeError(f"{head.decode()}\n{body.decode()}"))
            return
        now = time.perf_counter()
        self._times.append(now - self._sent_at)
        self.last_body = body
        if now < self._until:
            self._send(now)
        elif not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._fail(exc or ConnectionError("closed by the server"))

    async def repeat(self, request: bytes, expected: bytes, until: float) -> list[float]:
        """The request again and again until that time, one at a time; how long each took, in seconds."""
        self._request, self._expected, self._until = request, expected, until
        self._times = []
        self._done = asyncio.get_running_loop().create_future()
        self._send(time.perf_counter())
        await self._done
        return self._times

    def close(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self, now: float) -> None:
        assert self._transport is not None
        self._sent_at = now
        self._transport.write(self._request)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
            self._done.exception()  # nobody may be waiting


def _body_bytes(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.index(_LENGTH) + len(_LENGTH)
    end = lowered.find(b"\r\n", start)
    return int(lowered[start : end if end >= 0 else None])


def http_request(method: str, path: str, key: str, body: object = None) -> bytes:
    """A whole request, authorized by a key."""
    payload = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    if payload:
        head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    return head.encode() + b"\r\n" + payload
