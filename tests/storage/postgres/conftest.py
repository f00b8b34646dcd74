"""Fixtures of the tests of PostgreSQL's room."""

from collections.abc import Iterator

import pytest

from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from tests.support.postgres import Cluster
from tests.support.writers import Node


@pytest.fixture
def engine() -> str:
    """These tests are of one engine."""
    return "postgres"


@pytest.fixture
def empty_url(cluster: Cluster) -> str:
    """The URL of a database in which there is nothing, not even tables."""
    return cluster.empty_database()


@pytest.fixture
def connection(location: str) -> Iterator[PostgresConnection]:
    """A connection to a database with the current schema, without rows."""
    with open_writer(location) as connected:
        yield connected


@pytest.fixture
def node(location: str) -> Iterator[Node]:
    """A writer that is not running."""
    made = Node(location)
    yield made
    made.writer.close()


@pytest.fixture
def other(location: str) -> Iterator[Node]:
    """The writer of another server."""
    made = Node(location)
    yield made
    made.writer.close()
