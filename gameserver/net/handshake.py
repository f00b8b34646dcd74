"""The WebSocket handshake (RFC 6455, section 4)."""

import base64
import binascii
import hashlib
from collections.abc import Set
from typing import NamedTuple

from gameserver.net.compression import NO_COMPRESSION, Compression, negotiate
from gameserver.net.head import Head, HeadRefused, bad_request
from gameserver.net.origins import require_allowed_origin

_VERSION = "13"
_ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Handshake(NamedTuple):
    """An accepted handshake: the response to send, and the compression agreed upon."""

    response: bytes
    compression: Compression


def accept_handshake(head: Head, allowed_origins: Set[str], compress_over_bytes: int | None = None) -> Handshake:
    """Check a WebSocket handshake (RFC 6455, section 4.2), and accept it.

    ``allowed_origins`` are in the form of `gameserver.config.normal_origin`. Messages of more than
    ``compress_over_bytes`` are to be compressed if the client offers that; with None, no offer is accepted. Raises
    `HeadRefused`.
    """
    host = head.only("host")
    key = head.only("sec-websocket-key")
    if head.method != "GET" or "upgrade" not in head.items("connection"):
        raise bad_request("a WebSocket handshake must be a GET request with Connection: Upgrade")
    if "transfer-encoding" in head.headers or head.only("content-length") not in (None, "0"):
        raise bad_request("a WebSocket handshake must have no body")
    if head.only("sec-websocket-version") != _VERSION:
        text = f"unsupported WebSocket version; this server supports {_VERSION}"
        raise HeadRefused(426, "unsupported_version", text, (("Sec-WebSocket-Version", _VERSION),))
    if host is None or not host.isascii():
        raise bad_request("a WebSocket handshake must have one Host header of ASCII characters")
    if key is None or not _is_websocket_key(key):
        raise bad_request("Sec-WebSocket-Key must be 16 bytes in base64")
    require_allowed_origin(head, allowed_origins)
    accept = base64.b64encode(hashlib.sha1((key + _ACCEPT_GUID).encode("ascii"), usedforsecurity=False).digest())
    response = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n" % accept
    )
    compression = NO_COMPRESSION
    if compress_over_bytes is not None:
        agreed, compression = negotiate(",".join(head.headers.get("sec-websocket-extensions", ())), compress_over_bytes)
        if agreed:
            response += f"Sec-WebSocket-Extensions: {agreed}\r\n".encode("ascii")
    return Handshake(response + b"\r\n", compression)


def _is_websocket_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
