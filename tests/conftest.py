"""Fixtures of all tests."""

import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from gameserver.config import SECRET_VARIABLE
from gameserver.ops.log import JsonFormatter, TextFormatter
from gameserver.storage.secret import SECRET_BYTES
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import migrate
from tests.support.harness import FakeClock, Server, running_server
from tests.support.logs import Lines, listen
from tests.support.postgres import Cluster, Pair, find_binaries, running_cluster, running_pair

MEMORY = Path("/dev/shm")  # on Linux
ROOM_BYTES = 4 << 30

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


def pytest_configure() -> None:
    """Keep the tests' files in memory, where there is room: most of a test is else waiting for the disk.

    No test has the secret of who runs them.
    """
    os.environ.pop(SECRET_VARIABLE, None)
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say so where a whole engine is left out."""
    if find_binaries() is None:
        text = "no PostgreSQL on this machine: its tests are skipped (on Debian: apt-get install postgresql)"
        terminalreporter.write_line(text)


def _require_binaries() -> Path:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine: on Debian, apt-get install postgresql")
    return binaries


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL, if one can be started."""
    with running_cluster(_require_binaries()) as running:
        yield running


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A PostgreSQL and its standby, of the test's own."""
    with running_pair(_require_binaries()) as running:
        yield running


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of the test's server: sqlite, unless the test is run with both."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def location(
    engine: str, database: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """What the setting ``db`` of the test's server is: a file, or the URL of a database."""
    if engine == "sqlite":
        yield str(database)
        return
    monkeypatch.setenv(SECRET_VARIABLE, "5e" * SECRET_BYTES)
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.database() as url:
        yield url


@pytest.fixture
def clock() -> FakeClock:
    """The server's clock, which the test sets."""
    return FakeClock()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the newest schema and nothing in it."""
    file = tmp_path_factory.mktemp("empty") / "empty.db"
    with closing(open_writer(file)) as connection:
        migrate(connection)
    return file


@pytest.fixture
async def server(engine: str, location: str, clock: FakeClock, empty_database: Path) -> AsyncIterator[Server]:
    """A running server with default settings; on a file that has been made before, which is quicker."""
    if engine == "sqlite":
        shutil.copyfile(empty_database, location)
    async with running_server(location, clock) as running:
        yield running


@pytest.fixture
def text() -> Iterator[Lines]:
    """The log for people."""
    yield from listen(TextFormatter())


@pytest.fixture
def entries() -> Iterator[Lines]:
    """The log as JSON."""
    yield from listen(JsonFormatter())
