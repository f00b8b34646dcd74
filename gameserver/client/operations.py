"""A method for each operation, made from its declaration; operations.pyi, written by `make reference`, types them."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from inspect import cleandoc
from typing import Any

from gameserver.protocol.declare import Message, Operation
from gameserver.protocol.registry import OPERATIONS
from gameserver.protocol.stubs import is_method

Amount = Decimal | int | str


class Operations:
    """The operations as methods that take their parameters by name and return the reply."""

    async def carry_out(self, operation: Operation, parameters: dict[str, Any], key: str | None) -> Message:
        """Send a request and return its reply, which is one of success."""
        raise NotImplementedError


def _method(operation: Operation) -> Callable[..., Awaitable[Message]]:
    async def method(self: Operations, *, key: str | None = None, **parameters: Any) -> Message:
        return await self.carry_out(operation, parameters, key)

    method.__name__, method.__qualname__ = operation.name, f"Operations.{operation.name}"
    method.__doc__ = cleandoc(operation.request.__doc__ or "")
    return method


for _operation in filter(is_method, OPERATIONS.values()):
    setattr(Operations, _operation.name, _method(_operation))
