"""Fixtures of the tests of operations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.harness import FakeClock, Server
from tests.support.settling import Table, faults_of, lay_table
from tests.support.world import World, build_world


@pytest.fixture
async def world(server: Server) -> World:
    """A source with games and a user of each role, on a running server."""
    return await build_world(server)


@pytest.fixture
async def table(server: Server, clock: FakeClock, database: Path) -> AsyncIterator[Table]:
    """A game to bet on, on a running server whose database must be sound at the end."""
    yield await lay_table(server, clock)
    assert faults_of(database) == []
