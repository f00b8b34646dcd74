"""Fixtures of the tests of what connections share."""

from collections.abc import AsyncIterator

import pytest

from tests.storage.conftest import connection
from tests.support.harness import FakeClock, Server
from tests.support.nodes import Nodes, running_nodes
from tests.support.settling import faults_of, lay_table

__all__ = ["connection", "nodes"]


@pytest.fixture(params=[2, 3], ids=["two", "three"])
async def nodes(
    server: Server, clock: FakeClock, location: str, request: pytest.FixtureRequest
) -> AsyncIterator[Nodes]:
    """Two or three servers; their database must be sound at the end."""
    table = await lay_table(server, clock)
    async with running_nodes(table, location, request.param) as running:
        yield running
    assert faults_of(location) == []
