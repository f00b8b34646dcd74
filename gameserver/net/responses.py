"""HTTP/1.1 responses; each connection gets one and is closed after it (protocol, "HTTP")."""

from collections.abc import Iterable
from http import HTTPStatus

import msgspec

Header = tuple[str, str]


def response(status: int, content: object, headers: Iterable[Header] = ()) -> bytes:
    """Encode an HTTP/1.1 response with a JSON body."""
    return text_response(status, "application/json", msgspec.json.encode(content), headers)


def text_response(status: int, content_type: str, body: bytes, headers: Iterable[Header] = ()) -> bytes:
    """Encode an HTTP/1.1 response."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("ascii") + body


def refusal(status: int, code: str, text: str, headers: Iterable[Header] = ()) -> bytes:
    """Encode an error response, with the body ``{"msg", "code", "field"}``."""
    return response(status, {"msg": text, "code": code, "field": None}, headers)


def without_body(response: bytes) -> bytes:
    """A response without its body, as a HEAD request gets it."""
    return response[: response.index(b"\r\n\r\n") + 4]
