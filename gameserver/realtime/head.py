"""The head of an HTTP request: read, checked, and told apart (contract, sections 1 and 2)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Set
from typing import NamedTuple
from urllib.parse import parse_qs

import h11
import trio

from gameserver.handlers.registry import Credentials
from gameserver.web.responses import Header, refusal

WEBSOCKET_PATHS = ("/", "/ws")
MAX_WATCHED_SOURCES = 100
MAX_LOGGED = 200  # characters of what a client says
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_VERSION = "13"
# What ends a head, or may stand nowhere in it: a carriage return alone, and what h11's patterns for a header would
# give back blank by blank to find no match after all, in time that grows with the square of their number.
_END_OR_STRAY = re.compile(rb"\n\r?\n|[\x00\v\f]|\r[^\n]")
_ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_NO_REQUEST = "this is no HTTP/1.1 request"


class HeadRefused(Exception):
    """The request is answered with an HTTP error; ``response`` is the whole of it.

    ``reason`` says why, in a word for logs and metrics: the ``code`` unless that is too vague. ``fields`` are for the
    log alone.
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


def _bad_request(text: str) -> HeadRefused:
    return HeadRefused(400, "bad_request", text)


class Head(NamedTuple):
    """A request head: ``headers`` by lower-case name, ``rest`` what came after it."""

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
        """The value of a header that is given once."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None

    def below(self, base_path: str) -> "Head":
        """The same request, without the part of the path that a proxy has left in front."""
        if not base_path or not f"{self.path}/".startswith(f"{base_path}/"):
            return self
        return self._replace(path=self.path[len(base_path) :] or "/")

    @property
    def wants_websocket(self) -> bool:
        """Whether this is a request for the WebSocket API."""
        return self.path in WEBSOCKET_PATHS and "websocket" in self.items("upgrade")


async def read_head(transport: trio.abc.Stream, max_bytes: int) -> Head | None:
    """Read a request head; None if the client closes before it is complete.

    Raises `HeadRefused` for what is no HTTP/1.1 request or longer than ``max_bytes``.
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
                raise HeadRefused(431, "bad_request", f"a request head has at most {max_bytes} bytes")
            return _head(event, rest)
    return None


def _head(request: h11.Request, rest: bytes) -> Head:
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.decode("ascii"), []).append(value.decode("latin-1"))
    # The path is taken as it is, nothing in it decoded or resolved: what stands in front may have judged by it.
    target = request.target.decode("ascii")
    if target.startswith(("http://", "https://")):
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    if request.http_version == b"1.0":
        headers.pop("upgrade", None)  # which HTTP/1.0 does not know (RFC 9110, section 7.8)
    return Head(request.method.decode("ascii"), path, query, headers, rest)


def accept_handshake(head: Head, allowed_origins: Set[str]) -> bytes:
    """The response to a WebSocket handshake that is in order (RFC 6455, section 4.2).

    ``allowed_origins`` are as `gameserver.config.normal_origin` writes them. Raises `HeadRefused`.
    """
    host = head.only("host")
    key = head.only("sec-websocket-key")
    if head.method != "GET" or "upgrade" not in head.items("connection"):
        raise _bad_request("a WebSocket handshake is a GET request with Connection: Upgrade")
    if "transfer-encoding" in head.headers or head.only("content-length") not in (None, "0"):
        raise _bad_request("a WebSocket handshake has no body: it would be taken for frames")
    if head.only("sec-websocket-version") != _VERSION:
        text = f"this server speaks WebSocket version {_VERSION}"
        raise HeadRefused(426, "unsupported_version", text, (("Sec-WebSocket-Version", _VERSION),))
    if host is None or not host.isascii():
        raise _bad_request("a handshake has one Host header of ASCII characters")
    if key is None or not _is_websocket_key(key):
        raise _bad_request("Sec-WebSocket-Key must be 16 bytes in base64")
    _check_origin(head.headers.get("origin", []), host, allowed_origins)
    accept = base64.b64encode(hashlib.sha1((key + _ACCEPT_GUID).encode("ascii"), usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


def _is_websocket_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _check_origin(origins: list[str], host: str, allowed: Set[str]) -> None:
    """Only the server's own pages and those listed may connect from a browser."""
    own = {_without_default_port(f"{scheme}://{host}".lower()) for scheme in _DEFAULT_PORTS}
    for origin in origins:
        plain = _without_default_port(origin.lower())
        if plain not in own and plain not in allowed:
            text = "this origin may not connect; the operator can list it"
            raise HeadRefused(
                403, "not_authorized", text, fields={"origin": origin[:MAX_LOGGED], "host": host[:MAX_LOGGED]}
            )


def _without_default_port(origin: str) -> str:
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], ""))


class Query(NamedTuple):
    """What the URL of a handshake asks for."""

    credentials: Credentials | None
    sources: list[str]


def read_query(head: Head) -> Query:
    """The credentials of a handshake, by query string or by bearer header, and the sources to watch.

    Raises `HeadRefused` where they cannot be right.
    """
    try:
        query = parse_qs(head.query, keep_blank_values=True, max_num_fields=MAX_WATCHED_SOURCES + 10)
    except ValueError:
        raise _bad_request("the query string has too many fields") from None
    sources = query.get("source", [])
    if len(sources) > MAX_WATCHED_SOURCES:
        raise _bad_request(f"at most {MAX_WATCHED_SOURCES} sources can be watched")
    return Query(_credentials(query, head), list(dict.fromkeys(sources)))


def _credentials(query: dict[str, list[str]], head: Head) -> Credentials | None:
    given = [query.get(name, []) for name in ("id", "n", "h")]
    if any(given):
        if any(len(values) != 1 for values in given):
            raise unauthorized()
        user_id, nonce, proof = (values[0] for values in given)
        if not (user_id.isascii() and user_id.isdigit() and len(user_id) < 16 and 1 <= len(nonce) <= 64):
            raise unauthorized()
        return Credentials(user_id=int(user_id), nonce=nonce, proof=proof)
    if "authorization" not in head.headers:
        return None
    scheme, _, key = (head.only("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise unauthorized()
    return Credentials(key=key.strip())


def unauthorized() -> HeadRefused:
    """The answer to credentials that prove nobody."""
    text = "these credentials match no live session; get a new session key, or use a new nonce"
    return HeadRefused(401, "not_logged_in", text, (("WWW-Authenticate", "Bearer"),))
