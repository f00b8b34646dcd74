"""``gameserver call``: sends requests to a server, and prints the replies and what else is heard."""

import difflib
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import trio

from gameserver.client import Client, Listener, connect
from gameserver.errors import OperatorError
from gameserver.protocol.declare import ERROR_RES
from gameserver.protocol.registry import OPCODES

EXAMPLE = "'{\"op\": 1}', or an operation and its parameters, such as get_game_details game_id=GAME_ID"


class CallFailed(OperatorError):
    """A request that cannot be sent, or has no reply; the text says which."""


def read_request(words: list[str]) -> dict[str, Any]:
    """Read a request: a JSON object in one word, or an operation's name or number with NAME=VALUE words.

    ``header.NAME`` sets a field of the header, and a VALUE that is JSON's object or array is taken as such. Raises
    `CallFailed`.
    """
    words = [_mended(word) for word in words]
    first = words[0].strip()
    if len(words) == 1 and not first.isdecimal() and first not in OPCODES:
        return _read_object(first)
    op = int(first) if first.isdecimal() else OPCODES.get(first)
    if op is None:
        raise CallFailed(_no_operation(first))
    request: dict[str, Any] = {"op": op}
    for word in words[1:]:
        name, is_given, value = word.partition("=")
        if not name or not is_given:
            raise CallFailed(f"{word!r} is no parameter: parameters are given as NAME=VALUE")
        field = name.removeprefix("header.")
        place = request if field == name else request.setdefault("header", {})
        place[field] = _read_value(value)
    return request


def _read_object(text: str) -> dict[str, Any]:
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise CallFailed(
            _no_operation(text) if text.isidentifier() else f"the request must be a JSON object: {EXAMPLE}"
        )
    if _is_torn(json.dumps(request, ensure_ascii=False)):
        raise CallFailed("the request contains half a character (a lone surrogate)")
    return request


def _read_value(text: str) -> Any:
    """A parameter's value; the server reads numbers, times and booleans from text as well."""
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise CallFailed(f"{text!r} is not JSON") from None
    return text


def _no_operation(name: str) -> str:
    nearest = difflib.get_close_matches(name, OPCODES, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"give a JSON object: {EXAMPLE}"
    return f"there is no operation {name!r} and it is no JSON object; {hint}"


def _mended(word: str) -> str:
    """A word of the command line. Bytes that the locale cannot decode arrive as surrogates; most likely they are UTF-8.

    Raises `CallFailed`.
    """
    if not _is_torn(word):
        return word
    try:
        return os.fsencode(word).decode()
    except ValueError:
        raise CallFailed("the request must be a JSON object in UTF-8") from None


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


async def call(
    url: str, key: str, request: dict[str, Any] | None, tell: Callable[[Any], None], *, follow: bool
) -> bool:
    """Send a request, or if there is none those on standard input, one a line, and ``tell`` the replies.

    With ``follow``, tell what else is heard too, until interrupted. Returns whether all were accepted. Raises
    `CallFailed` and `ConnectionLost`.
    """
    async with connect(url, key, is_lasting=False) as client, trio.open_nursery() as nursery:
        if follow:
            nursery.start_soon(_tell_broadcasts, client.listen_as_sent(), tell)
        if request is None:
            return await _send_lines(client, url, tell)
        reply = await _ask(client, url, request)
        tell(reply)
        return bool(reply["res"] != ERROR_RES)


async def _send_lines(client: Client, url: str, tell: Callable[[Any], None]) -> bool:
    accepted = True
    number = 0
    async for line in _input_lines():
        number += 1
        if not line.strip():
            continue
        try:
            request = read_request([line] if line.lstrip().startswith("{") else shlex.split(line))
        except (CallFailed, ValueError) as error:
            print(f"line {number}: {error}", file=sys.stderr)
            accepted = False
            continue
        reply = await _ask(client, url, request)
        tell(reply)
        accepted = accepted and reply["res"] != ERROR_RES
    return accepted


async def _input_lines() -> AsyncIterator[str]:
    while sys.stdin is not None:
        line = await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        if not line:
            return
        yield line


async def _ask(client: Client, url: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return await client.ask(request)
    except trio.TooSlowError:
        raise CallFailed(f"{url} did not answer in time; whether the request was carried out is unknown") from None


async def _tell_broadcasts(heard: Listener[dict[str, Any]], tell: Callable[[Any], None]) -> None:
    async for message in heard:
        tell(message)
