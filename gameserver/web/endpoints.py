"""What is answered to plain HTTP requests (contract, section 10)."""

from gameserver.web.responses import refusal, response


def answer(method: str, path: str, *, draining: bool) -> bytes:
    """The response to a request."""
    head_only = method == "HEAD"
    if path != "/healthz":
        text = "there is nothing here; the WebSocket API is at / and /ws"
        return refusal(404, "not_found", text, head_only=head_only)
    if method not in ("GET", "HEAD"):
        return refusal(405, "bad_request", "ask with GET", [("Allow", "GET, HEAD")])
    status = {"status": "draining"} if draining else {"status": "ok"}
    return response(503 if draining else 200, status, head_only=head_only)
