"""HTTP/1.1 responses; each connection gets one and is closed after it (protocol, "HTTP")."""

from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

import h11
import msgspec

Header = tuple[str, str]


def response(status: int, content: object, headers: Iterable[Header] = ()) -> bytes:
    """Encode an HTTP/1.1 response with a JSON body."""
    return text_response(status, "application/json", msgspec.json.encode(content), headers)


def text_response(status: int, content_type: str, body: bytes, headers: Iterable[Header] = ()) -> bytes:
    """Encode an HTTP/1.1 response."""
    head = h11.Response(
        status_code=status,
        reason=HTTPStatus(status).phrase.encode("ascii"),
        headers=[
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
            *headers,
        ],
    )
    writer = h11.Connection(h11.SERVER)
    parts = [writer.send(event) for event in (head, h11.Data(data=body), h11.EndOfMessage())]
    return b"".join(part for part in parts if part)


def refusal(status: int, code: str, text: str, headers: Iterable[Header] = ()) -> bytes:
    """Encode an error response, with the body ``{"msg", "code", "field"}``."""
    return response(status, {"msg": text, "code": code, "field": None}, headers)


def without_body(response: bytes) -> bytes:
    """A response without its body, as a HEAD request gets it."""
    return response[: response.index(b"\r\n\r\n") + 4]
