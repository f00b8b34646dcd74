"""Fixtures of the tests of what connections share."""

from collections.abc import Iterator

import pytest

from gameserver.realtime.logs import JsonFormatter, TextFormatter
from tests.support.logs import Lines, listen


@pytest.fixture
def text() -> Iterator[Lines]:
    """The log for people."""
    yield from listen(TextFormatter())


@pytest.fixture
def entries() -> Iterator[Lines]:
    """The log as JSON."""
    yield from listen(JsonFormatter())
