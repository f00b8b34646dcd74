"""gameserver/client/operations.pyi, written from the declarations: ``python -m gameserver.protocol.stubs``."""

import sys
from collections.abc import Iterator
from inspect import cleandoc
from textwrap import wrap
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from gameserver.protocol.declare import Kind, Operation
from gameserver.protocol.registry import OPERATIONS

# A client logs on, joins and leaves in ways of its own.
_OTHER_WAYS = frozenset({"logon", "join_game", "leave_game"})


def is_method(operation: Operation) -> bool:
    """Whether a client has a method for an operation."""
    return operation.name not in _OTHER_WAYS


def stubs() -> str:
    """The whole file."""
    operations = [operation for _, operation in sorted(OPERATIONS.items()) if is_method(operation)]
    methods = [line for operation in operations for line in _method(operation)]
    return "\n".join([*_imports(operations), *_OPENING, *methods]) + "\n"


_INDENT = 8 * " "
_OPENING = (
    "",
    "# Written by `make reference` from the declarations in gameserver/protocol; do not edit.",
    "",
    "Amount = Decimal | int | str",
    "",
    "class Operations:",
    "    async def carry_out(self, operation: Operation, parameters: dict[str, Any], key: str | None) -> Message: ...",
)


def _imports(operations: list[Operation]) -> Iterator[str]:
    """The imports that the methods need, sorted as ruff sorts them."""
    names: dict[str, set[str]] = {"gameserver.protocol.declare": {"Message", "Operation"}}
    for operation in operations:
        for struct in (*_successes(operation), *_structs(operation)):
            names.setdefault(struct.__module__, set()).add(struct.__name__)
    yield "from decimal import Decimal"
    yield "from typing import Any, Literal"
    yield ""
    for module, imported in sorted(names.items()):
        line = f"from {module} import {', '.join(_sorted(imported))}"
        if len(line) <= 120:
            yield line
        else:
            yield from (f"from {module} import (", *(f"    {name}," for name in _sorted(imported)), ")")


def _sorted(names: set[str]) -> list[str]:
    return sorted(names, key=str.lower)


def _successes(operation: Operation) -> list[type[msgspec.Struct]]:
    return [struct for struct in operation.replies if struct.is_success]


def _structs(operation: Operation) -> Iterator[type[msgspec.Struct]]:
    """The Structs that parameters are made of."""
    waiting = [hint for name, hint in get_type_hints(operation.request).items() if name != "header"]
    while waiting:
        hint = waiting.pop()
        waiting.extend(get_args(hint))
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield hint


def _method(operation: Operation) -> Iterator[str]:
    hints = get_type_hints(operation.request, include_extras=True)
    fields = [field for field in msgspec.structs.fields(operation.request) if field.name != "header"]
    parameters = [f"{field.name}: {_type(hints[field.name])}" for field in fields if field.required]
    parameters += [f"{field.name}: {_or_none(hints[field.name])} = None" for field in fields if not field.required]
    if operation.kind is Kind.WRITE:
        parameters.append("key: str | None = None")
    reply = " | ".join(struct.__name__ for struct in _successes(operation))
    yield f"    async def {operation.name}("
    yield "        self,"
    yield from ("        *,",) if parameters else ()
    yield from (f"        {parameter}," for parameter in parameters)
    yield f"    ) -> {reply}:"
    yield from wrap(
        f'"""{cleandoc(operation.request.__doc__ or "").splitlines()[0]}"""',
        width=110,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
    )


def _or_none(hint: Any) -> str:
    text = _type(hint)
    return text if text.endswith("None") else f"{text} | None"


def _type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (UnionType, Union):
        return " | ".join(map(_type, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(_quoted, arguments))}]"
    if origin in (dict, list):
        return f"{origin.__name__}[{', '.join(map(_type, arguments))}]"
    if hint is msgspec.Raw:  # a number, kept as it was written
        return "Amount"
    return "None" if hint is NoneType else str(hint.__name__)


def _quoted(choice: str) -> str:
    return f'"{choice}"'


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(stubs())
