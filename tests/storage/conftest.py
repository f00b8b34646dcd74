"""Fixtures of the storage tests."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage.sqlite.connection import SqliteConnection, open_writer
from gameserver.storage.sqlite.migrations import migrate


@pytest.fixture
def connection(database: Path) -> Iterator[SqliteConnection]:
    """The writing connection of a new database."""
    with closing(open_writer(database)) as opened:
        migrate(opened)
        yield opened
