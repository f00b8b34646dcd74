"""Decoding requests, and encoding replies and broadcasts.

A request that is exactly as declared is decoded in one pass. Any other is decoded parameter by parameter, which
accepts the lenient spellings (protocol, "Values"), numbers as strings for example, or names the parameter at fault.
"""

import hashlib
import re
from functools import cache, reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import Raw

from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.declare import Message, Request, RequestHeader, Role
from gameserver.protocol.fields import FIRST_S, LAST_S, SECRETS
from gameserver.protocol.parameters import not_json, parameters_of, read_members, read_parameters
from gameserver.protocol.registry import OPERATIONS

SUPPORTED_MAJOR = 1
MAX_BODY_BYTES = 1_047_552  # with the longest header 1 MiB, which WebSocket clients accept by default
_CUT = 0.95  # of the share that would fit if all entries were of one size
_VERSION = re.compile(r"\A1(\.[0-9]{1,9})?\Z")
_HEADER_RULES = {
    "id": "a string of at most 64 characters, or an integer of 64 bits with its sign",
    "key": "a string of 1 to 64 characters",
    "session_key": "a string",
}

_as_declared: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    reduce(or_, (operation.request for operation in OPERATIONS.values()))
)
_members = msgspec.json.Decoder(dict[str, Raw])
_NULL = Raw(b"null")
_encoder = msgspec.json.Encoder(decimal_format="number")


class Undecodable(Exception):
    """A message that is not an acceptable request; ``op`` and ``id`` are set if they could be read."""

    def __init__(self, rejected: Rejected, op: int | None = None, id_: str | int | None = None) -> None:
        super().__init__(rejected, op, id_)
        self.rejected = rejected
        self.op = op
        self.id = id_


def decode_request(text: str, *, logged_in: bool, is_view: bool = False) -> Request:
    """The request that ``text`` is; ``is_view`` says that the connection has logged on with a view key.

    Raises `Undecodable` for the first fault (protocol, "Order of checks").
    """
    try:
        request: Request = _as_declared.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _decode_leniently(text, logged_in, is_view)
    header = request.header
    if header.api_version is not None or header.key == "":
        return _decode_leniently(text, logged_in, is_view)
    for name in _times_of(type(request)):
        value = getattr(request, name)
        if value is not None and FIRST_S <= value <= LAST_S:
            return _decode_leniently(text, logged_in, is_view)
    _require_served(type(request).__struct_config__.tag, header.id, logged_in, is_view)
    return request


def _decode_leniently(text: str, logged_in: bool, is_view: bool = False) -> Request:
    try:
        members = read_members(text)
    except Rejected as rejected:
        raise Undecodable(rejected) from None
    op = _read_op(members)
    header = _read_header(members, op)
    _require_served(op, header.id, logged_in, is_view)
    operation = OPERATIONS.get(op)
    if operation is None:
        raise Undecodable(
            Rejected(ErrorCode.UNKNOWN_OP, f"no operation has the code {op}; get_opcodes (2) lists them"),
            op,
            header.id,
        )
    try:
        values = read_parameters(members, parameters_of(operation.request))
        return operation.request(header=header, **values)
    except Rejected as rejected:
        raise Undecodable(rejected, op, header.id) from None


