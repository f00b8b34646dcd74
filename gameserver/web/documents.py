"""What the server says of itself: the reference, openapi.json and asyncapi.json, made of the declarations."""

from collections.abc import Callable
from functools import cache, partial

import msgspec
from starlette.responses import Response

from gameserver import __version__
from gameserver.protocol.asyncapi import asyncapi
from gameserver.protocol.reference import reference
from gameserver.web.answers import JSON, tagged
from gameserver.web.call import HttpCall
from gameserver.web.endpoint import Access, Endpoint
from gameserver.web.endpoints import ENDPOINTS
from gameserver.web.openapi import openapi

_MARKDOWN = "text/markdown; charset=utf-8"


@cache
def openapi_json() -> bytes:
    """openapi.json."""
    return msgspec.json.format(msgspec.json.encode(openapi(ENDPOINTS, __version__)), indent=1)


@cache
def asyncapi_json() -> bytes:
    """asyncapi.json."""
    return msgspec.json.format(msgspec.json.encode(asyncapi(__version__)), indent=1)


@cache
def protocol() -> bytes:
    """The reference."""
    return reference().encode()


async def _show(call: HttpCall, document: Callable[[], bytes], media_type: str) -> Response:
    call.charge()
    body = await call.context.run_aside(document)
    return tagged(body, media_type, call.header("if-none-match"))


DOCUMENTS: tuple[Endpoint, ...] = tuple(
    Endpoint(("GET",), f"{place}/{name}", partial(_show, document=document, media_type=media_type), Access.ANYONE)
    for name, document, media_type in (
        ("openapi.json", openapi_json, JSON),
        ("asyncapi.json", asyncapi_json, JSON),
        ("protocol", protocol, _MARKDOWN),
    )
    for place in ("/r", "")
)
