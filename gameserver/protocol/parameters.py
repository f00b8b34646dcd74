"""The parameters of operations, and reading each as leniently as clients may spell it (protocol, "Values")."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, inspect

from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.fields import FIRST_S, LAST_S, REJECTS_SECONDS

_BYTE_ORDER_MARK = "\ufeff"  # what some programs put before a text that they save or copy
_members = msgspec.json.Decoder(dict[str, Raw])
_objects = msgspec.json.Decoder(dict[str, dict[str, Raw] | None])


class Parameter(NamedTuple):
    """How a parameter is decoded leniently; ``accepted`` completes "NAME must be …".

    ``read`` raises `msgspec.DecodeError`, or `Rejected` for what is wrong within the value.
    """

    read: Callable[[Raw], Any]
    required: bool
    none_is_absent: bool
    rejects_seconds: bool
    accepted: str


def not_json(error: Exception) -> Rejected:
    """The refusal of what cannot be decoded."""
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Rejected(ErrorCode.BAD_JSON, f"the message is not JSON: {reason}")


def read_members(text: str) -> dict[str, Raw]:
    """The members of a JSON object. Raises `Rejected`: ``bad_json``, ``bad_request`` for JSON that is no object."""
    try:
        try:
            return _members.decode(text)
        except msgspec.ValidationError:
            msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        if text.startswith(_BYTE_ORDER_MARK):
            begins = "the message is not JSON: it begins with a byte order mark (U+FEFF); send the object alone"
            raise Rejected(ErrorCode.BAD_JSON, begins) from None
        raise not_json(error) from None
    raise Rejected(ErrorCode.BAD_REQUEST, "a request must be a JSON object")


def unknown_parameter(name: str, known: Iterable[str]) -> Rejected:
    """The refusal of a parameter that is none of those known."""
    name, known = name[:64], list(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    told = f"did you mean {nearest[0]!r}?" if nearest else f"those accepted: {', '.join(known) or 'none'}"
    return invalid(name, f"there is no parameter {name!r}; {told}")


def read_parameters(members: Mapping[str, Raw], parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The values of those that are given. Raises `Rejected` for the first that is at fault."""
    for name in members:
        if name not in parameters:
            raise unknown_parameter(name, parameters)
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        raw = members.get(name)
        if raw is None or _is_absent(raw, parameter.none_is_absent):
            if parameter.required:
                raise Rejected(ErrorCode.MISSING_PARAMETER, f"{name} is required: {parameter.accepted}", name)
            continue
        try:
            value = parameter.read(raw)
        except msgspec.ValidationError:
            raise invalid(name, f"{name} must be {parameter.accepted}") from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise not_json(error) from None
        except Rejected as rejected:
            raise Rejected(rejected.code, f"{name}, {rejected.text}", name) from None
        if parameter.rejects_seconds and FIRST_S <= value <= LAST_S:
            raise invalid(name, f"{name} must be in epoch milliseconds; {value} looks like seconds")
        values[name] = value
    return values


def _is_absent(raw: Raw, none_is_absent: bool) -> bool:
    text = bytes(raw)
    return text in (b"null", b'""') or (none_is_absent and text == b'"None"')


def _accepted_of(kind: inspect.Type) -> inspect.Type:
    """The type that a parameter has unless it is absent."""
    if isinstance(kind, inspect.UnionType):
        return next(member for member in kind.types if not isinstance(member, inspect.NoneType))
    return kind


def _describe(kind: inspect.Type) -> tuple[bool, bool, str]:
    """Whether ``"None"`` means absent, whether values in seconds are refused, and what is accepted."""
    kind = _accepted_of(kind)
    schema: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    if isinstance(kind, inspect.Metadata):
        schema, extra = kind.extra_json_schema or {}, kind.extra or {}
        kind = kind.type
    textual = isinstance(kind, inspect.StrType | inspect.ListType | inspect.UnionType)
    return not textual, REJECTS_SECONDS in extra, schema.get("description", "")


@cache
def parameters_of(struct: type[msgspec.Struct]) -> dict[str, Parameter]:
    """How each field of a struct is decoded leniently, in the order declared; a request's header aside."""
    described = {field.name: field.type for field in inspect.type_info(struct).fields}  # type: ignore[attr-defined]
    parameters: dict[str, Parameter] = {}
    for field in msgspec.structs.fields(struct):
        if field.name != "header":
            kind = described[field.name]
            parameters[field.name] = Parameter(_reader(field.type, kind), field.required, *_describe(kind))
    return parameters


def _reader(type_: Any, kind: inspect.Type) -> Callable[[Raw], Any]:
    """How values of a type are read; members of objects, and of objects in objects, are as lenient as parameters."""
    described = _accepted_of(kind)
    described = described.type if isinstance(described, inspect.Metadata) else described
    decode = msgspec.json.Decoder(type_, strict=False).decode
    if not isinstance(described, inspect.DictType):
        return decode
    if isinstance(described.value_type, inspect.StructType):
        struct = described.value_type.cls
        return partial(_read_objects, struct, parameters_of(struct))
    none_is_absent, *_ = _describe(described.value_type)
    return partial(_read_object, decode, none_is_absent)


def _read_object(decode: Callable[[bytes], Any], none_is_absent: bool, raw: Raw) -> Any:
    members = _members.decode(raw)
    present = {key: value for key, value in members.items() if not _is_absent(value, none_is_absent)}
    return decode(msgspec.json.encode(present))


def _read_objects(struct: type[msgspec.Struct], parameters: dict[str, Parameter], raw: Raw) -> dict[str, Any]:
    found = {}
    for key, members in _objects.decode(raw).items():
        try:
            found[key] = struct(**read_parameters(members or {}, parameters))
        except Rejected as rejected:
            raise Rejected(rejected.code, f"{key[:40]!r}: {rejected.text}") from None
    return found
