"""``gameserver call``: sends one request to a server and returns the reply."""

import json
import os
from typing import Any
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, HandshakeError

from gameserver.client import connect
from gameserver.errors import OperatorError


class CallFailed(OperatorError):
    """A request that cannot be sent, or has no reply; the text says which."""


def read_request(argument: str) -> dict[str, Any]:
    """Decode a request, a JSON object, from a command line argument. Raises `CallFailed`."""
    try:
        # Bytes that the locale cannot decode arrive as surrogates; they are most likely UTF-8.
        request = json.loads(os.fsencode(argument).decode() if _is_torn(argument) else argument)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise CallFailed("the request must be a JSON object, such as '{\"op\": 1}'")
    if _is_torn(json.dumps(request, ensure_ascii=False)):
        raise CallFailed("the request contains half a character (a lone surrogate)")
    return request


def _is_torn(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def require_url(url: str) -> None:
    """Raise `CallFailed` if ``url`` is not a ws:// or wss:// address."""
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        accepted = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port or host name
        accepted = False
    if not accepted:
        raise CallFailed(f"{url} is not a server's address, such as ws://127.0.0.1:9999/")


def require_key(key: str) -> None:
    """Raise `CallFailed` if ``key`` cannot be a session key."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise CallFailed("--key is not a session key: 'gameserver user key NAME' makes one")


def ask(url: str, key: str, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request and return the reply. Raises `CallFailed` if there is none."""
    try:
        reply: dict[str, Any] = trio.run(_ask, url, key, request)
    except* (OSError, HandshakeError, ConnectionClosed, trio.TooSlowError, trio.BrokenResourceError) as errors:
        error = errors.exceptions[0]
        if isinstance(error, trio.TooSlowError):
            text = f"{url} did not answer in time; whether the request was carried out is unknown"
            raise CallFailed(text) from None
        reason = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
        raise CallFailed(f"no reply from {url}: {reason!r}") from None
    return reply


async def _ask(url: str, key: str, request: dict[str, Any]) -> dict[str, Any]:
    async with connect(url, key) as client:
        return await client.call(request)
