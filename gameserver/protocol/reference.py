"""docs/reference.md, written from the declarations: ``python -m gameserver.protocol.reference``."""

import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from gameserver.errors import CloseCode, ErrorCode
from gameserver.protocol.declare import Kind, Message, Operation, Role, snake_case, tag_of
from gameserver.protocol.parameters import parameters_of
from gameserver.protocol.registry import MESSAGES, OPERATIONS

_INTRODUCTION = """\
# Reference

Written by `make reference` from the declarations in `gameserver/protocol`; do not edit. [The protocol](protocol.md) has
the rules: how requests and replies look, what values are accepted, what happens in which order.
"""


_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    NoneType: "null",
    msgspec.UnsetType: "absent",
}


def reference() -> str:
    """The whole document."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Operations\n"
    yield from _table(
        ("op", "name", "who", "replies"),
        (
            (str(op), f"[{operation.name}](#{op}-{operation.name})", operation.by.value, _names(operation.replies))
            for op, operation in sorted(OPERATIONS.items())
        ),
    )
    for _, operation in sorted(OPERATIONS.items()):
        yield from _operation(operation)
    yield "\n## Replies and broadcasts\n"
    for struct in sorted(MESSAGES.values(), key=tag_of):
        yield from _message(struct)
    yield "\n## Error codes\n"
    yield "The `code` of a refusal (666). A retryable one may succeed if the same request is sent again.\n"
    yield from _table(
        ("code", "when", "retryable"),
        ((f"`{code}`", code.meaning, "yes" if code.retryable else "") for code in ErrorCode),
    )
    yield "\n## Close codes\n"
    yield from _table(
        ("code", "when", "what a client does"), ((str(code.value), code.meaning, code.advice) for code in CloseCode)
    )


def _operation(operation: Operation) -> Iterator[str]:
    yield f"\n### {operation.op} {operation.name}\n"
    yield _text(operation.request)
    views = ", view keys included" if operation.for_views else ""
    yield f"\nWho: {operation.by.value}{views}. {operation.kind.value.capitalize()}."
    if operation.request.__struct_fields__ != ("header",):
        fields = {field.name: field for field in msgspec.structs.fields(operation.request)}
        yield ""
        yield from _table(
            ("parameter", "", "accepted"),
            (
                (f"`{name}`", "required" if parameter.required else _default(fields[name].default), parameter.accepted)
                for name, parameter in parameters_of(operation.request).items()
            ),
        )
    yield f"\nReplies: {_names(operation.replies)}."
    if operation.broadcasts:
        yield f"Broadcasts: {_names(operation.broadcasts)}."
    yield f"Refusals: {', '.join(f'`{code}`' for code in errors_of(operation))}."


def errors_of(operation: Operation) -> list[ErrorCode]:
    """Every error code an operation can answer with: those declared, and those its kind and role imply."""
    codes = {*operation.errors, ErrorCode.INVALID_PARAMETER}  # that of a parameter it does not have, if of no other
    if any(parameter.required for parameter in parameters_of(operation.request).values()):
        codes.add(ErrorCode.MISSING_PARAMETER)
    if operation.by is not Role.ANYONE:
        codes.add(ErrorCode.NOT_LOGGED_IN)
    if not operation.for_views:
        codes.add(ErrorCode.NOT_AUTHORIZED)
    if operation.by in (Role.SOURCE_ADMIN, Role.GAME_ADMIN, Role.GAME_OR_SOURCE_ADMIN):
        codes.add(ErrorCode.NOT_FOUND)
    if operation.kind is Kind.WRITE:
        codes |= {ErrorCode.KEY_REUSED, ErrorCode.BUSY}
    if operation.by is not Role.ANYONE:
        codes.add(ErrorCode.STORAGE_UNAVAILABLE)
    codes.add(ErrorCode.RATE_LIMITED)
    return [code for code in ErrorCode if code in codes]


def _message(struct: type[Message]) -> Iterator[str]:
    yield f"### {tag_of(struct)} {snake_case(struct.__name__)}\n"
    yield _text(struct) + "\n"
    hints = get_type_hints(struct)
    if struct.__struct_fields__:
        yield from _table(("field", "type"), ((f"`{name}`", _type(hints[name])) for name in struct.__struct_fields__))
        yield ""


def _type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (UnionType, Union):
        return " or ".join(_TYPES.get(argument) or _type(argument) for argument in arguments)
    if origin is dict:
        return f"object of {_type(arguments[1])}"
    if origin is list:
        return f"array of {_type(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return "{" + ", ".join(hint.__struct_fields__) + "}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return " or ".join(f"`{member}`" for member in hint)
    return _TYPES[hint]


def _default(value: object) -> str:
    return "" if value is None or value == "" or isinstance(value, msgspec.Raw) else f"default {value}"


def _names(structs: Iterable[type[Message]]) -> str:
    return ", ".join(f"{tag_of(struct)} {snake_case(struct.__name__)}" for struct in structs)


def _text(struct: type[msgspec.Struct]) -> str:
    return cleandoc(struct.__doc__ or "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, tuple("---" for _ in head), *rows):
        yield "| " + " | ".join(row) + " |"


if __name__ == "__main__":
    sys.stdout.write(reference())
