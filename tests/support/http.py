"""A client of HTTP by bytes, which keeps its connection."""

from typing import Any

import msgspec

from tests.support.harness import Server
from tests.support.wire import Peer, Response

JSON_TYPE = {"Content-Type": "application/json"}


def http_request(method: str, path: str, /, body: object = None, headers: dict[str, str] | None = None) -> bytes:
    """A request, with a JSON body unless that is None; bytes are sent as they are."""
    all_headers = {"Host": "testserver", **(headers or {})}
    content = b""
    if body is not None:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        all_headers = {**JSON_TYPE, "Content-Length": str(len(content)), **all_headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + content


class HttpClient:
    """A client with a connection that it keeps; ``headers`` go along with each request."""

    def __init__(self, server: Server, headers: dict[str, str] | None = None, address: str = "test") -> None:
        self.headers = headers or {}
        self.peer = Peer(server.open_stream(address))

    async def ask(self, method: str, path: str, /, body: object = None, **headers: str) -> Response:
        """The response to a request; ``_`` in the name of a header stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.peer.send(http_request(method, path, body, {**self.headers, **named}))
        return await self.peer.response(is_head=method == "HEAD")

    async def get(self, path: str, **headers: str) -> Response:
        """The response to a GET request."""
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: object, **headers: str) -> Response:
        """The response to a POST request with a JSON body."""
        return await self.ask("POST", path, body, **headers)


async def client_of(server: Server, name: str, address: str = "test") -> HttpClient:
    """A client that says by the bearer header who it is."""
    return HttpClient(server, {"Authorization": f"Bearer {await server.key_of(name)}"}, address)


def content(response: Response) -> Any:
    """The JSON of a response."""
    assert response.headers["content-type"] == "application/json"
    return msgspec.json.decode(response.body)


def assert_http_refused(response: Response, status: int, code: str, field: str | None = None) -> None:
    """A refusal with exactly the members of the contract."""
    refused = content(response)
    assert (response.status, refused["code"], refused["field"]) == (status, code, field), refused
    assert set(refused) == {"msg", "code", "field"}
    assert len(refused["msg"]) > 10
    assert ("retry-after" in response.headers) == (status == 429)
    assert response.headers["cache-control"] == "no-store"
