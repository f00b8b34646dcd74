"""Expecting a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gameserver.errors import ErrorCode, Rejected


@contextmanager
def refused(code: ErrorCode, field: str | None = None, text: str = "") -> Iterator[None]:
    """The block must raise `Rejected` with this code, naming this parameter, in words that hold ``text``."""
    with pytest.raises(Rejected) as caught:
        yield
    assert (caught.value.code, caught.value.field) == (code, field)
    assert text in caught.value.text


@contextmanager
def refused_parameter(field: str, text: str = "") -> Iterator[None]:
    """The block must refuse the value of this parameter, in words that hold ``text``."""
    with refused(ErrorCode.INVALID_PARAMETER, field, text):
        yield
