"""Spectators who only listen: many of them, at little cost to the machine that also serves them."""

from base64 import b64encode
from secrets import token_bytes

import trio

from gameserver.demo.figures import Figures

_CHUNK_BYTES = 65_536
_PING, _CLOSE = 0x9, 0x8
_PONG_FRAME = b"\x8a\x80\x00\x00\x00\x00"


class FrameCounter:
    """Counts the messages in what a server sends, without looking into them."""

    def __init__(self) -> None:
        self.messages = 0
        self.pings = 0
        self.is_closed = False
        self._received = b""

    def feed(self, data: bytes) -> None:
        """Take what was received."""
        received, position = self._received + data, 0
        while len(received) - position >= 2:
            opcode, length, start = received[position] & 0x0F, received[position + 1], position + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                if len(received) - start < size:
                    break
                length, start = int.from_bytes(received[start : start + size], "big"), start + size
            if len(received) - start < length:
                break
            self.messages += opcode not in (_PING, _CLOSE)
            self.pings += opcode == _PING
            self.is_closed = self.is_closed or opcode == _CLOSE
            position = start + length
        self._received = received[position:]


async def spectate(host: str, port: int, session_key: str, game_id: str, figures: Figures) -> None:
    """Join a game, and count what is heard, until the connection ends."""
    stream = await trio.open_tcp_stream(host, port)
    async with stream:
        head = (
            f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {b64encode(token_bytes(16)).decode()}\r\n"
            f"Authorization: Bearer {session_key}\r\n\r\n"
        )
        await stream.send_all(head.encode() + _text_frame(f'{{"op":363,"game_id":"{game_id}"}}'))
        answer = b""
        while b"\r\n\r\n" not in answer:
            chunk = await stream.receive_some(_CHUNK_BYTES)
            if not chunk:
                figures.spectators_lost += 1
                return
            answer += bytes(chunk)
        figures.spectators += 1
        await _count(stream, answer.partition(b"\r\n\r\n")[2], figures)


async def _count(stream: trio.SocketStream, data: bytes, figures: Figures) -> None:
    counter = FrameCounter()
    try:
        while True:
            before, pings = counter.messages, counter.pings
            counter.feed(data)
            figures.messages.total += counter.messages - before
            if counter.pings > pings:
                await stream.send_all(_PONG_FRAME)
            data = bytes(await stream.receive_some(_CHUNK_BYTES))
            if counter.is_closed or not data:
                break
    except trio.BrokenResourceError:
        pass
    figures.spectators_lost += 1


def _text_frame(text: str) -> bytes:
    """A client's frame of up to 125 bytes, masked with zeros."""
    payload = text.encode()
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload
