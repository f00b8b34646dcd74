"""What a request costs of what its user may ask for: by its size, and by what it makes known (protocol, "Limits")."""

from typing import Any

from msgspec import inspect

from gameserver.engine.context import Committed
from gameserver.protocol.declare import Request
from gameserver.protocol.registry import OPERATIONS

STEP_ITEMS = 1_000
STEP_BYTES = 16_384
_MOST_BYTES_OF_A_CHARACTER = 4


def _is_collection(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _is_collection(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_collection, kind.types))
    return isinstance(kind, inspect.ListType | inspect.DictType)


def _collections_of(request: type[Request]) -> tuple[str, ...]:
    fields = inspect.type_info(request).fields  # type: ignore[attr-defined]
    return tuple(field.name for field in fields if _is_collection(field.type))


# The parameters of each request that may hold many items.
_COLLECTIONS = {operation.request: _collections_of(operation.request) for operation in OPERATIONS.values()}


def request_cost(text: str, request: Request | None) -> int:
    """In tokens: one, one more for each 1,000 items in lists begun beyond the first, and likewise for each 16 KiB.

    ``request`` is what the text was decoded to, None if it could not be.
    """
    cost = 1
    if len(text) * _MOST_BYTES_OF_A_CHARACTER > STEP_BYTES:  # which few are
        cost += _steps(len(text.encode()), STEP_BYTES)
    if request is not None and (names := _COLLECTIONS[type(request)]):
        cost += _steps(sum(_count(getattr(request, name)) for name in names), STEP_ITEMS)
    return cost


def change_cost(committed: Committed) -> int:
    """In tokens, beyond what its request has cost: one for each 16 KiB begun beyond the first that it has logged, and
    stored to be repeated."""
    size_bytes = committed.stored_bytes + sum(len(publication.body) for publication in committed.effects.publications)
    return _steps(size_bytes, STEP_BYTES)


def _count(value: Any) -> int:
    """How many items a parameter has: a list, an object, or a string with commas between them."""
    if not value:
        return 0
    return value.count(",") + 1 if isinstance(value, str) else len(value)


def _steps(amount: int, step: int) -> int:
    """How many have been begun beyond the first."""
    return max(0, (amount - 1) // step)
