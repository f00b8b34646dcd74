"""Health checks and metrics: requests that each connection gets one answer to (protocol, "HTTP")."""

from collections.abc import Callable

from gameserver.net.responses import Header, refusal, response, text_response

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format
RETRY_AFTER: tuple[Header, ...] = (("Retry-After", "5"),)
HEALTHZ, READYZ, METRICS = "/healthz", "/readyz", "/metrics"
# Whether the server should be sent clients, and if not, why.
READY, DRAINING, FULL, STORAGE_UNAVAILABLE = "ok", "draining", "full", "storage_unavailable"
_METHODS = "GET, HEAD, OPTIONS"
_OTHERS = frozenset({"/", "/ws", "*"})  # where OPTIONS is answered too, which some load balancers use as a health check


def endpoint(path: str) -> str | None:
    """The endpoint that a path names, with or without a trailing ``/``; None if it names none."""
    name = path.removesuffix("/")
    return name if name in (HEALTHZ, READYZ, METRICS) else None


def is_check(method: str, path: str) -> bool:
    """Whether a request is a health check or for metrics, and so is answered even if connections are full."""
    return endpoint(path) is not None or (method == "OPTIONS" and path in _OTHERS)


def answer(method: str, path: str, *, state: str, metrics: Callable[[], bytes] | None) -> bytes:
    """Encode the response to a request.

    ``state`` is `READY`, or why the server is not. ``metrics`` encodes the metrics; None if the client may not read
    them.
    """
    name = endpoint(path)
    if method == "OPTIONS" and is_check(method, path):
        return text_response(200, "text/plain", b"", [("Allow", _METHODS)])
    if name is None:
        return refusal(404, "not_found", "no such path; the WebSocket API is at / and /ws")
    if method not in ("GET", "HEAD"):
        return refusal(405, "bad_request", "this path accepts GET and HEAD", [("Allow", _METHODS)])
    if name == HEALTHZ:
        return response(200, {"status": state})
    if name == READYZ:
        return response(200, {"status": state}) if state == READY else response(503, {"status": state}, RETRY_AFTER)
    if metrics is None:
        text = "metrics require a client in metrics_addresses, a Host that is an address or localhost, and no proxy"
        return refusal(403, "not_authorized", text)
    return text_response(200, METRICS_TYPE, metrics())
