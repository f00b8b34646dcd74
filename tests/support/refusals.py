"""Expecting a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gameserver.errors import ErrorCode, Rejected


@contextmanager
def refused(code: ErrorCode, field: str | None = None) -> Iterator[None]:
    """The block must raise `Rejected` with this code, naming this parameter."""
    with pytest.raises(Rejected) as caught:
        yield
    assert (caught.value.code, caught.value.field) == (code, field)


@contextmanager
def refused_parameter(field: str) -> Iterator[None]:
    """The block must refuse the value of this parameter."""
    with refused(ErrorCode.INVALID_PARAMETER, field):
        yield
