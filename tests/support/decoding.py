"""Requests as texts, decoded."""

import json
from typing import Any

import pytest

from gameserver.protocol.codec import Undecodable, decode_request
from gameserver.protocol.declare import Request

UUID = "0190f4d2-3b1c-7aaa-8bbb-0123456789ab"


def request_text(op: Any, header: Any = None, **parameters: Any) -> str:
    """A request's text, with a header if one is given."""
    message = {"op": op, **parameters} if header is None else {"header": header, "op": op, **parameters}
    return json.dumps(message, ensure_ascii=False)


def decode(op: Any, header: Any = None, **parameters: Any) -> Request:
    """The request of a user who is logged in."""
    return decode_request(request_text(op, header, **parameters), logged_in=True)


def fault_of(text: str, *, logged_in: bool = True) -> Undecodable:
    """Why the text is no acceptable request."""
    with pytest.raises(Undecodable) as caught:
        decode_request(text, logged_in=logged_in)
    return caught.value


def code_and_field(text: str, *, logged_in: bool = True) -> tuple[str, str | None]:
    """The code of the refusal, and the parameter that it names."""
    rejected = fault_of(text, logged_in=logged_in).rejected
    return rejected.code.value, rejected.field
