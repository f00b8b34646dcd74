"""The cost of a request in tokens of the rate limits, by its size and by what it publishes (protocol, "Limits")."""

from functools import cache
from typing import Any

from msgspec import inspect

from gameserver.engine.context import Committed
from gameserver.protocol.declare import Request

STEP_ITEMS = 1_000
STEP_BYTES = 16_384
_MAX_BYTES_PER_CHAR = 4


def _is_collection(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _is_collection(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_collection, kind.types))
    return isinstance(kind, inspect.ListType | inspect.DictType)


@cache
def _collections_of(request: type[Request]) -> tuple[str, ...]:
    """The parameters that can hold many items."""
    fields = inspect.type_info(request).fields  # type: ignore[attr-defined]
    return tuple(field.name for field in fields if _is_collection(field.type))


def request_cost(text: str, request: Request | None) -> int:
    """The cost of a request in tokens: one, and one more for each further 1,000 items or 16 KiB begun.

    ``request`` is the decoded text, None if it cannot be decoded.
    """
    cost = 1
    if len(text) * _MAX_BYTES_PER_CHAR > STEP_BYTES:  # rarely
        cost += _steps(len(text.encode()), STEP_BYTES)
    if request is not None and (names := _collections_of(type(request))):
        cost += _steps(sum(_count(getattr(request, name)) for name in names), STEP_ITEMS)
    return cost


def change_cost(committed: Committed) -> int:
    """The further cost of a committed change in tokens: one for each 16 KiB begun beyond the first.

    Counted are the bytes of its broadcasts, and those of the reply stored under an idempotency key.
    """
    size_bytes = committed.stored_bytes + sum([len(publication.body) for publication in committed.effects.publications])
    return _steps(size_bytes, STEP_BYTES)


def _count(value: Any) -> int:
    """The number of items of a parameter: a list, an object, or a string separated by commas."""
    if not value:
        return 0
    return value.count(",") + 1 if isinstance(value, str) else len(value)


def _steps(amount: int, step: int) -> int:
    """How many steps an amount begins beyond the first."""
    return max(0, (amount - 1) // step)
