"""Fixtures of the storage tests."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.postgres.connection import open_writer as open_postgres
from gameserver.storage.sqlite.connection import SqliteConnection, open_writer
from gameserver.storage.sqlite.migrations import migrate

# The tests of these topics are run on each engine.
ON_BOTH = {f"test_{topic}" for topic in ("broadcasts", "clock", "replies", "schedule", "sources", "tallied", "users")}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of topics that engines share with each of them."""
    if "connection" in metafunc.fixturenames and metafunc.module.__name__.split(".")[-1] in ON_BOTH:
        metafunc.parametrize("engine", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def connection(engine: str, location: str) -> Iterator[SqliteConnection | PostgresConnection]:
    """The writing connection of a new database."""
    if engine == "postgres":
        with open_postgres(location) as connected:
            yield connected
        return
    with closing(open_writer(Path(location))) as opened:
        migrate(opened)
        yield opened
