"""Reads the head of an HTTP request (protocol, "HTTP")."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import h11
import trio

from gameserver.net.responses import Header, refusal

WEBSOCKET_PATHS = ("/", "/ws")
# What ends a head, or is allowed nowhere in it: a lone carriage return, and the characters on which h11's header
# patterns backtrack blank by blank, in time quadratic in the number of blanks.
_END_OR_STRAY = re.compile(rb"\n\r?\n|[\x00\v\f]|\r[^\n]")
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
    def wants_websocket(self) -> bool:
        """Whether this is a request for the WebSocket API."""
        return self.path in WEBSOCKET_PATHS and "websocket" in self.items("upgrade")


async def read_head(transport: trio.abc.Stream, max_bytes: int) -> Head | None:
    """Read a request head; None if the client closes before the head is complete.

    Raises `HeadRefused` if it is not an HTTP/1.1 request, or is longer than ``max_bytes``.
    """
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=max_bytes)
    received, last = 0, b""
    while data := bytes(await transport.receive_some(max_bytes)):
        found = _END_OR_STRAY.search(last + data)
        if found is not None and found[0][-1:] != b"\n":
            raise HeadRefused(400, "bad_request", _NO_REQUEST)
        received, last = received + len(data), (last + data)[-2:]
        parser.receive_data(data)
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            raise HeadRefused(error.error_status_hint, "bad_request", _NO_REQUEST) from None
        if isinstance(event, h11.Request):
            rest = parser.trailing_data[0]
            if received - len(rest) > max_bytes:
                raise HeadRefused(431, "bad_request", f"a request head may have at most {max_bytes} bytes")
            return _head(event, rest)
    return None


def _head(request: h11.Request, rest: bytes) -> Head:
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
    return Head(request.method.decode("ascii"), path, query, headers, rest)
