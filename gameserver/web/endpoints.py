"""What is answered to plain HTTP requests (protocol, "HTTP")."""

from collections.abc import Callable

from gameserver.net.responses import Header, refusal, response, text_response

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format
RETRY_AFTER: tuple[Header, ...] = (("Retry-After", "5"),)
HEALTHZ, READYZ, METRICS = "/healthz", "/readyz", "/metrics"
# Whether the server should be sent anybody, and if not, why.
READY, DRAINING, FULL, STORAGE_UNAVAILABLE = "ok", "draining", "full", "storage_unavailable"
_METHODS = "GET, HEAD, OPTIONS"
_OTHERS = frozenset({"/", "/ws", "*"})  # where OPTIONS too may ask, as some do only to see whether anybody is there


def endpoint(path: str) -> str | None:
    """The endpoint that a path names, with or without a last ``/``."""
    name = path.removesuffix("/")
    return name if name in (HEALTHZ, READYZ, METRICS) else None


def is_check(method: str, path: str) -> bool:
    """Whether a request only asks how the server does, and so is answered whatever else it has no room for."""
    return endpoint(path) is not None or (method == "OPTIONS" and path in _OTHERS)


def answer(method: str, path: str, *, state: str, metrics: Callable[[], bytes] | None) -> bytes:
    """The response to a request.

    ``state`` is `READY`, or why not. ``metrics`` writes them, None for a client that may not see them.
    """
    name = endpoint(path)
    if method == "OPTIONS" and is_check(method, path):
        return text_response(200, "text/plain", b"", [("Allow", _METHODS)])
    if name is None:
        return refusal(404, "not_found", "there is nothing here; the WebSocket API is at / and /ws")
    if method not in ("GET", "HEAD"):
        return refusal(405, "bad_request", "ask with GET", [("Allow", _METHODS)])
    if name == HEALTHZ:
        return response(200, {"status": state})
    if name == READYZ:
        return response(200, {"status": state}) if state == READY else response(503, {"status": state}, RETRY_AFTER)
    if metrics is None:
        text = "metrics are for clients in metrics_addresses that ask by address, and not through a proxy"
        return refusal(403, "not_authorized", text)
    return text_response(200, METRICS_TYPE, metrics())
