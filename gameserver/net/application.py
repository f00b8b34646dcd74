"""The interface between a connection that speaks HTTP and the application that answers its requests."""

from collections.abc import MutableMapping
from typing import NamedTuple, Protocol

from gameserver.net.head import Head
from gameserver.net.responses import Response


class HttpRequest(NamedTuple):
    """A request, and where it comes from.

    ``address`` is the client's, ``limit_key`` that by which the client is limited. ``is_secure``: it came by TLS, to
    this server or to a trusted proxy. ``received_at_s`` is by `time.perf_counter`; ``log_fields`` are in every log
    record of the request, and the application may add to them.
    """

    head: Head
    body: bytes
    address: str
    limit_key: str
    is_secure: bool
    received_at_s: float
    log_fields: MutableMapping[str, object]


class HttpApplication(Protocol):
    """What answers HTTP requests other than health checks and metrics."""

    def serves(self, head: Head) -> bool:
        """Whether it has an answer other than 404; decided at once, by the head alone."""

    async def answer(self, request: HttpRequest) -> Response:
        """The response to a request that it serves. Raises nothing."""
