"""The bridge from a request that has been read to an ASGI application, and from what that sends to a response."""

from starlette.types import ASGIApp, Message, Scope

from gameserver.net.application import HttpRequest
from gameserver.net.responses import Response

REQUEST = "gameserver.request"  # the key of the `HttpRequest` in the scope


async def answer_by(app: ASGIApp, request: HttpRequest) -> Response:
    """The whole response of an ASGI application. Raises what the application raises."""
    started: Message = {}
    parts: list[bytes] = []
    received: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": request.body, "more_body": False},
    ]

    async def receive() -> Message:
        return received.pop() if len(received) > 1 else received[0]

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            parts.append(bytes(message.get("body", b"")))

    await app(_scope_of(request), receive, send)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in started["headers"]]
    unframed = [header for header in headers if header[0].lower() != "content-length"]
    return Response(started["status"], unframed, b"".join(parts))


def _scope_of(request: HttpRequest) -> Scope:
    """The scope of a request. Its path is not decoded, and has no ``/`` at its end."""
    head = request.head
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": head.version,
        "method": head.method,
        "scheme": "https" if request.is_secure else "http",
        "path": head.path.removesuffix("/") or "/",
        "raw_path": head.path.encode("ascii"),
        "query_string": head.query.encode("ascii"),
        "root_path": "",
        "headers": [
            (name.encode("ascii"), value.encode("latin-1")) for name, values in head.headers.items() for value in values
        ],
        "client": (request.address, 0),
        "server": None,
        REQUEST: request,
    }
