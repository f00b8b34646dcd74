"""Fixtures of the storage tests."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import migrate


@pytest.fixture
def connection(database: Path) -> Iterator[sqlite3.Connection]:
    """The writing connection of a new database."""
    with closing(open_writer(database)) as opened:
        migrate(opened)
        yield opened
