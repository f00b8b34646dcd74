"""A client that puts on the wire whatever a test wants, well-formed or not, over any stream."""

import socket
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import trio
import trio.testing

from gameserver.realtime.context import ServerContext

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

_MASK = b"\x01\x02\x03\x04"

HANDSHAKE: dict[str, str] = {
    "Host": "testserver",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def request_head(path: str = "/", method: str = "GET", /, **changes: str | None) -> bytes:
    """A WebSocket handshake; a header set to None is left out, ``_`` in a name stands for ``-``."""
    headers = {name.lower(): value for name, value in HANDSHAKE.items()}
    for name, value in changes.items():
        key = name.lower().replace("_", "-")
        if value is None:
            headers.pop(key)
        else:
            headers[key] = value
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def plain(method: str, target: str, /, **headers: str) -> bytes:
    """A request without a body."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in {"Host": "x", **headers}.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A client's frame."""
    size, mask_bit = len(payload), 0x80 if masked else 0
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    if size < 126:
        head += bytes([mask_bit | size])
    elif size < 65_536:
        head += bytes([mask_bit | 126]) + size.to_bytes(2)
    else:
        head += bytes([mask_bit | 127]) + size.to_bytes(8)
    if not masked:
        return head + payload
    repeated = (_MASK * (size // 4 + 1))[:size]
    body = (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)
    return head + _MASK + body


def request(op: int, number: int = 0, /, **parameters: Any) -> bytes:
    """A request as one text frame; ``number`` comes back as the reply's id."""
    return frame(TEXT, msgspec.json.encode({"header": {"id": number}, "op": op, **parameters}))


class Response(NamedTuple):
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Frame(NamedTuple):
    """A frame of the server."""

    opcode: int
    payload: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The message of a text frame."""
        assert self.opcode == TEXT, self
        decoded: dict[str, Any] = msgspec.json.decode(self.payload)
        return decoded

    @property
    def close_code(self) -> int:
        """The code of a close frame."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2])


def deflated(payload: bytes) -> bytes:
    """A compressed message's payload, as a client that keeps no context makes it."""
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


class Peer:
    """A client by bytes. It inflates compressed messages, and notes in ``compressed`` how long each was on the wire."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.compressed: list[int] = []
        self.chunk_bytes = 65_536  # that are taken from the stream at once, at most
        self._received = b""

    async def send(self, *data: bytes) -> None:
        """Send bytes as they are, in one piece."""
        await self.stream.send_all(b"".join(data))

    async def shake_hands(self, *early: bytes, **changes: str | None) -> None:
        """Open a WebSocket; ``early`` goes along with the handshake."""
        await self.send(request_head(**changes), *early)
        response = await self.response()
        assert response.status == 101, response

    async def log_on(self, session_key: str, *early: bytes, **changes: str | None) -> None:
        """Open a WebSocket as a user."""
        await self.shake_hands(*early, Authorization=f"Bearer {session_key}", **changes)

    async def response(self, *, is_head: bool = False) -> Response:
        """The next HTTP response, with as much of a body as it says; that to a HEAD request has none."""
        while b"\r\n\r\n" not in self._received:
            await self._receive()
        head, self._received = self._received.split(b"\r\n\r\n", 1)
        status, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = 0 if is_head else int(headers.get("content-length", "0"))
        await self._fill(size)
        body, self._received = self._received[:size], self._received[size:]
        return Response(int(status.split(" ")[1]), headers, body)

    async def frame(self) -> Frame:
        """The next frame. Raises EOFError at the end of the stream."""
        await self._fill(2)
        size, start = self._received[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            await self._fill(start)
            size = int.from_bytes(self._received[2:start])
        await self._fill(start + size)
        first, payload = self._received[0], self._received[start : start + size]
        self._received = self._received[start + size :]
        if first & 0x40:
            self.compressed.append(size)
            payload = zlib.decompressobj(wbits=-15).decompress(payload + b"\0\0\xff\xff")
        return Frame(first & 0xF, payload)

    async def message(self) -> dict[str, Any]:
        """The next message, which must be the next frame."""
        return (await self.frame()).message

    async def messages_until_close(self) -> tuple[list[dict[str, Any]], int]:
        """Every message before the close frame, and its code."""
        messages: list[dict[str, Any]] = []
        while (found := await self.frame()).opcode != CLOSE:
            if found.opcode == TEXT:
                messages.append(found.message)
        return messages, found.close_code

    async def rest(self) -> bytes:
        """What comes until the server closes the stream."""
        try:
            while True:
                await self._receive()
        except EOFError:
            rest, self._received = self._received, b""
            return rest

    async def _fill(self, size: int) -> None:
        while len(self._received) < size:
            await self._receive()

    async def _receive(self) -> None:
        data = await self.stream.receive_some(self.chunk_bytes)
        if not data:
            raise EOFError
        self._received += bytes(data)


def small_buffers(*streams: trio.SocketStream) -> None:
    """Let the system hold little of what is on its way."""
    for stream in streams:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)


async def tcp_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Both ends of a TCP connection over the loopback interface: the client's, then the server's."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        theirs = await trio.open_tcp_stream(*listener.socket.getsockname())
        return theirs, await listener.accept()


def unix_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Both ends of a connection on which the system passes bytes on at once, and holds very few."""
    ends = [trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in socket.socketpair()]
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    return ends[0], ends[1]


def lockstep_pair() -> tuple[trio.abc.Stream, trio.abc.Stream]:
    """Both ends of a connection without descriptors, on which the server sends only what is received."""
    theirs, ours = trio.testing.memory_stream_pair()
    sending, receiving = trio.testing.lockstep_stream_one_way_pair()
    return trio.StapledStream(theirs.send_stream, receiving), trio.StapledStream(sending, ours.receive_stream)


def nobody_is_connected(context: ServerContext, addresses: Iterable[str] = ("test",)) -> bool:
    """Whether every connection has been forgotten; of a server with ``max_connections=1``."""
    for address in addresses:
        if not context.connection_limiter.acquire(address):
            return False
        context.connection_limiter.release(address)
    registry, timers = context.registry, context.timers._heap
    kept = (registry.all_connections(), registry._of_user, registry._of_session, context.hubs._watchers)
    return not any(kept) and all(timer.call is None for *_, timer in timers)
