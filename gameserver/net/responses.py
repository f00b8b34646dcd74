"""HTTP/1.1 responses (protocol, "HTTP")."""

import re
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

import msgspec

Header = tuple[str, str]
_STRAY = re.compile(r"[\r\n\x00]")


class Response(NamedTuple):
    """A response; the headers that frame it are added when it is encoded."""

    status: int
    headers: list[Header]
    body: bytes

    def encode(self, *, keeps_open: bool = False, is_head: bool = False) -> bytes:
        """The response's bytes, without the body if it answers a HEAD request.

        ``keeps_open``: another response may follow on the connection. Raises ValueError for a header that holds the end
        of a line.
        """
        lines = [("Date", formatdate(usegmt=True)), *self.headers]
        if self.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            lines.append(("Content-Length", str(len(self.body))))
        if not keeps_open:
            lines.append(("Connection", "close"))
        if any(_STRAY.search(name) or _STRAY.search(value) for name, value in lines):
            raise ValueError("a header holds the end of a line")
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        begin = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
        return f"{begin}{head}\r\n".encode("latin-1") + (b"" if is_head else self.body)


def response(status: int, content: object, headers: Iterable[Header] = ()) -> bytes:
    """Encode a response with a JSON body, after which the connection is closed."""
    return text_response(status, "application/json", msgspec.json.encode(content), headers)


def text_response(status: int, content_type: str, body: bytes, headers: Iterable[Header] = ()) -> bytes:
    """Encode a response after which the connection is closed."""
    return Response(status, [("Content-Type", content_type), ("Cache-Control", "no-store"), *headers], body).encode()


def refusal(status: int, code: str, text: str, headers: Iterable[Header] = ()) -> bytes:
    """Encode an error response, with the body ``{"msg", "code", "field"}``."""
    return response(status, {"msg": text, "code": code, "field": None}, headers)


def without_body(response: bytes) -> bytes:
    """A response without its body, as a HEAD request gets it."""
    return response[: response.index(b"\r\n\r\n") + 4]
