"""Contexts that run nurseries, without the groups in which these raise."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def ungrouped(context: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enter a context; what its body raises is raised as it is, after an exit in order, and so is what it raises."""
    raised: BaseException | None = None
    try:
        async with context as value:
            try:
                yield value
            except Exception as error:  # raised again below, outside the nurseries
                raised = error
    except BaseExceptionGroup as group:
        raised = group
        while isinstance(raised, BaseExceptionGroup) and len(raised.exceptions) == 1:
            raised = raised.exceptions[0]
    if raised is not None:
        raise raised
