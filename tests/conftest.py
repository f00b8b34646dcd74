"""Fixtures of all tests."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gameserver.ops.log import JsonFormatter, TextFormatter
from tests.support.harness import FakeClock, Server, running_server
from tests.support.logs import Lines, listen

pytest_plugins = ["tests.support.time_limit"]

# The same examples in each run, nothing kept on disk.
settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")


@pytest.fixture(autouse=True)
def no_unexpected_errors(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """An ERROR in the log fails the test, unless it is marked ``expects_errors``."""
    yield
    if request.node.get_closest_marker("expects_errors") is None:
        records = [record for when in ("setup", "call") for record in caplog.get_records(when)]
        errors = [record.getMessage() for record in records if record.levelno >= logging.ERROR]
        assert not errors


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where a test keeps its database; there is none yet."""
    return tmp_path / "game.db"


@pytest.fixture
def clock() -> FakeClock:
    """The server's clock, which the test sets."""
    return FakeClock()


@pytest.fixture
async def server(database: Path, clock: FakeClock) -> AsyncIterator[Server]:
    """A running server with default settings."""
    async with running_server(database, clock) as running:
        yield running


@pytest.fixture
def text() -> Iterator[Lines]:
    """The log for people."""
    yield from listen(TextFormatter())


@pytest.fixture
def entries() -> Iterator[Lines]:
    """The log as JSON."""
    yield from listen(JsonFormatter())
