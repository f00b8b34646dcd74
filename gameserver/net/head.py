"""Reads the head of an HTTP request (protocol, "HTTP")."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import h11
import trio

from gameserver.net.responses import Header, refusal

WEBSOCKET_PATHS = ("/", "/ws")
# What is allowed nowhere in a head: a lone carriage return or line feed and a folded line, which proxies read in
# several ways, and the characters on which h11's header patterns backtrack blank by blank, in quadratic time.
_STRAY = re.compile(rb"(?<!\r)\n|\r[^\n]|\n[ \t]|[\x00\v\f]")
_END = b"\r\n\r\n"
_NO_REQUEST = "this is not an HTTP/1.1 request"


class HeadRefused(Exception):
    """A request that is answered with an HTTP error; ``response`` is the whole response.

    ``reason`` is a short name for logs and metrics, by default the ``code``. ``fields`` appear in the log only.
    """

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        headers: tuple[Header, ...] = (),
        *,
        reason: str | None = None,
        fields: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(status, code, text)
        self.fields = {"why": text, **(fields or {})}
        self.reason = reason or str(code)
        self.response = refusal(status, code, text, headers)


def bad_request(text: str) -> HeadRefused:
    """The refusal (400) of a malformed request."""
    return HeadRefused(400, "bad_request", text)


class Head(NamedTuple):
    """A request head: ``headers`` by lower-case name, ``rest`` the bytes received after the head."""

    method: str
    path: str
    query: str
    headers: dict[str, list[str]]
    rest: bytes
    version: str = "1.1"

    def items(self, name: str) -> list[str]:
        """The comma-separated items of a header, in lower case."""
        values = ",".join(self.headers.get(name, ()))
        return [item.strip().lower() for item in values.split(",") if item.strip()]

    def only(self, name: str) -> str | None:
        """The value of a header that occurs exactly once, else None."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None

    def below(self, base_path: str) -> "Head":
        """This request without ``base_path``, which a proxy leaves in front of its path."""
        if not base_path or not f"{self.path}/".startswith(f"{base_path}/"):
            return self
        return self._replace(path=self.path[len(base_path) :] or "/")

    @property
    def keeps_open(self) -> bool:
        """Whether the client may send another request on the connection."""
        return self.version == "1.1" and "close" not in self.items("connection")

    @property
    def wants_websocket(self) -> bool:
        """Whether this is a request for the WebSocket API."""
        return self.path in WEBSOCKET_PATHS and "websocket" in self.items("upgrade")


async def read_head(transport: trio.abc.Stream, max_bytes: int, early: bytes = b"") -> Head | None:
    """Read a request head, which begins with ``early``; None if the client closes before the head is complete.

    Raises `HeadRefused` if it is not an HTTP/1.1 request, or is longer than ``max_bytes``.
    """
    received, seen = bytearray(early), 0
    while True:
        found = received.find(_END, max(0, seen - len(_END) + 1))
        end = found + len(_END) if found >= 0 else len(received)
        if _STRAY.search(received, max(0, seen - 1), end):
            raise HeadRefused(400, "bad_request", _NO_REQUEST)
        if end > max_bytes:
            raise HeadRefused(431, "bad_request", f"a request head may have at most {max_bytes} bytes")
        if found >= 0:
            return _parse(bytes(received[:end]), bytes(received[end:]))
        seen = end
        data = await transport.receive_some(max_bytes)
        if not data:
            return None
        received += data


def _parse(head: bytes, rest: bytes) -> Head:
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=len(head))
    parser.receive_data(head)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        raise HeadRefused(error.error_status_hint, "bad_request", _NO_REQUEST) from None
    assert isinstance(request, h11.Request)
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.decode("ascii"), []).append(value.decode("latin-1"))
    # The path is neither decoded nor normalized: a proxy in front may have decided by it as it is.
    target = request.target.decode("ascii")
    if target.startswith(("http://", "https://")):
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    if request.http_version == b"1.0":
        headers.pop("upgrade", None)  # ignored in HTTP/1.0 (RFC 9110, section 7.8)
    return Head(request.method.decode("ascii"), path, query, headers, rest, request.http_version.decode("ascii"))
