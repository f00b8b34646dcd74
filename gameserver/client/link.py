"""The connection under a client: it matches replies to requests, and is made anew when it breaks."""

import math
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection

from gameserver.client.errors import ConnectionLost
from gameserver.client.socket import UNREACHABLE, Address, open_socket
from gameserver.errors import CloseCode
from gameserver.protocol.declare import ERROR_RES

KEEPALIVE_S = 20.0  # between two pings of ours, and for the reply to one
MAX_QUEUED = 10_000  # broadcasts that wait for a reader
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0  # between two attempts to connect
# Where a new connection would only end as the old one did.
_FINAL_CODES = {
    int(code): code
    for code in (
        CloseCode.PROTOCOL_ERROR,
        CloseCode.UNSUPPORTED_DATA,
        CloseCode.INVALID_PAYLOAD,
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.SESSION_ENDED,
    )
}
_FINAL_STATUSES = range(400, 500)


class IncomingHeader(msgspec.Struct, frozen=True):
    """The ``response_header`` of a message."""

    t: int
    id: Any = msgspec.UNSET
    seq: int | None = None
    repeated: bool = False


class Incoming(msgspec.Struct):
    """A message received: what tells where it belongs, and all of it as it came."""

    response_header: IncomingHeader
    res: int
    game_id: str | None = None
    channel: str | None = None  # the game that a line of chat belongs to
    received: str = ""

    @property
    def is_reply(self) -> bool:
        """Whether it answers a request; a refusal may be unable to name the request's id."""
        return self.response_header.id is not msgspec.UNSET or self.res == ERROR_RES


_decoder = msgspec.json.Decoder(Incoming)


class Exchange:
    """A request that waits for its reply, which has the id ``id``.

    ``repeatable``: where the connection breaks, it is sent again on the next.
    """

    def __init__(
        self,
        id: Any,  # noqa: A002 - as the protocol calls it
        request: dict[str, Any],
        *,
        repeatable: bool,
        take: Callable[[Incoming], None] = lambda reply: None,
    ) -> None:
        self.id = id
        self.text = msgspec.json.encode(request).decode()
        self.repeatable = repeatable
        self.reply: Incoming | None = None
        self.answered = trio.Event()
        self._take = take

    def answer(self, reply: Incoming) -> None:
        """Take the reply."""
        self.reply = reply
        self._take(reply)
        self.answered.set()


