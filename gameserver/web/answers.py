"""Answers of endpoints: JSON, entity tags, refusals (protocol, "HTTP")."""

import hashlib
import math

import msgspec
from starlette.responses import Response

from gameserver.errors import ErrorCode, Rejected, http_status

JSON = "application/json"


def json_answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer that nobody keeps."""
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, JSON)


def tagged(body: bytes, media_type: str, if_none_match: str | None, *, cache_control: str = "no-cache") -> Response:
    """An answer with an entity tag of its content; 304 without a body if the client has it already."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": cache_control}
    if if_none_match is not None and _is_among(tag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type)


def _is_among(tag: str, listed: str) -> bool:
    """Whether an entity tag is in a list such as ``"a", W/"b"``, or the list is ``*`` (RFC 9110, section 13.1.2)."""
    return any(item.strip().removeprefix("W/") in (tag, "*") for item in listed.split(","))


def refusal(rejected: Rejected) -> Response:
    """The answer ``{"msg", "code", "field"}`` to a request that is refused."""
    body = msgspec.json.encode({"msg": rejected.text, "code": rejected.code.value, "field": rejected.field})
    return json_answer(body, http_status(rejected.code), refusal_headers(rejected))


def refusal_headers(rejected: Rejected) -> dict[str, str]:
    """What the headers tell of a refusal: when to try again, or how to say who asks."""
    if rejected.code is ErrorCode.NOT_LOGGED_IN:
        return {"WWW-Authenticate": "Bearer"}
    if http_status(rejected.code) == 429:
        return {"Retry-After": str(math.ceil(rejected.details.get("retry_after_ms", 1_000) / 1000))}
    return {}


class Misuse(Exception):
    """A request that breaks a rule of HTTP: another method, or another type of content."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, text)
        body = msgspec.json.encode({"msg": text, "code": ErrorCode.BAD_REQUEST.value, "field": None})
        self.answer = json_answer(body, status, headers)
