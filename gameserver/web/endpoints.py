"""What is answered to plain HTTP requests (contract, section 10)."""

from collections.abc import Callable

from gameserver.web.responses import refusal, response, text_response

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format


def answer(method: str, path: str, *, draining: bool, metrics: Callable[[], bytes] | None) -> bytes:
    """The response to a request; ``metrics`` writes them, None for a client that may not see them."""
    head_only = method == "HEAD"
    if path not in ("/healthz", "/metrics"):
        text = "there is nothing here; the WebSocket API is at / and /ws"
        return refusal(404, "not_found", text, head_only=head_only)
    if method not in ("GET", "HEAD"):
        return refusal(405, "bad_request", "ask with GET", [("Allow", "GET, HEAD")])
    if path == "/metrics":
        if metrics is None:
            text = "metrics are for clients in metrics_addresses that ask by address, and not through a proxy"
            return refusal(403, "not_authorized", text, head_only=head_only)
        return text_response(200, METRICS_TYPE, metrics(), head_only=head_only)
    status = {"status": "draining"} if draining else {"status": "ok"}
    return response(503 if draining else 200, status, head_only=head_only)
