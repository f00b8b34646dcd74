"""JSON schemas of operations and messages, made of the declarations, for openapi.json and asyncapi.json."""

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Raw

from gameserver.protocol.codec import ResponseHeader
from gameserver.protocol.declare import ErrorReply, Message, Request, tag_of
from gameserver.protocol.registry import MESSAGES, OPERATIONS

Schema = dict[str, Any]
_TEMPLATE = "#/components/schemas/{name}"
_DECIMAL = {"type": "string", "format": "decimal"}
# What Python's patterns write otherwise than those of JSON schemas, which are JavaScript's.
_ANCHORS = {r"\A": "^", r"\Z": "$"}


def reference_to(struct: type[msgspec.Struct]) -> Schema:
    """The schema that refers to the one of a struct among the components."""
    return {"$ref": _TEMPLATE.format(name=struct.__name__)}


def component_schemas(others: Iterable[type[msgspec.Struct]] = ()) -> dict[str, Schema]:
    """The schemas of every request and message, and of what they consist of; and of other structs."""
    requests = [documented(operation.request) for operation in OPERATIONS.values()]
    structs = [*requests, *MESSAGES.values(), ErrorReply, ResponseHeader, *map(documented, dict.fromkeys(others))]
    _, components = msgspec.json.schema_components(structs, ref_template=_TEMPLATE)
    return {name: _portable(schema) for name, schema in sorted(components.items())}


def documented(struct: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The struct as schemas tell it: with numbers that are kept as text as numbers, and no default of theirs."""
    fields = []
    for field in msgspec.structs.fields(struct):
        type_, default = field.type, field.default
        if get_args(type_)[:1] == (Raw,):
            description = next(meta.description for meta in get_args(type_)[1:] if isinstance(meta, Meta))
            type_ = Annotated[float | str, Meta(description=description)]
        if isinstance(default, Raw | msgspec.Struct):
            type_, default = type_ | msgspec.UnsetType, msgspec.UNSET
        fields.append((field.name, type_) if default is msgspec.NODEFAULT else (field.name, type_, default))
    config = struct.__struct_config__
    return msgspec.defstruct(
        struct.__name__,
        fields,
        namespace={"__doc__": struct.__doc__},
        kw_only=True,
        tag_field=config.tag_field,
        tag=config.tag,
        forbid_unknown_fields=config.forbid_unknown_fields,
    )


def parameter_schemas(request: type[Request]) -> dict[str, tuple[Schema, bool]]:
    """The schema of each parameter of an operation, and whether it is required."""
    (_, components) = msgspec.json.schema_components([documented(request)], ref_template=_TEMPLATE)
    schema = _portable(components[request.__name__])
    required = schema.get("required", [])
    envelope = ("op", "header")
    return {name: (it, name in required) for name, it in schema["properties"].items() if name not in envelope}


def reply_schema(message: type[Message]) -> Schema:
    """The schema of a message with its header."""
    header = {"type": "object", "properties": {"response_header": reference_to(ResponseHeader)}}
    return {"allOf": [reference_to(message), {**header, "required": ["response_header"]}]}


def description_of(struct: type[msgspec.Struct]) -> str:
    """What the declaration says of itself."""
    return cleandoc(struct.__doc__ or "")


def any_of(schemas: list[Schema]) -> Schema:
    """The schema of what is of one of several."""
    return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}


def all_messages() -> Iterator[type[Message]]:
    """Every reply and broadcast, and the refusal, by number."""
    messages: list[type[Message]] = [*MESSAGES.values(), ErrorReply]
    yield from sorted(messages, key=tag_of)


def _portable(schema: Any) -> Any:
    """The schema with patterns as other languages read them, decimals as the numbers that are sent, and plain texts."""
    if schema == _DECIMAL:
        return {"type": "number"}
    if isinstance(schema, dict):
        return {name: _portable(_rewritten(name, it)) for name, it in schema.items()}
    return [_portable(item) for item in schema] if isinstance(schema, list) else schema


def _rewritten(name: str, value: Any) -> Any:
    """A member of a schema, or of the properties that it describes, as it is told."""
    if name == "pattern" and isinstance(value, str):
        return re.sub(r"\\[AZ]", lambda found: _ANCHORS[found[0]], value)
    return cleandoc(value) if name == "description" and isinstance(value, str) else value