class Link:
    """Connects to a server, and again whenever the connection breaks, until it makes no sense any more.

    Requests that wait for their reply are sent again on each new connection, before ``on_connected`` is called. One
    that is not ``is_lasting`` connects once. ``on_broadcast`` gets every other message; both are called between two
    messages, and must not block. ``failure`` says why there will be no connection any more; ``on_failure`` is told
    once.
    """

    def __init__(
        self,
        address: Address,
        on_connected: Callable[[], None],
        on_broadcast: Callable[[Incoming], None],
        on_failure: Callable[[ConnectionLost], None],
        *,
        is_lasting: bool,
    ) -> None:
        self.failure: ConnectionLost | None = None
        self._address = address
        self._on_connected = on_connected
        self._on_broadcast = on_broadcast
        self._on_failure = on_failure
        self._is_lasting = is_lasting
        self._last_id = 0
        self._waiting: dict[Any, Exchange] = {}
        self._outgoing: trio.MemorySendChannel[str] | None = None
        self._using: trio.CancelScope | None = None
        self._pause_s = FIRST_PAUSE_S  # before the next attempt to connect
        self._is_closing = False
        self._ended = trio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether a request would be sent at once."""
        return self._outgoing is not None

    async def run(self, task_status: trio.TaskStatus[None] | None = None) -> None:
        """Keep a connection until `close`.

        Given a ``task_status``, raises what is in ``UNREACHABLE`` if there is none to begin with.
        """
        while self.failure is None and not self._is_closing:
            try:
                async with open_socket(self._address) as socket:
                    if task_status is not None:
                        task_status.started()
                    task_status = None
                    await self._use(socket)
                if not self._is_lasting and not self._is_closing:
                    self._fail("the connection to the server is lost")
            except UNREACHABLE as error:
                if task_status is not None:
                    raise
                if isinstance(error, ConnectionRejected) and error.status_code in _FINAL_STATUSES:
                    self._fail(f"the server refuses the connection with HTTP status {error.status_code}")
            if self.failure is None and not self._is_closing:
                await trio.sleep(self._pause_s * (0.5 + secrets.randbelow(1000) / 2000))
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._ended.set()

    async def close(self) -> None:
        """Close the connection in the orderly way, if there is one."""
        self.end()
        if self._using is not None:
            await self._ended.wait()

    def end(self) -> None:
        """Close the connection in the orderly way before long."""
        self._is_closing = True
        if self._using is not None:
            self._using.cancel()

    def _fail(self, text: str) -> None:
        self.failure = ConnectionLost(text)
        for exchange in self._waiting.values():
            exchange.answered.set()
        self._waiting.clear()
        self._on_failure(self.failure)

    def send(self, exchange: Exchange) -> None:
        """Send a request, at once or as soon as there is a connection. Raises `ConnectionLost`."""
        if self.failure is not None:
            raise self.failure
        self._waiting[exchange.id] = exchange
        if self._outgoing is not None:
            self._outgoing.send_nowait(exchange.text)

    def new_id(self) -> int:
        """An id for a request."""
        self._last_id += 1
        return self._last_id

    async def carry_out(self, exchange: Exchange) -> Incoming:
        """Send a request and return its reply. Raises `ConnectionLost`."""
        self.send(exchange)
        try:
            await exchange.answered.wait()
        finally:
            self._waiting.pop(exchange.id, None)
        if exchange.reply is None:
            raise self.failure or ConnectionLost(
                "the connection broke before the reply; whether the request was carried out is unknown"
            )
        return exchange.reply

    async def _use(self, socket: WebSocketConnection) -> None:
        """Exchange messages over a connection until it breaks. One that lasts lets the next follow soon."""
        if self._is_closing:
            return
        self._outgoing, outgoing = trio.open_memory_channel[str](math.inf)
        try:
            for exchange in self._waiting.values():
                self._outgoing.send_nowait(exchange.text)
            self._on_connected()
            async with trio.open_nursery() as nursery:
                self._using = nursery.cancel_scope
                nursery.start_soon(_send, socket, outgoing)
                nursery.start_soon(self._keep_alive, nursery.cancel_scope)
                nursery.start_soon(self._forget_pauses)
                await self._receive(socket)
                nursery.cancel_scope.cancel()
        finally:
            self._outgoing = self._using = None
            self._drop_unrepeatable()

    async def _receive(self, socket: WebSocketConnection) -> None:
        while True:
            try:
                text = await socket.get_message()
            except ConnectionClosed as closed:
                self._note_close(None if closed.reason is None else closed.reason.code)
                return
            message = _decoder.decode(text)
            message.received = str(text)
            self._take(message)

    def _note_close(self, code: int | None) -> None:
        if code in _FINAL_CODES:
            self._fail(f"the server has closed the connection: {_FINAL_CODES[code].meaning}")
        elif code == CloseCode.RATE_LIMITED:
            self._pause_s = LONGEST_PAUSE_S

    def _take(self, message: Incoming) -> None:
        if not message.is_reply:
            self._on_broadcast(message)
            return
        sent_id = message.response_header.id
        if sent_id is msgspec.UNSET:  # a refusal that cannot name it: replies come in the order of their requests
            sent_id = next(iter(self._waiting), None)
        exchange = self._waiting.pop(sent_id, None)
        if exchange is not None:  # else nobody waits for it any more
            exchange.answer(message)

    def _drop_unrepeatable(self) -> None:
        for exchange_id, exchange in list(self._waiting.items()):
            if not exchange.repeatable:
                del self._waiting[exchange_id]
                exchange.answered.set()

    async def _forget_pauses(self) -> None:
        await trio.sleep(LONGEST_PAUSE_S)
        self._pause_s = FIRST_PAUSE_S

    async def _keep_alive(self, connection: trio.CancelScope) -> None:
        """Give a connection up if the server does not answer on it."""
        while True:
            await trio.sleep(KEEPALIVE_S)
            ping_id = self.new_id()
            ping = Exchange(ping_id, {"header": {"id": ping_id}, "op": 1}, repeatable=False)
            self.send(ping)
            with trio.move_on_after(KEEPALIVE_S):
                await ping.answered.wait()
                continue
            connection.cancel()
            return


async def _send(socket: WebSocketConnection, outgoing: trio.MemoryReceiveChannel[str]) -> None:
    try:
        async for text in outgoing:
            await socket.send_message(text)
    except ConnectionClosed:
        return  # the receiver sees it too
