"""A client as cheap as it can be, so that the server is what is measured."""

import asyncio
import base64
import json
import os
from typing import Any, Self

# A mask of zeros is valid (RFC 6455, section 5.3) and leaves the payload as it is.
_NO_MASK = bytes(4)


class LoadClient:
    """One WebSocket connection over asyncio streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, session_key: str) -> Self:
        """Shake hands as the user of a session key."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        nonce = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            (
                f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n"
                f"Authorization: Bearer {session_key}\r\n\r\n"
            ).encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode())
        return cls(reader, writer)

    async def call(self, request: dict[str, Any]) -> bytes:
        """Send a request; the text of the next message."""
        payload = json.dumps(request).encode()
        if len(payload) < 126:
            head = bytes([0x81, 0x80 | len(payload)])
        else:
            head = bytes([0x81, 0x80 | 126]) + len(payload).to_bytes(2)
        self._writer.write(head + _NO_MASK + payload)
        return await self.receive()

    async def call_until(self, request: dict[str, Any], expected: bytes) -> bytes:
        """Send a request; the first message that holds ``expected``, past the broadcasts that come between."""
        message = await self.call(request)
        while expected not in message:
            if b'"res":666' in message:
                raise RuntimeError(message.decode())
            message = await self.receive()
        return message

    async def receive(self) -> bytes:
        """The text of the next message."""
        head = await self._reader.readexactly(2)
        size = head[1]
        if size >= 126:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8))
        return await self._reader.readexactly(size)

    def close(self) -> None:
        """End the connection at once."""
        self._writer.transport.abort()
