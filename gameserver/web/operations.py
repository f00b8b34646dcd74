"""Operations by HTTP: decoded, charged, carried out and counted as on a WebSocket (protocol, "HTTP")."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw
from starlette.responses import Response

from gameserver.errors import ErrorCode, Rejected, http_status, invalid
from gameserver.protocol.codec import ResponseHeader, Undecodable, decode_request, encode_body, with_header
from gameserver.protocol.declare import Kind, Request, declared, error_reply, tag_of
from gameserver.protocol.parameters import parameters_of, unknown_parameter
from gameserver.realtime.operations import count_answer, log_bug, write
from gameserver.realtime.request_cost import request_cost
from gameserver.storage.users import NOBODY
from gameserver.web.answers import JSON, json_answer, refusal, refusal_headers, tagged
from gameserver.web.call import HttpCall

_REFUSED = b'{"res":666,'


class _Refused(msgspec.Struct):
    """The code of a refusal, in the body of a reply that is one."""

    code: ErrorCode


_refused = msgspec.json.Decoder(_Refused)


class Performed(NamedTuple):
    """What an operation came to: the body of its reply, or an error; ``op`` and ``id`` are None if unreadable."""

    op: int | None = None
    id: str | int | None = None
    body: bytes = b""
    repeated: bool = False
    error: Rejected | None = None


async def perform(call: HttpCall, read: Callable[[], str], op: int | None = None) -> Performed:
    """Carry out a request of kind read or write: what ``read`` returns is a message as on a WebSocket.

    ``op`` is that of the message, if it is known before.
    """
    performed, text = Performed(op), ""
    error: Exception | None = None
    try:
        # Nobody's reads are those of a view key: what answers everybody alike.
        is_view = call.session is None or call.session.is_view
        try:
            text = read()
            request = decode_request(text, logged_in=True, is_view=is_view)
        except Rejected:
            call.charge()
            raise
        except Undecodable as undecodable:
            performed = Performed(undecodable.op, undecodable.id)
            call.charge(request_cost(text, None))
            raise undecodable.rejected from None
        performed = Performed(declared(request).op, request.header.id)
        call.charge(request_cost(text, request))
        if getattr(request, "password", None) is not None:
            call.require_confidential()
        await call.places.require(call.path)
        performed = await _carry_out(call, request, text, performed)
    except Rejected as rejected:
        error = rejected
        performed = performed._replace(error=rejected)
    except Exception as bug:
        error = bug
        performed = performed._replace(error=log_bug(bug, performed.op, call.http.log_fields))
    count_answer(call.context, performed.op, error, call.http.received_at_s)
    return performed


async def _carry_out(call: HttpCall, request: Request, text: str, performed: Performed) -> Performed:
    kind = declared(request).kind
    if kind is Kind.CONNECTION:
        raise Rejected(ErrorCode.BAD_REQUEST, "this operation concerns a connection: send it over a WebSocket", "op")
    if kind is Kind.READ:
        reader = NOBODY if call.session is None else call.session.reader
        return performed._replace(body=await call.context.read(request, reader))
    committed = await write(call.context, request, text, call.require_session().user)
    return performed._replace(body=committed.body, repeated=committed.repeated)


async def list_by_path(call: HttpCall, request: type[Request]) -> Response:
    """Answer a read whose parameters are in the path and the query string."""
    performed = await perform(call, lambda: _message(call, request, call.query(), {}), tag_of(request))
    if performed.error is not None:
        return refusal(performed.error)
    return tagged(performed.body, JSON, call.header("if-none-match"), cache_control="private, no-cache")


async def change_by_path(call: HttpCall, request: type[Request], renamed: Mapping[str, str]) -> Response:
    """Carry out a write whose parameters are in the path and the body, there by the names that ``renamed`` has."""
    sent: dict[str, Raw] = {}

    def read() -> str:
        sent.update(call.members())
        return _message(call, request, sent, renamed)

    performed = await perform(call, read, tag_of(request))
    if performed.error is None:
        return _reply(call, performed)
    names = {known: name for name, known in renamed.items() if known not in sent}
    return refusal(_by_names(performed.error, names))


def _by_names(error: Rejected, names: Mapping[str, str]) -> Rejected:
    """The refusal with the parameter at fault by the name that it has in the body."""
    known = error.field
    if known is None or known not in names:
        return error
    return Rejected(error.code, re.sub(rf"^{known}\b", names[known], error.text), names[known], **error.details)


async def call_any(call: HttpCall) -> Response:
    """Carry out the request that the body is, and answer with its reply."""
    performed = await perform(call, call.text)
    error = performed.error
    if error is None:
        return _reply(call, performed)
    body = encode_body(error_reply(performed.op, error.code, error.text, error.field, **error.details))
    return _reply(call, performed._replace(body=body), refusal_headers(error))


def _message(call: HttpCall, request: type[Request], given: Mapping[str, Raw], renamed: Mapping[str, str]) -> str:
    """The message that asks for an operation with what is given and what the path says.

    Of a parameter that is ``renamed``, the name that it has here or that of the operation is taken. Raises `Rejected`.
    """
    accepted = [name for name in parameters_of(request) if name not in call.path]
    parameters: dict[str, Raw] = {}
    for name, value in given.items():
        known = renamed.get(name, name)
        if known not in accepted:
            named = {known: name for name, known in renamed.items()}
            raise unknown_parameter(name, [named.get(other, other) for other in accepted])
        if known != name and known in given:
            raise invalid(known, f"{name} and {known} are two names of one parameter; send one of them")
        parameters[known] = value
    by_path = {name: value for name, value in call.path.items() if name in request.__struct_fields__}
    keys = call.http.head.headers.get("idempotency-key", [])
    if len(keys) > 1:
        raise invalid("header.key", "Idempotency-Key must be given once")
    header = {"header": {"key": keys[0]}} if keys else {}
    return msgspec.json.encode({**header, "op": tag_of(request), **by_path, **parameters}).decode()


def _reply(call: HttpCall, performed: Performed, headers: dict[str, str] | None = None) -> Response:
    """The reply as on a WebSocket; a refusal has the status of its code."""
    header = ResponseHeader(t=call.context.clock.now_ms(), id=performed.id, repeated=performed.repeated)
    status = 200
    if performed.body.startswith(_REFUSED):
        status = http_status(_refused.decode(performed.body).code)
    return json_answer(with_header(header, performed.body), status, headers)
