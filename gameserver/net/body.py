"""Reads the body of an HTTP request (protocol, "HTTP")."""

from typing import NamedTuple

import h11
import trio

from gameserver.net.head import Head, HeadRefused, bad_request

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
_MAX_FRAMING = 8  # times as many bytes as the body may have, with the framing of chunks
_PIECE_BYTES = 65_536


class Body(NamedTuple):
    """The body of a request, and the bytes received after it."""

    content: bytes
    rest: bytes


async def read_body(transport: trio.abc.Stream, head: Head, max_bytes: int) -> Body | None:
    """Read a request's body; None if the client closes before it is complete.

    A client that waits for permission to send it gets that. Raises `HeadRefused`: 400 for a body whose end is not told
    in exactly one way, 413 for one of more than ``max_bytes``.
    """
    is_chunked = "transfer-encoding" in head.headers
    length = int(head.only("content-length") or 0)
    if is_chunked and "content-length" in head.headers:
        raise bad_request("a request has either Content-Length or Transfer-Encoding, not both")
    if is_chunked and head.version != "1.1":
        raise bad_request("Transfer-Encoding requires HTTP/1.1")
    if length > max_bytes:
        raise _too_long(max_bytes)
    if (length or is_chunked) and not head.rest and "100-continue" in head.items("expect"):
        await transport.send_all(_CONTINUE)
    if is_chunked:
        return await _read_chunks(transport, head.rest, max_bytes)
    received = bytearray(head.rest)
    while len(received) < length:
        data = await transport.receive_some(_PIECE_BYTES)
        if not data:
            return None
        received += data
    return Body(bytes(received[:length]), bytes(received[length:]))


async def _read_chunks(transport: trio.abc.Stream, rest: bytes, max_bytes: int) -> Body | None:
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(_CHUNKED_HEAD + rest)
    content, received_bytes = bytearray(), len(rest)
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            raise bad_request("the chunks of the body are malformed") from None
        if isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage):
            return Body(bytes(content), parser.trailing_data[0])
        elif event is h11.NEED_DATA:
            data = bytes(await transport.receive_some(_PIECE_BYTES))
            if not data:
                return None
            received_bytes += len(data)
            parser.receive_data(data)
        if len(content) > max_bytes or received_bytes > _MAX_FRAMING * max_bytes:
            raise _too_long(max_bytes)


def _too_long(max_bytes: int) -> HeadRefused:
    return HeadRefused(413, "bad_request", f"the body of a request may have at most {max_bytes} bytes")
