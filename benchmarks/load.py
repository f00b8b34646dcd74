"""The load generator: WebSocket clients so cheap that the server is what is measured."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

_IN_FLIGHT = 50
_ERROR = b'"res":666'

T = TypeVar("T")


class Client(WSListener):
    """A connection that asks and is answered; broadcasts that come between are passed over."""

    def __init__(self) -> None:
        self.transport: WSTransport
        self.close_code: int | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handle: Callable[[bytes], None] = lambda message: None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep what to send with."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand a message to whoever waits; note how the server closes."""
        if frame.msg_type == WSMsgType.TEXT:
            self._handle(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            self.close_code = int.from_bytes(frame.get_payload_as_bytes()[:2])
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Tell that the connection is over, and whoever waits for an answer that none comes."""
        self.closed.set_result(None)
        self._fail(ConnectionError(f"closed with {self.close_code}"))

    def send(self, request: bytes) -> None:
        """Send a request whose answer, if any, nobody waits for."""
        self.transport.send(WSMsgType.TEXT, request)

    async def ask(self, requests: Sequence[bytes], expected: bytes) -> list[bytes]:
        """Send all requests at once; the answers, each a message that holds ``expected``.

        Raises RuntimeError with the first error reply.
        """
        answers: list[bytes] = []

        def take(message: bytes) -> None:
            if expected in message:
                answers.append(message)
                if len(answers) == len(requests):
                    self._finish()
            elif _ERROR in message:
                self._fail(RuntimeError(message.decode()))

        self._expect(take)
        for request in requests:
            self.send(request)
        await self._answered
        return answers

    async def call(self, op: int, res: int, **parameters: Any) -> dict[str, Any]:
        """Carry out one operation; its reply, which is the only one of its kind to come now."""
        (answer,) = await self.ask([encode(op, **parameters)], b'"res":%d,' % res)
        reply: dict[str, Any] = json.loads(answer)
        return reply

    async def repeat(self, request: bytes, expected: bytes, until: float) -> list[float]:
        """The request again and again until that time, one at a time; how long each took, in seconds."""
        times: list[float] = []
        sent_at = 0.0

        def take(message: bytes) -> None:
            nonlocal sent_at
            if expected not in message:
                if _ERROR in message:
                    self._fail(RuntimeError(message.decode()))
                return
            now = time.perf_counter()
            times.append(now - sent_at)
            if now < until:
                sent_at = now
                self.send(request)
            else:
                self._finish()

        self._expect(take)
        sent_at = time.perf_counter()
        self.send(request)
        await self._answered
        return times

    def _expect(self, take: Callable[[bytes], None]) -> None:
        self._handle = take
        self._answered = asyncio.get_running_loop().create_future()

    def _finish(self) -> None:
        if not self._answered.done():
            self._answered.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(error)
            self._answered.exception()  # nobody may be waiting

    def listen(self, handle: Callable[[bytes], None]) -> None:
        """From now on, pass each message on."""
        self._handle = handle

    def close(self) -> None:
        """End the connection at once."""
        self.transport.disconnect(False)


def encode(op: int, **parameters: Any) -> bytes:
    """A request."""
    return json.dumps({"op": op, **parameters}, ensure_ascii=False, separators=(",", ":")).encode()


Listener = TypeVar("Listener", bound=WSListener)


async def connect(
    listener: Listener,
    port: int,
    key: str | None = None,
    path: str = "/",
    receive_buffer_bytes: int | None = None,
    *,
    compressing: bool = False,
) -> Listener:
    """Connect, as the user of a session key if one is given; ``compressing`` as browsers do."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if compressing:
        headers["Sec-WebSocket-Extensions"] = "permessage-deflate; client_max_window_bits"

    def small_socket(_url: object) -> socket.socket:
        assert receive_buffer_bytes is not None
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        connection.setblocking(False)
        return connection

    await ws_connect(
        lambda: listener,
        f"ws://127.0.0.1:{port}{path}",
        extra_headers=headers,
        websocket_handshake_timeout=60.0,
        socket_factory=small_socket if receive_buffer_bytes else None,
    )
    return listener


async def side_by_side(work: Iterable[Awaitable[T]], in_flight: int = _IN_FLIGHT) -> list[T]:
    """Do it all, so many at a time."""
    limiter = asyncio.Semaphore(in_flight)

    async def limited(item: Awaitable[T]) -> T:
        async with limiter:
            return await item

    return await asyncio.gather(*map(limited, work))