def _read_value(raw: Raw) -> Any:
    """The value of a member of a JSON object. Raises `Undecodable` if it is not JSON."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Undecodable(not_json(error)) from None


def _read_op(members: dict[str, Raw]) -> int:
    op = _read_value(members.pop("op", _NULL))
    if type(op) is not int:
        rejected = Rejected(ErrorCode.BAD_REQUEST, "op must be an integer, the code of an operation", "op")
        raise Undecodable(rejected, None, _id_of(_header_fields(members, None)))
    return op


def _header_fields(members: dict[str, Raw], op: int | None) -> dict[str, Any]:
    """The known fields of the header that are not null."""
    raw = members.pop("header", _NULL)
    if bytes(raw) == b"null":
        return {}
    try:
        fields = _members.decode(raw)
    except msgspec.ValidationError:
        rejected = Rejected(ErrorCode.BAD_REQUEST, "header must be a JSON object", "header")
        raise Undecodable(rejected, op) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Undecodable(not_json(error)) from None
    values = {name: _read_value(fields[name]) for name in RequestHeader.__struct_fields__ if name in fields}
    return {name: value for name, value in values.items() if value is not None}


def _id_of(given: dict[str, Any]) -> str | int | None:
    """The id to echo, from a header whose other fields may be wrong."""
    try:
        return msgspec.convert({"id": given.get("id")}, RequestHeader).id
    except msgspec.ValidationError:
        return None


def _read_header(members: dict[str, Raw], op: int) -> RequestHeader:
    given = _header_fields(members, op)
    version = given.pop("api_version", "")
    if version not in ("", "None") and (isinstance(version, bool) or not _VERSION.match(str(version))):
        text = f"this server supports api_version {SUPPORTED_MAJOR}; leave api_version out for that"
        raise Undecodable(Rejected(ErrorCode.UNSUPPORTED_VERSION, text, "header.api_version"), op, _id_of(given))
    for name in ("key", "session_key"):
        if given.get(name) == "":
            del given[name]
    for name, accepted in _HEADER_RULES.items():
        try:
            msgspec.convert({name: given[name]} if name in given else {}, RequestHeader)
        except msgspec.ValidationError:
            field = f"header.{name}"
            raise Undecodable(invalid(field, f"{field} must be {accepted}"), op, _id_of(given)) from None
    return msgspec.convert(given, RequestHeader)


def _require_served(op: Any, id_: str | int | None, logged_in: bool, is_view: bool) -> None:
    """Raise `Undecodable` for an operation that a connection is not served, whoever its user is."""
    if logged_in and not is_view:
        return
    operation = OPERATIONS.get(op)
    if not logged_in and (operation is None or operation.by is not Role.ANYONE):
        text = "log on first, by logon (100) or by credentials in the handshake"
        raise Undecodable(Rejected(ErrorCode.NOT_LOGGED_IN, text), op, id_)
    if is_view and (operation is None or not operation.for_views):
        text = "a view key can only join games and read what everybody may read; log on with another session key"
        raise Undecodable(Rejected(ErrorCode.NOT_AUTHORIZED, text), op, id_)


@cache
def _times_of(request: type[Request]) -> list[str]:
    """The parameters in which values in seconds are refused."""
    return [name for name, parameter in parameters_of(request).items() if parameter.rejects_seconds]


def request_digest(text: str) -> bytes:
    """A digest of the op and the parameters, by which a repeated request is recognised (protocol, "Idempotency").

    Secrets are no part of it.

    Raises `Rejected` (``bad_json``) for numbers that cannot be represented.
    """
    members = _members.decode(text)
    members.pop("header", None)
    try:
        values = {name: msgspec.json.decode(raw) for name, raw in members.items() if name not in SECRETS}
    except (msgspec.DecodeError, RecursionError) as error:
        raise not_json(error) from None
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).digest()


def request_parameters(request: msgspec.Struct) -> bytes:
    """A request's parameters as a JSON object, without secrets and those at their defaults."""
    values = {name: value for name, default in _defaults(type(request)) if (value := getattr(request, name)) != default}
    return msgspec.json.encode(values)


@cache
def _defaults(kind: type[msgspec.Struct]) -> list[tuple[str, Any]]:
    """The parameters of an operation but secrets, each with its default."""
    unkept = SECRETS | {"header"}
    return [(field.name, field.default) for field in msgspec.structs.fields(kind) if field.name not in unkept]


class ResponseHeader(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ``response_header`` of a reply or broadcast."""

    t: int
    id: str | int | None = None
    seq: int | None = None
    repeated: bool = False


def body_size(body: Message) -> int:
    """How many bytes an uncut message has without its header."""
    return len(_encoder.encode(body))


def encode_body(body: Message) -> bytes:
    """A message without its header, as the log and the stored replies keep it.

    It is cut to the longest body. Raises `Rejected` (``conflict``) if it cannot be.
    """
    encoded = _encoder.encode(body)
    while len(encoded) > MAX_BODY_BYTES:
        body = body.cut(_CUT * MAX_BODY_BYTES / len(encoded))
        encoded = _encoder.encode(body)
    return encoded


def with_header(header: ResponseHeader, body: bytes) -> bytes:
    """The text to send: ``body`` with the header as its first member."""
    return b'{"response_header":%b,%b' % (_encoder.encode(header), body[1:])


def with_subscribers(body: bytes, count: int) -> bytes:
    """The body of a game's details, kept without the number of its subscribers, with it."""
    return b'%b,"subscribers":%d}' % (body[:-1], count)
