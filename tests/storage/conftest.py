"""Fixtures of the storage tests."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage.check import CheckedConnection
from gameserver.storage.connection import Connection
from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.postgres.connection import open_writer as open_postgres
from gameserver.storage.sqlite.connection import SqliteConnection, open_writer
from gameserver.storage.sqlite.migrations import migrate
from tests.support.databases import run_on_each
from tests.support.harness import Server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a connection of whatever engine, or for a server, with each."""
    asked = metafunc.function.__annotations__
    if asked.get("connection") in (Connection, CheckedConnection) or asked.get("server") is Server:
        run_on_each(metafunc)


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
